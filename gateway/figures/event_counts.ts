/**
 * How many events came, by shard and type: counted once, and read by the metrics as well as by the figures.
 *
 * It is touched for every event, so an event that is not the first of its kind costs two look-ups and no
 * allocation.
 *
 * @module
 */
import { LabelValues } from "./label_values.ts";

/** What is counted, to be read. */
export interface CountedEvents {
  /** Those of which an event has come. */
  shards(): Iterable<number>;
  /** Calls back for each type of a shard. Types beyond a bound are one, `other`. */
  eachOf(shard: number, look: (type: string, count: number) => void): void;
}

interface Count {
  total: number;
  /** The part of it that {@link EventCounts.take} has given. */
  taken: number;
}

export class EventCounts implements CountedEvents {
  readonly #types = new LabelValues();
  /** By shard, then by type. */
  readonly #counts = new Map<number, Map<string, Count>>();
  #total = 0;

  add(type: string, shard: number): void {
    const count = this.#counts.get(shard)?.get(type) ?? this.#countOf(type, shard);
    count.total += 1;
    this.#total += 1;
  }

  /** Of all shards and types, since the beginning. */
  get total(): number {
    return this.#total;
  }

  shards(): IterableIterator<number> {
    return this.#counts.keys();
  }

  eachOf(shard: number, look: (type: string, count: number) => void): void {
    for (const [type, { total }] of this.#counts.get(shard) ?? []) look(type, total);
  }

  /** By type, what came of the shard since this was last asked of it; no zeros. For one reader. */
  take(shard: number): [type: string, count: number][] {
    const grown: [string, number][] = [];
    for (const [type, count] of this.#counts.get(shard) ?? []) {
      if (count.total === count.taken) continue;
      grown.push([type, count.total - count.taken]);
      count.taken = count.total;
    }
    return grown;
  }

  #countOf(type: string, shard: number): Count {
    let perType = this.#counts.get(shard);
    if (perType === undefined) {
      perType = new Map();
      this.#counts.set(shard, perType);
    }
    const label = this.#types.bounded(type);
    let count = perType.get(label);
    if (count === undefined) {
      count = { total: 0, taken: 0 };
      perType.set(label, count);
    }
    return count;
  }
}
