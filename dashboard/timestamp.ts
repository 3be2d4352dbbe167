/**
 * Times as the wire contract writes them into Redis.
 *
 * @module
 */

/** UTC without a zone, always with a fraction; other services write more or fewer digits of it. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}$/;

/** As many characters as there are down to the millisecond. */
const MILLISECONDS_LENGTH = "2026-01-01T00:00:00.000".length;

/** Milliseconds since the epoch; null where the text names no time. */
export function timestampMs(text: string): number | null {
  if (!TIMESTAMP.test(text)) return null;
  const atMs = Date.parse(`${text.slice(0, MILLISECONDS_LENGTH)}Z`);
  return Number.isNaN(atMs) ? null : atMs;
}
