/**
 * Ranges of shard ids, gathered in the order of the ids: ten thousand shards are a few of them.
 *
 * @module
 */
import type { ShardRanges } from "./store.ts";

export class ShardRangeList {
  readonly #ranges: [first: number, last: number][] = [];

  /** `shard` is above every one added before. */
  add(shard: number): void {
    const newest = this.#ranges.at(-1);
    if (newest !== undefined && newest[1] === shard - 1) newest[1] = shard;
    else this.#ranges.push([shard, shard]);
  }

  get ranges(): ShardRanges {
    return this.#ranges;
  }
}
