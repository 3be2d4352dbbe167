/**
 * The end of everything that promises still have to do.
 *
 * @module
 */
import { setImmediate } from "node:timers";

/**
 * Resolves when no promise has a callback left to run: the event loop takes its next step only then. With
 * everything outside in memory and the clock standing still, nothing more happens after it by itself.
 */
export function microtasksDone(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
