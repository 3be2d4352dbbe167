/**
 * A bound on the values of a metric's label, for values that come from the network: each one makes a series
 * that lives as long as the process.
 *
 * @module
 */

/** Discord has 79 dispatch names today; this leaves room for its next ones. */
const DISTINCT_MAX = 200;

/** The longest dispatch name has 38 characters. */
const LENGTH_MAX = 64;

export const OTHER = "other";

export class LabelValues {
  readonly #seen = new Set<string>();

  /** The value itself, or {@link OTHER} for a new one where there are too many already. */
  bounded(value: string): string {
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= DISTINCT_MAX || value.length > LENGTH_MAX) return OTHER;
    this.#seen.add(value);
    return value;
  }
}
