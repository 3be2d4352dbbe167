/**
 * How much was sent lately: a sliding log of times, the strictest reading of "N per T" there is. Discord does
 * not say whether its windows slide, so ours do.
 *
 * @module
 */

export class SlidingWindow {
  readonly #windowMs: number;
  #sentAtMs: number[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  record(nowMs: number): void {
    this.#forget(nowMs);
    this.#sentAtMs.push(nowMs);
  }

  /** When fewer than `limit` (at least 1) are inside the window: now, or when enough of them have left it. */
  roomAtMs(nowMs: number, limit: number): number {
    this.#forget(nowMs);
    const mustLeave = this.#sentAtMs[this.#sentAtMs.length - limit];
    return mustLeave === undefined ? nowMs : mustLeave + this.#windowMs;
  }

  #forget(nowMs: number): void {
    const firstInside = this.#sentAtMs.findIndex((atMs) => atMs + this.#windowMs > nowMs);
    if (firstInside === -1) this.#sentAtMs = [];
    else if (firstInside > 0) this.#sentAtMs.splice(0, firstInside);
  }
}
