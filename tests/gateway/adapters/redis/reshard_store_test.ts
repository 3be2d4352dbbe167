import assert from "node:assert/strict";
import { RedisReshardStore } from "../../../../gateway/adapters/redis/reshard_store.ts";
import { reshardPlan, testReshardStoreContract } from "../../../contracts/reshard_store_contract.ts";
import { openRedis } from "../../../fakes/redis_fixture.ts";

testReshardStoreContract("RedisReshardStore", async () => {
  const fixture = await openRedis();
  return {
    process: async () => new RedisReshardStore(await fixture.connected()),
    away: () => fixture.away(),
    empty: async () => {
      await fixture.redis.flushall();
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
});

Deno.test("RedisReshardStore begins in an empty bank, with the presences of the shards whose guilds the new ones have", async () => {
  await using fixture = await openRedis();
  const { redis } = fixture;
  const store = new RedisReshardStore(await fixture.connected());
  await redis.hset("gateway:presences", { 0: '{"status":"idle"}', 1: '{"status":"dnd"}', 9: "{}", x: "{}" });
  for (const key of ["gateway:b:shards", "gateway:b:leases", "gateway:b:presences"]) {
    await redis.hset(key, "7", "of an earlier change");
  }
  await redis.hset("gateway:shards", "0", "runs");
  await store.begin(reshardPlan({ from: 2, to: 4 }));
  assert.deepEqual(await redis.hgetall("gateway:b:presences"), {
    0: '{"status":"idle"}',
    1: '{"status":"dnd"}',
    2: '{"status":"idle"}',
    3: '{"status":"dnd"}',
  });
  assert.deepEqual((await redis.keys("gateway:b:*")).toSorted(), ["gateway:b:presences"]);
  assert.equal(await redis.hget("gateway:shards", "0"), "runs");
});

Deno.test("RedisReshardStore leaves presences where no old shard has the guilds of a new one", async () => {
  await using fixture = await openRedis();
  const store = new RedisReshardStore(await fixture.connected());
  await fixture.redis.hset("gateway:presences", { 0: '{"status":"idle"}' });
  await store.begin(reshardPlan({ from: 2, to: 5 }));
  assert.deepEqual(await fixture.redis.hgetall("gateway:b:presences"), {});
});

Deno.test("RedisReshardStore has others read the new sessions once they take over, in one step with it", async () => {
  await using fixture = await openRedis();
  const { redis } = fixture;
  const store = new RedisReshardStore(await fixture.connected());
  await redis.mset("gateway_started", '"old"', "gateway_shards", "16");
  await store.begin(reshardPlan());
  await redis.mset("gateway:b:started", '"new"', "gateway:b:total", "32");
  await store.move(reshardPlan(), { to: "holding" });
  assert.deepEqual(await redis.mget("gateway_started", "gateway_shards"), ['"old"', "16"]);
  await store.move(reshardPlan({ phase: "holding" }), { to: "taking_over" });
  assert.deepEqual(await redis.mget("gateway_started", "gateway_shards"), ['"new"', "32"]);
});

Deno.test("RedisReshardStore passes over what nobody has written so", async () => {
  await using fixture = await openRedis();
  const { redis } = fixture;
  const store = new RedisReshardStore(await fixture.connected());
  for (
    const plan of [
      "",
      "[]",
      "null",
      '{"id":"x"}',
      '{"id":"x","from":1,"to":0,"bank":"b","phase":"done","began_at":1}',
    ]
  ) {
    await redis.hset("gateway:reshard", "plan", plan);
    assert.equal(await store.read(), null, plan);
  }
  assert.equal(await store.begin(reshardPlan()), true, "and nothing is under way");
  await redis.hset("gateway:reshard", { "report:a": "7", "report:b": '{"replica":3}', other: "x" });
  assert.deepEqual((await store.read())?.reports, new Map());
});
