import assert from "node:assert/strict";
import { onStage } from "./stage.ts";

/** A span, as OTLP has it in JSON (OpenTelemetry protocol, 1.x). */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
}

interface TraceRequest {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

/** Where traces are exported to. */
class Collector implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #spans: Span[] = [];
  #watchers: (() => void)[] = [];

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { resourceSpans = [] }: Partial<TraceRequest> = await request.json();
      for (const { scopeSpans } of resourceSpans) {
        for (const { spans } of scopeSpans) this.#spans.push(...spans);
      }
      for (const watcher of this.#watchers.splice(0)) watcher();
      return Response.json({});
    });
  }

  get settings(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    };
  }

  /** Resolves with the span once it is exported. */
  async span(spanId: string): Promise<Span> {
    for (;;) {
      const span = this.#spans.find((span) => span.spanId === spanId);
      if (span !== undefined) return span;
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

for (const CLUSTERS of ["1", "2"]) {
  Deno.test(
    `Shardline exports a span of each event that is traced, and its message carries the traceparent of it (CLUSTERS=${CLUSTERS})`,
    onStage({}, async (stage) => {
      await using collector = new Collector();
      const consumer = await stage.consumer();
      const gateway = await stage.startConnected(1, { ...collector.settings, TRACE_RATIO: "1", CLUSTERS });
      stage.simulator.control.dispatch("MESSAGE_CREATE", '{"content":"traced"}');
      await consumer.untilComplete(stage.simulator);
      const { properties, content } = consumer.messages.find(({ fields }) =>
        fields.routingKey === "MESSAGE_CREATE"
      ) ?? assert.fail();
      const traceparent: string = properties.headers?.["traceparent"];
      const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(traceparent) ?? [];
      const span = await collector.span(spanId ?? assert.fail(traceparent));
      assert.equal(span.traceId, traceId);
      assert.equal(span.parentSpanId, "");
      assert.equal(span.name, "publish gateway:MESSAGE_CREATE");
      assert.equal(Math.floor(Number(span.startTimeUnixNano) / 1e9), properties.timestamp);
      assert(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
      const attributes = Object.fromEntries(
        span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]),
      );
      assert.equal(attributes["messaging.message.id"], properties.messageId);
      assert.equal(Number(attributes["messaging.message.body.size"]), content.length);
      assert.equal(Number(attributes["discord.shard.id"]), 0);
      assert.equal(attributes["shardline.outcome"], "confirmed");
      assert.equal(await gateway.end("SIGTERM"), 0);
    }),
  );
}

Deno.test(
  "Shardline traces no event where TRACE_RATIO is 0, nor where traces are off",
  onStage({}, async (stage) => {
    await using collector = new Collector();
    const consumer = await stage.consumer();
    for (const settings of [{ ...collector.settings, TRACE_RATIO: "0" }, { TRACE_RATIO: "1" }]) {
      const gateway = await stage.startConnected(1, settings);
      stage.simulator.control.dispatch("MESSAGE_CREATE", '{"content":"not traced"}');
      await consumer.untilComplete(stage.simulator);
      assert.equal(await gateway.end("SIGTERM"), 0);
    }
    assert(consumer.messages.length >= 3);
    for (const { properties } of consumer.messages) assert.deepEqual(properties.headers, { shard: 0 });
  }),
);
