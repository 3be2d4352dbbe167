/**
 * The port through which traces of events are begun: one span each, from the event's receipt to the broker's
 * confirmation. A consumer's spans join it by the `traceparent` that the message carries.
 *
 * @module
 */
import type { OutgoingEvent } from "./publisher.ts";

/**
 * How the gateway's part of an event's way ended. `spooled`: it went to disk and out of memory, and what is published
 * of it later has no trace. `abandoned`: another process runs the shard, or another session has seen the same, and that
 * is published.
 */
export type TraceOutcome = "confirmed" | "refused" | "spooled" | "abandoned";

/** The span of one event. */
export interface EventTrace {
  /** W3C Trace Context, of 55 ASCII characters: `00-<trace id>-<span id>-<flags>`. */
  readonly traceparent: string;
  end(outcome: TraceOutcome): void;
}

export interface EventTracer {
  /** Null for an event that is not among those sampled. */
  begin(event: OutgoingEvent): EventTrace | null;
}
