/**
 * A figure beside what it may be at most.
 *
 * @module
 */
import { type Spread, spreadOf } from "./spread.ts";

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

/** As in `start to the first IDENTIFY   0.53 s   0.51–0.60   ≤ 0.7 s`. */
export function boundedRow(bounded: Bounded): [string, ...string[]] {
  const { what, unit, median, least, most, atMost } = bounded;
  const suffix = unit === "" ? "" : ` ${unit}`;
  return [
    what,
    `${inWords(median)}${suffix}`,
    `${inWords(least)}–${inWords(most)}`,
    atMost === null ? "" : `${isKept(bounded) ? "≤" : "not ≤"} ${inWords(atMost)}${suffix}`,
  ];
}

/** With three digits, or as many as it has before the point. */
function inWords(figure: number): string {
  if (Number.isInteger(figure)) return String(figure);
  const magnitude = Math.abs(figure);
  return figure.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}
