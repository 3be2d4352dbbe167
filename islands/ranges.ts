/**
 * Shards in a few words: `0–3, 7 (5)`.
 *
 * @module
 */
import { amount } from "./amounts.ts";

/**
 * @param ranges Inclusive; the first of them where there are many.
 * @param count Of all shards that are meant.
 */
export function rangesText(
  ranges: readonly (readonly [first: number, last: number])[],
  count: number,
): string {
  const text = ranges.map(([first, last]) => first === last ? `${first}` : `${first}–${last}`).join(", ");
  const shown = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return `${text}${shown < count ? " …" : ""} (${amount(count)})`;
}
