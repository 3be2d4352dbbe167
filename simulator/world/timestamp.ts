/**
 * Moments, as Discord writes them.
 *
 * @module
 */

/**
 * A moment as Discord writes it: ISO 8601 with microseconds and the offset spelt out, as in
 * `2026-08-06T12:30:45.123000+00:00`.
 */
export function timestamp(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, -1) + "000+00:00";
}
