import assert from "node:assert/strict";
import { RedisBoard } from "../../../../gateway/adapters/redis/board.ts";
import { RedisResumePoints } from "../../../../gateway/adapters/redis/resume_points.ts";
import type { PointChange } from "../../../../gateway/resume/points.ts";
import { shardEntry, testBoardContract } from "../../../contracts/board_contract.ts";
import { resumePoint } from "../../../contracts/resume_points_contract.ts";
import { openRedis, type RedisFixture } from "../../../fakes/redis_fixture.ts";

testBoardContract("Redis", async () => {
  const fixture = await openRedis();
  return {
    process: () => new RedisBoard(fixture.client()),
    away: () => fixture.away(),
    back: () => fixture.proxy.up(),
    entries: async () => {
      const texts = JSON.parse(await fixture.redis.get("gateway_statuses") ?? "");
      return texts.map(({ shard, status, latency, last_ack, session }: Record<string, string>) => ({
        shard,
        status,
        latencyMs: latency,
        lastAckAtMs: Date.parse(`${last_ack}Z`),
        session,
      }));
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
});

Deno.test("RedisBoard.publish(, true) writes the four keys to the letter", async () => {
  await using fixture = await openRedis();
  const { board } = await openBoard(fixture, 12, {
    0: { point: resumePoint(1_700_000_000_000_001, { sessionId: 'a/b"\\/é\u0001' }) },
    10: { point: resumePoint(2, { resumeGatewayUrl: null }), presence: "{}" },
    2: { point: resumePoint(Number.MAX_SAFE_INTEGER) },
    3: { point: null },
  });
  await board.publish([
    shardEntry(10, { status: "Disconnected", session: "" }),
    shardEntry(2, { latencyMs: 40.6, session: 'with "quotes"' }),
  ], true);
  const url = "wss://gateway-us-east1-b.discord.gg";
  assert.equal(
    await fixture.redis.get("gateway_sessions"),
    String
      .raw`{"0":{"session_id":"a/b\"\\/é\u0001","sequence":1700000000000001,"resume_gateway_url":"${url}"},` +
      `"2":{"session_id":"5e55","sequence":9007199254740991,"resume_gateway_url":"${url}"},` +
      '"10":{"session_id":"5e55","sequence":2}}',
  );
  assert.equal(
    await fixture.redis.get("gateway_statuses"),
    String
      .raw`[{"shard":2,"status":"Connected","latency":41,"last_ack":"2023-11-14T22:13:20.123000","session":"with \"quotes\""},` +
      '{"shard":10,"status":"Disconnected","latency":33,"last_ack":"2023-11-14T22:13:20.123000","session":""}]',
  );
  assert.equal(await fixture.redis.get("gateway_started"), '"2026-01-02T03:04:05.000000"');
  assert.equal(await fixture.redis.get("gateway_shards"), "12");
});

Deno.test("RedisBoard.publish(, true) writes an empty object and an empty array where there is nothing", async () => {
  await using fixture = await openRedis();
  const { board } = await openBoard(fixture, 1, {});
  await board.publish([], true);
  assert.equal(await fixture.redis.get("gateway_sessions"), "{}");
  assert.equal(await fixture.redis.get("gateway_statuses"), "[]");
});

Deno.test("RedisBoard.publish(, true) leaves out shards past the total", async () => {
  await using fixture = await openRedis();
  const { board } = await openBoard(fixture, 2, {
    1: { point: resumePoint(1) },
    2: { point: resumePoint(1) },
  });
  await board.publish([shardEntry(1), shardEntry(2)], true);
  assert.deepEqual(Object.keys(JSON.parse(await fixture.redis.get("gateway_sessions") ?? "")), ["1"]);
  const statuses = JSON.parse(await fixture.redis.get("gateway_statuses") ?? "");
  assert.deepEqual(statuses.map(({ shard }: { shard: number }) => shard), [1]);
});

Deno.test("RedisBoard.publish(, true) leaves out garbage, of every kind", async () => {
  await using fixture = await openRedis();
  const { board } = await openBoard(fixture, 100, { 5: { point: resumePoint(1) } });
  const point = (fields: object) => JSON.stringify({ session_id: "s", sequence: 1, ...fields });
  await fixture.redis.hset("gateway:shards", {
    "-1": point({}),
    "01": point({}),
    "1e1": point({}),
    "1.5": point({}),
    "words": point({}),
    "": point({}),
    "20": "not JSON",
    "21": "[]",
    "22": "5",
    "23": "null",
    "24": "",
    "25": point({ session_id: 5 }),
    "26": point({ sequence: "5" }),
    "27": point({ sequence: -1 }),
    "28": '{"session_id":"s","sequence":1e999}',
    "29": '{"session_id":"s","sequence":NaN}',
    "30": '{"session_id":"s","sequence":9007199254740993}',
    "31": "[".repeat(5_000),
  });
  await fixture.redis.hset("gateway:statuses", {
    "20": "not JSON",
    "21": "{}",
    "22": '{"shard":23}',
    "words": '{"shard":24}',
    "25": "null",
  });
  await board.publish([shardEntry(5)], true);
  assert.deepEqual(Object.keys(JSON.parse(await fixture.redis.get("gateway_sessions") ?? "")), ["5"]);
  const statuses = JSON.parse(await fixture.redis.get("gateway_statuses") ?? "");
  assert.deepEqual(statuses.map(({ shard }: { shard: number }) => shard), [5]);
});

Deno.test("RedisBoard.publish(, true) gets past what somebody put under its keys", async () => {
  await using fixture = await openRedis();
  const { board } = await openBoard(fixture, 1, {});
  await fixture.redis.set("gateway:statuses", "a text");
  await board.publish([shardEntry(0)], true);
  assert.deepEqual(fixture.observations.of("redis.garbage").map(({ key }) => key), ["gateway:statuses"]);
  assert.match(await fixture.redis.get("gateway_statuses") ?? "", /"shard":0/);
});

Deno.test("RedisBoard.publish(, true) sends what changed, however many shards there are", async () => {
  await using fixture = await openRedis();
  const { board } = await openBoard(fixture, 100, {});
  await board.publish(Array.from({ length: 100 }, (_, shard) => shardEntry(shard)), true);
  const calls = await fixture.callsDuring(() => board.publish([shardEntry(7), shardEntry(8)], true));
  assert.deepEqual([calls.get("eval"), calls.get("hset")], [1, 2]);
});

Deno.test("RedisBoard.publish(, true) sends everything of this process again when Redis has come back", async () => {
  await using fixture = await openRedis();
  const { board } = await openBoard(fixture, 2, {});
  await board.publish([shardEntry(0), shardEntry(1)], true);
  await fixture.away();
  await fixture.redis.flushdb();
  fixture.proxy.up();
  await fixture.observations.first("redis.connected", 2);
  await board.publish([shardEntry(1, { latencyMs: 50 })], true);
  const statuses = JSON.parse(await fixture.redis.get("gateway_statuses") ?? "");
  assert.deepEqual(statuses.map(({ latency }: { latency: number }) => latency), [33, 50]);
});

Deno.test("RedisBoard puts the prefix before every key", async () => {
  await using fixture = await openRedis({ prefix: "bot7:" });
  const { board } = await openBoard(fixture, 1, { 0: { point: resumePoint(1) } });
  await board.publish([shardEntry(0)], true);
  const keys = await fixture.redis.keys("*");
  assert.deepEqual(keys.filter((key) => !key.startsWith("bot7:gateway")), []);
  assert(keys.includes("bot7:gateway_statuses"));
});

async function openBoard(
  fixture: RedisFixture,
  total: number,
  points: { readonly [shard: number]: PointChange },
) {
  const client = fixture.client();
  const resumePoints = new RedisResumePoints(client, {
    observe: fixture.observations.observe,
    fences: { member: "us", tokenOf: () => 1, leadToken: () => 1 },
  });
  const imported = { total: null, bot: null, shards: new Map(), foreign: false };
  const startedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  await resumePoints.begin({ total, bot: null, startedAtMs, keepSessions: true, lost: new Map(), imported });
  await resumePoints.write(new Map(Object.entries(points).map(([shard, change]) => [Number(shard), change])));
  return { client, board: new RedisBoard(client) };
}
