/**
 * Repeatable dice. Every fact of the simulated Discord is drawn from a stream named by what it is about, so
 * one draw more for a message leaves every guild, member and later event as it was.
 *
 * @module
 */

/**
 * What a stream of draws is about. The numbers are part of "same seed, same bytes": append, never renumber.
 */
export const CONCERN = {
  bot: 1,
  user: 2,
  guild: 3,
  channel: 4,
  role: 5,
  member: 6,
  emoji: 7,
  presence: 8,
  voice: 9,
  mix: 10,
  place: 11,
  detail: 12,
  text: 13,
  thread: 14,
  sticker: 15,
  sound: 16,
  scheduledEvent: 17,
  stage: 18,
  rule: 19,
  integration: 20,
} as const;

/** Scrambles 32 bits so that neighbouring inputs share nothing: the finaliser of MurmurHash3. */
function scramble(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The start of one stream, as an unsigned 32-bit number: the same for the same four numbers, unrelated to its
 * neighbours.
 */
export function streamSeed(seed: number, concern: number, first = 0, second = 0): number {
  let hash = scramble(seed ^ 0x9e3779b9);
  hash = scramble(hash ^ Math.floor(seed / 0x1_0000_0000));
  hash = scramble(hash ^ Math.imul(concern, 0x27d4eb2f));
  hash = scramble(hash ^ first);
  return second === 0 ? hash : scramble(hash ^ Math.imul(second, 0x165667b1));
}

/**
 * One stream of draws: Mulberry32, whose whole state is 32 bits. A stream serves one entity or one event, a
 * few hundred draws at most, so its period of 2^32 is ample and starting one costs next to nothing.
 */
export class Random {
  #state: number;

  constructor(state: number) {
    this.#state = state;
  }

  /** Starts another stream in the same object, so that the hot path allocates none. */
  restart(state: number): void {
    this.#state = state;
  }

  /** An unsigned 32-bit integer. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.bits() / 0x1_0000_0000;
  }

  /** An integer in [0, count). */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** An integer in [least, most]. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of the items, all equally likely. Throws RangeError where there are none. */
  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError("Cannot pick an item: the list is empty");
    return items[this.below(items.length)] as Item;
  }

  /**
   * Lower-case hexadecimal digits, as in Discord's image hashes and session ids. `digits` is a multiple of 8.
   */
  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.bits().toString(16).padStart(8, "0");
    return text;
  }
}
