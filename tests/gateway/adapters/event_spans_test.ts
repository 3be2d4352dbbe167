import type { Span, SpanOptions } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { EventSpans } from "../../../gateway/adapters/event_spans.ts";
import { outgoingEvent } from "../../contracts/publisher_contract.ts";

/** What a span was told, in order. */
type Told = readonly [what: string, ...values: unknown[]];

class FakeTracer {
  readonly started: { readonly name: string; readonly options: SpanOptions; readonly told: Told[] }[] = [];

  startSpan(name: string, options: SpanOptions = {}): Span {
    const told: Told[] = [];
    this.started.push({ name, options, told });
    const heard = (what: string) => (...values: unknown[]) => {
      told.push([what, ...values]);
      return span;
    };
    const context = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 };
    const span = {
      spanContext: () => context,
      setAttribute: heard("attribute"),
      setStatus: heard("status"),
      end: heard("end"),
    } as unknown as Span;
    return span;
  }
}

function spansOf({ ratio = 1, thrown = [0] }: { ratio?: number; thrown?: number[] } = {}) {
  const tracer = new FakeTracer();
  const dice = thrown.values();
  const spans = new EventSpans({
    exchange: "gateway",
    ratio,
    dice: () => dice.next().value ?? assert.fail("the dice were thrown too often"),
    tracer,
  });
  return { tracer, spans };
}

Deno.test("EventSpans.begin() starts a span at the event's receipt, not at its own making", () => {
  const { tracer, spans } = spansOf();
  const event = outgoingEvent(7, { type: "READY", shard: 3, session: "5e55", receivedAtMs: 1_234.5 });
  const trace = spans.begin(event);
  assert.equal(trace?.traceparent, `00-${"a".repeat(32)}-${"b".repeat(16)}-01`);
  const [{ name, options } = assert.fail()] = tracer.started;
  assert.equal(name, "publish gateway:READY");
  assert.equal(options.startTime, 1_234.5);
  assert.equal(options.root, true);
  assert.equal(options.kind, 3);
  assert.deepEqual(options.attributes, {
    "messaging.system": "rabbitmq",
    "messaging.operation.type": "send",
    "messaging.operation.name": "publish",
    "messaging.destination.name": "gateway:READY",
    "messaging.rabbitmq.destination.routing_key": "READY",
    "messaging.message.id": "5e55:7",
    "messaging.message.body.size": event.body.length,
    "discord.shard.id": 3,
  });
});

Deno.test("EventSpans.begin() traces the part of the events that the ratio says", () => {
  const { tracer, spans } = spansOf({ ratio: 0.25, thrown: [0, 0.2499, 0.25, 0.9999] });
  const traced = [1, 2, 3, 4].map((sequence) => spans.begin(outgoingEvent(sequence)) !== null);
  assert.deepEqual(traced, [true, true, false, false]);
  assert.equal(tracer.started.length, 2);
});

for (
  const [outcome, status] of [
    ["confirmed", []],
    ["spooled", []],
    ["refused", [["status", { code: 2, message: "the broker refused it" }]]],
  ] as const
) {
  Deno.test(`A trace that ends as ${outcome} says so before its span ends`, () => {
    const { tracer, spans } = spansOf();
    spans.begin(outgoingEvent(1))?.end(outcome);
    assert.deepEqual(tracer.started[0]?.told, [["attribute", "shardline.outcome", outcome], ...status, [
      "end",
    ]]);
  });
}
