/**
 * Dice that a seed decides.
 *
 * @module
 */
import type { Dice } from "../../gateway/clock.ts";

export class SeededDice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
    // Neighbouring seeds would begin alike.
    for (let skipped = 0; skipped < 3; skipped++) this.roll();
  }

  /** A number in [0, 1): mulberry32, whose period of 2^32 no history comes near. */
  readonly roll: Dice = () => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** Dice of their own for one part of the world, so that what one part draws does not move the others. */
  fork(): SeededDice {
    return new SeededDice(Math.floor(this.roll() * 2 ** 32));
  }

  /** A whole number, both ends included. */
  between(lowest: number, highest: number): number {
    return lowest + Math.floor(this.roll() * (highest - lowest + 1));
  }

  chance(probability: number): boolean {
    return this.roll() < probability;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.between(0, values.length - 1)];
    if (value === undefined) throw new RangeError("Cannot pick: there are no values");
    return value;
  }

  /** The time until something that happens every `meanMs` on average, whatever happened before. */
  waitMs(meanMs: number): number {
    return -Math.log(1 - this.roll()) * meanMs;
  }
}
