/**
 * How servers of ours (RabbitMQ, Redis) are tried again.
 *
 * @module
 */
import { type Clock, type Dice, sleepUntil } from "../clock.ts";

const BASE_MS = 100;
/** A server that is back should not stand idle for long, and one that is away costs us little to ask. */
const MAX_MS = 5_000;
/** What lived this long was sound: its end is a new trouble, answered at once, not after ever longer waits. */
const SOUND_AFTER_MS = 30_000;

/** A host that swallows packets must not hold back the next attempt for minutes, as the kernel would. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** 100 ms, 200 ms, 400 ms … 5 s for attempt 0, 1, 2 …, each between half and the whole of it. */
export function serverRetryDelayMs(attempt: number, dice: Dice): number {
  return Math.min(MAX_MS, BASE_MS * 2 ** attempt) * (0.5 + dice() / 2);
}

/**
 * Makes what is to live as long as `over` is not aborted, and makes it anew each time that it ends.
 *
 * @param live One life of it, from the attempt to make it to its end. `isSound` says whether it has lasted so long by
 * now that its end is a new trouble, after which the waits begin anew.
 */
export async function keepTrying(
  live: (isSound: () => boolean) => Promise<void>,
  { clock, dice, over }: { clock: Clock; dice: Dice; over: AbortSignal },
): Promise<void> {
  let attempt = 0;
  while (!over.aborted) {
    const startedAtMs = clock.nowMs();
    const isSound = () => clock.nowMs() - startedAtMs >= SOUND_AFTER_MS;
    await live(isSound);
    if (isSound()) attempt = 0;
    await sleepUntil(clock, clock.nowMs() + serverRetryDelayMs(attempt++, dice), over);
  }
}
