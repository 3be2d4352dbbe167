/**
 * How long to wait before the next attempt to connect.
 *
 * @module
 */
import type { Dice } from "../clock.ts";

/** Spreads shards that lost their connections at the same moment. */
const FIRST_SPREAD_MS = 500;
const BASE_MS = 1_000;
const MAX_MS = 60_000;

/**
 * Exponential with jitter. `attempt` counts the connections since the last READY or RESUMED: 0 is the first
 * reconnect after a healthy one and waits at most half a second; then 1 s, 2 s, 4 s … 60 s, each between half
 * and the whole of it.
 */
export function reconnectDelayMs(attempt: number, dice: Dice): number {
  if (attempt === 0) return dice() * FIRST_SPREAD_MS;
  return Math.min(MAX_MS, BASE_MS * 2 ** (attempt - 1)) * (0.5 + dice() / 2);
}
