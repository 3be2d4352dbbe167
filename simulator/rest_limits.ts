/**
 * Counters of REST's rate limits.
 *
 * @module
 */
import type { SimulatorClock } from "./clock.ts";

/** How often something may be done. */
export interface RateLimit {
  readonly requests: number;
  readonly windowMs: number;
}

/** The state of one counter after a request. */
export interface RateVerdict {
  readonly limit: number;
  readonly remaining: number;
  readonly resetAtMs: number;
  /** Milliseconds to wait; 0 where the request was within the limit. */
  readonly waitMs: number;
}

interface Counter {
  used: number;
  resetAtMs: number;
}

/** How many counters are kept before those whose window is over are thrown out. */
const COUNTERS_MAX = 10_000;

/** Fixed windows that begin with their first request, one for each key. */
export class RestLimits {
  readonly #clock: SimulatorClock;
  readonly #counters = new Map<string, Counter>();

  constructor(clock: SimulatorClock) {
    this.#clock = clock;
  }

  /** Counts a request against `key`. */
  take(key: string, limit: RateLimit): RateVerdict {
    const nowMs = this.#clock.nowMs();
    let counter = this.#counters.get(key);
    if (counter === undefined || nowMs >= counter.resetAtMs) {
      counter = { used: 0, resetAtMs: nowMs + limit.windowMs };
      this.#counters.set(key, counter);
      if (this.#counters.size > COUNTERS_MAX) this.#forgetOld(nowMs);
    }
    counter.used++;
    return {
      limit: limit.requests,
      remaining: Math.max(0, limit.requests - counter.used),
      resetAtMs: counter.resetAtMs,
      waitMs: counter.used <= limit.requests ? 0 : counter.resetAtMs - nowMs,
    };
  }

  #forgetOld(nowMs: number): void {
    for (const [key, counter] of this.#counters) {
      if (nowMs >= counter.resetAtMs) this.#counters.delete(key);
    }
  }
}
