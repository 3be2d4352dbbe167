/**
 * Time and dice as the core sees them. Rules never read the real ones: they are handed in, so that a test
 * turns the clock by hand and a seed replays a history.
 *
 * @module
 */

/** Both times of a machine: one to measure with, one to write down. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary moment, for deadlines and durations. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch, for what others read. */
  wallMs(): number;
  /** Calls back once, at or after `atMs` of {@link nowMs}. The returned function cancels it. */
  schedule(atMs: number, callback: () => void): () => void;
}

/** A number in [0, 1), like `Math.random`. */
export type Dice = () => number;

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(atMs, callback) {
    // Rounded up, because a timer that fires early would find its deadline still ahead and spin.
    const timer = setTimeout(callback, Math.max(0, Math.ceil(atMs - performance.now())));
    return () => clearTimeout(timer);
  },
};

/**
 * Waits until `atMs` of the clock, or until the signal is aborted, whichever comes first.
 * Never rejects: the caller looks at the signal if it matters which it was.
 */
export function sleepUntil(clock: Clock, atMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      signal?.removeEventListener("abort", finish);
      cancel();
      resolve();
    };
    const cancel = clock.schedule(atMs, finish);
    signal?.addEventListener("abort", finish);
  });
}
