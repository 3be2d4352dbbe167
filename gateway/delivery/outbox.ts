/**
 * The outbox: every event between its socket and the broker's confirmation. One ordered lane per shard; nothing
 * overtakes within a lane, and nothing leaves it before the broker has confirmed it.
 *
 * What the broker does not confirm soon goes to the spool as well, and from memory once there is much of it, so
 * that neither a long outage nor the death of the process loses it. Memory is bounded in bytes over the process,
 * fairly: only a shard that holds more than its share is told to stop, by whoever drives it, until there is room.
 *
 * @module
 */
import { type Clock, sleepUntil } from "../clock.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";
import { type Entry, Lane, newEntry } from "./lane.ts";
import type { OutgoingEvent, Publisher, PublishOutcome } from "./publisher.ts";
import {
  QUARANTINE_MAX_BYTES,
  type Spool,
  type SpoolContents,
  type SpooledEvent,
  type SpooledPage,
  type SpooledPoint,
} from "./spool.ts";
import { SpoolWriter, type Taken } from "./spool_writer.ts";

/** What an outbox tells the service. */
export interface OutboxEvents {
  /** Everything of this session up to `sequence`, received then by the wall clock, is confirmed by the broker. */
  published(shard: number, sessionId: string, sequence: number, receivedAtMs: number): void;
  /** Everything of this session up to `sequence` is confirmed or on disk: no death of this process loses it. */
  durable(shard: number, sessionId: string, sequence: number): void;
  /** The point of the shard's session, for the spool; null where that session is not to be resumed. */
  pointOf(shard: number, sessionId: string): SpooledPoint | null;
  /** This shard delivers beyond its share of the bound. */
  full(shard: number): void;
  /** Half of the bound is free again, after a shard was full. */
  room(): void;
  /** One event was confirmed so long after its receipt. */
  confirmed(delayMs: number): void;
  /** The broker refuses this event for good: it is missing. The shard's sequence waits until {@link Outbox.letGo}. */
  givenUp(event: OutgoingEvent): void;
  /** Spooled events of this shard cannot be read any more. */
  unreadable(shard: number): void;
}

export interface OutboxOptions {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly observe: Observer;
  /** Most bytes that events may cost in memory. */
  readonly maxBytes: number;
  /** Whether an event of this name is of use to anybody. An earlier process may have spooled what is not any more. */
  readonly isHeeded: (type: string) => boolean;
  readonly events: OutboxEvents;
}

/**
 * What holding an event costs besides its body: its entry and its callback. Until it is sent its frames are a second
 * copy of the body, which is not counted: at most as much again as {@link SPOOL_FROM} lets be published, and that only
 * while the broker reads nothing.
 */
const EVENT_OVERHEAD_BYTES = 500;
/** An event that the broker has not confirmed by then goes to the spool too, and keeps no memory but its own. */
const SPOOL_AFTER_MS = 500;
const LOOK_EVERY_MS = 250;
/**
 * Parts of the bound for what comes from the sockets: past the first every shard that delivers goes to the spool, past
 * the third one above its share is full, past the fourth every shard is; at the second there is room again. The rest is
 * for what is read from the spool.
 */
const SPOOL_FROM = 0.4;
const ROOM_BELOW = 0.5;
const FULL_FROM = 0.6;
const FULL_AT = 0.75;
const DRAIN_PART = 0.25;
/** Bodies read from the spool at a time, less where the bound is small. */
const PAGE_BYTES = 64 * 1024;
const PAGE_PART = 1 / 16;
/** Events before a lane's hole that are enough to go on with. */
const FRONT_ENOUGH = 200;
/** Tries to read what cannot be read, and the pause between them. */
const READ_TRIES = 30;
const READ_AGAIN_MS = 1_000;
/** An event is refused for good when the broker has refused it so often, and confirmed others meanwhile. */
const REFUSALS_MOST = 3;
/** Pause of a lane after a refusal; doubled each time in a row. */
const PAUSE_MS = 1_000;
const PAUSE_MOST_MS = 30_000;

/** What is in the spool, and how many bytes of bodies may be. */
export interface SpoolUse {
  readonly events: number;
  readonly bytes: number;
  readonly maxBytes: number;
}

interface BeingWritten {
  readonly entries: ReadonlyMap<Lane, readonly Entry[]>;
  readonly notedPoints: ReadonlyMap<number, SpooledPoint>;
  /** Those just named, and those that come with the entries. */
  readonly points: ReadonlyMap<number, SpooledPoint>;
  readonly quarantined: readonly OutgoingEvent[];
}

const NOTHING_WRITTEN: BeingWritten = {
  entries: new Map(),
  notedPoints: new Map(),
  points: new Map(),
  quarantined: [],
};

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #lanes = new Map<number, Lane>();
  #spool: { readonly spool: Spool; readonly writer: SpoolWriter } | null = null;
  /** Counts the openings of the publisher: an answer to an earlier one is nobody's any more. */
  #epoch = 0;
  #isOpen = false;
  /** What the entries in memory cost. */
  #heldBytes = 0;
  #heldEvents = 0;
  /** The part of it that was read from the spool. */
  #drainedBytes = 0;
  /** Entries in memory that are neither confirmed nor in the spool. */
  #unsecured = 0;
  /** Lanes that hold something in memory. */
  #busyLanes = 0;
  #confirmations = 0;
  #wasFull = false;
  #spoolingLanes = 0;
  /** What the next write to the spool takes: of these lanes what has no place yet, and what comes from elsewhere. */
  readonly #toSpool = new Set<Lane>();
  #notedPoints = new Map<number, SpooledPoint>();
  #toQuarantine: OutgoingEvent[] = [];
  /** What the write that is under way has taken. */
  #beingWritten: BeingWritten = NOTHING_WRITTEN;
  /** Lanes whose hole is to be read, the next one first. */
  readonly #toDrain = new Set<Lane>();
  #isReading = false;
  #cancelLook: (() => void) | null = null;
  #whenSecure: (() => void)[] = [];
  readonly #whenEmpty = new Map<number, (() => void)[]>();
  /** What the broker refuses for good, by {@link keyOf}: an event that came again is in its lane more than once. */
  readonly #givenUp = new Map<string, { readonly lane: Lane; readonly copies: Entry[] }>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** What events in memory cost, in bytes: their bodies, and what it takes to hold them. */
  get unconfirmedBytes(): number {
    return this.#heldBytes;
  }

  /** Events in memory that wait for a confirmation. */
  get unconfirmedEvents(): number {
    return this.#heldEvents;
  }

  /** What is in the spool; null without one. */
  get spooled(): SpoolUse | null {
    if (this.#spool === null) return null;
    const { events, bytes, maxBytes } = this.#spool.writer;
    return { events, bytes, maxBytes };
  }

  /** Uses a spool from now on, and first takes over what it holds. Before anything is accepted. */
  useSpool(spool: Spool, maxBytes: number, contents: SpoolContents): void {
    const { clock, observe } = this.#options;
    const writer = new SpoolWriter({
      spool,
      maxBytes,
      clock,
      observe,
      source: {
        take: (lastPosition, enough, roomBytes) => this.#take(lastPosition, enough, roomBytes),
        written: () => this.#written(),
        notWritten: () => this.#notWritten(),
        lost: () => this.#spoolLost(),
      },
    });
    this.#spool = { spool, writer };
    let events = 0;
    let bytes = 0;
    for (const [shard, spooled] of contents.lanes) {
      const lane = this.#lane(shard);
      lane.restore(spooled);
      this.#spoolingLanes += 1;
      this.#toDrain.add(lane);
      events += spooled.events;
      bytes += spooled.bytes;
    }
    for (const [shard, { sessionId, sequence }] of contents.points) {
      this.#lane(shard).durable = { sessionId, sequence };
    }
    writer.restore({ events, bytes, lastPosition: contents.lastPosition });
    this.#drain();
  }

  /** The publisher takes events: everything unconfirmed goes out again, in order. */
  opened(): void {
    this.#epoch += 1;
    this.#isOpen = true;
    for (const lane of this.#lanes.values()) this.#resume(lane);
    this.#drain();
  }

  closed(refusal: { readonly bodyMaxBytes: number } | null): void {
    this.#epoch += 1;
    this.#isOpen = false;
    for (const lane of this.#lanes.values()) {
      for (const entry of [...lane.unsettled()]) {
        const wasInFlight = entry.isInFlight;
        entry.isInFlight = false;
        if (wasInFlight && refusal !== null && entry.bodyBytes > refusal.bodyMaxBytes) {
          // Whether others pass cannot be told: the channel took their confirmations with it.
          this.#countRefusal(lane, entry, true);
        }
      }
    }
  }

  /** Nothing is published or written any more. */
  stop(): void {
    this.closed(null);
    this.#cancelLook?.();
    this.#spool?.writer.stop();
  }

  /** Takes an event into its shard's lane, and publishes it if the broker is there and nothing is before it. */
  accept(event: OutgoingEvent): void {
    const { clock, maxBytes, events } = this.#options;
    const lane = this.#lane(event.shard);
    const entry = newEntry(event, event, clock);
    lane.add(entry);
    this.#hold(lane, entry);
    this.#unsecured += 1;
    if (lane.isSpooling) this.#ask(lane);
    else if (this.#isOpen && lane.flow === "free" && !lane.isWithheld) this.#publish(lane, entry);
    else if (this.#isOpen) this.#publishFront(lane);
    this.#lookLater();
    const socketBytes = this.#socketBytes;
    if (socketBytes <= maxBytes * SPOOL_FROM) return;
    this.#startSpooling(lane);
    const isFull = socketBytes > maxBytes * FULL_AT ||
      (socketBytes > maxBytes * FULL_FROM && this.#isAboveShare(lane, maxBytes * FULL_FROM));
    if (!isFull) return;
    this.#wasFull = true;
    events.full(event.shard);
  }

  /** Notes a dispatch that is not published, so that the published sequence can move over it in its turn. */
  pass(shard: number, sessionId: string, sequence: number): void {
    const lane = this.#lane(shard);
    lane.addPassed(newEntry(null, { session: sessionId, sequence }, this.#options.clock));
    if (lane.isSpooling) this.#ask(lane);
    else this.#advance(lane);
  }

  /** Keeps a point in the spool, because the store of points takes none now. */
  notePoint(shard: number, point: SpooledPoint): void {
    if (this.#spool === null) return;
    this.#notedPoints.set(shard, point);
    this.#spool.writer.ask();
  }

  /** The store knows of this session: a point of another one in the spool would only mislead the next process here. */
  replacePoint(shard: number, sessionId: string): void {
    const spooled = this.#lanes.get(shard)?.durable ?? null;
    if (spooled === null || spooled.sessionId === sessionId) return;
    const point = this.#options.events.pointOf(shard, sessionId);
    if (point !== null) this.notePoint(shard, point);
  }

  /** It is written down, or known, that this event is missing: the shard's sequence may move over it. */
  letGo(shard: number, sessionId: string, sequence: number): void {
    const key = keyOf(shard, sessionId, sequence);
    const found = this.#givenUp.get(key);
    if (found === undefined) return;
    this.#givenUp.delete(key);
    for (const copy of found.copies) this.#settle(found.lane, copy);
  }

  /** Resolves once everything in memory is confirmed or in the spool, the points that were noted included. */
  secured(): Promise<void> {
    if (this.#isSecure) return Promise.resolve();
    return new Promise((resolve) => this.#whenSecure.push(resolve));
  }

  // Shards come and go.

  /** Publishes nothing of this shard until {@link allow}: it is not certain yet that nobody else does. */
  withhold(shard: number): void {
    this.#lane(shard).isWithheld = true;
  }

  allow(shard: number): void {
    const lane = this.#lanes.get(shard);
    if (lane === undefined || !lane.isWithheld || lane.isAbandoned) return;
    lane.isWithheld = false;
    if (this.#isOpen) this.#resume(lane);
    this.#drain();
  }

  /** Whether what this shard brings goes to the broker directly, as far as is known. */
  isFlowing(shard: number): boolean {
    const lane = this.#lanes.get(shard);
    return this.#isOpen &&
      (lane === undefined || (!lane.isSpooling && !lane.isWithheld && lane.flow === "free"));
  }

  /**
   * Up to where everything of this session is confirmed or in the spool, which is published whoever runs the shard; 0 where
   * nothing is known.
   */
  durableThrough(shard: number, sessionId: string): number {
    const durable = this.#lanes.get(shard)?.durable ?? null;
    return durable?.sessionId === sessionId ? durable.sequence : 0;
  }

  /** Whether everything of this shard is confirmed. */
  isEmpty(shard: number): boolean {
    return this.#lanes.get(shard)?.isEmpty ?? true;
  }

  /** Resolves once everything of this shard is confirmed. */
  emptied(shard: number): Promise<void> {
    if (this.isEmpty(shard)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty.set(shard, [...this.#whenEmpty.get(shard) ?? [], resolve]);
    });
  }

  /**
   * Another process runs this shard from its resume point on: what is in memory only is let go of. What is in the spool is
   * published, for nobody else may have it.
   */
  abandon(shard: number): void {
    const lane = this.#lanes.get(shard);
    if (lane === undefined || lane.isAbandoned) return;
    lane.isWithheld = true;
    lane.isAbandoned = true;
    if (!this.#beingWritten.entries.has(lane)) this.#finishAbandoning(lane);
  }

  #finishAbandoning(lane: Lane): void {
    for (const entry of lane.held()) {
      entry.isInFlight = false;
      if (entry.event === null) continue;
      entry.event.trace?.end("abandoned");
      this.#release(lane, entry);
      if (!entry.isSpooled) this.#secure(1);
      this.#givenUp.delete(keyOf(lane.shard, entry.sessionId, entry.sequence));
    }
    for (const { position, bodyBytes } of lane.abandon()) {
      this.#spool?.writer.pass(lane.shard, position, 1, bodyBytes);
    }
    lane.isAbandoned = false;
    lane.isWithheld = false;
    this.#toSpool.delete(lane);
    this.#notedPoints.delete(lane.shard);
    if (lane.hasHole) {
      this.#options.observe({ kind: "spool.late", shard: lane.shard, events: lane.holeEvents });
      if (!lane.isSpooling) this.#spoolingLanes += 1;
      lane.isSpooling = true;
      this.#toDrain.add(lane);
    } else if (lane.isSpooling) this.#join(lane);
    this.#tellEmpty(lane);
    this.#drain();
  }

  #tellEmpty(lane: Lane): void {
    const waiting = this.#whenEmpty.get(lane.shard);
    if (waiting === undefined || !lane.isEmpty) return;
    this.#whenEmpty.delete(lane.shard);
    for (const resolve of waiting) resolve();
  }

  #lane(shard: number): Lane {
    let lane = this.#lanes.get(shard);
    if (lane === undefined) {
      lane = new Lane(shard);
      this.#lanes.set(shard, lane);
    }
    return lane;
  }

  // What memory holds.

  #hold(lane: Lane, entry: Entry): void {
    const bytes = costBytes(entry.bodyBytes);
    if (lane.heldBytes === 0) this.#busyLanes += 1;
    lane.heldBytes += bytes;
    this.#heldBytes += bytes;
    this.#heldEvents += 1;
    if (entry.isDrained) this.#drainedBytes += bytes;
  }

  #release(lane: Lane, entry: Entry): void {
    const bytes = costBytes(entry.bodyBytes);
    lane.heldBytes -= bytes;
    this.#heldBytes -= bytes;
    this.#heldEvents -= 1;
    if (entry.isDrained) this.#drainedBytes -= bytes;
    if (lane.heldBytes === 0) this.#busyLanes -= 1;
    if (!this.#wasFull || this.#socketBytes > this.#options.maxBytes * ROOM_BELOW) return;
    this.#wasFull = false;
    this.#options.events.room();
  }

  /** What the events in memory cost that were not read from the spool. */
  get #socketBytes(): number {
    return this.#heldBytes - this.#drainedBytes;
  }

  get #hasRoom(): boolean {
    return this.#socketBytes <= this.#options.maxBytes * SPOOL_FROM;
  }

  #isAboveShare(lane: Lane, ofBytes: number): boolean {
    return lane.heldBytes > ofBytes / this.#busyLanes;
  }

  get #isSecure(): boolean {
    return this.#unsecured + this.#notedPoints.size + this.#beingWritten.notedPoints.size === 0;
  }

  #secure(count: number): void {
    this.#unsecured -= count;
    if (!this.#isSecure) return;
    for (const resolve of this.#whenSecure.splice(0)) resolve();
  }

  // To the broker.

  #resume(lane: Lane): void {
    if (lane.isSpooling && !lane.hasHole && !lane.isStill) this.#join(lane);
    else this.#publishFront(lane);
  }

  /** Publishes what waits before the lane's hole, in order; of a lane that is probed the oldest alone. */
  #publishFront(lane: Lane): void {
    if (lane.isStill) return;
    const [oldest] = lane.unsettled();
    if (oldest === undefined) return;
    // A list of its own: answers may come while it is gone through.
    for (const entry of lane.flow === "probing" ? [oldest] : [...lane.unsettled()]) {
      if (!this.#isOpen || isStill(lane)) return;
      if (!entry.isInFlight && !entry.isGivenUp) this.#publish(lane, entry);
    }
  }

  #publish(lane: Lane, entry: Entry): void {
    const { event } = entry;
    if (event === null) return;
    if (entry.isDrained && !this.#options.isHeeded(event.type)) return this.#filtered(lane, entry);
    const epoch = this.#epoch;
    entry.isInFlight = true;
    this.#options.publisher.publish(event, (outcome: PublishOutcome) => {
      if (epoch !== this.#epoch || !entry.isInFlight) return;
      entry.isInFlight = false;
      if (outcome === "refused") return this.#refused(lane, entry);
      if (outcome === "filtered") return this.#filtered(lane, entry);
      this.#confirmations += 1;
      this.#options.events.confirmed(this.#options.clock.nowMs() - entry.acceptedAtMs);
      this.#settle(lane, entry);
    });
  }

  #filtered(lane: Lane, entry: Entry): void {
    if (entry.event === null) return;
    this.#options.observe({ kind: "event.filtered", shard: lane.shard, type: entry.event.type });
    this.#settle(lane, entry);
  }

  #settle(lane: Lane, entry: Entry): void {
    entry.event?.trace?.end(entry.isGivenUp ? "refused" : "confirmed");
    // Let go of at once: the body may be megabytes, and its place in the lane may be kept for long.
    entry.event = null;
    this.#release(lane, entry);
    if (!entry.isSpooled) this.#secure(1);
    if (lane.isHead(entry)) {
      this.#advance(lane);
      lane.pausesInARow = 0;
      if (lane.flow === "probing") {
        lane.flow = "free";
        this.#publishFront(lane);
      }
    }
    this.#joinIfWaiting(lane);
    this.#tellEmpty(lane);
    if (this.#toDrain.size > 0) this.#drain();
  }

  #advance(lane: Lane): void {
    const reached = lane.advance((entry) => {
      this.#spool?.writer.pass(lane.shard, entry.position, 1, entry.bodyBytes);
    });
    for (const { sessionId, sequence, receivedAtMs } of reached) {
      this.#options.events.published(lane.shard, sessionId, sequence, receivedAtMs);
    }
  }

  // Refusals.

  #refused(lane: Lane, entry: Entry): void {
    if (entry.refusals === 0) entry.confirmationsBefore = this.#confirmations;
    this.#countRefusal(lane, entry, this.#confirmations > entry.confirmationsBefore);
    if (lane.flow === "paused") return;
    lane.flow = "paused";
    const { clock } = this.#options;
    const pauseMs = Math.min(PAUSE_MS * 2 ** lane.pausesInARow, PAUSE_MOST_MS);
    lane.pausesInARow += 1;
    clock.schedule(clock.nowMs() + pauseMs, () => {
      // The oldest first, and alone: what is published behind an event that is refused again overtakes it. Its last
      // try is with all the others, which show whether it is refused for its own sake.
      const [oldest] = lane.unsettled();
      const isAlone = oldest !== undefined && !oldest.isGivenUp && oldest.refusals < REFUSALS_MOST - 1;
      lane.flow = isAlone ? "probing" : "free";
      if (this.#isOpen) this.#resume(lane);
      this.#drain();
    });
  }

  #countRefusal(lane: Lane, entry: Entry, isItsOwnFault: boolean): void {
    const { event } = entry;
    if (event === null) return;
    entry.refusals += 1;
    if (entry.refusals < REFUSALS_MOST || !isItsOwnFault) return;
    entry.isGivenUp = true;
    const key = keyOf(lane.shard, entry.sessionId, entry.sequence);
    const before = this.#givenUp.get(key);
    if (before !== undefined) {
      // One loss, told already or soon.
      before.copies.push(entry);
      return;
    }
    this.#givenUp.set(key, { lane, copies: [entry] });
    if (this.#spool === null) return this.#tellGivenUp(event, false);
    this.#toQuarantine.push(event);
    this.#spool.writer.ask();
  }

  #tellGivenUp(event: OutgoingEvent, kept: boolean): void {
    const { shard, type, session, sequence, body } = event;
    this.#options.observe({
      kind: "event.quarantined",
      shard,
      type,
      session,
      sequence,
      bytes: body.length,
      kept,
    });
    this.#options.events.givenUp(event);
  }

  // To the spool.

  /** Looks again soon whether the broker has left something unconfirmed for too long, as long as anything is held. */
  #lookLater(): void {
    if (this.#cancelLook !== null) return;
    const { clock } = this.#options;
    this.#cancelLook = clock.schedule(clock.nowMs() + LOOK_EVERY_MS, () => {
      this.#cancelLook = null;
      const tooOldMs = clock.nowMs() - SPOOL_AFTER_MS;
      for (const lane of this.#lanes.values()) {
        // Most hold nothing at any one time, and there may be thousands.
        if (lane.heldBytes === 0) continue;
        lane.unshareBodies(tooOldMs);
        // It is published in a moment, or another has it from Discord: the disk would only bring it late.
        if (lane.isWithheld) continue;
        const [oldest] = lane.unplaced();
        if (oldest !== undefined && oldest.acceptedAtMs <= tooOldMs) this.#startSpooling(lane);
      }
      if (this.#heldEvents > 0) this.#lookLater();
    });
  }

  #startSpooling(lane: Lane): void {
    if (this.#spool === null) return;
    if (!lane.isSpooling) {
      lane.isSpooling = true;
      this.#spoolingLanes += 1;
      if (this.#spoolingLanes === 1) {
        this.#options.observe({ kind: "spool.used", unconfirmedEvents: this.#heldEvents });
      }
    }
    this.#ask(lane);
  }

  #ask(lane: Lane): void {
    this.#toSpool.add(lane);
    this.#spool?.writer.ask();
  }

  #take(lastPosition: number, enough: { events: number; bytes: number }, roomBytes: number): Taken {
    const events: SpooledEvent[] = [];
    const notedPoints = this.#takeNotedPoints();
    const points = new Map(notedPoints);
    const entries = new Map<Lane, Entry[]>();
    let position = lastPosition;
    let bytes = 0;
    let isCut = false;
    for (const lane of this.#toSpool) {
      const taken: Entry[] = [];
      for (const entry of lane.unplaced()) {
        const withIt = bytes + entry.bodyBytes;
        isCut = withIt > roomBytes || (bytes > 0 && withIt > enough.bytes) || events.length >= enough.events;
        if (isCut) break;
        bytes = withIt;
        position += 1;
        entry.position = position;
        taken.push(entry);
        if (entry.event !== null) events.push({ position, event: entry.event });
      }
      // To the end of the line: every shard has its turn.
      this.#toSpool.delete(lane);
      if (isCut) this.#toSpool.add(lane);
      const last = taken.at(-1);
      if (last !== undefined) {
        entries.set(lane, taken);
        const point = this.#options.events.pointOf(lane.shard, last.sessionId);
        if (point !== null) points.set(lane.shard, upTo(last, point));
      }
      if (isCut) break;
    }
    const quarantined = this.#toQuarantine;
    this.#toQuarantine = [];
    this.#beingWritten = { entries, notedPoints, points, quarantined };
    // Points that said nothing new are not written at all.
    this.#secure(0);
    return { events, points, quarantined, lastPosition: position, isCut };
  }

  /** Those that say more than what the spool already covers. */
  #takeNotedPoints(): Map<number, SpooledPoint> {
    const points = new Map<number, SpooledPoint>();
    for (const [shard, point] of this.#notedPoints) {
      const durable = this.#lanes.get(shard)?.durable;
      if (durable?.sessionId !== point.sessionId || durable.sequence < point.sequence) {
        points.set(shard, point);
      }
    }
    this.#notedPoints.clear();
    return points;
  }

  #written(): void {
    const { entries, points, quarantined } = this.#beingWritten;
    this.#beingWritten = NOTHING_WRITTEN;
    for (const [shard, { sessionId, sequence }] of points) {
      this.#lane(shard).durable = { sessionId, sequence };
      this.#options.events.durable(shard, sessionId, sequence);
    }
    for (const [lane, written] of entries) {
      let secured = 0;
      for (const entry of written) {
        entry.isSpooled = true;
        if (entry.event !== null) secured += 1;
        else if (entry.isEvent && entry.position <= lane.passedPosition) {
          this.#spool?.writer.pass(lane.shard, entry.position, 1, entry.bodyBytes);
        }
      }
      this.#secure(secured);
      if (lane.isAbandoned) this.#finishAbandoning(lane);
      else this.#sinkOrJoin(lane, written.at(-1)?.position ?? 0);
    }
    for (const event of quarantined) this.#tellGivenUp(event, event.body.length <= QUARANTINE_MAX_BYTES);
    this.#secure(0);
  }

  #notWritten(): void {
    const { entries, notedPoints, quarantined } = this.#beingWritten;
    this.#beingWritten = NOTHING_WRITTEN;
    for (const [lane, notWritten] of entries) {
      for (const entry of notWritten) entry.position = 0;
      if (lane.isAbandoned) {
        this.#finishAbandoning(lane);
        continue;
      }
      this.#toSpool.add(lane);
      this.#joinIfWaiting(lane);
    }
    this.#notedPoints = new Map([...notedPoints, ...this.#notedPoints]);
    // The shard is not to wait for a disk that takes nothing.
    for (const event of quarantined) this.#tellGivenUp(event, false);
  }

  /** The spool has lost what it held, and begun anew: what is in memory is written again, the rest is missing. */
  #spoolLost(): void {
    for (const lane of this.#lanes.values()) {
      for (const entry of lane.held()) {
        if (entry.isSpooled && entry.event !== null) this.#unsecured += 1;
        entry.isSpooled = false;
        entry.position = 0;
      }
      lane.durable = null;
      this.#toSpool.add(lane);
      if (lane.hasHole) this.#tellUnreadable(lane, lane.skipHole().events, "the spool was moved aside");
    }
    this.#lookLater();
  }

  /** A tail that waits for the disk alone goes to the broker instead. */
  #joinIfWaiting(lane: Lane): void {
    const isNext = lane.isSpooling && !lane.hasHole && lane.frontLength === 0;
    if (isNext && this.#isOpen && !lane.isStill) this.#join(lane);
  }

  /** What the spool has taken need not be in memory, unless it is on its way to the broker or can be at once. */
  #sinkOrJoin(lane: Lane, position: number): void {
    if (!lane.isSpooling) return;
    if (this.#isOpen && this.#hasRoom && !lane.hasHole && !lane.isStill) return this.#join(lane);
    const sunk = lane.sink(position);
    if (!this.#isOpen) sunk.push(...lane.sinkFront());
    for (const entry of sunk) {
      if (entry.event === null) continue;
      entry.event.trace?.end("spooled");
      this.#release(lane, entry);
    }
    if (!lane.hasHole) return;
    this.#toDrain.add(lane);
    this.#drain();
  }

  // From the spool.

  /** Reads holes, one page at a time, as long as the broker takes events and memory has room for them. */
  #drain(): void {
    if (this.#isReading || !this.#isOpen || this.#spool === null) return;
    if (this.#drainedBytes > this.#options.maxBytes * DRAIN_PART) return;
    // Where memory is short because the broker does not confirm, more is of no use to it.
    const frontEnough = this.#hasRoom ? FRONT_ENOUGH : 0;
    for (const lane of this.#toDrain) {
      if (lane.isStill || lane.frontLength > frontEnough) continue;
      // To the end of the line: every shard has its turn.
      this.#toDrain.delete(lane);
      this.#toDrain.add(lane);
      this.#isReading = true;
      this.#read(lane, this.#spool.spool).finally(() => {
        this.#isReading = false;
        this.#drain();
      });
      return;
    }
  }

  async #read(lane: Lane, spool: Spool): Promise<void> {
    const { clock, maxBytes } = this.#options;
    const pageBytes = Math.min(PAGE_BYTES, maxBytes * PAGE_PART);
    const epoch = lane.holeEpoch;
    const read = await spool.read(lane.shard, lane.readPosition, pageBytes).catch(failureText);
    if (epoch !== lane.holeEpoch) return;
    if (typeof read === "string") return await this.#notRead(lane, read);
    if (read.lastPosition <= lane.readPosition) {
      return await this.#notRead(lane, "events that were written are not there");
    }
    const { events, unreadable, lastPosition } = this.#fitting(read);
    lane.failedReads = 0;
    for (const entry of lane.fill(events, lastPosition, clock)) this.#hold(lane, entry);
    if (unreadable > 0) this.#tellUnreadable(lane, unreadable, "damaged");
    if (!lane.hasHole) {
      // What was there and could not be read is no longer waited for.
      const left = lane.skipHole();
      if (left.events > 0) this.#spool?.writer.pass(lane.shard, 0, left.events, left.bytes);
    }
    this.#publishFront(lane);
    // Where all of it was answered on the spot they are joined already.
    if (lane.isSpooling && !lane.hasHole) this.#join(lane);
  }

  async #notRead(lane: Lane, problem: string): Promise<void> {
    const { clock } = this.#options;
    lane.failedReads += 1;
    // What is given up is deleted, and all before it: that is to be confirmed first.
    const isGivenUp = lane.failedReads >= READ_TRIES && lane.frontLength === 0;
    if (!isGivenUp) return await sleepUntil(clock, clock.nowMs() + READ_AGAIN_MS);
    this.#giveUpHole(lane, problem);
    this.#join(lane);
  }

  /** As much of a page as there is room for, one event at least. */
  #fitting(page: SpooledPage): SpooledPage {
    let bytes = this.#drainedBytes;
    const end = page.events.findIndex(({ event }, index) => {
      bytes += costBytes(event.body.length);
      return index > 0 && bytes > this.#options.maxBytes * DRAIN_PART;
    });
    if (end === -1) return page;
    const events = page.events.slice(0, end);
    // Where among them the damaged ones are is not known: told twice is better than never.
    return { ...page, events, lastPosition: events.at(-1)?.position ?? page.lastPosition };
  }

  #giveUpHole(lane: Lane, error: string): void {
    lane.failedReads = 0;
    const { position, events, bytes } = lane.skipHole();
    this.#spool?.writer.pass(lane.shard, position, events, bytes);
    this.#tellUnreadable(lane, events, error);
  }

  #tellUnreadable(lane: Lane, events: number, error: string): void {
    this.#options.observe({ kind: "spool.unreadable", shard: lane.shard, events, error });
    this.#options.events.unreadable(lane.shard);
  }

  /** Nothing is on disk only any more: what follows is published from memory. */
  #join(lane: Lane): void {
    this.#toDrain.delete(lane);
    this.#toSpool.delete(lane);
    lane.join();
    this.#advance(lane);
    this.#publishFront(lane);
    this.#spoolingLanes -= 1;
    if (this.#spoolingLanes === 0) this.#options.observe({ kind: "spool.emptied" });
  }
}

/** Asked anew after each event, whose answer may come on the spot. */
function isStill(lane: Lane): boolean {
  return lane.isStill;
}

function costBytes(bodyBytes: number): number {
  return bodyBytes + EVENT_OVERHEAD_BYTES;
}

function keyOf(shard: number, sessionId: string, sequence: number): string {
  return `${shard}:${sessionId}:${sequence}`;
}

function upTo({ sequence, receivedAtMs }: Entry, point: SpooledPoint): SpooledPoint {
  return { ...point, sequence, lastEventAtMs: receivedAtMs };
}
