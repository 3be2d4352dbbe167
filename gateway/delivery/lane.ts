/**
 * One shard's events on their way to the broker, in order. In the middle of a lane there may be a hole, filled on
 * disk only:
 *
 *     front (in memory, goes to the broker) · hole (in the spool only) · tail (in memory, goes to the spool)
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { OutgoingEvent } from "./publisher.ts";
import type { SpooledEvent, SpooledLane } from "./spool.ts";

/** An event's place in its lane. */
export interface Entry {
  /** Null once it is settled. */
  event: OutgoingEvent | null;
  /** False for a dispatch that nobody gets: only its place in the order counts. */
  readonly isEvent: boolean;
  readonly sessionId: string;
  readonly sequence: number;
  readonly bodyBytes: number;
  /** Wall clock of its receipt. */
  readonly receivedAtMs: number;
  /** Monotonic time of the same. */
  readonly acceptedAtMs: number;
  /** Whether it was read back from the spool. */
  isDrained: boolean;
  /** Its place in the spool; 0: it has been given none. */
  position: number;
  /** Whether the spool has said that it holds it. */
  isSpooled: boolean;
  /** Whether it was handed to the publisher that is open now, and not answered yet. */
  isInFlight: boolean;
  refusals: number;
  /** How many events the broker had confirmed when it first refused this one. */
  confirmationsBefore: number;
  /** Refused for good: it is not published any more, and waits until the spool has set it aside. */
  isGivenUp: boolean;
}

/** What of a session is behind the head of the lane. */
export interface Reached {
  readonly sessionId: string;
  readonly sequence: number;
  /** Wall clock of its receipt. */
  readonly receivedAtMs: number;
}

/** A lane's settled entries are let go of in bulk, once this many have gathered. */
const COMPACT_AFTER = 1_024;
/** A body whose memory is larger than so many of it shares it. */
const SHARED_FROM = 2;

/** An event as it comes; without one, a dispatch that only takes its place in the order. */
export function newEntry(
  event: OutgoingEvent | null,
  { session, sequence }: Pick<OutgoingEvent, "session" | "sequence">,
  clock: Clock,
): Entry {
  const wallMs = clock.wallMs();
  const receivedAtMs = event?.receivedAtMs ?? wallMs;
  return {
    event,
    isEvent: event !== null,
    sessionId: session,
    sequence,
    bodyBytes: event?.body.length ?? 0,
    receivedAtMs,
    acceptedAtMs: clock.nowMs() - (wallMs - receivedAtMs),
    isDrained: false,
    position: 0,
    isSpooled: false,
    isInFlight: false,
    refusals: 0,
    confirmationsBefore: 0,
    isGivenUp: false,
  };
}

export class Lane {
  readonly shard: number;
  /** What holding its events in memory costs. */
  heldBytes = 0;
  /** New events go to the tail, because older ones wait for the spool or in it. */
  isSpooling = false;
  /** After a refusal nothing is published for a while, and then the oldest event alone until it is through. */
  flow: "free" | "paused" | "probing" = "free";
  pausesInARow = 0;
  /** Nothing is published, because it is not certain yet that nobody else does. */
  isWithheld = false;
  /** Another process runs the shard: what is in memory only is to be let go of as soon as the spool holds still. */
  isAbandoned = false;
  /** Times in a row that the hole could not be read. */
  failedReads = 0;
  /** Counts how often the hole's beginning was moved otherwise than by reading: what was read before is void. */
  holeEpoch = 0;
  /** Highest place in the spool that the head has passed. */
  passedPosition = 0;
  /** How far the spool covers the session. */
  durable: Omit<Reached, "receivedAtMs"> | null = null;
  #front: Entry[] = [];
  #head = 0;
  #tail: Entry[] = [];
  /** The hole: places after the first, up to and including the second. */
  #readPosition = 0;
  #lastPosition = 0;
  #holeEvents = 0;
  #holeBytes = 0;

  constructor(shard: number) {
    this.shard = shard;
  }

  /** Entries in memory before the hole, about. */
  get frontLength(): number {
    return this.#front.length - this.#head;
  }

  /** Nothing waits, in memory or in the spool. */
  get isEmpty(): boolean {
    return this.heldBytes === 0 && !this.hasHole;
  }

  /** Nothing may be published now. */
  get isStill(): boolean {
    return this.isWithheld || this.flow === "paused";
  }

  /** How many events the hole holds. */
  get holeEvents(): number {
    return this.#holeEvents;
  }

  get hasHole(): boolean {
    return this.#readPosition < this.#lastPosition;
  }

  /** After this place the hole begins. */
  get readPosition(): number {
    return this.#readPosition;
  }

  /** Takes over what an earlier process has left in the spool. */
  restore(spooled: SpooledLane): void {
    this.isSpooling = true;
    this.#readPosition = spooled.firstPosition - 1;
    this.#lastPosition = spooled.lastPosition;
    this.#holeEvents = spooled.events;
    this.#holeBytes = spooled.bytes;
  }

  add(entry: Entry): void {
    (this.isSpooling ? this.#tail : this.#front).push(entry);
  }

  /**
   * The same for a dispatch that nobody gets. One behind another takes its place: most of what comes may be such, for as
   * long as an event before it waits.
   */
  addPassed(entry: Entry): void {
    const entries = this.isSpooling ? this.#tail : this.#front;
    const last = entries.at(-1);
    const isOneMore = last !== undefined && !last.isEvent && last.position === 0 &&
      last.sessionId === entry.sessionId && (this.isSpooling || this.frontLength > 0);
    if (isOneMore) entries[entries.length - 1] = entry;
    else entries.push(entry);
  }

  /** The entries in memory before the hole that are not settled, oldest first. */
  *unsettled(): Generator<Entry> {
    for (let index = this.#head; index < this.#front.length; index += 1) {
      const entry = this.#front[index];
      if (entry !== undefined && entry.event !== null) yield entry;
    }
  }

  /** The entries that have no place in the spool, oldest first. */
  *unplaced(): Generator<Entry> {
    for (const entry of this.unsettled()) {
      if (entry.position === 0) yield entry;
    }
    for (const entry of this.#tail) {
      if (entry.position === 0) yield entry;
    }
  }

  /** True where the entry is the oldest: what it reached is now reached by the lane. */
  isHead(entry: Entry): boolean {
    return this.#front[this.#head] === entry;
  }

  /**
   * Gives each body accepted up to then, by the monotonic clock, memory of its own. It comes in a block that it shares
   * with others, and keeps all of that for as long as it waits: many times what it counts for.
   */
  unshareBodies(acceptedUntilMs: number): void {
    for (const entry of this.held()) {
      if (entry.acceptedAtMs > acceptedUntilMs) return;
      const { event } = entry;
      if (event === null || event.body.buffer.byteLength <= SHARED_FROM * event.body.length) continue;
      entry.event = { ...event, body: event.body.slice() };
    }
  }

  /** Every entry in memory, oldest first. */
  *held(): Generator<Entry> {
    yield* this.#front.slice(this.#head);
    yield* this.#tail;
  }

  /** Moves the head over what is settled, and says how far each session has come, in order. */
  advance(passed: (spooled: Entry) => void): Reached[] {
    const reached: Reached[] = [];
    let last: Entry | null = null;
    for (let entry; (entry = this.#front[this.#head]) !== undefined && entry.event === null;) {
      // The old session's last entries may still be here when a new session's first are.
      if (last !== null && last.sessionId !== entry.sessionId) reached.push(last);
      last = entry;
      this.#head += 1;
      if (entry.position === 0) continue;
      this.passedPosition = entry.position;
      if (entry.isSpooled && entry.isEvent) passed(entry);
    }
    if (last !== null) reached.push(last);
    if (this.#head === this.#front.length) {
      this.#front = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_AFTER) {
      this.#front.splice(0, this.#head);
      this.#head = 0;
    }
    return reached;
  }

  /** Lets the tail's entries up to this place go from memory: the hole holds them. Returns those it let go. */
  sink(position: number): Entry[] {
    const end = this.#tail.findIndex((entry) => entry.position === 0 || entry.position > position);
    const sunk = this.#tail.splice(0, end === -1 ? this.#tail.length : end);
    const kept = sunk.filter(({ event }) => event !== null);
    const [first] = kept;
    if (first === undefined) return sunk;
    // What is in memory before it may be in the spool too.
    if (!this.hasHole) this.#readPosition = first.position - 1;
    this.#lastPosition = kept.at(-1)?.position ?? this.#lastPosition;
    this.#holeEvents += kept.length;
    this.#holeBytes += kept.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    return sunk;
  }

  /**
   * Where all that waits in the front is in the spool, its last entry included, lets it go from memory too: the hole begins earlier. Returns
   * the entries that are not settled.
   */
  sinkFront(): Entry[] {
    const rest = this.#front.slice(this.#head);
    const unsettled = rest.filter(({ event }) => event !== null);
    const [first] = unsettled;
    // Behind the last that is in the spool nothing may be forgotten that is reached already.
    const isInSpool = rest.at(-1)?.isSpooled &&
      unsettled.every((entry) => entry.isSpooled && !entry.isGivenUp);
    if (first === undefined || !isInSpool) return [];
    // What was settled before it could be written is not there, and not needed.
    const rows = rest.filter(({ isEvent, isSpooled }) => isEvent && isSpooled);
    if (!this.hasHole) this.#lastPosition = rows.at(-1)?.position ?? 0;
    this.#readPosition = first.position - 1;
    this.holeEpoch += 1;
    this.#holeEvents += rows.length;
    this.#holeBytes += rows.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    this.#front = [];
    this.#head = 0;
    return unsettled;
  }

  /** Fills the beginning of the hole, up to this place, from what was read of it; returns the new entries. */
  fill(events: readonly SpooledEvent[], lastPosition: number, clock: Clock): Entry[] {
    // What was written while it was read is still in the tail.
    const entries = events.filter(({ position }) => position <= this.#lastPosition).map(
      ({ position, event }) => {
        const entry = newEntry(event, event, clock);
        return Object.assign(entry, { position, isSpooled: true, isDrained: true });
      },
    );
    this.#front.push(...entries);
    this.#readPosition = Math.min(lastPosition, this.#lastPosition);
    this.#holeEvents -= entries.length;
    this.#holeBytes -= entries.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    return entries;
  }

  /** Gives the hole up: nobody can read it. */
  skipHole(): { position: number; events: number; bytes: number } {
    const skipped = { position: this.#lastPosition, events: this.#holeEvents, bytes: this.#holeBytes };
    this.#readPosition = this.#lastPosition;
    this.holeEpoch += 1;
    this.#holeEvents = 0;
    this.#holeBytes = 0;
    return skipped;
  }

  /**
   * Lets everything go from memory. What of it is in the spool and not settled is in the hole then: from its first place to
   * the last there is. Returns what is in the spool and settled before that.
   */
  abandon(): Entry[] {
    const rows = [...this.held()].filter(({ isEvent, isSpooled }) => isEvent && isSpooled);
    const firstKept = rows.findIndex(({ event }) => event !== null);
    const settled = firstKept === -1 ? rows : rows.slice(0, firstKept);
    const kept = firstKept === -1 ? [] : rows.slice(firstKept);
    this.#front = [];
    this.#tail = [];
    this.#head = 0;
    this.holeEpoch += 1;
    const [first] = kept;
    if (first === undefined) return settled;
    this.#readPosition = this.hasHole ? Math.min(this.#readPosition, first.position - 1) : first.position - 1;
    this.#lastPosition = Math.max(this.#lastPosition, kept.at(-1)?.position ?? 0);
    this.#holeEvents += kept.length;
    this.#holeBytes += kept.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    return settled;
  }

  /** The hole is gone: front and tail are one again. */
  join(): void {
    for (const entry of this.#tail) this.#front.push(entry);
    this.#tail = [];
    this.isSpooling = false;
  }
}
