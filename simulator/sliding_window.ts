/**
 * A count of the last while, for limits on what a client sends.
 *
 * @module
 */

/** Counts what happened within the last stretch of time. */
export class SlidingWindow {
  #timesMs: number[] = [];
  #start = 0;

  /** Notes one occurrence at `nowMs` and returns how many fall within the last `windowMs`, this one included. */
  add(nowMs: number, windowMs: number): number {
    this.#timesMs.push(nowMs);
    while (nowMs - (this.#timesMs[this.#start] ?? nowMs) >= windowMs) this.#start++;
    // The dead front is cut off only when it is half of the array, which keeps an addition cheap on average.
    if (this.#start * 2 > this.#timesMs.length) {
      this.#timesMs = this.#timesMs.slice(this.#start);
      this.#start = 0;
    }
    return this.#timesMs.length - this.#start;
  }
}
