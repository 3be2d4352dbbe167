import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { DETAILS_KEY, latenciesKey, lifeKey, REPLICAS_KEY } from "../../../dashboard/contract_keys.ts";
import { statusEntries, writeFleet } from "../fleet/written_fleet.ts";
import { withDashboard } from "../rig.ts";
import { becomeForeign, writeDetails } from "./shard_fixture.ts";

/** Two shards, the second with everything that the gateway tells of one. */
async function writeTwo(redis: Redis): Promise<void> {
  await writeFleet(redis, statusEntries(2, { 0: "Resuming" }));
  await writeDetails(redis, 1);
}

Deno.test("ShardReader.read() has everything that is known of a shard", async () => {
  await withDashboard(async ({ services, redis }) => {
    await writeTwo(redis);
    const snapshot = await services.shards.read(1);
    assert.deepEqual({ ...snapshot, fleet: undefined }, {
      fleet: undefined,
      shard: {
        shard: 1,
        state: "connected",
        latencyMs: 41,
        lastAckAtMs: Date.UTC(2026, 0, 1, 12),
        session: "01234567…",
      },
      details: {
        atMs: 1_767_226_201_000,
        sinceMs: 1_767_225_600_000,
        received: 4711,
        published: 4710,
        stored: 4709,
        guilds: 812,
        host: "gateway-us-east1-b.discord.gg",
        eventsPerSecond: 12.4,
        rates: [{ type: "MESSAGE_CREATE", perSecond: 8.1 }, { type: "TYPING_START", perSecond: 2.25 }],
      },
      life: [
        {
          id: "1767225600100-0",
          atMs: 1_767_225_600_100,
          text: "Disconnected by Discord: 4009, session timed out",
          tone: "warn",
        },
        {
          id: "1767225600000-0",
          atMs: 1_767_225_600_000,
          text: "Resumed: 3 events repeated by Discord",
          tone: "good",
        },
      ],
      latencies: [
        { id: "1767225600000-0", atMs: 1_767_225_600_000, latencyMs: 41 },
        { id: "1767225641000-0", atMs: 1_767_225_641_000, latencyMs: 43 },
      ],
    });
    assert.equal(snapshot?.fleet.total, 2);
  });
});

Deno.test("ShardReader.read() knows a shard of which nothing is told, and none beyond the total", async () => {
  await withDashboard(async ({ services, redis }) => {
    assert.equal(await services.shards.read(0), null);
    await writeTwo(redis);
    const snapshot = await services.shards.read(0);
    assert.deepEqual([snapshot?.details, snapshot?.life, snapshot?.latencies], [null, [], []]);
    assert.equal(snapshot?.shard.state, "resuming");
    assert.equal(await services.shards.read(2), null);
  });
});

Deno.test("ShardReader.read() says of another service's shard what that service says, and no more", async () => {
  await withDashboard(async ({ services, redis }) => {
    await writeTwo(redis);
    await becomeForeign(redis);
    const snapshot = await services.shards.read(1);
    assert.equal(snapshot?.fleet.source, "other");
    assert.equal(snapshot?.shard.state, "connected");
    assert.deepEqual([snapshot?.details, snapshot?.life, snapshot?.latencies], [null, [], []]);
  });
});

Deno.test("ShardReader.read() passes over garbage", async () => {
  await withDashboard(async ({ services, redis }) => {
    await writeTwo(redis);
    const garbage = ["", "{", "[]", "null", "7", '{"at":"now"}', `{"at":1,"host":"${"x".repeat(20_000)}"}`];
    for (const text of garbage) {
      await redis.hset(DETAILS_KEY, "1", text);
      assert.equal((await services.shards.read(1))?.details, null, text.slice(0, 40));
    }
    const wrong = { at: 1, since: -1, received: 1.5, published: "2", stored: null, guilds: {}, host: 7 };
    const rates = { A: "1", B: -1, C: null, D: 0, E: 1e400, ["F\n\u202e".repeat(500)]: 2 };
    await redis.hset(DETAILS_KEY, "1", JSON.stringify({ ...wrong, events_per_second: "many", rates }));
    const { rates: read, ...details } = (await services.shards.read(1))?.details ?? assert.fail();
    assert.deepEqual(details, {
      atMs: 1,
      sinceMs: null,
      received: null,
      published: null,
      stored: null,
      guilds: null,
      host: null,
      eventsPerSecond: null,
    });
    assert.equal(read.length, 1);
    assert.match(read[0]?.type ?? "", /^F[F ]{1,63}…?$/);
    await redis.xadd(lifeKey(1), "*", "nothing", "known");
    await redis.xadd(lifeKey(1), "*", "kind", "ready", "data", "no JSON");
    await redis.xadd(lifeKey(1), "18446744073709551615-1", "kind", "ready", "data", "{}");
    await redis.xadd(latenciesKey(1), "*", "ms", "much");
    await redis.xadd(latenciesKey(1), "*", "ms", "-3");
    const snapshot = await services.shards.read(1);
    assert.deepEqual(snapshot?.life.map(({ text }) => text).slice(0, 2), [
      "Ready: session",
      "Something that this page does not know: ",
    ]);
    assert.equal(snapshot?.latencies.length, 2);
    await redis.set(DETAILS_KEY, "a string");
    await redis.set(lifeKey(1), "a string");
    await redis.set(latenciesKey(1), "a string");
    const bare = await services.shards.read(1);
    assert.deepEqual([bare?.details, bare?.life, bare?.latencies, bare?.shard.state], [
      null,
      [],
      [],
      "connected",
    ]);
  });
});

Deno.test("ShardReader.read() reads no more of a stream than a gateway keeps", async () => {
  await withDashboard(async ({ services, redis }) => {
    await writeTwo(redis);
    const pipeline = redis.pipeline();
    for (let count = 0; count < 300; count++) {
      pipeline.xadd(lifeKey(1), "*", "kind", "zombie", "data", "{}");
      pipeline.xadd(latenciesKey(1), "*", "ms", String(count));
    }
    await pipeline.exec();
    const snapshot = await services.shards.read(1);
    assert.equal(snapshot?.life.length, 100);
    assert.equal(snapshot?.latencies.length, 240);
    assert.equal(snapshot?.latencies.at(-1)?.latencyMs, 299);
  });
});

Deno.test("ShardTopic tells whoever joins everything, and the others what is new", async () => {
  await withDashboard(async ({ services, redis }) => {
    await writeTwo(redis);
    // Of a gateway that stands still, or its silence would be news.
    await redis.del(REPLICAS_KEY);
    const topic = services.topics["shard"]?.("1");
    assert(topic);
    const first = await topic.read();
    assert.deepEqual(topic.join?.(null), first);
    assert.equal((first as { life: unknown[] }).life.length, 2);
    await redis.xadd(lifeKey(1), "*", "kind", "zombie", "data", "{}");
    const next = await topic.read() as { life: { text: string }[]; latencies: unknown[] };
    assert.equal(next.life.length, 1);
    assert.match(next.life[0]?.text ?? "", /heartbeat/);
    assert.deepEqual(next.latencies, []);
    assert.equal((topic.join?.(null) as { life: unknown[] }).life.length, 3);
    for (const argument of ["", "one", "-1", "70000"]) {
      assert.equal(services.topics["shard"]?.(argument), null, argument);
    }
    assert.equal(await services.topics["shard"]?.("9")?.read(), null);
  });
});
