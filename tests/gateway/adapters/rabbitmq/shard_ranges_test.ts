import assert from "node:assert/strict";
import fc from "fast-check";
import { readShardRanges, writeShardRanges } from "../../../../gateway/adapters/rabbitmq/shard_ranges.ts";

Deno.test("writeShardRanges() writes what lies side by side as one range", () => {
  assert.equal(writeShardRanges([]), "");
  assert.equal(writeShardRanges([7]), "7");
  assert.equal(writeShardRanges([3, 1, 2, 0, 9, 11, 10, 5]), "0-3,5,9-11");
});

Deno.test("readShardRanges() reads what writeShardRanges() writes", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(200)), (shards) => {
    assert.deepEqual(readShardRanges(writeShardRanges(shards)), shards.toSorted((one, other) => one - other));
  }));
});

Deno.test("readShardRanges() reads nothing else, and nothing that would fill memory", () => {
  for (
    const text of [undefined, 5, "a", "-1", "1-", "01", "1,,2", " 1", "1.5", "0-999999999", "5-4294967296"]
  ) {
    assert.equal(readShardRanges(text), null, String(text));
  }
  assert.equal(readShardRanges("0-999998,5000000-5000009"), null, "several that are too many together");
  assert.deepEqual(readShardRanges("5-4"), [], "none at all");
});
