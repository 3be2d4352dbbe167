/**
 * The last fifteen minutes, as a page holds them: what it came with, and what was told since.
 *
 * @module
 */
import type { HistorySeries } from "./fleet_message.ts";

/** How far a plot looks back. */
export const HISTORY_SECONDS = 900;

const LINES = ["events", "delayP50Ms", "delayP99Ms", "unconfirmed", "spooled", "returned"] as const;

/** With the seconds of the newer one in their places; what is older than a plot looks back is left out. */
export function joined(older: HistorySeries, newer: HistorySeries): HistorySeries {
  if (newer.events.length === 0) return older;
  if (older.events.length === 0) return newer;
  const endSecond = Math.max(endOf(older), endOf(newer));
  const firstSecond = Math.max(Math.min(older.firstSecond, newer.firstSecond), endSecond - HISTORY_SECONDS);
  const lines = LINES.map((line) => {
    const values = new Array<number | null>(endSecond - firstSecond).fill(null);
    for (const series of [older, newer]) {
      series[line].forEach((value, index) => {
        const place = series.firstSecond + index - firstSecond;
        if (place >= 0 && value !== null) values[place] = value;
      });
    }
    return [line, values] as const;
  });
  return { firstSecond, ...Object.fromEntries(lines) } as unknown as HistorySeries;
}

/** The second after the last. */
export function endOf({ firstSecond, events }: HistorySeries): number {
  return firstSecond + events.length;
}
