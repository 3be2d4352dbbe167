/**
 * What the timers of Node, Deno and Bun can do.
 *
 * @module
 */

/** A longer delay is over at once. */
export const TIMER_DELAY_MOST_MS = 2_147_483_647;

/** Whether a timer keeps to a delay of so many ms. */
export function isTimerDelay(delayMs: number): boolean {
  return delayMs >= 0 && delayMs <= TIMER_DELAY_MOST_MS;
}
