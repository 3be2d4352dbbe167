/**
 * The turns to identify that the main thread keeps, as a worker has them: a question and an answer each.
 *
 * @module
 */
import type {
  AskedTurns,
  SharedTurn,
  SharedTurns,
  TurnsAnswer,
  TurnTimes,
} from "../../identify/shared_turns.ts";
import type { TurnsQuestion } from "./messages.ts";

export interface ThreadTurnsOptions {
  readonly member: string;
  readonly times: TurnTimes;
  /** Asks the main thread. */
  readonly ask: <Answer>(question: TurnsQuestion) => Promise<Answer>;
}

export class ThreadTurns implements SharedTurns {
  readonly member: string;
  readonly times: TurnTimes;
  readonly #ask: ThreadTurnsOptions["ask"];

  constructor({ member, times, ask }: ThreadTurnsOptions) {
    this.member = member;
    this.times = times;
    this.#ask = ask;
  }

  take(asked: AskedTurns): Promise<TurnsAnswer | null> {
    return this.#ask({ call: "take", asked });
  }

  keep(turns: readonly SharedTurn[]): Promise<void> {
    return this.#ask({ call: "keep", turns });
  }

  confirm(turn: SharedTurn): Promise<boolean> {
    return this.#ask({ call: "confirm", turn });
  }

  used(turn: SharedTurn): Promise<void> {
    return this.#ask({ call: "used", turn });
  }

  giveBack(turn: SharedTurn): Promise<void> {
    return this.#ask({ call: "giveBack", turn });
  }
}

/** What the store answers to a worker's question. */
export function answerTurns(turns: SharedTurns, question: TurnsQuestion): Promise<unknown> {
  switch (question.call) {
    case "take":
      return turns.take(question.asked);
    case "keep":
      return turns.keep(question.turns);
    case "confirm":
    case "used":
    case "giveBack":
      return turns[question.call](question.turn);
  }
}
