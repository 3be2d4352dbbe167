/**
 * Whoever makes changes of the number of shards: keeps what it is asked for, and answers when it is told to.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { CommandRefusal } from "../../gateway/commands/command.ts";

export class AskedResharding {
  /** Totals; null: give up. */
  readonly asked: (number | null)[] = [];
  readonly #answers: ((refusal: CommandRefusal | null) => void)[] = [];

  readonly reshard = (total: number | null): Promise<CommandRefusal | null> => {
    this.asked.push(total);
    return new Promise((resolve) => this.#answers.push(resolve));
  };

  /** Answers what was asked first of all that is open. @param message Why not; null: it is done. */
  answer(message: string | null): void {
    const answer = this.#answers.shift() ?? assert.fail("nobody asks");
    answer(message === null ? null : { ok: false, error: "cannot_reshard", message });
  }
}
