import assert from "node:assert/strict";
import { EventCounts } from "../../../gateway/figures/event_counts.ts";

/** Every count as `type shard`. */
function all(counts: EventCounts): Record<string, number> {
  const found: Record<string, number> = {};
  for (const shard of counts.shards()) {
    counts.eachOf(shard, (type, count) => found[`${type} ${shard}`] = count);
  }
  return found;
}

Deno.test("EventCounts.eachOf() gives the count of each type of each shard", () => {
  const counts = new EventCounts();
  counts.add("MESSAGE_CREATE", 0);
  counts.add("MESSAGE_CREATE", 12);
  counts.add("TYPING_START", 0);
  counts.add("MESSAGE_CREATE", 0);
  assert.deepEqual(all(counts), { "MESSAGE_CREATE 0": 2, "TYPING_START 0": 1, "MESSAGE_CREATE 12": 1 });
  assert.equal(counts.total, 4);
});

Deno.test("EventCounts.add() counts types beyond 200 as other, and goes on counting those it has", () => {
  const counts = new EventCounts();
  for (let number = 0; number < 10_000; number += 1) counts.add(`TYPE_${number}`, number % 3);
  counts.add("TYPE_0", 0);

  const found = all(counts);
  assert.equal(new Set(Object.keys(found).map((name) => name.split(" ")[0])).size, 201);
  assert.equal(found["TYPE_0 0"], 2);
  const others = ["0", "1", "2"].map((shard) => found[`other ${shard}`] ?? 0);
  assert.equal(others.reduce((sum, count) => sum + count), 9_800);
  assert.equal(counts.total, 10_001);
});

Deno.test("EventCounts.add() counts an over-long type as other", () => {
  const counts = new EventCounts();
  counts.add("X".repeat(65), 1);
  assert.deepEqual(all(counts), { "other 1": 1 });
});

Deno.test("EventCounts.take() gives what came of a shard since it was last asked of it", () => {
  const counts = new EventCounts();
  counts.add("MESSAGE_CREATE", 3);
  counts.add("MESSAGE_CREATE", 3);
  counts.add("TYPING_START", 3);
  counts.add("TYPING_START", 4);
  assert.deepEqual(counts.take(3), [["MESSAGE_CREATE", 2], ["TYPING_START", 1]]);
  assert.deepEqual(counts.take(3), []);
  counts.add("TYPING_START", 3);
  assert.deepEqual(counts.take(3), [["TYPING_START", 1]]);
  assert.deepEqual(counts.take(4), [["TYPING_START", 1]]);
  assert.deepEqual(counts.take(5), []);
  assert.deepEqual(all(counts), { "MESSAGE_CREATE 3": 2, "TYPING_START 3": 2, "TYPING_START 4": 1 });
});
