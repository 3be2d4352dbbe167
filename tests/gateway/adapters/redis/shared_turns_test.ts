import assert from "node:assert/strict";
import { RedisSharedTurns } from "../../../../gateway/adapters/redis/shared_turns.ts";
import { sleepUntil, systemClock } from "../../../../gateway/clock.ts";
import { type SharedTurns, type TurnTimes, turnTimes } from "../../../../gateway/identify/shared_turns.ts";
import { testSharedTurnsContract } from "../../../contracts/shared_turns_contract.ts";
import { openRedis, type RedisFixture } from "../../../fakes/redis_fixture.ts";

const KEY = "gateway:identify";

/** Turns on a connection that stands. */
async function openTurns(fixture: RedisFixture, member: string, times: TurnTimes): Promise<SharedTurns> {
  const connections = fixture.observations.of("redis.connected").length;
  const { observe } = fixture.observations;
  const turns = new RedisSharedTurns(fixture.client(), { member, times, observe });
  await fixture.observations.first("redis.connected", connections + 1);
  return turns;
}

/** As it is where the fleet has been on this Redis before: a young Redis is waited for. */
async function settle(fixture: RedisFixture): Promise<void> {
  const runId = /run_id:(\w+)/.exec(await fixture.redis.info("server"))?.[1];
  assert(runId !== undefined);
  await fixture.redis.hset(KEY, { server: runId, settled_at: 0, epoch: 1, spent: 0, arriving: "" });
}

testSharedTurnsContract("Redis", async () => {
  const fixture = await openRedis();
  await settle(fixture);
  const { redis, observations } = fixture;
  return {
    process: (member, times) => openTurns(fixture, member, times),
    pass: (ms) => sleepUntil(systemClock, systemClock.nowMs() + ms),
    away: () => fixture.away(),
    back: async () => {
      const connections = observations.of("redis.connected").length;
      fixture.proxy.up();
      await observations.first("redis.connected", connections + 1);
    },
    failOver: async () => {
      await redis.hset(KEY, "server", "the one before");
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
});

const NO_TURNS = { turns: [], concurrency: 1, remaining: 1, mark: null };

Deno.test("RedisSharedTurns waits for a Redis that has just started without a memory, not for one that is new to it", async () => {
  await using fixture = await openRedis();
  const uptimeMs = async () =>
    1_000 * Number(/uptime_in_seconds:(\d+)/.exec(await fixture.redis.info("server"))?.[1]);
  const times = { spacingMs: 1, holdMs: 1, confirmedMs: 1_000, underWayMs: 1e9 };
  const young = await openTurns(fixture, "young", times);
  const atLeastMs = await uptimeMs();
  const answer = await young.take(NO_TURNS);
  const atMostMs = await uptimeMs();
  assert(answer?.kind === "unsettled");
  const ageMs = times.underWayMs + times.confirmedMs - answer.waitMs;
  assert(ageMs >= atLeastMs && ageMs <= atMostMs, `${ageMs}`);

  await fixture.redis.flushall();
  const old = await openTurns(fixture, "old", { spacingMs: 0, holdMs: 1, confirmedMs: 0, underWayMs: 0 });
  assert.equal((await old.take(NO_TURNS))?.kind, "uncounted");
});

Deno.test("RedisSharedTurns lets no turn last longer because Redis's clock was set back", async () => {
  await using fixture = await openRedis();
  await settle(fixture);
  const laterMs = Date.now() + 1e9;
  await fixture.redis.hset(KEY, {
    "settled_at": laterMs,
    "arriving": laterMs,
    "spent": 1,
    "turn:0": `${laterMs} ${laterMs + 5_000} used 1 other/1`,
  });
  const times = turnTimes(6_000);
  const turns = await openTurns(fixture, "one", times);
  const unsettled = await turns.take(NO_TURNS);
  assert(unsettled?.kind === "unsettled");
  assert(unsettled.waitMs <= 7_000, `${unsettled.waitMs}`);
  await fixture.redis.hset(KEY, "settled_at", 0);
  const asked = { turns: [{ shard: 0, token: "one/1" }], concurrency: 1, remaining: 10, mark: "1-0" };
  const answer = await turns.take(asked);
  assert(answer?.kind === "counted");
  assert.equal(answer.left, 9);
  const [outcome] = answer.outcomes;
  assert(outcome?.kind === "busy" && outcome.waitMs <= 5_000, JSON.stringify(outcome));
});

Deno.test("RedisSharedTurns leaves nothing of what has run out, and one key under the prefix", async () => {
  await using fixture = await openRedis({ prefix: "bot:" });
  const times = { spacingMs: 1, holdMs: 1, confirmedMs: 0, underWayMs: 0 };
  const turns = await openTurns(fixture, "one", times);
  const shards = Array.from({ length: 100 }, (_, shard) => ({ shard, token: `one/${shard}` }));
  const asked = { turns: shards, concurrency: 100, remaining: 1_000 };
  let mark: string | null = null;
  // A Redis that has just started grants nothing yet.
  for (let taken = false; !taken;) {
    const answer = await turns.take({ ...asked, mark });
    assert(answer !== null);
    if (answer.kind === "unsettled") await sleepUntil(systemClock, systemClock.nowMs() + answer.waitMs);
    else if (answer.kind === "uncounted") mark = answer.mark;
    else taken = answer.outcomes.every(({ kind }) => kind === "taken");
  }
  await sleepUntil(systemClock, systemClock.nowMs() + 2);
  await turns.keep([]);
  assert.deepEqual(await fixture.redis.keys("*"), ["bot:gateway:identify"]);
  const fields = (await fixture.redis.hkeys("bot:gateway:identify")).toSorted();
  assert.deepEqual(fields, ["arriving", "epoch", "server", "settled_at", "spent"]);
});

Deno.test("RedisSharedTurns says once in an outage that nobody gets a turn, and again in the next", async () => {
  await using fixture = await openRedis();
  const turns = await openTurns(fixture, "one", turnTimes(6_000));
  const { redis, observations } = fixture;
  for (const _outage of [1, 2]) {
    await redis.set(KEY, "a text");
    assert.equal(await turns.take(NO_TURNS), null);
    assert.equal(await turns.confirm({ shard: 0, token: "one/1" }), false);
    assert.equal(await turns.take(NO_TURNS), null);
    await redis.del(KEY);
    assert.notEqual(await turns.take(NO_TURNS), null);
  }
  const refused = observations.of("identify.refused");
  assert.equal(refused.length, 2);
  assert.match(refused[0]?.error ?? "", /WRONGTYPE/);
});
