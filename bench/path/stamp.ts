/**
 * When an event was sent, written into the event itself, so that whoever receives it in another process of the same
 * machine knows how long it was on its way.
 *
 * @module
 */
import type { Buffer } from "node:buffer";

/** Name of the member of `d` that holds the stamp. */
export const STAMP = "sent_us";

const BEFORE_STAMP = `"${STAMP}":`;

/** Microseconds since the epoch, the same in all processes of a machine. */
export function nowUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000);
}

/** The stamp of an event's payload; null where it has none: READY, say. What was kept before it, `old`, has its own behind it. */
export function readStamp(payload: Buffer): number | null {
  const at = payload.indexOf(BEFORE_STAMP);
  if (at === -1) return null;
  let stamp = 0;
  for (let index = at + BEFORE_STAMP.length;; index++) {
    const digit = (payload[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return stamp;
    stamp = stamp * 10 + digit;
  }
}
