/**
 * A figure beside what it may be at most.
 *
 * @module
 */
import { type Spread, spreadOf } from "../spread.ts";

/** One thing that was measured, several times where that takes seconds. */
export interface Bounded extends Spread {
  readonly what: string;
  /** `ms`, `s`, `MB`, `%` of a core or of a figure; nothing for what is counted. */
  readonly unit: string;
  /** The bound on the median; null for what only helps to read the others. */
  readonly atMost: number | null;
}

/** Of at least one figure. */
export function bounded(
  what: string,
  unit: string,
  figures: readonly number[],
  atMost: number | null = null,
): Bounded {
  return { what, unit, atMost, ...spreadOf(figures) };
}

/** Whether the bound is kept; true where there is none. */
export function isKept({ median, atMost }: Bounded): boolean {
  return atMost === null || median <= atMost;
}
