/**
 * Times as the wire contract writes them into Redis.
 *
 * @module
 */

/** `YYYY-MM-DDTHH:MM:SS.ffffff`: UTC, no zone, always a fraction. `atMs` is milliseconds since the epoch. */
export function timestampText(atMs: number): string {
  return new Date(atMs).toISOString().replace("Z", "000");
}
