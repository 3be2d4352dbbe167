import assert from "node:assert/strict";
import fc from "fast-check";
import { EventCounts } from "../../../gateway/adapters/event_counts.ts";
import { metricValue, readMetrics } from "../../fakes/prometheus_text.ts";

Deno.test("EventCounts.text() counts by type and shard", () => {
  const counts = new EventCounts();
  counts.add("MESSAGE_CREATE", 0);
  counts.add("MESSAGE_CREATE", 0);
  counts.add("MESSAGE_CREATE", 12);
  counts.add("TYPING_START", 0);

  assert.deepEqual(counts.text().split("\n"), [
    "# HELP gateway_events Events received through the Discord gateway",
    "# TYPE gateway_events counter",
    'gateway_events{type="MESSAGE_CREATE",shard="0"} 2',
    'gateway_events{type="MESSAGE_CREATE",shard="12"} 1',
    'gateway_events{type="TYPING_START",shard="0"} 1',
    "",
  ]);
});

Deno.test("EventCounts.add() counts types beyond 200 as other, and goes on counting those it has", () => {
  const counts = new EventCounts();
  for (let number = 0; number < 10_000; number += 1) counts.add(`TYPE_${number}`, number % 3);
  counts.add("TYPE_0", 0);

  const samples = readMetrics(counts.text());
  const types = new Set(samples.map((sample) => sample.labels.get("type")));
  assert.equal(types.size, 201);
  assert.equal(metricValue(samples, "gateway_events", { type: "TYPE_0", shard: "0" }), 2);
  const others = ["0", "1", "2"].map((shard) =>
    metricValue(samples, "gateway_events", { type: "other", shard }) ?? 0
  );
  assert.equal(others.reduce((sum, count) => sum + count), 9_800);
});

Deno.test("EventCounts.add() counts an over-long type as other", () => {
  const counts = new EventCounts();
  counts.add("X".repeat(65), 1);
  assert.equal(metricValue(readMetrics(counts.text()), "gateway_events", { type: "other", shard: "1" }), 1);
});

Deno.test("EventCounts.text() stays readable whatever the type is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (type) => {
      const counts = new EventCounts();
      counts.add(type, 3);
      assert.equal(metricValue(readMetrics(counts.text()), "gateway_events", { type, shard: "3" }), 1);
    }),
    { examples: [['"} 1\nforged 2'], ["\\"], ["\\n"], ["\r\n"], ["__proto__"]] },
  );
});
