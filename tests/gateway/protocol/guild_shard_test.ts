import assert from "node:assert/strict";
import fc from "fast-check";
import { shardOfGuild } from "../../../gateway/protocol/guild_shard.ts";

Deno.test("shardOfGuild() is Discord's formula, in whole numbers", () => {
  assert.equal(shardOfGuild(41771983423143937n, 1), 0);
  // Their upper 42 bits are 9959216934 and 47005268159.
  assert.equal(shardOfGuild(41771983423143937n, 16), 6);
  assert.equal(shardOfGuild(197154384263750656n, 1_000), 159);
  fc.assert(fc.property(fc.nat(2 ** 22 - 1), fc.nat(1_000), fc.nat(15), (low, turn, shard) => {
    assert.equal(shardOfGuild((BigInt(turn * 16 + shard) << 22n) | BigInt(low), 16), shard);
  }));
});
