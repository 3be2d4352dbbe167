/**
 * The outbox: every event between its socket and the broker's confirmation. One ordered lane per shard; nothing
 * overtakes within a lane, and nothing leaves it before the broker has confirmed it.
 *
 * Bounded in bytes over the process. A shard that delivers beyond the bound is to be parked by whoever drives
 * it: its socket closed resumably, so that Discord keeps the rest until there is room again.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { OutgoingEvent, Publisher } from "./publisher.ts";

/** What an outbox tells the service. */
export interface OutboxEvents {
  /** Everything of this session up to `sequence` is confirmed by the broker. */
  published(shard: number, sessionId: string, sequence: number): void;
  /** This shard delivers beyond the bound. */
  full(shard: number): void;
  /** Half of the bound is free again, after it was exceeded. */
  room(): void;
  /** One event was confirmed so long after its receipt. */
  confirmed(delayMs: number): void;
}

interface Entry {
  /** Null once it is settled, confirmed or not to be published at all: then only its place in the order counts. */
  event: OutgoingEvent | null;
  readonly sessionId: string;
  readonly sequence: number;
  readonly acceptedAtMs: number;
}

class Lane {
  /** Entries from `head` on are not yet published, or follow one that is not. */
  entries: Entry[] = [];
  head = 0;
}

/** A lane's settled entries are let go of in bulk, once this many have gathered. */
const COMPACT_AFTER = 1_024;

export class Outbox {
  readonly #publisher: Publisher;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #events: OutboxEvents;
  readonly #lanes = new Map<number, Lane>();
  /** Counts the openings of the publisher: a confirmation of an earlier one is nobody's any more. */
  #epoch = 0;
  #open = false;
  #bytes = 0;
  #count = 0;
  #exceeded = false;
  #whenEmpty: (() => void)[] = [];

  constructor(options: { publisher: Publisher; clock: Clock; maxBytes: number; events: OutboxEvents }) {
    this.#publisher = options.publisher;
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes;
    this.#events = options.events;
  }

  /** Body bytes that wait for a confirmation. */
  get unconfirmedBytes(): number {
    return this.#bytes;
  }

  /** Events that wait for a confirmation. */
  get unconfirmedEvents(): number {
    return this.#count;
  }

  /** The publisher takes events: everything unconfirmed goes out again, in order. */
  opened(): void {
    const epoch = ++this.#epoch;
    this.#open = true;
    for (const [shard, lane] of this.#lanes) {
      for (const entry of lane.entries.slice(lane.head)) {
        // Closed again by what was just published.
        if (epoch !== this.#epoch) return;
        this.#publish(shard, lane, entry);
      }
    }
  }

  closed(): void {
    this.#epoch += 1;
    this.#open = false;
  }

  /** Takes an event into its shard's lane, and publishes it if the broker is there. */
  accept(event: OutgoingEvent): void {
    const lane = this.#lane(event.shard);
    const entry: Entry = {
      event,
      sessionId: event.session,
      sequence: event.sequence,
      acceptedAtMs: this.#clock.nowMs(),
    };
    lane.entries.push(entry);
    this.#bytes += event.body.length;
    this.#count += 1;
    if (this.#open) this.#publish(event.shard, lane, entry);
    if (this.#bytes <= this.#maxBytes) return;
    this.#exceeded = true;
    this.#events.full(event.shard);
  }

  /** Notes a dispatch that is not published, so that the published sequence can move over it in its turn. */
  pass(shard: number, sessionId: string, sequence: number): void {
    const lane = this.#lane(shard);
    lane.entries.push({ event: null, sessionId, sequence, acceptedAtMs: this.#clock.nowMs() });
    this.#advance(shard, lane);
  }

  /** Resolves once nothing waits for a confirmation. */
  empty(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty.push(resolve));
  }

  #lane(shard: number): Lane {
    let lane = this.#lanes.get(shard);
    if (lane === undefined) {
      lane = new Lane();
      this.#lanes.set(shard, lane);
    }
    return lane;
  }

  #publish(shard: number, lane: Lane, entry: Entry): void {
    const { event } = entry;
    if (event === null) return;
    const epoch = this.#epoch;
    this.#publisher.publish(event, () => {
      if (epoch !== this.#epoch || entry.event === null) return;
      // Let go of at once: the body may be megabytes, and its place in the lane may be kept for long.
      entry.event = null;
      this.#settled(shard, lane, entry, event.body.length);
    });
  }

  #settled(shard: number, lane: Lane, entry: Entry, bodyBytes: number): void {
    this.#bytes -= bodyBytes;
    this.#count -= 1;
    this.#events.confirmed(this.#clock.nowMs() - entry.acceptedAtMs);
    if (lane.entries[lane.head] === entry) this.#advance(shard, lane);
    if (this.#exceeded && this.#bytes <= this.#maxBytes / 2) {
      this.#exceeded = false;
      this.#events.room();
    }
    if (this.#count === 0) {
      for (const resolve of this.#whenEmpty.splice(0)) resolve();
    }
  }

  /** Moves the head over what is settled and says how far the session is published. */
  #advance(shard: number, lane: Lane): void {
    let last: Entry | null = null;
    for (let entry; (entry = lane.entries[lane.head]) !== undefined && entry.event === null;) {
      // The old session's last entries may still be here when a new session's first are.
      if (last !== null && last.sessionId !== entry.sessionId) {
        this.#events.published(shard, last.sessionId, last.sequence);
      }
      last = entry;
      lane.head += 1;
    }
    if (lane.head === lane.entries.length) {
      lane.entries = [];
      lane.head = 0;
    } else if (lane.head >= COMPACT_AFTER) {
      lane.entries.splice(0, lane.head);
      lane.head = 0;
    }
    if (last !== null) this.#events.published(shard, last.sessionId, last.sequence);
  }
}
