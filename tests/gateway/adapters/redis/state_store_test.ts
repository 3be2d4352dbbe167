import assert from "node:assert/strict";
import fc from "fast-check";
import type { Redis } from "ioredis";
import { RedisStateStore } from "../../../../gateway/adapters/redis/state_store.ts";
import {
  BOT_USER,
  channelEntity,
  channelGroup,
  type Entity,
  guildEntity,
  guildGroup,
  guildPartEntity,
  KINDS,
  messageEntity,
} from "../../../../gateway/state/entity.ts";
import { cutMembers } from "../../../../gateway/state/fields.ts";
import type { StateStoreEvents } from "../../../../gateway/state/store.ts";
import {
  clearStep,
  deleteStep,
  GUILD_THINGS,
  mergeStep,
  setStep,
  StateOpenings,
  testStateStoreContract,
} from "../../../contracts/state_store_contract.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { openRedis, type RedisFixture } from "../../../fakes/redis_fixture.ts";

const PREFIX = "bot7:";
const EXPIRIES = `${PREFIX}gateway:state:expiries`;
const GUILD = "1100000000000000017";
const CHANNEL = "1100000000000000033";
const MEMBER = guildPartEntity("member", GUILD, "7");
const MESSAGE = messageEntity(CHANNEL, "8");

/** Periods of the store. */
const SWEEP_MS = 250;
const SIZES_MS = 1_000;
const REOPEN_MS = 1_000;

const encoder = new TextEncoder();

function newStore(fixture: RedisFixture, clock = new ManualClock()): RedisStateStore {
  return new RedisStateStore(fixture.client(), {
    clock,
    observe: fixture.observations.observe,
    fences: { member: "us", tokenOf: () => 1, leadToken: () => 1 },
  });
}

/** A store that is open, whose clock a test turns; Redis has its own. */
async function openStore(fixture: RedisFixture) {
  const clock = new ManualClock();
  const store = newStore(fixture, clock);
  const openings = new StateOpenings();
  store.start(openings);
  await openings.heardAtLeast(1);
  return { store, openings, clock };
}

/** The names in a set of the wire contract, sorted, without the prefix, which all must have. */
async function namesIn(redis: Redis, set: string): Promise<string[]> {
  const names = await redis.smembers(PREFIX + set);
  return names.map((name) => {
    assert(name.startsWith(PREFIX), `${name} in ${set}`);
    return name.slice(PREFIX.length);
  }).sort();
}

/** Resolves once Redis has let them expire, by its own time and by that in the store's set. */
async function expired(redis: Redis, entities: readonly Entity[]): Promise<void> {
  const keys = entities.map(({ key }) => PREFIX + key);
  const atMs = Math.max(...(await redis.zmscore(EXPIRIES, ...keys)).map(Number));
  while (await redis.exists(keys) > 0 || await nowMs(redis) < atMs);
}

/** Resolves when all that the store has asked, and what it has asked because of the answers, is answered. */
async function answered(store: RedisStateStore): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await store.apply([]);
}

async function nowMs(redis: Redis): Promise<number> {
  const [seconds = 0, microseconds = 0] = await redis.time();
  return seconds * 1_000 + Math.floor(microseconds / 1_000);
}

testStateStoreContract("Redis", async () => {
  const fixture = await openRedis({ prefix: PREFIX });
  const { redis, proxy } = fixture;
  const stores: RedisStateStore[] = [];
  return {
    process: () => {
      const store = newStore(fixture);
      stores.push(store);
      return store;
    },
    hold: () => proxy.hold(),
    away: () => fixture.away(),
    back: () => {
      proxy.release();
      proxy.up();
    },
    text: (key) => redis.get(PREFIX + key),
    named: (set) => namesIn(redis, set),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await fixture[Symbol.asyncDispose]();
    },
  };
});

Deno.test("RedisStateStore keeps keys and sets to the letter, under the prefix", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store } = await openStore(fixture);
  await store.apply([
    setStep(BOT_USER, '{"id":"1"}'),
    ...GUILD_THINGS.map((entity) => setStep(entity, `{"key":"${entity.key}"}`)),
    setStep(channelEntity(null, "35")),
    setStep(guildPartEntity("member", GUILD, "9"), "{}", { ttlMs: 60_000 }),
  ]);
  const texts = {
    "bot7:bot_user": '{"id":"1"}',
    "bot7:guild:1100000000000000017": '{"key":"guild:1100000000000000017"}',
    "bot7:channel:1100000000000000033": '{"key":"channel:1100000000000000033"}',
    "bot7:channel:35": "{}",
    "bot7:role:1100000000000000017:5": '{"key":"role:1100000000000000017:5"}',
    "bot7:emoji:1100000000000000017:6": '{"key":"emoji:1100000000000000017:6"}',
    "bot7:member:1100000000000000017:7": '{"key":"member:1100000000000000017:7"}',
    "bot7:member:1100000000000000017:9": "{}",
    "bot7:presence:1100000000000000017:7": '{"key":"presence:1100000000000000017:7"}',
    "bot7:voice:1100000000000000017:7": '{"key":"voice:1100000000000000017:7"}',
    "bot7:message:1100000000000000033:8": '{"key":"message:1100000000000000033:8"}',
  };
  const sets = {
    "bot7:guild_keys": ["bot7:guild:1100000000000000017"],
    "bot7:channel_keys": ["bot7:channel:1100000000000000033", "bot7:channel:35"],
    "bot7:role_keys": ["bot7:role:1100000000000000017:5"],
    "bot7:emoji_keys": ["bot7:emoji:1100000000000000017:6"],
    "bot7:member_keys": ["bot7:member:1100000000000000017:7", "bot7:member:1100000000000000017:9"],
    "bot7:presence_keys": ["bot7:presence:1100000000000000017:7"],
    "bot7:voice_keys": ["bot7:voice:1100000000000000017:7"],
    "bot7:message_keys": ["bot7:message:1100000000000000033:8"],
    "bot7:guild_keys:1100000000000000017": [
      "bot7:channel:1100000000000000033",
      "bot7:emoji:1100000000000000017:6",
      "bot7:member:1100000000000000017:7",
      "bot7:member:1100000000000000017:9",
      "bot7:presence:1100000000000000017:7",
      "bot7:role:1100000000000000017:5",
      "bot7:voice:1100000000000000017:7",
    ],
    "bot7:channel_keys:1100000000000000033": ["bot7:message:1100000000000000033:8"],
    "bot7:gateway:state:emojis:1100000000000000017": ["bot7:emoji:1100000000000000017:6"],
  };
  for (const [key, text] of Object.entries(texts)) assert.equal(await redis.get(key), text, key);
  for (const [key, names] of Object.entries(sets)) {
    assert.deepEqual((await redis.smembers(key)).sort(), names, key);
  }
  assert.deepEqual(await redis.zrange("bot7:gateway:state:expiries", "0", "-1"), [
    "bot7:member:1100000000000000017:9",
  ]);
  const all = [...Object.keys(texts), ...Object.keys(sets), "bot7:gateway:state:expiries"].sort();
  assert.deepEqual((await redis.keys("*")).sort(), all);
});

Deno.test("RedisStateStore leaves nothing of what it forgets, not even in its own sets", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store } = await openStore(fixture);
  const keep = () =>
    store.apply([
      ...GUILD_THINGS.map((entity) => setStep(entity)),
      ...[MEMBER, MESSAGE].map((entity) => setStep(entity, "{}", { ttlMs: 3_600_000 })),
    ]);
  await keep();
  await store.apply(GUILD_THINGS.map((entity) => deleteStep(entity)));
  assert.deepEqual(await redis.keys("*"), []);
  await keep();
  await store.apply([
    deleteStep(guildEntity(GUILD)),
    clearStep(guildGroup(GUILD)),
  ]);
  assert.deepEqual(await redis.keys("*"), []);
});

Deno.test("RedisStateStore touches nothing under another prefix", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store } = await openStore(fixture);
  await redis.sadd("guild_keys", "guild:1");
  await redis.sadd(`guild_keys:${GUILD}`, `role:${GUILD}:5`);
  await redis.sadd(`gateway:state:emojis:${GUILD}`, `emoji:${GUILD}:6`);
  await redis.zadd("gateway:state:expiries", 1, MEMBER.key);
  await redis.set("bot_user", '{"id":"1"}');
  const before = (await redis.keys("*")).sort();
  await store.apply([
    clearStep(guildGroup(GUILD)),
    { step: "clear_emojis", guild: GUILD, wantsOld: false },
    mergeStep(BOT_USER, ["a", "1"]),
  ]);
  const page = await store.guilds(null);
  assert.deepEqual([page.ids, await store.guilds(page.next)], [[], { ids: [], next: null }]);
  assert.deepEqual((await redis.keys("*")).sort(), before);
});

Deno.test("RedisStateStore asks Redis once, whatever the steps", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { store } = await openStore(fixture);
  const calls = await fixture.callsDuring(async () => {
    await store.apply([
      ...GUILD_THINGS.map((entity) => setStep(entity)),
      mergeStep(MEMBER, ["a", "1"], { wantsOld: true }),
      clearStep(guildGroup(GUILD)),
    ]);
  });
  assert.equal(calls.get("evalsha"), 1);
  assert.equal(calls.get("eval"), undefined);
});

Deno.test("RedisStateStore gathers what it is asked while Redis owes an answer, each with an answer of its own", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store } = await openStore(fixture);
  await redis.set(`${PREFIX}member_keys`, "a text");
  const roles = Array.from({ length: 600 }, (_, id) => guildPartEntity("role", GUILD, String(id)));
  const answers: Promise<unknown>[] = [];
  const calls = await fixture.callsDuring(async () => {
    answers.push(store.apply([setStep(roles[0] ?? BOT_USER, "{}", { wantsOld: true })]));
    await null; // that one is on its way alone
    for (const role of roles) answers.push(store.apply([setStep(role, "[]", { wantsOld: true })]));
    answers.push(store.apply([setStep(MEMBER)]));
    answers.push(store.apply([setStep(roles[0] ?? BOT_USER, "1", { wantsOld: true }), deleteStep(MEMBER)]));
    await Promise.allSettled(answers);
  });
  // 100 keys at most go together.
  assert.equal(calls.get("evalsha"), 1 + 7);
  const clears = await fixture.callsDuring(async () => {
    const clear = clearStep(guildGroup("1"), { atMost: 90 });
    await Promise.all([[clear], [setStep(BOT_USER), clear], [clear], []].map((steps) => store.apply(steps)));
  });
  assert.equal(clears.get("evalsha"), 3);
  const outcomes = await Promise.allSettled(answers);
  const texts = outcomes.map((outcome) =>
    outcome.status === "rejected"
      ? String(outcome.reason)
      : (outcome.value as { olds: Uint8Array[] }).olds.map(String)
  );
  assert.deepEqual(texts.slice(0, 3), [["null"], ["{}"], ["null"]]);
  assert.deepEqual(new Set(texts.slice(2, -2).flat()), new Set(["null"]));
  assert.match(String(texts.at(-2)), /WRONGTYPE/);
  assert.match(String(texts.at(-1)), /WRONGTYPE/);
  assert.equal(await redis.get(`${PREFIX}${roles[0]?.key}`), "1", "what is done before it stays");
});

Deno.test("RedisStateStore gives each write of a key its whole time anew", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store } = await openStore(fixture);
  const ttlMs = 3_600_000;
  for (const entity of [MEMBER, MESSAGE]) {
    const key = PREFIX + entity.key;
    for (const write of [setStep(entity, '{"a":1}', { ttlMs }), mergeStep(entity, ["a", "2"], { ttlMs })]) {
      const before = await nowMs(redis);
      await store.apply([write]);
      const after = await nowMs(redis);
      const told = [await redis.call("PEXPIRETIME", key), await redis.zscore(EXPIRIES, key)].map(Number);
      for (const atMs of told) {
        assert(atMs >= before + ttlMs && atMs <= after + ttlMs, `${write.step} ${entity.key}: ${atMs}`);
      }
      // As if a long time had gone by.
      await redis.pexpire(key, 100_000);
      await redis.zadd(EXPIRIES, before + 100_000, key);
    }
  }
});

Deno.test("RedisStateStore keeps for ever what has no time, though it had one", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store, clock } = await openStore(fixture);
  for (const write of [setStep(MEMBER), mergeStep(MEMBER, ["a", "1"])]) {
    await store.apply([setStep(MEMBER, "{}", { ttlMs: 3_600_000 }), write]);
    assert.equal(await redis.pttl(PREFIX + MEMBER.key), -1, write.step);
    await redis.zadd(EXPIRIES, 1, PREFIX + MEMBER.key); // its time would be over
    clock.advance(SWEEP_MS);
    await answered(store);
    assert.deepEqual(await redis.zrange(EXPIRIES, "0", "-1"), []);
    assert.deepEqual(await namesIn(redis, "member_keys"), [MEMBER.key]);
    assert.deepEqual(await namesIn(redis, guildGroup(GUILD)), [MEMBER.key]);
  }
});

Deno.test("RedisStateStore takes what has expired out of its sets with the next sweep, and nothing else", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store, clock } = await openStore(fixture);
  const role = guildPartEntity("role", GUILD, "5");
  const lasting = [guildPartEntity("member", GUILD, "9"), messageEntity(CHANNEL, "9")];
  await store.apply([
    setStep(role),
    ...lasting.map((entity) => setStep(entity, "{}", { ttlMs: 3_600_000 })),
    ...[MEMBER, MESSAGE].map((entity) => setStep(entity, "{}", { ttlMs: 1 })),
  ]);
  await expired(redis, [MEMBER, MESSAGE]);
  assert.deepEqual(await namesIn(redis, "member_keys"), [MEMBER.key, lasting[0]?.key]);
  clock.advance(SWEEP_MS);
  await answered(store);
  assert.deepEqual(await namesIn(redis, "member_keys"), [lasting[0]?.key]);
  assert.deepEqual(await namesIn(redis, guildGroup(GUILD)), [lasting[0]?.key, role.key]);
  assert.deepEqual(await namesIn(redis, "message_keys"), [lasting[1]?.key]);
  assert.deepEqual(await namesIn(redis, channelGroup(CHANNEL)), [lasting[1]?.key]);
  assert.deepEqual(
    (await redis.zrange(EXPIRIES, "0", "-1")).sort(),
    lasting.map(({ key }) => PREFIX + key),
  );
  // Again and again.
  await store.apply([setStep(MEMBER, "{}", { ttlMs: 1 })]);
  await expired(redis, [MEMBER]);
  clock.advance(SWEEP_MS);
  await answered(store);
  assert.deepEqual(await namesIn(redis, "member_keys"), [lasting[0]?.key]);
});

Deno.test("RedisStateStore sweeps nothing that is still there, whatever its own set says of it", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store, clock } = await openStore(fixture);
  const ttlMs = 3_600_000;
  const before = await nowMs(redis);
  await store.apply([setStep(MEMBER, "{}", { ttlMs })]);
  await redis.zadd(EXPIRIES, 1, PREFIX + MEMBER.key);
  clock.advance(SWEEP_MS);
  await answered(store);
  assert.deepEqual(await namesIn(redis, "member_keys"), [MEMBER.key]);
  assert(Number(await redis.zscore(EXPIRIES, PREFIX + MEMBER.key)) > before + ttlMs / 2);
});

Deno.test("RedisStateStore sweeps ten thousand keys a period, few at a time", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store, clock } = await openStore(fixture);
  // Behind a full hundred another would be looked for, whose script may be counted or not.
  const names = Array.from({ length: 10_099 }, (_, id) => `${PREFIX}member:${GUILD}:${id}`);
  await redis.zadd(EXPIRIES, ...names.flatMap((name, index) => [index, name]));
  await redis.sadd(`${PREFIX}member_keys`, ...names);
  const left = () => redis.scard(`${PREFIX}member_keys`);
  const sweep = (untilLeft: number) =>
    fixture.callsDuring(async () => {
      clock.advance(SWEEP_MS);
      while (await left() > untilLeft);
    });
  const calls = await sweep(99);
  assert.equal(calls.get("evalsha"), 100);
  assert.equal(calls.get("zrem"), 10_000);
  await answered(store);
  assert.equal(await left(), 99);
  assert.equal((await sweep(0)).get("evalsha"), 1);
  assert.equal(await redis.zcard(EXPIRIES), 0);
});

Deno.test("RedisStateStore tells each second how much is kept of each kind", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { observations } = fixture;
  const { store, clock } = await openStore(fixture);
  const roles = ["1", "2", "3"].map((id) => setStep(guildPartEntity("role", GUILD, id)));
  await store.apply([...GUILD_THINGS.map((entity) => setStep(entity)), ...roles]);
  clock.advance(SIZES_MS);
  const ones = Object.fromEntries(KINDS.map((kind) => [kind, 1]));
  const [first] = await observations.first("state.sizes");
  assert.deepEqual(first?.sizes, { ...ones, role: 4 });
  await store.apply([clearStep(guildGroup(GUILD), { keepsMessagesOf: "all" })]);
  clock.advance(SIZES_MS);
  const [, second] = await observations.first("state.sizes", 2);
  const zeros = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  assert.deepEqual(second?.sizes, { ...zeros, guild: 1, message: 1 });
  assert.equal(second?.guildsBehind, 0);
  await store.apply(["5", "6"].map((guild) => ({ step: "mark", guild, isBehind: true })));
  clock.advance(SIZES_MS);
  const [, , third] = await observations.first("state.sizes", 3);
  assert.equal(third?.guildsBehind, 2);
});

Deno.test("RedisStateStore opens without what is not to be read of what was written", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const key = `${PREFIX}gateway:state:written`;
  await redis.hset(key, { 3: "none", 4: "[[]", 5: '[["a",1]]', 6: "{}" });
  const { openings } = await openStore(fixture);
  assert.deepEqual(openings.written, [[{ shard: 5, sessions: [{ id: "a", sequence: 1 }] }]]);
});

/** What makes Redis refuse every write, and how it ends. */
const REFUSALS: readonly {
  readonly what: string;
  readonly error: RegExp;
  readonly begin: (redis: Redis) => Promise<unknown>;
  readonly end: (redis: Redis) => Promise<unknown>;
}[] = [
  {
    what: "is out of memory",
    error: /OOM/,
    begin: (redis) => redis.config("SET", "maxmemory", "1"),
    end: (redis) => redis.config("SET", "maxmemory", "0"),
  },
  {
    what: "misses its replicas",
    error: /NOREPLICAS/,
    begin: (redis) => redis.config("SET", "min-replicas-to-write", "1"),
    end: (redis) => redis.config("SET", "min-replicas-to-write", "0"),
  },
];

for (const { what, error, begin, end } of REFUSALS) {
  Deno.test(`RedisStateStore is closed while Redis ${what}, and tells so once`, async () => {
    await using fixture = await openRedis({ prefix: PREFIX });
    const { redis, observations } = fixture;
    const { store, openings, clock } = await openStore(fixture);
    const refused = () => observations.of("state.refused");
    try {
      for (let outage = 1; outage <= 2; outage++) {
        await begin(redis);
        let isSettled = false;
        store.apply([setStep(MEMBER)]).finally(() => isSettled = true);
        await openings.heardAtLeast(2 * outage);
        assert.equal(refused().length, outage);
        assert.match(refused().at(-1)?.error ?? "", error);
        for (let attempt = 0; attempt < 3; attempt++) {
          const againAtMs = clock.nowMs() + REOPEN_MS;
          await clock.untilScheduled(againAtMs);
          assert.deepEqual(clock.deadlinesMs, [againAtMs], "it is neither swept nor counted");
          clock.advance(REOPEN_MS);
        }
        await clock.untilScheduled(clock.nowMs() + REOPEN_MS);
        await end(redis);
        clock.advance(REOPEN_MS);
        await openings.heardAtLeast(2 * outage + 1);
        assert.deepEqual(openings.heard, ["opened", ...Array(outage).fill(["closed", "opened"]).flat()]);
        assert.equal(refused().length, outage);
        await store.apply([setStep(MEMBER)]);
        assert.equal(isSettled, false);
        // It stands: the next refusal is news.
        clock.advance(SIZES_MS);
        await observations.first("state.sizes", outage);
      }
    } finally {
      await end(redis);
    }
  });
}

Deno.test("RedisStateStore does nothing behind what Redis refuses, and says of nothing that it is written", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store, openings } = await openStore(fixture);
  await store.apply([setStep(MEMBER)]);
  await redis.config("SET", "maxmemory", "1");
  try {
    store.apply([setStep(MESSAGE)], 0, [{ id: "a", sequence: 1 }]);
    // Forgetting is allowed then, and after it, in the same script, all else.
    store.apply([deleteStep(MEMBER)], 0, [{ id: "a", sequence: 2 }]);
    store.apply([setStep(MESSAGE)], 0, [{ id: "a", sequence: 3 }]);
    await openings.heardAtLeast(2);
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  assert.equal(await redis.get(PREFIX + MEMBER.key), "{}");
  assert.equal(await redis.exists(`${PREFIX}gateway:state:written`), 0);
});

Deno.test("RedisStateStore opens only once Redis takes writes", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis, observations } = fixture;
  const clock = new ManualClock();
  const openings = new StateOpenings();
  await redis.config("SET", "maxmemory", "1");
  const store = newStore(fixture, clock);
  try {
    store.start(openings); // in the turn in which its client begins to connect
    await Promise.race([observations.first("state.refused"), openings.heardAtLeast(1)]);
    assert.deepEqual(openings.heard, []);
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  clock.advance(REOPEN_MS);
  await openings.heardAtLeast(1);
  assert.deepEqual(openings.heard, ["opened"]);
  assert.deepEqual(await redis.keys("*"), [], "finding out leaves nothing");
});

Deno.test("RedisStateStore refuses what meets another thing under a name, that alone, and tells so once", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis, observations } = fixture;
  const { store, openings, clock } = await openStore(fixture);
  await redis.set(`${PREFIX}member_keys`, "a text");
  const refused = store.apply([setStep(MEMBER)]);
  const others = store.apply([setStep(MESSAGE)]);
  await assert.rejects(refused, /WRONGTYPE/);
  await others;
  assert.deepEqual(await namesIn(redis, "message_keys"), [MESSAGE.key]);
  // How many there are cannot be said either.
  for (let second = 1; second <= 3; second++) {
    clock.advance(1_000);
    await answered(store);
  }
  assert.equal(observations.of("state.refused").length, 1);
  assert.deepEqual(openings.heard, ["opened"]);
  await redis.del(`${PREFIX}member_keys`);
  await store.apply([setStep(MEMBER)]);
  assert.deepEqual(await namesIn(redis, "member_keys"), [MEMBER.key]);
});

Deno.test("RedisStateStore takes out of a group what somebody else has put there, and touches nothing else", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store } = await openStore(fixture);
  const foreign = ["", "role", `${PREFIX}role`, `${PREFIX}gateway:shards`, "role:1:2", "\u0000"];
  await redis.sadd(`${PREFIX}${guildGroup(GUILD)}`, ...foreign);
  await redis.set("role:1:2", "somebody's");
  await redis.set(`${PREFIX}gateway:shards`, "ours, and no part of a guild");
  assert.equal((await store.apply([clearStep(guildGroup(GUILD))])).left, 0);
  assert.deepEqual((await redis.keys("*")).toSorted(), [`${PREFIX}gateway:shards`, "role:1:2"].toSorted());
});

Deno.test("RedisStateStore settles nothing that Redis answers after a refusal has closed it", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store, openings, clock } = await openStore(fixture);
  const settled: string[] = [];
  await redis.config("SET", "maxmemory", "1");
  try {
    store.apply([setStep(MEMBER)]).finally(() => settled.push("refused"));
    await null; // what is asked in a turn goes at its end
    store.guilds(null).finally(() => settled.push("guilds"));
    await openings.heardAtLeast(2);
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  clock.advance(REOPEN_MS);
  await openings.heardAtLeast(3);
  await answered(store);
  assert.deepEqual(settled, []);
});

Deno.test("RedisStateStore loses no name of what it could not clear", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store } = await openStore(fixture);
  const roles = Array.from({ length: 20 }, (_, id) => guildPartEntity("role", GUILD, String(id)));
  await store.apply(roles.map((entity) => setStep(entity)));
  await redis.rename(`${PREFIX}role_keys`, "aside");
  await redis.set(`${PREFIX}role_keys`, "a text");
  await assert.rejects(store.apply([clearStep(guildGroup(GUILD))]), /WRONGTYPE/);
  await redis.rename("aside", `${PREFIX}role_keys`);
  assert.equal((await store.apply([clearStep(guildGroup(GUILD))])).left, 0);
  assert.deepEqual(await redis.keys("*"), []);
});

Deno.test("RedisStateStore survives that Redis forgets its scripts", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store, openings, clock } = await openStore(fixture);
  await redis.script("FLUSH");
  store.apply([setStep(MEMBER)]);
  await openings.heardAtLeast(2);
  clock.advance(REOPEN_MS);
  await openings.heardAtLeast(3);
  await store.apply([setStep(MEMBER, "{}", { ttlMs: 1 })]);
  await expired(redis, [MEMBER]);
  clock.advance(SWEEP_MS);
  await answered(store);
  assert.deepEqual(await redis.keys("*"), []);
});

Deno.test("RedisStateStore takes a lost connection for no refusal, and asks nothing without one", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { proxy, redis, observations } = fixture;
  const { store, openings, clock } = await openStore(fixture);
  for (let losses = 1; losses <= 5; losses++) {
    proxy.hold();
    store.apply([setStep(MEMBER)]);
    store.guilds(null);
    clock.advance(SWEEP_MS);
    proxy.down();
    // It finds out when it asks, or is told.
    while (openings.heard.length < 2 * losses) {
      store.apply([setStep(MESSAGE)]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await observations.first("redis.lost", losses);
    clock.assertIdle();
    proxy.release();
    proxy.up();
    await openings.heardAtLeast(2 * losses + 1);
  }
  assert.deepEqual(observations.of("state.refused"), []);
  await store.apply([setStep(MEMBER)]);
  assert.equal(await redis.get(PREFIX + MEMBER.key), "{}");
});

Deno.test("RedisStateStore.close() leaves no timer, whenever it comes", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const open = await openStore(fixture);
  assert.equal(open.clock.deadlinesMs.length, 2);
  await open.store.close();
  open.clock.assertIdle();

  const refused = await openStore(fixture);
  await redis.config("SET", "maxmemory", "1");
  try {
    refused.store.apply([setStep(MEMBER)]);
    await refused.openings.heardAtLeast(2);
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  await refused.store.close();
  refused.clock.assertIdle();

  const clock = new ManualClock();
  const store = newStore(fixture, clock);
  const closing = Promise.withResolvers<void>();
  const events: StateStoreEvents = { opened: () => closing.resolve(store.close()), closed: () => {} };
  store.start(events);
  await closing.promise;
  clock.assertIdle();
});

/** JSON as others may write it: its text, with spaces where they may be and names and texts in any spelling. */
const spaces = fc.constantFrom("", "", "", " ", "\n", "\t", " \r\n ");

const delicate = fc.oneof(
  fc.constantFrom(
    '"',
    "\\",
    '\\"',
    '"}',
    "}",
    "{",
    "[",
    "]",
    '","a":1,"',
    ":",
    ",",
    "\0",
    "é",
    "😀",
    "\u2028",
    "/",
  ),
  fc.string({ unit: "grapheme", maxLength: 4 }),
);

const spelling = (text: fc.Arbitrary<string>) =>
  fc.tuple(text, fc.nat(3)).map(([plain, seed]) =>
    seed > 0
      ? JSON.stringify(plain)
      : `"${
        [...Array(plain.length).keys()].map((at) =>
          `\\u${plain.charCodeAt(at).toString(16).padStart(4, "0")}`
        ).join("")
      }"`
  );

const { value: jsonValue } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      "0",
      "-0",
      "9007199254740993",
      "18446744073709551615",
      "1.10",
      "-1.5E+10",
      "true",
      "false",
      "null",
    ),
    spelling(fc.array(delicate, { maxLength: 4 }).map((texts) => texts.join(""))),
    fc.tuple(fc.array(fc.tuple(spaces, tie("value"), spaces), { maxLength: 3 }), spaces).map(([items, gap]) =>
      `[${items.length === 0 ? gap : items.map((item) => item.join("")).join(",")}]`
    ),
    objectOf(fc.constantFrom('"a"', '"b"', '""', '"}"', '"__proto__"', '"é"'), tie("value"), 3),
  ),
}));

function objectOf(
  name: fc.Arbitrary<string>,
  value: fc.Arbitrary<string>,
  maxMembers: number,
): fc.Arbitrary<string> {
  const member = fc.tuple(spaces, name, spaces, fc.constant(":"), spaces, value, spaces);
  return fc.tuple(fc.array(member, { maxLength: maxMembers }), spaces).map(([members, gap]) =>
    `{${members.length === 0 ? gap : members.map((parts) => parts.join("")).join(",")}}`
  );
}

/** An object by its members: a name to the text of its value, the last where it is repeated. */
function valuesOf(text: string): Record<string, string> {
  const parts = cutMembers(encoder.encode(text), 0).map((part) => new TextDecoder().decode(part));
  return Object.fromEntries(
    parts.flatMap((part, at) => at % 2 === 0 ? [[JSON.parse(part), parts[at + 1] ?? ""]] : []),
  );
}

Deno.test("RedisStateStore changes any object as {...old, ...new} does, whose values stay byte for byte", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { store } = await openStore(fixture);
  const name = spelling(fc.constantFrom("a", "ab", "", 'a"b', "\\", "}", '":', "__proto__", "é", "0", "😀"));
  const objects = fc.array(objectOf(name, jsonValue, 6), { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(objects, async ([first = "", ...changes]) => {
      const { olds: [bytes] } = await store.apply([
        setStep(MEMBER, first),
        ...changes.map((change) => ({
          step: "merge" as const,
          entity: MEMBER,
          members: cutMembers(encoder.encode(change), 0),
          ttlMs: 0,
          wantsOld: false,
        })),
        deleteStep(MEMBER, { wantsOld: true }),
      ]);
      assert(bytes);
      const result = new TextDecoder().decode(bytes);
      assert.doesNotThrow(() => JSON.parse(result), result);
      const expected = changes.reduce((old, change) => ({ ...old, ...valuesOf(change) }), valuesOf(first));
      assert.deepEqual(valuesOf(result), expected);
      const names = cutMembers(bytes, 0).length / 2;
      const firstNames = cutMembers(encoder.encode(first), 0).length / 2;
      assert(names <= firstNames + Object.keys(expected).length, "what is written again does not grow");
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("RedisStateStore carries out nothing of a shard whose lease is another's, and closes", async () => {
  await using fixture = await openRedis({ prefix: PREFIX });
  const { redis } = fixture;
  const { store, openings, clock } = await openStore(fixture);
  await redis.hset(`${PREFIX}gateway:leases`, { 0: "1 us", 1: "2 us", 2: "1 another" });
  await store.apply([setStep(MEMBER)], 0, [{ id: "a", sequence: 1 }]);
  await store.apply([setStep(MEMBER)]);
  for (const [times, shard] of [1, 2].entries()) {
    store.apply([setStep(MESSAGE)], shard, [{ id: "b", sequence: 1 }]);
    store.apply([deleteStep(MEMBER)], 0, [{ id: "a", sequence: 2 }]);
    await openings.heardAtLeast(2 * times + 2);
    assert.equal(await redis.exists(PREFIX + MESSAGE.key), 0);
    // Nor what came behind it: what is written is to have no holes.
    assert.equal(await redis.get(PREFIX + MEMBER.key), "{}");
    assert.deepEqual(await redis.hkeys(`${PREFIX}gateway:state:written`), ["0"]);
    clock.advance(REOPEN_MS);
    await openings.heardAtLeast(2 * times + 3);
  }
  assert.deepEqual(fixture.observations.of("state.refused"), [], "it is nobody's fault");
});
