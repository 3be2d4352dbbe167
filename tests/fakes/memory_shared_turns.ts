/**
 * The turns of a fleet in memory: a store with a clock of its own, that may go away, forget or answer late.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import {
  settlingMs,
  type SharedTurns,
  type TurnsAnswer,
  type TurnTimes,
} from "../../gateway/identify/shared_turns.ts";
import { type TurnMemory, TurnStore } from "../../gateway/identify/turn_store.ts";

export class MemoryTurnStore {
  readonly #clock: Clock;
  #store: TurnStore;
  #isAway = false;
  #epochs = 0;
  #failover: ((times: TurnTimes) => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#store = new TurnStore(clock);
  }

  /** The store as one more process has it. `delay` is waited for before a question arrives, and before its answer. */
  process(
    member: string,
    times: TurnTimes,
    delay: () => Promise<void> = () => Promise.resolve(),
  ): SharedTurns {
    const ask = async <Answer>(
      question: (turns: SharedTurns) => Promise<Answer>,
      none: Answer,
    ): Promise<Answer> => {
      await delay();
      if (this.#isAway) return none;
      this.#failover?.(times);
      this.#failover = null;
      const answered = await question(this.#store.of(member, times));
      await delay();
      return this.#isAway ? none : answered;
    };
    return {
      member,
      times,
      take: (asked) => ask<TurnsAnswer | null>((turns) => turns.take(asked), null),
      keep: (kept) => ask((turns) => turns.keep(kept), undefined),
      confirm: (turn) => ask((turns) => turns.confirm(turn), false),
      used: (turn) => ask((turns) => turns.used(turn), undefined),
      giveBack: (turn) => ask((turns) => turns.giveBack(turn), undefined),
    };
  }

  /** Nobody is answered until {@link back}. */
  away(): void {
    this.#isAway = true;
  }

  back(): void {
    this.#isAway = false;
  }

  /** What it remembers now. */
  snapshot(): TurnMemory {
    return this.#store.memory;
  }

  /** Another store takes over, which remembers `memory`: by default all of it. */
  failOver(memory: TurnMemory = this.snapshot()): void {
    const { turns } = memory;
    this.#failover = (times) => {
      const settledAtMs = this.#clock.nowMs() + settlingMs(times);
      const epoch = ++this.#epochs;
      this.#store = new TurnStore(this.#clock, { epoch, settledAtMs, spent: 0, arrivingUntilMs: [], turns });
    };
  }
}
