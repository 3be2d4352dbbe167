/**
 * A clock that stands still until a test turns it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Clock } from "../../gateway/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  /** What {@link wallMs} says when {@link nowMs} says 0. */
  epochMs: number;
  #nowMs = 0;
  #timers: Timer[] = [];
  #scheduled: (() => void)[] = [];

  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.epochMs = epochMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.epochMs + this.#nowMs;
  }

  schedule(atMs: number, callback: () => void): () => void {
    const timer = { atMs, callback };
    this.#timers.push(timer);
    for (const resolve of this.#scheduled.splice(0)) resolve();
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** The deadlines of all timers that are set, the earliest first. */
  get deadlinesMs(): number[] {
    return this.#timers.map((timer) => timer.atMs).sort((one, other) => one - other);
  }

  /** Resolves as soon as a timer is set for exactly `atMs`. */
  async untilScheduled(atMs: number): Promise<void> {
    while (!this.#timers.some((timer) => timer.atMs === atMs)) {
      await new Promise<void>((resolve) => this.#scheduled.push(resolve));
    }
  }

  /** Turns the clock on and calls nothing, as for a process that stands still: what falls due is late. */
  sleep(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Turns the clock on and calls what falls due, in the order of the deadlines. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    while (true) {
      const due = this.#timers.filter((timer) => timer.atMs <= untilMs)
        .sort((one, other) => one.atMs - other.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.callback();
    }
    this.#nowMs = untilMs;
  }

  /** Time goes by while nothing can be called back: the process stands still. */
  stall(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Fails if a timer is still set: whatever set it did not clean up. */
  assertIdle(): void {
    assert.deepEqual(this.deadlinesMs, []);
  }
}
