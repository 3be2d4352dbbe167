/**
 * Shard ids as a short text: `0-3,7`.
 *
 * @module
 */

const RANGE = /^(0|[1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/;
/** Far above any bot's number of shards: a text of a few letters must not become a list that fills memory. */
const IDS_MOST = 1_000_000;

/** In the order of the ids. */
export function writeShardRanges(shards: readonly number[]): string {
  const sorted = shards.toSorted((one, other) => one - other);
  const ranges: string[] = [];
  for (let at = 0; at < sorted.length;) {
    const first = sorted[at++];
    let last = first;
    while (last !== undefined && sorted[at] === last + 1) last = sorted[at++];
    ranges.push(first === last ? `${first}` : `${first}-${last}`);
  }
  return ranges.join(",");
}

/** Null for anything but a text of {@link writeShardRanges}; an empty text is an empty list. */
export function readShardRanges(text: unknown): number[] | null {
  if (typeof text !== "string") return null;
  if (text === "") return [];
  const shards: number[] = [];
  for (const range of text.split(",")) {
    const [, first, last = first] = RANGE.exec(range) ?? [];
    if (first === undefined || Number(last) - Number(first) >= IDS_MOST - shards.length) return null;
    for (let shard = Number(first); shard <= Number(last); shard++) shards.push(shard);
  }
  return shards;
}
