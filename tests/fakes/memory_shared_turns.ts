/**
 * The turns of a fleet in memory: a store with a clock of its own, that may go away, forget or answer late.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import {
  type AskedTurns,
  settlingMs,
  type SharedTurn,
  type SharedTurns,
  type SpendMark,
  type TurnOutcome,
  type TurnsAnswer,
  type TurnTimes,
} from "../../gateway/identify/shared_turns.ts";

interface KeptTurn {
  readonly shard: number;
  readonly token: string;
  readonly concurrency: number;
  state: "held" | "confirmed" | "used";
  untilMs: number;
}

/** What a store would write to a disk or to another store. */
interface Memory {
  epoch: number;
  settledAtMs: number;
  spent: number;
  /** Until when Discord may not have counted each of the latest. */
  arrivingUntilMs: number[];
  turns: KeptTurn[];
}

export class MemoryTurnStore {
  readonly #clock: Clock;
  #memory: Memory;
  #isAway = false;
  #epochs = 0;
  #failover: ((nowMs: number, times: TurnTimes) => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#memory = { epoch: 0, settledAtMs: -Infinity, spent: 0, arrivingUntilMs: [], turns: [] };
  }

  /** The store as one more process has it. `delay` is waited for before a question arrives, and before its answer. */
  process(
    member: string,
    times: TurnTimes,
    delay: () => Promise<void> = () => Promise.resolve(),
  ): SharedTurns {
    const ask = async <Answer>(
      answer: (store: MemoryTurnStore, nowMs: number) => Answer,
      none: Answer,
    ): Promise<Answer> => {
      await delay();
      if (this.#isAway) return none;
      const nowMs = this.#clock.nowMs();
      this.#begin(nowMs, times);
      const answered = answer(this, nowMs);
      await delay();
      return this.#isAway ? none : answered;
    };
    return {
      member,
      times,
      take: (asked) => ask<TurnsAnswer | null>((store, nowMs) => store.#take(asked, nowMs, times), null),
      keep: (turns) =>
        ask((store, nowMs) => turns.forEach((turn) => store.#keep(turn, nowMs, times)), undefined),
      confirm: (turn) => ask((store, nowMs) => store.#confirm(turn, nowMs, times), false),
      used: (turn) => ask((store, nowMs) => store.#used(turn, nowMs, times), undefined),
      giveBack: (turn) => ask((store) => store.#giveBack(turn), undefined),
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
  snapshot(): Memory {
    return structuredClone(this.#memory);
  }

  /** Another store takes over, which remembers `memory`: by default all of it. */
  failOver(memory: Memory = this.snapshot()): void {
    this.#memory = structuredClone(memory);
    this.#failover = (nowMs, times) => {
      const { turns } = this.#memory;
      const settledAtMs = nowMs + settlingMs(times);
      this.#memory = { epoch: ++this.#epochs, settledAtMs, spent: 0, arrivingUntilMs: [], turns };
    };
  }

  #begin(nowMs: number, times: TurnTimes): void {
    this.#failover?.(nowMs, times);
    this.#failover = null;
    this.#memory.turns = this.#memory.turns.filter(({ untilMs }) => untilMs > nowMs);
    this.#memory.arrivingUntilMs = this.#memory.arrivingUntilMs.filter((untilMs) => untilMs > nowMs);
  }

  get #mark(): SpendMark {
    const { epoch, spent, arrivingUntilMs } = this.#memory;
    return `${epoch}-${spent - arrivingUntilMs.length}`;
  }

  #take({ turns, concurrency, remaining, mark }: AskedTurns, nowMs: number, times: TurnTimes): TurnsAnswer {
    const { epoch, settledAtMs, spent } = this.#memory;
    if (settledAtMs > nowMs) return { kind: "unsettled", waitMs: settledAtMs - nowMs };
    const [markEpoch, markCount] = mark?.split("-") ?? [];
    if (markEpoch !== String(epoch)) return { kind: "uncounted", mark: this.#mark };
    const left = remaining - (spent - Number(markCount));
    const outcomes = turns.map((turn) => this.#takeOne(turn, concurrency, left, nowMs, times));
    return { kind: "counted", mark: this.#mark, left, outcomes };
  }

  #takeOne(
    { shard, token }: SharedTurn,
    concurrency: number,
    left: number,
    nowMs: number,
    { holdMs }: TurnTimes,
  ): TurnOutcome {
    const { turns } = this.#memory;
    if (turns.some((turn) => turn.token === token)) return { kind: "taken" };
    const inTheWay = turns.filter((turn) =>
      [concurrency, turn.concurrency].some((buckets) => turn.shard % buckets === shard % buckets)
    );
    if (inTheWay.length > 0) {
      return { kind: "busy", waitMs: Math.max(...inTheWay.map(({ untilMs }) => untilMs)) - nowMs };
    }
    if (left - turns.filter(({ state }) => state === "held").length <= 0) return { kind: "unaffordable" };
    turns.push({ shard, token, concurrency, state: "held", untilMs: nowMs + holdMs });
    return { kind: "taken" };
  }

  #of({ token }: SharedTurn): KeptTurn | undefined {
    return this.#memory.turns.find((turn) => turn.token === token);
  }

  #keep(turn: SharedTurn, nowMs: number, { holdMs }: TurnTimes): void {
    const kept = this.#of(turn);
    if (kept?.state === "held") kept.untilMs = nowMs + holdMs;
  }

  #confirm(turn: SharedTurn, nowMs: number, { spacingMs, confirmedMs, underWayMs }: TurnTimes): boolean {
    const kept = this.#of(turn);
    if (kept === undefined || kept.state === "used") return false;
    if (kept.state === "confirmed") return true;
    kept.state = "confirmed";
    kept.untilMs = nowMs + confirmedMs + spacingMs;
    this.#memory.spent += 1;
    this.#memory.arrivingUntilMs.push(nowMs + confirmedMs + underWayMs);
    return true;
  }

  #used(turn: SharedTurn, nowMs: number, { spacingMs }: TurnTimes): void {
    const kept = this.#of(turn);
    if (kept?.state !== "confirmed") return;
    kept.state = "used";
    kept.untilMs = nowMs + spacingMs;
  }

  #giveBack(turn: SharedTurn): void {
    if (this.#of(turn)?.state === "used") return;
    this.#memory.turns = this.#memory.turns.filter(({ token }) => token !== turn.token);
  }
}
