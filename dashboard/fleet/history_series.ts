/**
 * The history as a plot wants it: one list for each line, an entry for each second.
 *
 * @module
 */
import type { HistoryPoint } from "./history_reader.ts";

/** Null: not known, or nothing to measure. All lists are of one length. */
export interface HistorySeries {
  /** Of the first entries, since the epoch. */
  readonly firstSecond: number;
  readonly events: readonly (number | null)[];
  readonly delayP50Ms: readonly (number | null)[];
  readonly delayP99Ms: readonly (number | null)[];
  readonly unconfirmed: readonly (number | null)[];
  readonly spooled: readonly (number | null)[];
  /** How often a shard came back in that second, or came up. */
  readonly returned: readonly (number | null)[];
}

/** @param points The oldest first; seconds between them that are missing are not known. */
export function historySeries(points: readonly HistoryPoint[]): HistorySeries {
  const firstSecond = points[0]?.second ?? 0;
  const length = points.length === 0 ? 0 : (points.at(-1)?.second ?? 0) - firstSecond + 1;
  const list = () => new Array<number | null>(length).fill(null);
  const series = {
    firstSecond,
    events: list(),
    delayP50Ms: list(),
    delayP99Ms: list(),
    unconfirmed: list(),
    spooled: list(),
    returned: list(),
  };
  for (const point of points) {
    const index = point.second - firstSecond;
    series.events[index] = point.events;
    series.delayP50Ms[index] = rounded(point.delayP50Ms);
    series.delayP99Ms[index] = rounded(point.delayP99Ms);
    series.unconfirmed[index] = point.unconfirmed;
    series.spooled[index] = point.spooled;
    series.returned[index] = point.returned;
  }
  return series;
}

/** A tenth of a millisecond is more than can be seen. */
function rounded(valueMs: number | null): number | null {
  return valueMs === null ? null : Math.round(valueMs * 10) / 10;
}
