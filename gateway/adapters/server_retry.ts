/**
 * How long to wait before trying a server of ours (RabbitMQ, Redis) again.
 *
 * @module
 */
import type { Dice } from "../clock.ts";

const BASE_MS = 100;
/** A server that is back should not stand idle for long, and one that is away costs us little to ask. */
const MAX_MS = 5_000;

/** 100 ms, 200 ms, 400 ms … 5 s for attempt 0, 1, 2 …, each between half and the whole of it. */
export function serverRetryDelayMs(attempt: number, dice: Dice): number {
  return Math.min(MAX_MS, BASE_MS * 2 ** attempt) * (0.5 + dice() / 2);
}
