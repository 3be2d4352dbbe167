/**
 * What waits stays within its bounds: in memory `MAX_UNCONFIRMED_BYTES`, and one event a shard that came before
 * its shard was parked; on disk `SPOOL_MAX_BYTES`.
 *
 * @module
 */
import type { Report } from "../report.ts";

export interface Bounds {
  readonly memoryMaxBytes: number;
  readonly spoolMaxBytes: number;
  readonly shards: number;
  /** What the largest event costs in memory. */
  readonly eventMaxBytes: number;
}

export class BoundsChecker {
  readonly #report: Report;
  readonly #bounds: Bounds;

  constructor(report: Report, bounds: Bounds) {
    this.#report = report;
    this.#bounds = bounds;
  }

  /** So much is held in memory. */
  held(bytes: number): void {
    const { memoryMaxBytes, shards, eventMaxBytes } = this.#bounds;
    const most = memoryMaxBytes + shards * eventMaxBytes;
    if (bytes > most) this.#report(`${bytes} bytes are held in memory, at most ${most} may be`);
  }

  /** So much is on disk. */
  spooled(bytes: number): void {
    const most = this.#bounds.spoolMaxBytes;
    if (bytes > most) this.#report(`${bytes} bytes are in the spool, at most ${most} may be`);
  }
}
