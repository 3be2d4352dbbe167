/**
 * Questions of a worker to the main thread, each with its answer.
 *
 * @module
 */
import type { WorkerQuestion } from "./messages.ts";

export class ThreadQuestions {
  readonly #say: (id: number, question: WorkerQuestion) => void;
  /** Who waits for an answer, by the question's number. */
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #asked = 0;

  constructor(say: (id: number, question: WorkerQuestion) => void) {
    this.#say = say;
  }

  /** The caller knows what kind of answer there is to its question. */
  readonly ask = <Answer>(question: WorkerQuestion): Promise<Answer> => {
    const id = ++this.#asked;
    return new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve as (answer: unknown) => void);
      this.#say(id, question);
    });
  };

  /** What the main thread has answered to the question of this number. */
  answered(id: number, answer: unknown): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}
