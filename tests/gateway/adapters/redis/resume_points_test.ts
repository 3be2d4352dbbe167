import assert from "node:assert/strict";
import { RedisResumePoints } from "../../../../gateway/adapters/redis/resume_points.ts";
import { resumePoint, testResumePointsContract } from "../../../contracts/resume_points_contract.ts";
import { openRedis } from "../../../fakes/redis_fixture.ts";

testResumePointsContract("Redis", async () => {
  const fixture = await openRedis();
  return {
    process: () => new RedisResumePoints(fixture.client(), fixture.observations),
    away: () => fixture.away(),
    back: () => fixture.proxy.up(),
    runAnother: async (sessions) => {
      const theirs = Object.entries(sessions).map(([shard, { sessionId, sequence }]) => [
        shard,
        { session_id: sessionId, sequence },
      ]);
      await fixture.redis.mset({
        gateway_sessions: JSON.stringify(Object.fromEntries(theirs)),
        gateway_started: '"2026-01-01T00:00:00.000001"',
        gateway_shards: "2",
      });
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
});

const NOTHING = { total: null, shards: new Map(), foreign: false };

Deno.test("RedisResumePoints.begin() writes total and start time as others read them", async () => {
  await using fixture = await openRedis();
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  const startedAtMs = Date.UTC(2026, 10, 3, 4, 5, 6, 70);
  await points.begin({ total: 16, startedAtMs, keepSessions: true, imported: NOTHING });
  assert.equal(await fixture.redis.get("gateway_shards"), "16");
  assert.equal(await fixture.redis.get("gateway_started"), '"2026-11-03T04:05:06.070000"');
});

Deno.test("RedisResumePoints puts its prefix before every key", async () => {
  await using fixture = await openRedis({ prefix: "bot7:" });
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  await points.load();
  await points.begin({ total: 2, startedAtMs: 0, keepSessions: true, imported: NOTHING });
  await points.write(new Map([[0, { point: resumePoint(1), presence: "{}", guilds: [1n] }]]));
  await fixture.redis.lpush("bot7:gateway_sessions", "not ours");
  await points.load();
  const keys = await fixture.redis.keys("*");
  assert.deepEqual(keys.filter((key) => !key.startsWith("bot7:gateway")), []);
  assert.equal(keys.length, 8);
});

Deno.test("RedisResumePoints takes over, writes and removes as many sessions as there can be", async () => {
  await using fixture = await openRedis();
  const total = 65_536;
  const shards = Array.from({ length: total }, (_, shard) => shard);
  const sessions = shards.map((shard) => [shard, { session_id: `session-${shard}`, sequence: shard }]);
  await fixture.redis.mset({
    gateway_sessions: JSON.stringify(Object.fromEntries(sessions)),
    gateway_started: '"2026-01-01T00:00:00.000001"',
    gateway_shards: String(total),
  });
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  const imported = await points.load();
  await points.begin({ total, startedAtMs: 0, keepSessions: true, imported });
  assert.equal((await points.load()).shards.get(total - 1)?.point?.sessionId, "session-65535");
  await points.write(new Map(shards.map((shard) => [shard, { point: resumePoint(shard) }])));
  assert.equal((await points.load()).shards.get(total - 1)?.point?.sequence, total - 1);
  await points.write(new Map(shards.map((shard) => [shard, { point: null }])));
  assert.equal((await points.load()).shards.size, 0);
});

Deno.test("RedisResumePoints.write() changes nothing else in Redis", async () => {
  await using fixture = await openRedis();
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  await points.begin({ total: 2, startedAtMs: 0, keepSessions: true, imported: NOTHING });
  await points.write(new Map([[0, { point: resumePoint(1) }]]));
  const before = await fixture.dump();
  await points.write(new Map([[0, { presence: '{"status":"idle"}' }]]));
  await points.write(new Map());
  const { "gateway:presences": presences, ...rest } = await fixture.dump();
  assert.deepEqual(presences, { 0: '{"status":"idle"}' });
  assert.deepEqual(rest, before);
});

Deno.test("RedisResumePoints.begin() leaves points that a replica has moved since load()", async () => {
  await using fixture = await openRedis();
  await fixture.redis.mset({
    gateway_sessions: '{"0":{"session_id":"theirs","sequence":1},"1":{"session_id":"theirs","sequence":1}}',
    gateway_started: '"2026-01-01T00:00:00.000001"',
    gateway_shards: "2",
  });
  const [one, other] = [fixture, fixture].map(() =>
    new RedisResumePoints(fixture.client(), fixture.observations)
  );
  assert(one !== undefined && other !== undefined);
  const [importedByOne, importedByOther] = [await one.load(), await other.load()];
  await one.begin({ total: 2, startedAtMs: 1_000, keepSessions: true, imported: importedByOne });
  await one.write(new Map([[0, { point: resumePoint(50) }]]));
  await other.begin({ total: 2, startedAtMs: 2_000, keepSessions: true, imported: importedByOther });
  const { shards } = await new RedisResumePoints(fixture.client(), fixture.observations).load();
  assert.equal(shards.get(0)?.point?.sequence, 50);
  assert.equal(shards.get(1)?.point?.sessionId, "theirs");
});

Deno.test("RedisResumePoints.load() moves aside what is of another type, and destroys nothing", async () => {
  await using fixture = await openRedis();
  await fixture.redis.set("gateway:shards", "a text");
  await fixture.redis.lpush("gateway_shards", "a list");
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  assert.deepEqual(await points.load(), NOTHING);
  const [text, list] = fixture.observations.of("redis.garbage").toSorted((a, b) =>
    b.key.localeCompare(a.key)
  );
  assert.equal(text?.key, "gateway:shards");
  assert.match(
    text?.problem ?? "",
    /a string instead of a hash; renamed to gateway:damaged:gateway:shards:\d+$/,
  );
  assert.equal(await fixture.redis.get(text?.problem.split(" ").at(-1) ?? ""), "a text");
  assert.equal(list?.key, "gateway_shards");
  assert.deepEqual(await fixture.redis.lrange(list?.problem.split(" ").at(-1) ?? "", 0, -1), ["a list"]);
});

Deno.test("RedisResumePoints.write() gets past what somebody put under its keys meanwhile", async () => {
  await using fixture = await openRedis();
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  await points.begin({ total: 1, startedAtMs: 0, keepSessions: true, imported: NOTHING });
  await fixture.redis.set("gateway:shards", "a text");
  await points.write(new Map([[0, { point: resumePoint(4), guilds: [1n] }]]));
  assert.deepEqual(fixture.observations.of("redis.garbage").map(({ key }) => key), ["gateway:shards"]);
  assert.equal((await points.load()).shards.get(0)?.point?.sequence, 4);
});

Deno.test("RedisResumePoints.begin() gets past what somebody put under its keys meanwhile", async () => {
  await using fixture = await openRedis();
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  await fixture.redis.mset({
    gateway_started: '"then"',
    gateway_sessions: '{"0":{"session_id":"s","sequence":1}}',
  });
  const imported = await points.load();
  await fixture.redis.set("gateway:shards", "a text");
  await points.begin({ total: 1, startedAtMs: 0, keepSessions: true, imported });
  assert.equal((await points.load()).shards.get(0)?.point?.sessionId, "s");
});

Deno.test("RedisResumePoints puts back its own points when Redis is emptied under it", async () => {
  await using fixture = await openRedis();
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  await points.begin({ total: 2, startedAtMs: 0, keepSessions: true, imported: NOTHING });
  await points.write(
    new Map([[0, { point: resumePoint(1) }], [1, { point: resumePoint(7), presence: "{}" }]]),
  );
  await fixture.redis.flushall();
  await points.write(new Map([[0, { point: resumePoint(2) }]]));
  // What is put back goes out behind the write; what is asked after it is answered after it.
  const fleet = await points.load();
  assert.deepEqual([fleet.total, fleet.foreign], [2, false]);
  assert.equal(fleet.shards.get(0)?.point?.sequence, 2);
  assert.deepEqual([fleet.shards.get(1)?.point?.sequence, fleet.shards.get(1)?.presence], [7, "{}"]);
});

Deno.test("RedisResumePoints puts back its own points when Redis comes back empty, and only what is missing", async () => {
  await using fixture = await openRedis();
  const points = new RedisResumePoints(fixture.client(), fixture.observations);
  await points.begin({ total: 3, startedAtMs: 1_000, keepSessions: true, imported: NOTHING });
  await points.write(
    new Map([
      [0, { point: resumePoint(10), presence: '{"status":"idle"}' }],
      [1, { point: resumePoint(20) }],
      [2, { point: resumePoint(30) }],
    ]),
  );
  await points.write(new Map([[2, { point: null }]]));
  await fixture.away();
  await fixture.redis.flushdb();
  await fixture.redis.hset("gateway:shards", { 1: "of another process" });
  fixture.proxy.up();
  // The first write may go out just before what is put back, the second one comes after it.
  await points.write(new Map([[0, { guilds: [] }]]));
  await points.write(new Map([[0, { guilds: [] }]]));
  const { "gateway:shards": stored, "gateway:presences": presences, ...rest } = await fixture.dump();
  assert.equal(JSON.parse(Object(stored)[0]).sequence, 10);
  assert.deepEqual({ ...Object(stored), 0: "" }, { 0: "", 1: "of another process" });
  assert.deepEqual(presences, { 0: '{"status":"idle"}' });
  assert.equal(rest["gateway_shards"], "3");
  assert.equal(rest["gateway_started"], '"1970-01-01T00:00:01.000000"');
  assert.equal((await points.load()).foreign, false);
});
