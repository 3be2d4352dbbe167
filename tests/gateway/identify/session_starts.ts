/**
 * The daily budget of session starts as Discord keeps it, in short days.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ManualClock } from "../../fakes/manual_clock.ts";

/** Discord's side of the budget. It counts an IDENTIFY only when it has arrived. */
export class SessionStarts {
  readonly #clock: ManualClock;
  readonly #total: number;
  readonly #windowMs: number;
  readonly #wayMs: number;
  #used = 0;
  #window = 0;
  #underWayUntilMs: number[] = [];

  constructor(clock: ManualClock, options: { total: number; windowMs: number; wayMs: number }) {
    this.#clock = clock;
    this.#total = options.total;
    this.#windowMs = options.windowMs;
    this.#wayMs = options.wayMs;
  }

  identify(): void {
    this.#underWayUntilMs.push(this.#clock.nowMs() + this.#wayMs);
  }

  get remaining(): number {
    this.#arrive();
    return this.#total - this.#used;
  }

  get resetAfterMs(): number {
    return (this.#window + 1) * this.#windowMs - this.#clock.nowMs();
  }

  #arrive(): void {
    const nowMs = this.#clock.nowMs();
    const arrivals = this.#underWayUntilMs.filter((atMs) => atMs <= nowMs).sort((a, b) => a - b);
    this.#underWayUntilMs = this.#underWayUntilMs.filter((atMs) => atMs > nowMs);
    for (const atMs of arrivals) {
      this.#enter(atMs);
      this.#used += 1;
      assert(this.#used <= this.#total, "the budget is overspent");
    }
    this.#enter(nowMs);
  }

  #enter(atMs: number): void {
    const window = Math.floor(atMs / this.#windowMs);
    if (window > this.#window) this.#used = 0;
    this.#window = window;
  }
}
