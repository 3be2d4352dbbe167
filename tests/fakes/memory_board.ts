/**
 * A board in memory: it keeps what was published for the test to look at.
 *
 * @module
 */
import type { Board, ShardEntry } from "../../gateway/resume/board.ts";
import { Holdable } from "./holdable.ts";

export class MemoryBoard extends Holdable implements Board {
  /** What stands on the board, by shard. */
  readonly entries = new Map<number, ShardEntry>();
  /** What each call changed, in the order of the calls, done or waiting. */
  readonly published: (readonly ShardEntry[])[] = [];
  readonly #stored = new Map<number, ShardEntry>();

  publish(changed: readonly ShardEntry[], composes: boolean): Promise<void> {
    this.published.push(changed);
    return this.whenThere(() => {
      for (const entry of changed) this.#stored.set(entry.shard, entry);
      if (!composes) return;
      for (const [shard, entry] of this.#stored) this.entries.set(shard, entry);
    });
  }
}
