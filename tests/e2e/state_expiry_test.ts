import assert from "node:assert/strict";
import type { Redis } from "ioredis";
import type { EventConsumer } from "./event_consumer.ts";
import { onStage, type Stage } from "./stage.ts";

/** How long the contract gives an expired key to leave its sets. */
const SWEEP_MS = 1_000;
/** And how much later that may be where the machine has other things to do. */
const BUSY_MS = 1_000;

const GUILD = "1258291200000000000";
const CHANNEL = "1258291200419430400";
const USER = "1258291202097152000";
const MESSAGE = "1258291204194304000";

const MEMBER_KEY = `member:${GUILD}:${USER}`;
const MESSAGE_KEY = `message:${CHANNEL}:${MESSAGE}`;

const member = (id: string, nick = "a") => ({ user: { id }, nick, roles: [] });
const message = (content: string) => ({ id: MESSAGE, channel_id: CHANNEL, content });

/** Each key that expires, the sets that name it, and an event that writes it. */
const EXPIRING = [
  [MEMBER_KEY, ["member_keys", `guild_keys:${GUILD}`], "GUILD_MEMBER_ADD", {
    guild_id: GUILD,
    ...member(USER),
  }],
  [MESSAGE_KEY, ["message_keys", `channel_keys:${CHANNEL}`], "MESSAGE_CREATE", message("a")],
] as const;

interface Play {
  readonly redis: Redis;
  readonly botId: string;
  /** Dispatches an event; resolves once it has come. */
  readonly take: (t: string, d: unknown) => Promise<void>;
}

async function open(stage: Stage, ttlMs: number): Promise<Play> {
  const { control } = stage.simulator;
  const consumer: EventConsumer = await stage.consumer();
  const redis = await stage.redis();
  await stage.startConnected(1, {
    STATE_ENABLED: "true",
    STATE_MEMBER: "true",
    STATE_MEMBER_TTL: String(ttlMs),
    STATE_MESSAGE: "true",
    STATE_MESSAGE_TTL: String(ttlMs),
  });
  return {
    redis,
    botId: String(control.world.user["id"]),
    async take(t, d) {
      control.dispatch(t, JSON.stringify(d));
      const [session] = control.state().sessions;
      await consumer.until(() => consumer.seen.has(`${session?.id}:${session?.sequence}`));
    },
  };
}

/** The time by Redis' clock, in milliseconds: that by which keys expire. */
async function timeOf(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return millisecondsOf(seconds, microseconds);
}

function millisecondsOf(seconds: unknown, microseconds: unknown): number {
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
}

/** The time, whether a key is there, and which of the sets name it, all at one moment. */
async function look(redis: Redis, key: string, sets: readonly string[]) {
  const asked = redis.multi().time().exists(key);
  for (const set of sets) asked.sismember(set, key);
  const [time, exists, ...named] = (await asked.exec() ?? []).map(([error, answer]) => {
    if (error !== null) throw error;
    return answer;
  });
  const [seconds, microseconds] = time as unknown[];
  return {
    atMs: millisecondsOf(seconds, microseconds),
    exists: exists === 1,
    namedBy: sets.filter((_, index) => named[index] === 1),
  };
}

Deno.test(
  "Members and messages expire, and leave their sets within a second",
  onStage({}, async (stage) => {
    const { redis, take, botId } = await open(stage, 1_500);
    await take("GUILD_MEMBER_ADD", { guild_id: GUILD, ...member(botId) });
    for (const [key, sets, t, d] of EXPIRING) {
      await take(t, d);
      const expiresAtMs = await redis.pexpiretime(key);
      assert(expiresAtMs > 0, `${key} expires: ${expiresAtMs}`);
      let seen = await look(redis, key, sets);
      assert.deepEqual(seen.namedBy, sets);
      let lastNamedAtMs = seen.atMs;
      while (seen.exists || seen.namedBy.length > 0) {
        if (seen.exists) assert.deepEqual(seen.namedBy, sets, "a key that is there is in its sets");
        if (seen.namedBy.length > 0) lastNamedAtMs = seen.atMs;
        seen = await look(redis, key, sets);
      }
      const lateMs = lastNamedAtMs - expiresAtMs;
      assert(lateMs <= SWEEP_MS + BUSY_MS, `${key} was in its sets ${lateMs} ms after it had expired`);
    }
    // The bot's own member is still there, for ever, and so are the sets that name it; the other sets are gone.
    assert.equal(await redis.pttl(`member:${GUILD}:${botId}`), -1);
    assert.deepEqual(await redis.smembers(`guild_keys:${GUILD}`), [`member:${GUILD}:${botId}`]);
    assert.equal(await redis.exists("message_keys", `channel_keys:${CHANNEL}`), 0);
  }),
);

Deno.test(
  "Each write of a member or a message starts its time anew, and nothing else does",
  onStage({}, async (stage) => {
    const ttlMs = 600_000;
    const { redis, take, botId } = await open(stage, ttlMs);
    /** Takes an event that writes the key, and asks Redis when it expires now. */
    const writes = async (key: string, t: string, d: unknown) => {
      const beforeMs = await timeOf(redis);
      const earlier = await redis.pexpiretime(key);
      // From here on a time that was started earlier is one that ends earlier.
      while (earlier > 0 && await timeOf(redis) + ttlMs <= earlier);
      await take(t, d);
      const expiresAtMs = await redis.pexpiretime(key);
      assert(expiresAtMs > earlier, `${t}: ${expiresAtMs} after ${earlier}`);
      assert(expiresAtMs >= beforeMs + ttlMs, `${t}: the whole time is left`);
      assert(expiresAtMs <= await timeOf(redis) + ttlMs, `${t}: and not more`);
    };
    const leaves = async (key: string, t: string, d: unknown) => {
      const earlier = await redis.pexpiretime(key);
      while (await timeOf(redis) + ttlMs <= earlier);
      await take(t, d);
      assert.equal(await redis.pexpiretime(key), earlier, t);
    };
    await writes(MEMBER_KEY, "GUILD_MEMBER_ADD", { guild_id: GUILD, ...member(USER) });
    await writes(MEMBER_KEY, "GUILD_MEMBER_UPDATE", { guild_id: GUILD, ...member(USER, "b") });
    await writes(MEMBER_KEY, "GUILD_MEMBERS_CHUNK", { guild_id: GUILD, members: [member(USER)] });
    await writes(MEMBER_KEY, "GUILD_CREATE", { id: GUILD, members: [member(USER), member(botId)] });
    await writes(MESSAGE_KEY, "MESSAGE_CREATE", message("a"));
    await writes(MESSAGE_KEY, "MESSAGE_UPDATE", message("b"));
    await writes(MESSAGE_KEY, "MESSAGE_CREATE", message("a"));
    await leaves(MEMBER_KEY, "PRESENCE_UPDATE", { guild_id: GUILD, user: { id: USER }, status: "idle" });
    await leaves(MEMBER_KEY, "GUILD_UPDATE", { id: GUILD, name: "b" });
    await leaves(MESSAGE_KEY, "TYPING_START", { channel_id: CHANNEL, user_id: USER });
    await leaves(MESSAGE_KEY, "CHANNEL_UPDATE", { id: CHANNEL, guild_id: GUILD });
    const others = [`member:${GUILD}:${botId}`, `guild:${GUILD}`, `channel:${CHANNEL}`, "bot_user"];
    for (const key of others) assert.equal(await redis.pttl(key), -1, key);
    await take("GUILD_MEMBER_UPDATE", { guild_id: GUILD, ...member(botId, "b") });
    assert.equal(await redis.pttl(`member:${GUILD}:${botId}`), -1);
  }),
);

Deno.test(
  "What is written again just after it has expired is in its sets, whatever the sweep does meanwhile",
  onStage({}, async (stage) => {
    const { redis, take } = await open(stage, 150);
    for (const [key, sets, t, d] of EXPIRING) {
      for (let round = 0; round < 15; round++) {
        await take(t, d);
        for (;;) {
          const { exists, namedBy } = await look(redis, key, sets);
          if (!exists) break;
          assert.deepEqual(namedBy, sets, `round ${round}`);
        }
      }
    }
    for (const [key, sets] of EXPIRING) while ((await look(redis, key, sets)).namedBy.length > 0);
  }),
);
