/**
 * Some of the shards, as people write them: `0-3, 7`.
 *
 * @module
 */
import { SHARDS_MOST } from "../gateway/protocol/shard_count.ts";

const PART = /^(\d{1,6})(?:\s*-\s*(\d{1,6}))?$/;

/** @param shards Ascending, each once. */
export function shardListText(shards: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const shard of shards) {
    const newest = ranges.at(-1);
    if (newest !== undefined && newest[1] === shard - 1) newest[1] = shard;
    else ranges.push([shard, shard]);
  }
  return ranges.map(([first, last]) => first === last ? first : `${first}-${last}`).join(", ");
}

/** The shards that a text names, ascending and each once; null where it names none, or is no such text. */
export function readShardList(text: string): number[] | null {
  const shards = new Set<number>();
  let named = 0;
  for (const part of text.split(",")) {
    const [, first, last = first] = PART.exec(part.trim()) ?? [];
    if (first === undefined || Number(last) < Number(first) || Number(last) >= SHARDS_MOST) return null;
    // A long text could name all of them thousands of times.
    named += Number(last) - Number(first) + 1;
    if (named > SHARDS_MOST) return null;
    for (let shard = Number(first); shard <= Number(last); shard++) shards.add(shard);
  }
  return [...shards].sort((one, other) => one - other);
}

/** The one shard that a text names, in digits alone; null where it names none that there could be. */
export function readShardId(text: string): number | null {
  return /^(?:0|[1-9]\d{0,5})$/.test(text) && Number(text) < SHARDS_MOST ? Number(text) : null;
}
