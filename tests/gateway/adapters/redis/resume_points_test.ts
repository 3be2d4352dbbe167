import assert from "node:assert/strict";
import { RedisResumePoints } from "../../../../gateway/adapters/redis/resume_points.ts";
import type { Fences } from "../../../../gateway/fleet/leases.ts";
import type { PointChange, Reign } from "../../../../gateway/resume/points.ts";
import { PointKeeper } from "../../../../gateway/resume/keeper.ts";
import {
  lostSession,
  resumePoint,
  testResumePointsContract,
} from "../../../contracts/resume_points_contract.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { openRedis, type RedisFixture } from "../../../fakes/redis_fixture.ts";

/** Of a process that holds each shard under this token. */
const FENCES = { member: "us", tokenOf: () => 7, leadToken: () => 9 };

function resumePoints(fixture: RedisFixture, fences: Fences = FENCES): RedisResumePoints {
  return new RedisResumePoints(fixture.client(), { observe: fixture.observations.observe, fences });
}

testResumePointsContract("Redis", async () => {
  const fixture = await openRedis();
  return {
    process: () => resumePoints(fixture),
    away: () => fixture.away(),
    back: () => fixture.proxy.up(),
    takeOver: async (shard) => {
      await fixture.redis.hset("gateway:leases", shard, "8 another");
    },
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

const NOTHING = { total: null, bot: null, shards: new Map(), foreign: false };

/** A reign that keeps what it finds, which is nothing where nothing else is said. */
function reign(fields: Partial<Reign> & Pick<Reign, "total">): Reign {
  return { bot: null, startedAtMs: 0, keepSessions: true, lost: new Map(), imported: NOTHING, ...fields };
}

Deno.test("RedisResumePoints.begin() writes total and start time as others read them", async () => {
  await using fixture = await openRedis();
  const points = resumePoints(fixture);
  const startedAtMs = Date.UTC(2026, 10, 3, 4, 5, 6, 70);
  await points.begin(reign({ total: 16, startedAtMs }));
  assert.equal(await fixture.redis.get("gateway_shards"), "16");
  assert.equal(await fixture.redis.get("gateway_started"), '"2026-11-03T04:05:06.070000"');
});

Deno.test("RedisResumePoints puts its prefix before every key", async () => {
  await using fixture = await openRedis({ prefix: "bot7:" });
  const points = resumePoints(fixture);
  await points.load();
  await points.begin(reign({ total: 2, bot: "7" }));
  await points.write(
    new Map([[0, { point: resumePoint(1), lost: [lostSession(1)], presence: "{}", guilds: [1n] }]]),
  );
  await fixture.redis.lpush("bot7:gateway_sessions", "not ours");
  await points.load();
  const keys = await fixture.redis.keys("*");
  assert.deepEqual(keys.filter((key) => !key.startsWith("bot7:gateway")), []);
  assert.equal(keys.length, 10);
});

Deno.test("RedisResumePoints.write() writes points and lost sessions as the wire contract has them", async () => {
  await using fixture = await openRedis();
  const points = resumePoints(fixture);
  await points.begin(reign({ total: 1 }));
  await points.write(new Map([[0, { point: resumePoint(5), lost: [lostSession(5)] }]]));
  const { "gateway:shards": stored, "gateway:lost": lost } = await fixture.dump();
  assert.deepEqual(JSON.parse(Object(stored)[0]), {
    session_id: "5e55",
    sequence: 5,
    resume_gateway_url: "wss://gateway-us-east1-b.discord.gg",
    intents: 53_575_421,
    configured_presence: '{"status":"dnd","activities":[]}',
    started_at: 1_700_000_000_123,
    last_event_at: 1_700_000_000_456,
  });
  assert.deepEqual(JSON.parse(Object(lost)[0])[0], {
    session_id: "0ld",
    sequence: 5,
    since: 1_700_000_000_000.25,
    reason: "invalid_session",
  });
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
  const points = resumePoints(fixture);
  const imported = await points.load();
  await points.begin(reign({ total, imported }));
  assert.equal((await points.load()).shards.get(total - 1)?.point?.sessionId, "session-65535");
  await points.write(new Map(shards.map((shard) => [shard, { point: resumePoint(shard) }])));
  assert.equal((await points.load()).shards.get(total - 1)?.point?.sequence, total - 1);
  await points.write(new Map(shards.map((shard) => [shard, { point: null }])));
  assert.equal((await points.load()).shards.size, 0);
});

Deno.test("RedisResumePoints.write() is one command for everything that changed of all shards", async () => {
  await using fixture = await openRedis();
  const points = resumePoints(fixture);
  await points.begin(reign({ total: 3 }));
  const everything: PointChange = {
    point: resumePoint(1),
    lost: [lostSession(1)],
    presence: "{}",
    guilds: [1n],
  };
  const nothing: PointChange = { point: null, lost: [], presence: null, guilds: [] };
  await points.write(new Map([[0, everything], [1, nothing], [2, everything]]));
  const calls = await fixture.callsDuring(async () => {
    await points.write(new Map([[0, nothing], [1, everything], [2, everything]]));
  });
  assert.equal(calls.get("eval"), 1);
  for (const more of ["multi", "exec", "evalsha"]) assert.equal(calls.get(more), undefined, more);
});

Deno.test("RedisResumePoints.write() changes nothing else in Redis", async () => {
  await using fixture = await openRedis();
  const points = resumePoints(fixture);
  await points.begin(reign({ total: 2 }));
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
  const [one, other] = [fixture, fixture].map(() => resumePoints(fixture));
  assert(one !== undefined && other !== undefined);
  const [importedByOne, importedByOther] = [await one.load(), await other.load()];
  await one.begin(reign({ total: 2, bot: "7", startedAtMs: 1_000, imported: importedByOne }));
  await one.write(new Map([[0, { point: resumePoint(50), lost: [lostSession(49)] }]]));
  await other.begin(reign({ total: 2, bot: "7", startedAtMs: 2_000, imported: importedByOther }));
  const { shards } = await resumePoints(fixture).load();
  assert.deepEqual([shards.get(0)?.point?.sequence, shards.get(0)?.lost], [50, [lostSession(49)]]);
  assert.equal(shards.get(1)?.point?.sessionId, "theirs");
});

Deno.test("RedisResumePoints.load() moves aside what is of another type, and destroys nothing", async () => {
  await using fixture = await openRedis();
  await fixture.redis.set("gateway:shards", "a text");
  await fixture.redis.lpush("gateway_shards", "a list");
  const points = resumePoints(fixture);
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
  const points = resumePoints(fixture);
  await points.begin(reign({ total: 1 }));
  await fixture.redis.set("gateway:shards", "a text");
  await points.write(new Map([[0, { point: resumePoint(4), guilds: [1n] }]]));
  assert.deepEqual(fixture.observations.of("redis.garbage").map(({ key }) => key), ["gateway:shards"]);
  assert.equal((await points.load()).shards.get(0)?.point?.sequence, 4);
});

Deno.test("RedisResumePoints.begin() gets past what somebody put under its keys meanwhile", async () => {
  await using fixture = await openRedis();
  const points = resumePoints(fixture);
  await fixture.redis.mset({
    gateway_started: '"then"',
    gateway_sessions: '{"0":{"session_id":"s","sequence":1}}',
  });
  const imported = await points.load();
  await fixture.redis.set("gateway:shards", "a text");
  await points.begin(reign({ total: 1, imported }));
  assert.equal((await points.load()).shards.get(0)?.point?.sessionId, "s");
});

Deno.test("RedisResumePoints puts back its own points when Redis is emptied under it", async () => {
  await using fixture = await openRedis();
  const points = resumePoints(fixture);
  await points.begin(reign({ total: 2, bot: "7" }));
  await points.write(
    new Map([
      [0, { point: resumePoint(1), lost: [lostSession(4)] }],
      [1, { point: resumePoint(7), lost: [lostSession(5)], presence: "{}" }],
    ]),
  );
  const before = { ...resumePoint(6), sessionId: "before" };
  await points.write(new Map([[0, { lost: [] }], [1, { point: before }]]));
  await points.write(new Map([[1, { point: resumePoint(8) }]]));
  await fixture.redis.flushall();
  await points.write(new Map([[0, { point: resumePoint(2) }]]));
  // What is put back goes out behind the write; what is asked after it is answered after it.
  const fleet = await points.load();
  assert.deepEqual([fleet.total, fleet.bot, fleet.foreign], [2, "7", false]);
  assert.deepEqual(
    [...fleet.shards.values()],
    [
      { point: resumePoint(2), lost: [], presence: null, guilds: null },
      { point: resumePoint(8), lost: [lostSession(5)], presence: "{}", guilds: null },
    ],
  );
});

Deno.test("RedisResumePoints puts back its own points when Redis comes back empty, and only what is missing", async () => {
  await using fixture = await openRedis();
  const points = resumePoints(fixture);
  await points.begin(reign({ total: 3, bot: "7", startedAtMs: 1_000 }));
  await points.write(
    new Map([
      [0, { point: resumePoint(10), lost: [lostSession(4)], presence: '{"status":"idle"}' }],
      [1, { point: resumePoint(20), lost: [lostSession(5)] }],
      [2, { point: resumePoint(30) }],
    ]),
  );
  await points.write(new Map([[2, { point: null }]]));
  await fixture.away();
  await fixture.redis.flushdb();
  await fixture.redis.hset("gateway:shards", { 1: "of another process" });
  await fixture.redis.hset("gateway:lost", { 1: "of another process" });
  fixture.proxy.up();
  // The first write may go out just before what is put back, the second one comes after it.
  await points.write(new Map([[0, { guilds: [] }]]));
  await points.write(new Map([[0, { guilds: [] }]]));
  const { "gateway:shards": stored, "gateway:lost": lost, "gateway:presences": presences, ...rest } =
    await fixture.dump();
  assert.equal(JSON.parse(Object(stored)[0]).sequence, 10);
  assert.deepEqual({ ...Object(stored), 0: "" }, { 0: "", 1: "of another process" });
  assert.equal(JSON.parse(Object(lost)[0])[0].sequence, 4);
  assert.deepEqual({ ...Object(lost), 0: "" }, { 0: "", 1: "of another process" });
  assert.equal(rest["gateway:bot"], "7");
  assert.deepEqual(presences, { 0: '{"status":"idle"}' });
  assert.equal(rest["gateway_shards"], "3");
  assert.equal(rest["gateway_started"], '"1970-01-01T00:00:01.000000"');
  assert.equal((await points.load()).foreign, false);
});

Deno.test("RedisResumePoints.write() is fenced by the lease of each shard, its holder and its token", async () => {
  await using fixture = await openRedis();
  const points = resumePoints(fixture, {
    member: "us",
    tokenOf: (shard) => shard === 4 ? null : 7,
    leadToken: () => 9,
  });
  await points.begin(reign({ total: 5 }));
  await fixture.redis.hset("gateway:leases", { 0: "7 us", 1: "6 us", 2: "7 others", 3: "7 " });
  const moved = Array.from({ length: 6 }, (_, shard) => [shard, { point: resumePoint(shard) }] as const);
  // Of the last one there is no lease, as in a Redis that was emptied.
  assert.deepEqual(await points.write(new Map(moved)), new Set([1, 2, 3, 4]));
  assert.deepEqual([...(await points.load()).shards.keys()], [0, 5]);
  assert.deepEqual(await points.write(new Map(moved.slice(4, 5))), new Set([4]));
});

Deno.test("RedisResumePoints.begin() begins nothing where another leads, or this process does not", async () => {
  await using fixture = await openRedis();
  let leadToken: number | null = 9;
  const points = resumePoints(fixture, { member: "us", tokenOf: () => 7, leadToken: () => leadToken });
  await fixture.redis.hset("gateway:leases", { lead: "9 us" });
  assert(await points.begin(reign({ total: 5 })));
  await points.write(new Map([[0, { point: resumePoint(1) }]]));
  const before = await points.load();
  const later = reign({ total: 4, keepSessions: false });
  for (const lead of ["10 others", "10 us", "9 "]) {
    await fixture.redis.hset("gateway:leases", { lead });
    assert(!await points.begin(later), lead);
  }
  leadToken = null;
  assert(!await points.begin(later));
  assert.deepEqual(await points.load(), before);
});

Deno.test("RedisResumePoints puts nothing back of a shard that it was told to forget, or holds no more", async () => {
  await using fixture = await openRedis();
  let held = [0, 1, 2];
  const points = resumePoints(fixture, {
    member: "us",
    tokenOf: (shard) => held.includes(shard) ? 7 : null,
    leadToken: () => 9,
  });
  await points.begin(reign({ total: 3 }));
  await points.write(new Map(held.map((shard) => [shard, { point: resumePoint(1) }])));
  points.forget(0);
  held = [0, 2];
  await fixture.redis.flushall();
  await points.write(new Map([[2, { presence: "{}" }]]));
  assert.deepEqual([...(await points.load()).shards.keys()], [2]);
});

Deno.test("RedisResumePoints that has no answer counts as refusing after two seconds, and stores once it has one", async () => {
  await using fixture = await openRedis();
  await testUnansweredWrite(fixture, {
    stop: () => Promise.resolve(fixture.proxy.hold()),
    goOn: () => Promise.resolve(fixture.proxy.release()),
  });
});

Deno.test("RedisResumePoints of a Redis that takes no writes counts as refusing after two seconds, and stores once it does", async () => {
  await using fixture = await openRedis();
  // A master that wants a replica and has none refuses every write.
  const replicasWanted = (count: number) => fixture.redis.config("SET", "min-replicas-to-write", count);
  try {
    await testUnansweredWrite(fixture, { stop: () => replicasWanted(1), goOn: () => replicasWanted(0) });
  } finally {
    await replicasWanted(0);
  }
});

async function testUnansweredWrite(
  fixture: RedisFixture,
  { stop, goOn }: { stop(): Promise<unknown>; goOn(): Promise<unknown> },
): Promise<void> {
  const points = resumePoints(fixture);
  await points.begin(reign({ total: 1 }));
  const clock = new ManualClock();
  const { observe } = fixture.observations;
  const refused: number[] = [];
  const stored = Promise.withResolvers<number>();
  const keeper = new PointKeeper({
    points,
    clock,
    observe,
    stored: (_shard, { sequence }) => stored.resolve(sequence),
    lossesStored: () => {},
    refused: (_shard, { sequence }) => refused.push(sequence),
    fenced: () => assert.fail("nobody else runs the shard"),
  });
  await stop();
  keeper.change(0, { point: resumePoint(7) });
  clock.advance(0);
  clock.advance(1_999);
  assert.deepEqual(refused, []);
  clock.advance(1);
  assert.deepEqual(refused, [7]);
  await goOn();
  assert.equal(await stored.promise, 7);
  assert.equal((await points.load()).shards.get(0)?.point?.sequence, 7);
}
