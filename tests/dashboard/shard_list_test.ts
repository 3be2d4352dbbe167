import assert from "node:assert/strict";
import { readShardId, readShardList, shardListText } from "../../dashboard/shard_list.ts";

Deno.test("shardListText() names runs of shards by their ends", () => {
  assert.equal(shardListText([0, 1, 2, 3, 7, 9, 10]), "0-3, 7, 9-10");
  assert.equal(shardListText([5]), "5");
});

Deno.test("readShardList() reads what shardListText() writes, and what people type", () => {
  assert.deepEqual(readShardList("0-3, 7, 9-10"), [0, 1, 2, 3, 7, 9, 10]);
  assert.deepEqual(readShardList(" 7,3 - 4 ,7"), [3, 4, 7]);
});

Deno.test("readShardList() takes nothing else, nor more shards than there can be", () => {
  for (
    const text of [
      "",
      " ",
      "a",
      "1,",
      ",1",
      "-1",
      "4-3",
      "1-2-3",
      "0x1",
      "1.5",
      "1e3",
      "0-65536",
      "99999999999",
      "0-65535, 0",
    ]
  ) {
    assert.equal(readShardList(text), null, text);
  }
});

Deno.test("readShardId() takes the id of a shard, spelled in one way", () => {
  assert.equal(readShardId("0"), 0);
  assert.equal(readShardId("12"), 12);
  assert.equal(readShardId("65535"), 65_535);
  for (const text of ["", "-1", "01", "+1", "1.0", "1e2", " 1", "65536", "99999999999999999999", "restart"]) {
    assert.equal(readShardId(text), null, text);
  }
});
