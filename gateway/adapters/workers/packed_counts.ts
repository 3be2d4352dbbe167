/**
 * Counts of events on their way between threads: some ten thousand numbers, which as objects would take longer to copy than
 * to count.
 *
 * @module
 */
import type { CountedEvents } from "../../figures/event_counts.ts";

export interface PackedCounts {
  readonly types: readonly string[];
  /** Shard, place of the type, count; and so on. */
  readonly numbers: Float64Array<ArrayBuffer>;
}

const NUMBERS_OF_ONE = 3;

export function packCounts(counts: CountedEvents): PackedCounts {
  const places = new Map<string, number>();
  const numbers: number[] = [];
  for (const shard of counts.shards()) {
    counts.eachOf(shard, (type, count) => {
      let place = places.get(type);
      if (place === undefined) places.set(type, place = places.size);
      numbers.push(shard, place, count);
    });
  }
  return { types: [...places.keys()], numbers: Float64Array.from(numbers) };
}

/** The sums of several counts. A shard may have run in one place after the other. */
export class SummedCounts implements CountedEvents {
  readonly #counts = new Map<number, Map<string, number>>();

  add({ types, numbers }: PackedCounts): void {
    for (let at = 0; at < numbers.length; at += NUMBERS_OF_ONE) {
      const [shard = 0, place = 0, count = 0] = numbers.subarray(at, at + NUMBERS_OF_ONE);
      const type = types[place] ?? "";
      let ofShard = this.#counts.get(shard);
      if (ofShard === undefined) this.#counts.set(shard, ofShard = new Map());
      ofShard.set(type, (ofShard.get(type) ?? 0) + count);
    }
  }

  shards(): Iterable<number> {
    return this.#counts.keys();
  }

  eachOf(shard: number, look: (type: string, count: number) => void): void {
    for (const [type, count] of this.#counts.get(shard) ?? []) look(type, count);
  }
}
