/**
 * The turns to identify that several parts of one process share, kept in its memory, with its clock.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import {
  type AskedTurns,
  type SharedTurn,
  type SharedTurns,
  type SpendMark,
  type TurnOutcome,
  type TurnsAnswer,
  type TurnTimes,
} from "./shared_turns.ts";

interface KeptTurn {
  readonly shard: number;
  readonly token: string;
  readonly concurrency: number;
  state: "held" | "confirmed" | "used";
  untilMs: number;
}

/** All that a store knows. */
export interface TurnMemory {
  /** Tells marks of this memory from those of one that it does not continue. */
  readonly epoch: number;
  /** Nothing is granted before. */
  readonly settledAtMs: number;
  spent: number;
  /** Until when Discord may not have counted each of the latest. */
  arrivingUntilMs: number[];
  turns: KeptTurn[];
}

export class TurnStore {
  readonly #clock: Clock;
  readonly #memory: TurnMemory;

  constructor(clock: Clock, memory?: TurnMemory) {
    this.#clock = clock;
    this.#memory = structuredClone(memory) ??
      { epoch: 0, settledAtMs: -Infinity, spent: 0, arrivingUntilMs: [], turns: [] };
  }

  /** A copy. */
  get memory(): TurnMemory {
    return structuredClone(this.#memory);
  }

  /** The store as one of those has it that share it. */
  of(member: string, times: TurnTimes): SharedTurns {
    const ask = <Answer>(answer: (nowMs: number) => Answer): Promise<Answer> => {
      const nowMs = this.#clock.nowMs();
      this.#forgetOver(nowMs);
      return Promise.resolve(answer(nowMs));
    };
    return {
      member,
      times,
      take: (asked) => ask((nowMs) => this.#take(asked, nowMs, times)),
      keep: (turns) => ask((nowMs) => turns.forEach((turn) => this.#keep(turn, nowMs, times))),
      confirm: (turn) => ask((nowMs) => this.#confirm(turn, nowMs, times)),
      used: (turn) => ask((nowMs) => this.#used(turn, nowMs, times)),
      giveBack: (turn) => ask(() => this.#giveBack(turn)),
    };
  }

  /** This one is gone, and uses no turn any more that it holds. One that was confirmed may have been used. */
  left(member: string): void {
    this.#memory.turns = this.#memory.turns.filter(({ state, token }) =>
      state !== "held" || token.slice(0, token.lastIndexOf("/")) !== member
    );
  }

  #forgetOver(nowMs: number): void {
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
