import assert from "node:assert/strict";
import fc from "fast-check";
import { eventCountsText } from "../../../gateway/adapters/event_counts_text.ts";
import { EventCounts } from "../../../gateway/figures/event_counts.ts";
import { metricValue, readMetrics } from "../../fakes/prometheus_text.ts";

Deno.test("eventCountsText() is the family by type and shard", () => {
  const counts = new EventCounts();
  counts.add("MESSAGE_CREATE", 0);
  counts.add("MESSAGE_CREATE", 0);
  counts.add("MESSAGE_CREATE", 12);
  counts.add("TYPING_START", 0);

  assert.deepEqual(eventCountsText(counts).split("\n"), [
    "# HELP gateway_events Events received through the Discord gateway",
    "# TYPE gateway_events counter",
    'gateway_events{type="MESSAGE_CREATE",shard="0"} 2',
    'gateway_events{type="TYPING_START",shard="0"} 1',
    'gateway_events{type="MESSAGE_CREATE",shard="12"} 1',
    "",
  ]);
});

Deno.test("eventCountsText() stays readable whatever the type is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (type) => {
      const counts = new EventCounts();
      counts.add(type, 3);
      const samples = readMetrics(eventCountsText(counts));
      assert.equal(metricValue(samples, "gateway_events", { type, shard: "3" }), 1);
    }),
    { examples: [['"} 1\nforged 2'], ["\\"], ["\\n"], ["\r\n"], ["__proto__"]] },
  );
});
