/**
 * A session that has begun is written down soon, in Redis or in the spool, wherever anything can be written: else the
 * death of the process loses it without anybody knowing.
 *
 * @module
 */
import type { Session } from "../ledger.ts";
import type { Report } from "../report.ts";

/** Two seconds for Redis to count as silent, one between tries, and some for a slow write before it. */
const WRITTEN_WITHIN_MS = 5_000;

export interface Death {
  /** Number of the process that dies. */
  readonly process: number;
  readonly atMs: number;
  /** Since when Redis or the disk has taken everything; Infinity where neither does. */
  readonly writableSinceMs: number;
  /** Whether the process has run the shard from then on. */
  runs(shard: number, sinceMs: number): boolean;
}

export function reportUnwritten(sessions: Iterable<Session>, death: Death, report: Report): void {
  const dueMs = death.atMs - WRITTEN_WITHIN_MS;
  if (death.writableSinceMs > dueMs) return;
  for (const session of sessions) {
    const { begun, end, durableThrough } = session;
    // One that has ended meanwhile needs no point any more.
    if (end !== null || durableThrough !== null) continue;
    if (begun?.process !== death.process || begun.atMs > dueMs || !death.runs(session.shard, begun.atMs)) {
      continue;
    }
    report(
      `shard ${session.shard}: session ${session.id} was written nowhere in ${death.atMs - begun.atMs} ms`,
    );
  }
}
