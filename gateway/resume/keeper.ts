/**
 * Keeps the resume points up to date: gathers what moved, writes it in one go, and says what is durable.
 *
 * One write is under way at a time. While the store is away what moved goes on gathering, the newest state per
 * shard only, so nothing grows with the length of an outage; and its points are handed to whoever can keep them
 * meanwhile.
 *
 * @module
 */
import { type Clock, sleepUntil } from "../clock.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";
import type { LostSession, PointChange, ResumePoint, ResumePoints } from "./points.ts";

/** Between the starts of two writes; what is stored is at most this and the time of a write behind. */
const WRITE_EVERY_MS = 50;
/** A store answers within milliseconds: a write without an answer for this long counts as refused. */
const ANSWER_MAX_MS = 2_000;
/** After a write that the store refused; between two looks at what has moved while it owes an answer. */
const RETRY_AFTER_MS = 1_000;

export interface KeeperOptions {
  readonly points: ResumePoints;
  readonly clock: Clock;
  readonly observe: Observer;
  /** This point of the shard is durable now. */
  readonly stored: (shard: number, point: ResumePoint) => void;
  /** It is durable now that this was lost. */
  readonly lossesStored: (shard: number, lost: readonly LostSession[]) => void;
  /**
   * The store has not taken this point so far: it has refused it, or owes an answer. It is tried on with, and
   * {@link stored} may still follow. Called once for a point, and of those that follow each other within a second for
   * the newest only.
   */
  readonly refused: (shard: number, point: ResumePoint) => void;
  /** The store took nothing of these shards: as far as it knows, another process runs them. */
  readonly fenced: (shards: ReadonlySet<number>) => void;
}

type Changes = ReadonlyMap<number, PointChange>;

export class PointKeeper {
  readonly #options: KeeperOptions;
  #changes = new Map<number, PointChange>();
  /** Points that have moved since, newer than what is noted of their shards. */
  readonly #moved = new Map<number, ResumePoint>();
  #writing: { readonly changes: Changes; readonly done: Promise<void> } | null = null;
  /** Of these nothing of what is being written is kept, should it come to nothing. */
  readonly #forgotten = new Set<number>();
  #cancelTimer: (() => void) | null = null;
  #cancelAnswerTimer: (() => void) | null = null;
  #notBeforeMs = 0;
  /** The store has refused the last write, and is given a pause; or it owes an answer for too long. */
  #refused = false;
  #flushed = false;
  /** Of each shard the point that was last handed over as refused. */
  readonly #handedOver = new Map<number, ResumePoint>();
  /** Shards of whose changes somebody waits to be told that none is left. */
  readonly #whenWritten = new Map<number, (() => void)[]>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /**
   * The shard's point has moved on. It is read when it is written, and may move until then: this is called for every
   * event.
   */
  moved(shard: number, point: ResumePoint): void {
    this.#moved.set(shard, point);
    this.#schedule();
  }

  /** Notes a change of a shard over what was noted of it before. */
  change(shard: number, change: PointChange): void {
    if (change.point !== undefined) this.#moved.delete(shard);
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
    if (this.#refused) this.#handOver(this.#gathered());
  }

  /** Whether nothing is left to be written of this shard. */
  isWritten(shard: number): boolean {
    return !this.#changes.has(shard) && !this.#moved.has(shard) && !this.#writing?.changes.has(shard);
  }

  /** Resolves once nothing is left to be written of this shard. */
  written(shard: number): Promise<void> {
    if (this.isWritten(shard)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenWritten.set(shard, [...this.#whenWritten.get(shard) ?? [], resolve]);
    });
  }

  /**
   * Writes nothing of this shard any more, which another process runs. What is being written is not stopped, and not tried
   * again: by then it may be ours once more, and have come further elsewhere.
   */
  forget(shard: number): void {
    if (this.#writing !== null) this.#forgotten.add(shard);
    this.#changes.delete(shard);
    this.#moved.delete(shard);
    this.#handedOver.delete(shard);
    this.#options.points.forget(shard);
  }

  /**
   * Writes what is left, a last time: what changes after it is kept no more. Resolves when nothing is left, or
   * when `signal` is aborted: what is left then counts as refused.
   */
  async flush(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    while (!signal.aborted && (this.#writing !== null || this.#hasChanged)) {
      if (this.#writing === null) await sleepUntil(this.#options.clock, this.#notBeforeMs, signal);
      if (this.#writing === null && !signal.aborted) this.#write();
      await Promise.race([this.#writing?.done, aborted]);
    }
    this.#flushed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#cancelAnswerTimer?.();
    this.#handOver(this.#unstored());
  }

  #tellWritten(shard: number): void {
    if (!this.isWritten(shard)) return;
    const waiting = this.#whenWritten.get(shard) ?? [];
    this.#whenWritten.delete(shard);
    for (const resolve of waiting) resolve();
  }

  #schedule(): void {
    if (this.#flushed || this.#writing !== null || this.#cancelTimer !== null) return;
    this.#cancelTimer = this.#options.clock.schedule(this.#notBeforeMs, () => {
      this.#cancelTimer = null;
      if (this.#writing === null) this.#write();
    });
  }

  #write(): void {
    const { points, clock, observe, stored, lossesStored, fenced } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (!this.#hasChanged) return;
    const changes = this.#gathered();
    this.#changes = new Map();
    const startedAtMs = clock.nowMs();
    this.#notBeforeMs = startedAtMs + WRITE_EVERY_MS;
    this.#cancelAnswerTimer = clock.schedule(startedAtMs + ANSWER_MAX_MS, () => {
      this.#refused = true;
      observe({ kind: "points.refused", error: `no answer for ${ANSWER_MAX_MS / 1_000} s` });
      this.#handOverWhileWriting();
    });
    const done = points.write(changes).then((others) => {
      this.#refused = false;
      observe({
        kind: "points.written",
        shards: changes.size - others.size,
        tookMs: clock.nowMs() - startedAtMs,
      });
      if (others.size > 0) {
        // Kept until it is certain: should it be ours after all, then the store knows by the next try.
        const kept = new Map([...changes].filter(([shard]) => others.has(shard)));
        this.#changes = mergedChanges(this.#remembered(kept), this.#gathered());
        this.#notBeforeMs = clock.nowMs() + RETRY_AFTER_MS;
        fenced(others);
      }
      for (const [shard, change] of changes) {
        if (others.has(shard)) continue;
        if (change.lost !== undefined) lossesStored(shard, change.lost);
        if (change.point !== undefined && change.point !== null) stored(shard, change.point);
      }
    }, (error: unknown) => {
      this.#refused = true;
      observe({ kind: "points.refused", error: failureText(error) });
      this.#changes = mergedChanges(this.#remembered(changes), this.#gathered());
      this.#handOver(this.#changes);
      this.#notBeforeMs = clock.nowMs() + RETRY_AFTER_MS;
    }).finally(() => {
      this.#writing = null;
      this.#forgotten.clear();
      this.#cancelAnswerTimer?.();
      this.#cancelAnswerTimer = null;
      if (this.#hasChanged) this.#schedule();
      for (const shard of [...this.#whenWritten.keys()]) this.#tellWritten(shard);
    });
    this.#writing = { changes, done };
  }

  /** Hands over what is being written and what has moved since, now and each second until the store answers. */
  #handOverWhileWriting(): void {
    const { clock } = this.#options;
    this.#handOver(this.#unstored());
    this.#cancelAnswerTimer = clock.schedule(
      clock.nowMs() + RETRY_AFTER_MS,
      () => this.#handOverWhileWriting(),
    );
  }

  /** What is being written, with what has changed since. */
  #unstored(): Changes {
    const changes = this.#gathered();
    if (this.#writing === null) return changes;
    return mergedChanges(this.#remembered(this.#writing.changes), changes);
  }

  #remembered(changes: Changes): Changes {
    return new Map([...changes].filter(([shard]) => !this.#forgotten.has(shard)));
  }

  get #hasChanged(): boolean {
    return this.#changes.size + this.#moved.size > 0;
  }

  /** What is noted, with the points that have moved as they are now. */
  #gathered(): Map<number, PointChange> {
    for (const [shard, point] of this.#moved) {
      this.#changes.set(shard, { ...this.#changes.get(shard), point: { ...point } });
    }
    this.#moved.clear();
    return this.#changes;
  }

  #handOver(changes: Changes): void {
    for (const [shard, { point }] of changes) {
      if (point === undefined || point === null || point === this.#handedOver.get(shard)) continue;
      this.#handedOver.set(shard, point);
      this.#options.refused(shard, point);
    }
  }
}

function mergedChanges(older: Changes, newer: Changes): Map<number, PointChange> {
  const merged = new Map(older);
  for (const [shard, change] of newer) merged.set(shard, { ...older.get(shard), ...change });
  return merged;
}
