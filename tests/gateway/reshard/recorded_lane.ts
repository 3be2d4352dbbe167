/**
 * A lane that remembers what it was given.
 *
 * @module
 */
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import type { EventLane } from "../../../gateway/reshard/rehearsal.ts";

export class RecordedLane implements EventLane {
  /** `shard session sequence`, passed ones in brackets, in order. */
  readonly given: string[] = [];
  readonly accepted: OutgoingEvent[] = [];

  accept(event: OutgoingEvent): void {
    this.accepted.push(event);
    this.given.push(`${event.shard} ${event.session} ${event.sequence}`);
  }

  pass(shard: number, session: string, sequence: number): void {
    this.given.push(`(${shard} ${session} ${sequence})`);
  }

  letGo(): void {}
}

const encoder = new TextEncoder();

/** A dispatch of a session about something. */
export function seen(shard: number, session: string, sequence: number, d: unknown = sequence): OutgoingEvent {
  return {
    shard,
    session,
    sequence,
    type: "MESSAGE_CREATE",
    body: encoder.encode(`{"t":"MESSAGE_CREATE","s":${sequence},"op":0,"d":${JSON.stringify(d)}}`),
    receivedAtMs: 0,
    partition: null,
    trace: null,
  };
}

/** What it is about. */
export function about({ body }: OutgoingEvent): unknown {
  return JSON.parse(new TextDecoder().decode(body)).d;
}
