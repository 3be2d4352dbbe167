import assert from "node:assert/strict";
import { ShardRangeList } from "../../../gateway/figures/shard_ranges.ts";

Deno.test("ShardRangeList makes ranges of ids that follow each other", () => {
  const list = new ShardRangeList();
  assert.deepEqual(list.ranges, []);
  for (const shard of [0, 1, 2, 4, 7, 8]) list.add(shard);
  assert.deepEqual(list.ranges, [[0, 2], [4, 4], [7, 8]]);
});
