import assert from "node:assert/strict";
import fc from "fast-check";
import { eventCountsText } from "../../../gateway/adapters/event_counts_text.ts";
import { nextTurn } from "../../../gateway/adapters/turns.ts";
import { EventCounts } from "../../../gateway/figures/event_counts.ts";
import { metricValue, readMetrics } from "../../fakes/prometheus_text.ts";

Deno.test("eventCountsText() is the family by type and shard", async () => {
  const counts = new EventCounts();
  counts.add("MESSAGE_CREATE", 0);
  counts.add("MESSAGE_CREATE", 0);
  counts.add("MESSAGE_CREATE", 12);
  counts.add("TYPING_START", 0);

  assert.deepEqual((await eventCountsText(counts)).split("\n"), [
    "# HELP gateway_events Events received through the Discord gateway",
    "# TYPE gateway_events counter",
    'gateway_events{type="MESSAGE_CREATE",shard="0"} 2',
    'gateway_events{type="TYPING_START",shard="0"} 1',
    'gateway_events{type="MESSAGE_CREATE",shard="12"} 1',
    "",
  ]);
});

Deno.test("eventCountsText() stays readable whatever the type is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme", maxLength: 30 }), async (type) => {
      const counts = new EventCounts();
      counts.add(type, 3);
      const samples = readMetrics(await eventCountsText(counts));
      assert.equal(metricValue(samples, "gateway_events", { type, shard: "3" }), 1);
    }),
    { examples: [['"} 1\nforged 2'], ["\\"], ["\\n"], ["\r\n"], ["__proto__"]] },
  );
});

Deno.test("eventCountsText() of many shards lets others have a turn, and has every shard", async () => {
  const counts = new EventCounts();
  for (let shard = 0; shard < 3_000; shard++) {
    for (const type of ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"]) counts.add(type, shard);
  }
  let turns = 0;
  let isOver = false;
  const count = async () => {
    for (; !isOver; turns++) await nextTurn();
  };
  const others = count();
  const text = await eventCountsText(counts);
  isOver = true;
  await others;
  assert.equal(readMetrics(text).length, 9_000);
  assert(turns >= 2, `${turns} turns`);
});
