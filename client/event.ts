/**
 * Events as handlers see them.
 *
 * @module
 */
import type { GatewayDispatchPayload } from "discord-api-types/v10";

/** The type of each event's `d`, by the event's name. */
export type EventDataByName = {
  [Payload in GatewayDispatchPayload as `${Payload["t"]}`]: Payload["d"];
};

/** Name of a dispatch event: `MESSAGE_CREATE`, or a member of `GatewayDispatchEvents`. */
export type EventName = keyof EventDataByName;

/** What came with an event's data. */
export interface ReceivedEvent {
  /** `MESSAGE_CREATE`. */
  readonly name: string;
  /** `<session id>:<sequence>`, the same for every copy of an event. */
  readonly id: string;
  readonly shard: number;
  /** When the gateway received it, to the second. */
  readonly receivedAt: Date;
  /** It has been delivered before, to a consumer that went away; its handler may have run there, or not. */
  readonly redelivered: boolean;
  /** W3C Trace Context of the gateway's span, the parent of the bot's own (docs/tracing.md); null: it is not traced. */
  readonly traceparent: string | null;
  /** The whole payload, each byte as Discord sent it: `{"op":0,"t":…,"s":…,"d":…}`. */
  readonly body: Uint8Array;
}

/**
 * Deals with an event. What it returns is awaited, and then the event is acknowledged; where it throws or rejects, the
 * event is not dealt with.
 */
export type EventHandler<Name extends EventName> = (
  data: EventDataByName[Name],
  event: ReceivedEvent,
) => unknown;
