/**
 * The way of a service's events from its shards to its outbox: straight, but where the number of shards changes by way of a
 * {@link Rehearsal} or a {@link Farewell}.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { OutgoingEvent } from "../delivery/publisher.ts";
import { Farewell } from "./farewell.ts";
import type { Digest } from "./overlap.ts";
import { type EventLane, Rehearsal } from "./rehearsal.ts";

/**
 * Of each new session the events of so long are kept. What two sessions of a guild both see comes to them within much less,
 * unless one of them is away; whatever is told apart by this comes twice, and is not lost.
 */
export const OVERLAP_MS = 5_000;
/** What the old side has published is told from so much earlier on: what it saw first is not published once more. */
const TOLD_MS = OVERLAP_MS + 2_000;

export interface EventWayOptions {
  readonly outbox: EventLane;
  readonly clock: Clock;
  readonly digest: Digest;
  /** Most bytes of events that wait for something to be decided. */
  readonly maxBytes: number;
}

export class EventWay implements EventLane {
  readonly #options: EventWayOptions;
  #rehearsal: Rehearsal | null = null;
  #farewell: Farewell | null = null;

  constructor(options: EventWayOptions) {
    this.#options = options;
  }

  accept(event: OutgoingEvent): void {
    this.#lane.accept(event);
  }

  pass(shard: number, session: string, sequence: number): void {
    this.#lane.pass(shard, session, sequence);
  }

  letGo(shard: number, session: string, sequence: number): void {
    this.#lane.letGo(shard, session, sequence);
  }

  /** The shard does not run here any more. */
  left(shard: number): void {
    this.#rehearsal?.left(shard);
    this.#farewell?.left(shard);
  }

  // New sessions.

  /** Publishes nothing, until {@link takeOver}. */
  rehearse(): void {
    const { outbox, clock, digest, maxBytes } = this.#options;
    this.#rehearsal = new Rehearsal({ outbox, clock, digest, keptMs: OVERLAP_MS, keptMaxBytes: maxBytes });
  }

  /** See {@link Rehearsal.keepAll}. */
  keepAll(isKept: boolean): void {
    this.#rehearsal?.keepAll(isKept);
  }

  /** See {@link Rehearsal.takeOver}. */
  takeOver(published: Iterable<string>): void {
    this.#rehearsal?.takeOver(published);
  }

  /** See {@link Rehearsal.seen}. */
  get seen(): readonly string[] {
    return this.#rehearsal?.seen ?? [];
  }

  // Old sessions.

  /** Notes from now on what is published. */
  watch(): void {
    const { outbox, clock, digest, maxBytes } = this.#options;
    this.#farewell = new Farewell({ outbox, clock, digest, toldMs: TOLD_MS, heldMaxBytes: maxBytes });
  }

  /** See {@link Farewell.hold}. */
  hold(): void {
    this.#farewell?.hold();
  }

  /** See {@link Farewell.published}. */
  get published(): readonly string[] {
    return this.#farewell?.published ?? [];
  }

  /** See {@link Farewell.end}. */
  end(seen: Iterable<string>): number {
    return this.#farewell?.end(seen) ?? 0;
  }

  /** It is over, however it went: what was held back goes on its way, and whatever comes. */
  beStraight(): void {
    this.#farewell?.letOn();
    this.#farewell = null;
    this.#rehearsal = null;
  }

  get #lane(): EventLane {
    return this.#rehearsal ?? this.#farewell ?? this.#options.outbox;
  }
}
