import assert from "node:assert/strict";
import type { RedisClient } from "../../../../gateway/adapters/redis/client.ts";
import { RedisLeases } from "../../../../gateway/adapters/redis/leases.ts";
import { memberCard, testLeasesContract } from "../../../contracts/leases_contract.ts";
import { openRedis } from "../../../fakes/redis_fixture.ts";

testLeasesContract("Redis", async () => {
  const fixture = await openRedis();
  const processes: RedisClient[] = [];
  return {
    process: async () => {
      const client = await fixture.connected();
      processes.push(client);
      return new RedisLeases(client);
    },
    away: () => fixture.away(),
    back: async () => {
      const ready = processes.map((client) => new Promise<void>((resolve) => client.onReady(resolve)));
      fixture.proxy.up();
      await Promise.all(ready);
    },
    empty: async () => {
      await fixture.redis.flushall();
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
});

const TAKEN_NEVER = new Map([["0", { token: 0, holderBeat: null }]]);

Deno.test("RedisLeases puts its prefix before every key", async () => {
  await using fixture = await openRedis({ prefix: "bot7:" });
  const leases = new RedisLeases(await fixture.connected());
  await leases.renew("a", memberCard());
  await leases.take("a", TAKEN_NEVER);
  const keys = (await fixture.redis.keys("*")).toSorted();
  assert.deepEqual(keys, ["bot7:gateway:fleet", "bot7:gateway:leases", "bot7:gateway:members"]);
});

Deno.test("RedisLeases reads all leases only where they have changed", async () => {
  await using fixture = await openRedis();
  const leases = new RedisLeases(await fixture.connected());
  await leases.renew("a", memberCard());
  await leases.take("a", TAKEN_NEVER);
  await leases.renew("a", memberCard());
  const readsOf = async () => {
    const calls = await fixture.callsDuring(async () => {
      assert.equal((await leases.renew("a", memberCard())).leases.size, 1);
    });
    return calls.get("hgetall");
  };
  // Once for the members.
  assert.equal(await readsOf(), 1);
  await leases.take("a", new Map([["1", { token: 0, holderBeat: null }]]));
  await leases.letGo(
    new Map([["1", Number((await fixture.redis.hget("gateway:leases", "1"))?.split(" ")[0])]]),
  );
  const calls = await fixture.callsDuring(async () => {
    assert.equal((await leases.renew("a", memberCard())).leases.get("1")?.holder, null);
  });
  assert.equal(calls.get("hgetall"), 2);
});

Deno.test("RedisLeases gives tokens that grow where the server's clock is behind them", async () => {
  await using fixture = await openRedis();
  const leases = new RedisLeases(await fixture.connected());
  const ahead = Date.now() * 1_000 + 3_600_000_000;
  await fixture.redis.hset("gateway:leases", "0", `${ahead} `);
  await leases.renew("a", memberCard());
  const taken = await leases.take("a", new Map([["0", { token: ahead, holderBeat: null }]]));
  assert.equal(taken.get("0"), ahead + 1);
});

Deno.test("RedisLeases passes over members and leases that it cannot read, and moves other kinds of keys aside", async () => {
  await using fixture = await openRedis();
  const leases = new RedisLeases(await fixture.connected());
  await fixture.redis.hset("gateway:members", { b: "nonsense", c: `${Date.now() * 1_000} {"ttl":-1}` });
  await fixture.redis.hset("gateway:leases", { 0: "nonsense", 1: "-1 a", 2: "7 a" });
  await fixture.redis.hset("gateway:fleet", "reign", "7 many");
  const { members, leases: read, reign } = await leases.renew("a", memberCard());
  assert.deepEqual([[...members.keys()], [...read], reign], [
    ["a"],
    [["2", { token: 7, holder: "a" }]],
    null,
  ]);
  await fixture.redis.del("gateway:members");
  await fixture.redis.lpush("gateway:members", "not ours");
  await assert.rejects(leases.renew("a", memberCard()));
  assert.deepEqual([...(await leases.renew("a", memberCard())).members.keys()], ["a"]);
});

Deno.test("RedisLeases forgets a member that has not been heard for an hour", async () => {
  await using fixture = await openRedis();
  const leases = new RedisLeases(await fixture.connected());
  await leases.renew("b", memberCard());
  const [, card] = /^\d+ (.*)$/.exec(await fixture.redis.hget("gateway:members", "b") ?? "") ?? [];
  await fixture.redis.hset("gateway:members", "b", `${(Date.now() - 3_601_000) * 1_000} ${card}`);
  assert.deepEqual([...(await leases.renew("a", memberCard())).members.keys()].toSorted(), ["a", "b"]);
  assert.deepEqual([...(await leases.renew("a", memberCard())).members.keys()], ["a"]);
});
