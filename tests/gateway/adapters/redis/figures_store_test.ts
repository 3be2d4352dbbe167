import assert from "node:assert/strict";
import type { Redis } from "ioredis";
import { RedisFiguresStore } from "../../../../gateway/adapters/redis/figures_store.ts";
import {
  figures,
  latency,
  ready,
  rejectedCommand,
  replicaFigures,
  secondFigures,
  shardDetails,
  testFiguresStoreContract,
} from "../../../contracts/figures_store_contract.ts";
import { openRedis, type RedisFixture } from "../../../fakes/redis_fixture.ts";

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** A store on a connection that stands. */
async function openStore(fixture: RedisFixture): Promise<RedisFiguresStore> {
  const connections = fixture.observations.of("redis.connected").length;
  const store = new RedisFiguresStore(fixture.client());
  await fixture.observations.first("redis.connected", connections + 1);
  return store;
}

/** The entries of a stream, each as its id and its fields. */
async function entriesOf(redis: Redis, key: string): Promise<[string, Record<string, string>][]> {
  const entries = await redis.xrange(key, "-", "+");
  return entries.map(([id, fields]) => [
    id,
    Object.fromEntries(fields.flatMap((name, at) => at % 2 === 0 ? [[name, fields[at + 1] ?? ""]] : [])),
  ]);
}

async function fieldsOf(redis: Redis, key: string): Promise<Record<string, string>[]> {
  return (await entriesOf(redis, key)).map(([, fields]) => fields);
}

testFiguresStoreContract("Redis", async () => {
  const fixture = await openRedis();
  const { redis } = fixture;
  return {
    process: () => openStore(fixture),
    away: () => fixture.away(),
    back: () => fixture.proxy.up(),
    replicas: async () => (await redis.hkeys("gateway:replicas")).sort(),
    stopped: async (replica) => JSON.parse(await redis.hget("gateway:replicas", replica) ?? "{}").stopped,
    history: async (replica) =>
      (await fieldsOf(redis, `gateway:history:${replica}`)).map(({ events }) => Number(events)),
    received: async (shard) =>
      JSON.parse(await redis.hget("gateway:details", String(shard)) ?? "{}").received,
    life: async (shard) =>
      (await fieldsOf(redis, `gateway:life:${shard}`)).map(({ data }) => JSON.parse(data ?? "").guilds),
    latencies: async (shard) =>
      (await fieldsOf(redis, `gateway:latencies:${shard}`)).map(({ ms }) => Number(ms)),
    rejected: async () => (await fieldsOf(redis, "gateway:rejected")).map(({ body }) => body ?? null),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
});

Deno.test("RedisFiguresStore.write() writes to the letter, under the prefix", async () => {
  await using fixture = await openRedis({ prefix: "bot7:" });
  const { redis } = fixture;
  const store = await openStore(fixture);
  await store.write(figures("host:1", {
    second: secondFigures({ delayP50Ms: null, delayP99Ms: null, spooledEvents: null, spooledBytes: null }),
    details: new Map([[3, shardDetails()], [4, shardDetails({ received: null, host: null, rates: [] })]]),
    life: [{
      shard: 3,
      atMs: AT_MS - 7,
      kind: "gap",
      data: { oldSession: "01234567…", newSession: null, lastSequence: 9 },
    }],
    latencies: [latency(3, 41.7, AT_MS - 5), latency(3, 0.2, AT_MS - 4)],
    rejected: [rejectedCommand("{é", { bytes: 3 }), rejectedCommand(null)],
  }));
  assert.equal(
    await redis.hget("bot7:gateway:replicas", "host:1"),
    `{"version":"1.2.3","started_at":${
      AT_MS - 60_000
    },"heard_at":${AT_MS},"stopped":false,"shards":[[0,3],[5,5]],"total":16,"recommended":null,` +
      '"waiting":[[3,3]],"parked":[],"identify":{"remaining":987,"total":1000,' +
      `"resets_at":${AT_MS + 60_000}},"broker":true,"unconfirmed":{"events":12,"bytes":9000},` +
      '"spool":{"events":3,"bytes":700,"max_bytes":4096},' +
      '"fleet":{"member":"9a3f","draining":true,"holds":false}}',
  );
  assert.deepEqual(await redis.hgetall("bot7:gateway:details"), {
    3: `{"at":${AT_MS},"since":${
      AT_MS - 5_000
    },"received":4711,"published":4710,"stored":4709,"guilds":812,` +
      '"host":"gateway-us-east1-b.discord.gg","parked":false,"waiting":false,"events_per_second":10.35,' +
      '"rates":{"MESSAGE_CREATE":8.1,"TYPING_START":2.25}}',
    4: `{"at":${AT_MS},"since":${
      AT_MS - 5_000
    },"received":null,"published":4710,"stored":4709,"guilds":812,` +
      '"host":null,"parked":false,"waiting":false,"events_per_second":10.35,"rates":{}}',
  });
  const [[second = "", history] = []] = await entriesOf(redis, "bot7:gateway:history:host:1");
  assert.equal(second.split("-")[0], String(AT_MS));
  assert.deepEqual(history, {
    events: "40",
    confirmed: "39",
    latency_p50: "41",
    latency_p90: "60",
    latency_max: "75",
    unconfirmed: "12",
    unconfirmed_bytes: "9000",
    connected: "4",
    returned: "2",
  });
  const [[lifeId = "", life] = []] = await entriesOf(redis, "bot7:gateway:life:3");
  assert.equal(lifeId.split("-")[0], String(AT_MS - 7), "the time of what happened");
  assert.deepEqual(life, {
    kind: "gap",
    data: '{"old_session":"01234567…","new_session":null,"last_sequence":9}',
  });
  const [[latencyId = "", beat] = [], [, shortest] = []] = await entriesOf(redis, "bot7:gateway:latencies:3");
  assert.equal(latencyId.split("-")[0], String(AT_MS - 5));
  assert.deepEqual([beat, shortest], [{ ms: "42" }, { ms: "1" }]);
  assert.deepEqual(await fieldsOf(redis, "bot7:gateway:rejected"), [
    { reason: "not_json", message: "Not JSON", bytes: "3", body: "{é" },
    { reason: "not_json", message: "Not JSON", bytes: "9" },
  ]);
  assert.deepEqual((await redis.keys("*")).filter((key) => !key.startsWith("bot7:")), []);
});

Deno.test("RedisFiguresStore.write() lets go in the end of what nothing is added to", async () => {
  await using fixture = await openRedis();
  const { redis } = fixture;
  const store = await openStore(fixture);
  const all = figures("one", {
    second: secondFigures(),
    details: new Map([[3, shardDetails()]]),
    life: [ready(3, 1), ready(4, 1), ready(3, 2)],
    latencies: [latency(3, 40)],
    rejected: [rejectedCommand("body")],
  });
  const week = 7 * 24 * 3_600;
  const lifetimes: [key: string, seconds: number][] = [
    ["gateway:history:one", 3_600],
    ["gateway:life:3", week],
    ["gateway:life:4", week],
    ["gateway:latencies:3", week],
  ];
  for (let count = 0; count < 2; count++) {
    await store.write(all);
    for (const [key, seconds] of lifetimes) {
      const left = await redis.ttl(key);
      assert(left > seconds - 10 && left <= seconds, `${key} is gone in ${left} s`);
      // As if nothing had been added for a long time.
      await redis.expire(key, 60);
    }
  }
  for (const key of ["gateway:replicas", "gateway:details", "gateway:rejected"]) {
    assert.equal(await redis.ttl(key), -1, `${key} stays`);
  }
});

Deno.test("RedisFiguresStore.write() forgets the details of what is no shard below the total, garbage too", async () => {
  await using fixture = await openRedis();
  const { redis } = fixture;
  const store = await openStore(fixture);
  const shards = Array.from({ length: 10_000 }, (_, shard) => shard);
  await store.write(figures("one", {
    replica: replicaFigures("one", { total: 10_000 }),
    details: new Map(shards.map((shard) => [shard, shardDetails()])),
  }));
  await redis.hset("gateway:details", { "-1": "{}", "1.5": "{}", "nobody": "{}", "": "{}" });
  await store.write(figures("one", { replica: replicaFigures("one", { total: 2 }) }));
  assert.deepEqual((await redis.hkeys("gateway:details")).sort(), ["0", "1"]);
});

Deno.test("RedisFiguresStore.forgetReplicas() keeps to its prefix, and takes garbage for no process", async () => {
  await using fixture = await openRedis({ prefix: "bot7:" });
  const { redis } = fixture;
  const store = await openStore(fixture);
  await store.write(figures("alive", { second: secondFigures() }));
  await redis.hset("bot7:gateway:replicas", {
    "not JSON": "{",
    "no object": "5",
    "null": "null",
    "no time": "{}",
    "no number": '{"heard_at":"now"}',
    "null time": '{"heard_at":null}',
    "deep": "[".repeat(5_000),
  });
  await redis.xadd("bot7:gateway:history:null", "*", "events", "1");
  await redis.xadd("gateway:history:null", "*", "events", "1");
  await store.forgetReplicas("own", AT_MS);
  assert.deepEqual(await redis.hkeys("bot7:gateway:replicas"), ["alive"]);
  assert.deepEqual((await redis.keys("*history*")).sort(), [
    "bot7:gateway:history:alive",
    "gateway:history:null",
  ]);
});

Deno.test("RedisFiguresStore.write() names the key that refuses, and writes the rest", async () => {
  await using fixture = await openRedis();
  const { redis } = fixture;
  const store = await openStore(fixture);
  await redis.set("gateway:details", "a text");
  await redis.set("gateway:life:0", "a text");
  const written = store.write(figures("one", {
    second: secondFigures(),
    details: new Map([[0, shardDetails()]]),
    life: [ready(0, 1), ready(1, 2)],
    rejected: [rejectedCommand("body")],
  }));
  await assert.rejects(written, /^Error: gateway:details: WRONGTYPE/);
  assert.equal(await redis.get("gateway:life:0"), "a text");
  const lengths = ["gateway:history:one", "gateway:life:1", "gateway:rejected"].map((key) => redis.xlen(key));
  assert.deepEqual(await Promise.all(lengths), [1, 1, 1]);
});

Deno.test("RedisFiguresStore.write() rejects where Redis is out of memory", async () => {
  await using fixture = await openRedis();
  const { redis } = fixture;
  const store = await openStore(fixture);
  await redis.config("SET", "maxmemory", "1");
  try {
    await assert.rejects(store.write(figures("one")), /OOM/);
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  await store.write(figures("one", { replica: replicaFigures("one", { stopped: true }) }));
});

Deno.test("RedisFiguresStore.write() takes as much as ever is written in one go", async () => {
  await using fixture = await openRedis();
  const { redis } = fixture;
  const store = await openStore(fixture);
  const shards = Array.from({ length: 10_000 }, (_, shard) => shard);
  await store.write(figures("one", {
    replica: replicaFigures("one", { total: 10_000 }),
    second: secondFigures(),
    details: new Map(shards.slice(0, 500).map((shard) => [shard, shardDetails()])),
    life: shards.map((shard) => ready(shard, 1)),
  }));
  assert.equal(await redis.hlen("gateway:details"), 500);
  assert.equal((await redis.keys("gateway:life:*")).length, 10_000);
});
