/**
 * A limit within the last while, for what a client sends.
 *
 * @module
 */

/** Lets so many through within any stretch of time. */
export class SlidingWindow {
  #timesMs: number[] = [];
  #start = 0;

  /**
   * Lets one through at `nowMs` if that makes at most `limit` within the last `windowMs`. What it does not let through
   * takes no place in the window.
   */
  take(nowMs: number, windowMs: number, limit: number): boolean {
    while (nowMs - (this.#timesMs[this.#start] ?? nowMs) >= windowMs) this.#start++;
    if (this.#timesMs.length - this.#start >= limit) return false;
    this.#timesMs.push(nowMs);
    // The dead front is cut off only when it is half of the array, which keeps an addition cheap on average.
    if (this.#start * 2 > this.#timesMs.length) {
      this.#timesMs = this.#timesMs.slice(this.#start);
      this.#start = 0;
    }
    return true;
  }
}
