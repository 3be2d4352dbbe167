/**
 * Makes one outcome of what becomes of a command on each of its shards.
 *
 * @module
 */
import type { CommandRefusal } from "./command.ts";

/** What became of a command on a shard. */
export type SettledFate = "sent" | "expired" | CommandRefusal;

export const EXPIRED: CommandRefusal = {
  ok: false,
  error: "expired",
  message: "The command waited longer than COMMAND_TTL: send it again if it still matters",
};

export class CommandTally {
  readonly shardCount: number;
  #open: number;
  #expired = 0;
  #refusal: CommandRefusal | null = null;

  /** @param shardCount At least one. */
  constructor(shardCount: number) {
    this.shardCount = shardCount;
    this.#open = shardCount;
  }

  /** The fate on one more shard. */
  add(fate: SettledFate): void {
    this.#open -= 1;
    if (fate === "expired") this.#expired += 1;
    else if (fate !== "sent") this.#refusal ??= fate;
  }

  /** Null while it is not known of every shard. */
  get outcome(): { readonly ok: true } | CommandRefusal | null {
    if (this.#open > 0) return null;
    if (this.#refusal !== null) return this.#refusal;
    if (this.#expired === 0) return { ok: true };
    if (this.#expired === this.shardCount) return EXPIRED;
    const some = `${this.#expired} of ${this.shardCount} shards did not send it in time`;
    return { ...EXPIRED, message: `${EXPIRED.message} (${some})` };
  }
}
