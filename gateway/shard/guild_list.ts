/**
 * The guilds of one shard, kept so that a guild that comes back from an outage is not mistaken for one that the
 * bot has joined. Sorted 64-bit ids: eight bytes a guild, because a large bot has millions of them.
 *
 * @module
 */

export class GuildList {
  #ids: BigUint64Array;

  constructor(ids: readonly bigint[] = []) {
    this.#ids = BigUint64Array.from(new Set(ids)).sort();
  }

  /** True where it was not there before. */
  add(id: bigint): boolean {
    const index = this.#indexOf(id);
    if (this.#ids[index] === id) return false;
    const grown = new BigUint64Array(this.#ids.length + 1);
    grown.set(this.#ids.subarray(0, index));
    grown[index] = id;
    grown.set(this.#ids.subarray(index), index + 1);
    this.#ids = grown;
    return true;
  }

  /** True where it was there. */
  remove(id: bigint): boolean {
    const index = this.#indexOf(id);
    if (this.#ids[index] !== id) return false;
    const shrunk = new BigUint64Array(this.#ids.length - 1);
    shrunk.set(this.#ids.subarray(0, index));
    shrunk.set(this.#ids.subarray(index + 1), index);
    this.#ids = shrunk;
    return true;
  }

  get size(): number {
    return this.#ids.length;
  }

  ids(): bigint[] {
    return [...this.#ids];
  }

  /** Where `id` is, or would be. */
  #indexOf(id: bigint): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] ?? 0n) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
