/**
 * A board in memory: it keeps what was published for the test to look at.
 *
 * @module
 */
import type { Board, ShardEntry } from "../../gateway/resume/board.ts";

export class MemoryBoard implements Board {
  /** What stands on the board, by shard. */
  readonly entries = new Map<number, ShardEntry>();
  /** What each call changed, in the order of the calls, done or waiting. */
  readonly published: (readonly ShardEntry[])[] = [];
  readonly #stored = new Map<number, ShardEntry>();
  #held: (() => void)[] | null = null;

  publish(changed: readonly ShardEntry[], composes: boolean): Promise<void> {
    this.published.push(changed);
    const carryOut = () => {
      for (const entry of changed) this.#stored.set(entry.shard, entry);
      if (!composes) return;
      for (const [shard, entry] of this.#stored) this.entries.set(shard, entry);
    };
    if (this.#held === null) {
      carryOut();
      return Promise.resolve();
    }
    return new Promise((resolve) =>
      this.#held?.push(() => {
        carryOut();
        resolve();
      })
    );
  }

  /** From now on the store is away: calls wait for {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  /** The store is back: what waited is carried out, in order. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const carryOut of held) carryOut();
  }
}
