/**
 * Writes to the spool: gathers what is to be kept, let go and noted, and writes it in one transaction at a time.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";
import type { OutgoingEvent } from "./publisher.ts";
import { type Spool, type SpooledEvent, type SpooledPoint, SpoolLostError } from "./spool.ts";

/** Between the starts of two writes. */
const WRITE_EVERY_MS = 25;
/** After a write that was refused. */
const RETRY_AFTER_MS = 1_000;
/** A spool that was full has room again when it holds only so much of what it did, lest it be full again at once. */
const ROOM_AGAIN_BELOW = 0.9;
/**
 * What one write takes, about. Packing and handing over costs the sockets' thread 1 µs an event of 800 bytes: a write
 * is to hold it up for no more than 5 ms, on a slower machine too.
 */
const WRITE_ENOUGH = { events: 2_500, bytes: 4 * 1024 * 1024 };

/** What is taken into one write. */
export interface Taken {
  readonly events: readonly SpooledEvent[];
  readonly points: ReadonlyMap<number, SpooledPoint>;
  readonly quarantined: readonly OutgoingEvent[];
  /** The highest place given by now. */
  readonly lastPosition: number;
  /** True where more events wait than were taken. */
  readonly isCut: boolean;
}

/** Whoever has what is to be written. */
export interface SpoolSource {
  /**
   * Gives all that is to be written, and each event its place, counting on from `lastPosition`: about `enough`, and
   * never more than `roomBytes` of bodies.
   */
  take(lastPosition: number, enough: { events: number; bytes: number }, roomBytes: number): Taken;
  /** What was taken last is durable. */
  written(): void;
  /** What was taken last could not be kept: it will be taken again. */
  notWritten(): void;
  /** Nothing is in the spool any more, and nothing of what was written before. */
  lost(): void;
}

const NOTHING = { events: [], points: new Map(), quarantined: [] };

interface Passed {
  position: number;
  events: number;
  bytes: number;
}

export interface SpoolWriterOptions {
  readonly spool: Spool;
  readonly maxBytes: number;
  readonly source: SpoolSource;
  readonly clock: Clock;
  readonly observe: Observer;
}

export class SpoolWriter {
  readonly #options: SpoolWriterOptions;
  /** What the spool holds. */
  #events = 0;
  #bytes = 0;
  #lastPosition = 0;
  #passed = new Map<number, Passed>();
  /** There is something to take. */
  #isAsked = false;
  #isWriting = false;
  #isStopped = false;
  /** What it held when something did not fit; null while everything does. */
  #fullAtBytes: number | null = null;
  /** The last write was refused. */
  #isRefused = false;
  #notBeforeMs = 0;
  #cancelTimer: (() => void) | null = null;

  constructor(options: SpoolWriterOptions) {
    this.#options = options;
  }

  /** Events in the spool. */
  get events(): number {
    return this.#events;
  }

  /** Bytes of their bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#options.maxBytes;
  }

  /** Counts on from what an earlier process has left. */
  restore(left: { events: number; bytes: number; lastPosition: number }): void {
    this.#events = left.events;
    this.#bytes = left.bytes;
    this.#lastPosition = left.lastPosition;
  }

  /** There is something to take. */
  ask(): void {
    this.#isAsked = true;
    this.#schedule();
  }

  /** A shard's spooled events up to this place may go: so many, of so many bytes, since this was last said. */
  pass(shard: number, position: number, events: number, bytes: number): void {
    const passed = this.#passed.get(shard);
    if (passed === undefined) this.#passed.set(shard, { position, events, bytes });
    else {
      passed.position = Math.max(passed.position, position);
      passed.events += events;
      passed.bytes += bytes;
    }
    this.#schedule();
  }

  /** Writes nothing any more. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #schedule(): void {
    if (this.#isStopped || this.#isWriting || this.#cancelTimer !== null) return;
    this.#cancelTimer = this.#options.clock.schedule(this.#notBeforeMs, () => {
      this.#cancelTimer = null;
      this.#write();
    });
  }

  #write(): void {
    const { spool, source, clock, observe } = this.#options;
    const passed = this.#passed;
    this.#passed = new Map();
    // A full disk takes nothing new, but lets go of what is confirmed.
    const { events, points, quarantined } = this.#isRefused && passed.size > 0 ? NOTHING : this.#take();
    if (events.length + points.size + quarantined.length + passed.size === 0) return;
    const confirmed = new Map([...passed].map(([shard, { position }]) => [shard, position]));
    const startedAtMs = clock.nowMs();
    this.#notBeforeMs = startedAtMs + WRITE_EVERY_MS;
    this.#isWriting = true;
    spool.write({ events, confirmed, points, quarantined }).then(() => {
      this.#isRefused = false;
      this.#count(events, passed);
      if (events.length > 0) {
        observe({ kind: "spool.written", events: events.length, tookMs: clock.nowMs() - startedAtMs });
      }
      source.written();
    }, (error: unknown) => {
      observe({ kind: "spool.refused", error: failureText(error) });
      this.#isRefused = true;
      this.#notBeforeMs = clock.nowMs() + RETRY_AFTER_MS;
      if (error instanceof SpoolLostError) this.#forget();
      else {for (const [shard, { position, events, bytes }] of passed) {
          this.pass(shard, position, events, bytes);
        }}
      source.notWritten();
      if (error instanceof SpoolLostError) source.lost();
      this.#isAsked = true;
    }).finally(() => {
      this.#isWriting = false;
      if (this.#isAsked || this.#passed.size > 0) this.#schedule();
    });
  }

  #take(): Taken {
    const { source, maxBytes, observe } = this.#options;
    const isStillFull = this.#fullAtBytes !== null && this.#bytes > this.#fullAtBytes * ROOM_AGAIN_BELOW;
    const roomBytes = isStillFull ? 0 : maxBytes - this.#bytes;
    const taken = source.take(this.#lastPosition, WRITE_ENOUGH, roomBytes);
    this.#lastPosition = taken.lastPosition;
    const isFull = isStillFull || (taken.isCut && taken.events.length === 0);
    if (isFull && this.#fullAtBytes === null) {
      this.#fullAtBytes = this.#bytes;
      observe({ kind: "spool.full", bytes: this.#bytes, maxBytes });
    } else if (!isFull && this.#fullAtBytes !== null) {
      this.#fullAtBytes = null;
      observe({ kind: "spool.room" });
    }
    // A full spool is asked again when something has left it.
    this.#isAsked = taken.isCut && !isFull;
    return taken;
  }

  #forget(): void {
    this.#events = 0;
    this.#bytes = 0;
    this.#passed.clear();
  }

  #count(written: readonly SpooledEvent[], passed: ReadonlyMap<number, Passed>): void {
    for (const { event } of written) this.#bytes += event.body.length;
    this.#events += written.length;
    for (const { events, bytes } of passed.values()) {
      this.#events -= events;
      this.#bytes -= bytes;
    }
    if (this.#fullAtBytes !== null && passed.size > 0) this.#isAsked = true;
  }
}
