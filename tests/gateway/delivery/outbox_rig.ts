/**
 * An outbox before a broker in memory, with or without a spool, and a record of what it says.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Outbox } from "../../../gateway/delivery/outbox.ts";
import type { SpooledPoint } from "../../../gateway/delivery/spool.ts";
import type { OutgoingEvent, Publisher } from "../../../gateway/delivery/publisher.ts";
import type { Observation } from "../../../gateway/observation.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryPublisher } from "../../fakes/memory_publisher.ts";

/** What an event counts for besides its body. */
export const OVERHEAD_BYTES = 500;
/** What an event counts for in all, unless a test gives it another body. */
export const EVENT_BYTES = 1_000;

const BODY = new Uint8Array(EVENT_BYTES - OVERHEAD_BYTES);

/** The point of session "a", as the shard has it before anything is confirmed. */
export const POINT: SpooledPoint = {
  sessionId: "a",
  sequence: 0,
  resumeGatewayUrl: null,
  intents: 1,
  configuredPresence: null,
  startedAtMs: 7,
  lastEventAtMs: null,
  lost: [],
};

export class OutboxRig {
  readonly clock = new ManualClock();
  readonly publisher = new MemoryPublisher();
  readonly outbox: Outbox;
  /** What was said to be published, as `shard session sequence`. */
  readonly published: string[] = [];
  /** The same of what was said to be durable. */
  readonly durable: string[] = [];
  /** What was said of room, in order: `full <shard>`, `room`. */
  readonly room: string[] = [];
  readonly delaysMs: number[] = [];
  /** Names of events that are of use to nobody. */
  readonly unheeded = new Set<string>();
  readonly givenUp: OutgoingEvent[] = [];
  /** Shards of which events could not be read. */
  readonly unreadable: number[] = [];
  readonly observed: Observation[] = [];

  constructor(maxBytes = 1_000_000, publisher: Publisher = this.publisher) {
    this.outbox = new Outbox({
      publisher,
      clock: this.clock,
      observe: (observation) => this.observed.push(observation),
      maxBytes,
      isHeeded: (type) => !this.unheeded.has(type),
      events: {
        published: (shard, session, sequence) => this.published.push(`${shard} ${session} ${sequence}`),
        durable: (shard, session, sequence) => {
          assert(this.outbox.spooled !== null, "without a spool only the store makes anything durable");
          this.durable.push(`${shard} ${session} ${sequence}`);
        },
        pointOf: (_shard, sessionId) => sessionId === "lost" ? null : { ...POINT, sessionId },
        unreadable: (shard) => this.unreadable.push(shard),
        givenUp: (event) => this.givenUp.push(event),
        full: (shard) => this.room.push(`full ${shard}`),
        room: () => this.room.push("room"),
        confirmed: (delayMs) => this.delaysMs.push(delayMs),
      },
    });
    publisher.start({
      opened: () => this.outbox.opened(),
      closed: (refusal) => this.outbox.closed(refusal),
    });
  }

  accept(sequence: number, fields: Partial<OutgoingEvent> = {}): void {
    this.outbox.accept({
      shard: 0,
      session: "a",
      sequence,
      type: "MESSAGE_CREATE",
      body: BODY,
      receivedAtMs: this.clock.wallMs(),
      partition: null,
      trace: null,
      ...fields,
    });
  }

  acceptAll(first: number, last: number, fields: Partial<OutgoingEvent> = {}): void {
    for (let sequence = first; sequence <= last; sequence += 1) this.accept(sequence, fields);
  }

  /** Sequences handed to the broker, repeats included, in order. */
  get handedOver(): number[] {
    return this.publisher.published.map(({ sequence }) => sequence);
  }

  get givenUpSequences(): number[] {
    return this.givenUp.map(({ sequence }) => sequence);
  }

  kinds(...kinds: Observation["kind"][]): Observation["kind"][] {
    return this.observed.map(({ kind }) => kind).filter((kind) => kinds.includes(kind));
  }
}
