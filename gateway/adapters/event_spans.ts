/**
 * Spans of events, by OpenTelemetry.
 *
 * @module
 */
import type { SpanOptions, Tracer } from "@opentelemetry/api";
import type { Dice } from "../clock.ts";
import type { OutgoingEvent } from "../delivery/publisher.ts";
import type { EventTrace, EventTracer, TraceOutcome } from "../delivery/tracing.ts";

export interface EventSpansOptions {
  /** The exchange that events are published to. */
  readonly exchange: string;
  /** Part of the events that get a span, 0 to 1. */
  readonly ratio: number;
  readonly dice: Dice;
  readonly tracer: Pick<Tracer, "startSpan">;
}

/** OpenTelemetry's numbers, so that its package is needed for its types alone (OpenTelemetry API, Span Kind and Status). */
const KIND_PRODUCER = 3;
const STATUS_ERROR = 2;

/**
 * Attributes and the span's name are those that OpenTelemetry has for messaging (semantic conventions, RabbitMQ), but
 * for the shard, for which it has none.
 */
export class EventSpans implements EventTracer {
  readonly #options: EventSpansOptions;

  constructor(options: EventSpansOptions) {
    this.#options = options;
  }

  begin({ shard, session, sequence, type, body, receivedAtMs }: OutgoingEvent): EventTrace | null {
    const { exchange, ratio, dice, tracer } = this.#options;
    if (dice() >= ratio) return null;
    const options: SpanOptions = {
      kind: KIND_PRODUCER,
      root: true,
      startTime: receivedAtMs,
      attributes: {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": `${exchange}:${type}`,
        "messaging.rabbitmq.destination.routing_key": type,
        "messaging.message.id": `${session}:${sequence}`,
        "messaging.message.body.size": body.length,
        "discord.shard.id": shard,
      },
    };
    const span = tracer.startSpan(`publish ${exchange}:${type}`, options);
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
      end(outcome: TraceOutcome) {
        span.setAttribute("shardline.outcome", outcome);
        if (outcome === "refused") span.setStatus({ code: STATUS_ERROR, message: "the broker refused it" });
        span.end();
      },
    };
  }
}
