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
  readonly ask: (id: number, question: TurnsQuestion) => void;
}

export class ThreadTurns implements SharedTurns {
  readonly member: string;
  readonly times: TurnTimes;
  readonly #ask: ThreadTurnsOptions["ask"];
  /** Who waits for an answer, by the question's number. */
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #asked = 0;

  constructor({ member, times, ask }: ThreadTurnsOptions) {
    this.member = member;
    this.times = times;
    this.#ask = ask;
  }

  take(asked: AskedTurns): Promise<TurnsAnswer | null> {
    return this.#call({ call: "take", asked });
  }

  keep(turns: readonly SharedTurn[]): Promise<void> {
    return this.#call({ call: "keep", turns });
  }

  confirm(turn: SharedTurn): Promise<boolean> {
    return this.#call({ call: "confirm", turn });
  }

  used(turn: SharedTurn): Promise<void> {
    return this.#call({ call: "used", turn });
  }

  giveBack(turn: SharedTurn): Promise<void> {
    return this.#call({ call: "giveBack", turn });
  }

  /** What the main thread has answered to the question of this number. */
  answered(id: number, answer: unknown): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  #call<Answer>(question: TurnsQuestion): Promise<Answer> {
    const id = ++this.#asked;
    return new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve as (answer: unknown) => void);
      this.#ask(id, question);
    });
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
