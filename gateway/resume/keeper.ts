/**
 * Keeps the resume points up to date: gathers what moved, writes it in one go, and says what is durable.
 *
 * One write is under way at a time. While the store is away what moved goes on gathering, the newest state per
 * shard only, so nothing grows with the length of an outage.
 *
 * @module
 */
import { type Clock, sleepUntil } from "../clock.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";
import type { PointChange, ResumePoint, ResumePoints } from "./points.ts";

/** Between the starts of two writes; what is stored is at most this and a round trip behind. */
const WRITE_EVERY_MS = 50;
/** After a write that the store refused. */
const RETRY_AFTER_MS = 1_000;

export interface KeeperOptions {
  readonly points: ResumePoints;
  readonly clock: Clock;
  readonly observe: Observer;
  /** This point of the shard is durable now. */
  readonly stored: (shard: number, point: ResumePoint) => void;
}

export class PointKeeper {
  readonly #options: KeeperOptions;
  #changes = new Map<number, PointChange>();
  #writing: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  #notBeforeMs = 0;
  /** The store has refused the last write, and is given a pause. */
  #refused = false;
  #flushed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Notes a change of a shard over what was noted of it before. */
  change(shard: number, change: PointChange): void {
    const noted = this.#changes.get(shard);
    this.#changes.set(shard, noted === undefined ? change : { ...noted, ...change });
    this.#schedule();
  }

  /**
   * Notes a change that is not to wait for the next regular write: a session that has just begun is lost, with
   * all that it would still bring, where the process dies before the store knows of it.
   */
  changeAtOnce(shard: number, change: PointChange): void {
    if (!this.#refused) {
      this.#notBeforeMs = this.#options.clock.nowMs();
      this.#cancelTimer?.();
      this.#cancelTimer = null;
    }
    this.change(shard, change);
  }

  /**
   * Writes what is left, a last time: what changes after it is kept no more. Resolves when nothing is left, or
   * when `signal` is aborted.
   */
  async flush(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    while (!signal.aborted && (this.#writing !== null || this.#changes.size > 0)) {
      if (this.#writing === null) await sleepUntil(this.#options.clock, this.#notBeforeMs, signal);
      if (this.#writing === null && !signal.aborted) this.#write();
      await Promise.race([this.#writing, aborted]);
    }
    this.#flushed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #schedule(): void {
    if (this.#flushed || this.#writing !== null || this.#cancelTimer !== null) return;
    this.#cancelTimer = this.#options.clock.schedule(this.#notBeforeMs, () => {
      this.#cancelTimer = null;
      if (this.#writing === null) this.#write();
    });
  }

  #write(): void {
    const { points, clock, observe, stored } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#changes.size === 0) return;
    const changes = this.#changes;
    this.#changes = new Map();
    const startedAtMs = clock.nowMs();
    this.#notBeforeMs = startedAtMs + WRITE_EVERY_MS;
    this.#writing = points.write(changes).then(() => {
      this.#refused = false;
      observe({ kind: "points.written", shards: changes.size, tookMs: clock.nowMs() - startedAtMs });
      for (const [shard, change] of changes) {
        if (change.point !== undefined && change.point !== null) stored(shard, change.point);
      }
    }, (error: unknown) => {
      this.#refused = true;
      observe({ kind: "points.refused", error: failureText(error) });
      for (const [shard, change] of changes) {
        this.#changes.set(shard, { ...change, ...this.#changes.get(shard) });
      }
      this.#notBeforeMs = clock.nowMs() + RETRY_AFTER_MS;
    }).finally(() => {
      this.#writing = null;
      if (this.#changes.size > 0) this.#schedule();
    });
  }
}
