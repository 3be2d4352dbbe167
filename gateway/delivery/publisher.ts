/**
 * The port through which events leave for the broker.
 *
 * @module
 */

import type { EventTrace } from "./tracing.ts";

/** One event as Discord sent it, with what its AMQP properties are made from. */
export interface OutgoingEvent {
  readonly shard: number;
  /**
   * Session id, at most 200 ASCII characters; with the sequence it makes the `message_id`, the same for every repeat
   * of the event.
   */
  readonly session: string;
  readonly sequence: number;
  /** Event name, the routing key: `MESSAGE_CREATE`. At most 255 bytes. */
  readonly type: string;
  /** The payload exactly as received, decompressed. Never changed by anyone. */
  readonly body: Uint8Array;
  /** Wall clock of receipt, milliseconds since the epoch. */
  readonly receivedAtMs: number;
  /** From 0 on. Null where there are none, and of what comes out of the spool, whose body tells it again. */
  readonly partition: number | null;
  /** Null for an event that nobody traces. */
  readonly trace: EventTrace | null;
}

/**
 * What became of one event. `refused`: the broker would not take it (nack); the way stays open for others. `filtered`:
 * nobody wants it, and it was not published.
 */
export type PublishOutcome = "confirmed" | "refused" | "filtered";

/** What a publisher tells its user. */
export interface PublisherEvents {
  /** The broker takes events now. Whatever was published before and not confirmed is to be published again. */
  opened(): void;
  /**
   * The broker takes no events until the next `opened`. No outcome of an earlier event comes any more.
   * Also the answer to a returned event (its queue vanished): the channel is given up, the topology is declared
   * again, and `opened` follows.
   *
   * `bodyMaxBytes` is set where the broker closed the channel because an event was larger than it takes: then every
   * event on its way with a larger body counts as refused.
   */
  closed(refusal: { readonly bodyMaxBytes: number } | null): void;
}

/** An open way to the broker, in confirm mode. */
export interface Publisher {
  /** Connects, and reconnects for as long as it takes, until {@link close}. Safe to call once. */
  start(events: PublisherEvents): void;
  /**
   * Hands one event over; only between `opened` and `closed`. Events are taken in the order of the calls.
   * `settled` is called at most once, with what became of it.
   */
  publish(event: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void;
  /** Closes the connection in good order. Safe twice, and before `start`. */
  close(): Promise<void>;
}
