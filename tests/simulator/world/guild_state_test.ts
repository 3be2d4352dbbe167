import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Bot } from "../../../simulator/world/bot.ts";
import type { EventData } from "../../../simulator/world/events.ts";
import { Guild, LISTED_MEMBERS_MAX } from "../../../simulator/world/guild.ts";
import { guildCreate } from "../../../simulator/world/guild_state.ts";
import { INTENT, INTENTS_ALL } from "../../../simulator/world/intents.ts";
import { Population } from "../../../simulator/world/population.ts";
import { snowflake, snowflakeMs } from "../../../simulator/world/snowflake.ts";

const START_MS = Date.UTC(2026, 7, 6);
const SEED = 21;
const population = new Population(SEED, START_MS);
const bot = new Bot(SEED, START_MS);

function guildAt(index: number, bytesAtLeast = 0): Guild {
  const id = snowflake(Date.UTC(2020, 0, 1) + index * 3_600_000, index);
  return new Guild({ seed: SEED, index, id, population, startMs: START_MS, bytesAtLeast });
}

function guildWith(fits: (guild: Guild) => boolean): Guild {
  for (let index = 0;; index++) {
    const guild = guildAt(index);
    if (fits(guild)) return guild;
  }
}

function told(guild: Guild, intents: number, largeThreshold = 250): EventData<"GUILD_CREATE"> {
  return guildCreate(guild, population, bot, START_MS, { intents, largeThreshold });
}

function memberIds(data: EventData<"GUILD_CREATE">): string[] {
  return data.members.map(({ user }) => user.id);
}

const small = guildWith(({ memberCount }) => memberCount > 30 && memberCount < 50);
const middling = guildWith(({ memberCount }) => memberCount > 400);
const huge = guildWith(({ memberCount }) => memberCount > LISTED_MEMBERS_MAX);

Deno.test("guildCreate() without GUILD_PRESENCES lists the bot and those in voice only", () => {
  for (const guild of [small, middling, huge]) {
    const data = told(guild, INTENTS_ALL & ~INTENT.GUILD_PRESENCES);
    assert.deepEqual(memberIds(data), [bot.id, ...data.voice_states.map(({ user_id }) => user_id)]);
    assert.deepEqual(data.presences, []);
    assert.ok(data.voice_states.length > 0);
  }
});

Deno.test("guildCreate() above 75,000 members lists the bot and those in voice only", () => {
  const data = told(huge, INTENTS_ALL);
  assert.deepEqual(memberIds(data), [bot.id, ...data.voice_states.map(({ user_id }) => user_id)]);
  assert.deepEqual(data.presences, []);
});

Deno.test("guildCreate() up to large_threshold lists every member once, above it only those online", () => {
  const whole = told(small, INTENTS_ALL);
  assert.equal(whole.members.length, small.memberCount);
  assert.equal(new Set(memberIds(whole)).size, small.memberCount);
  assert.equal(whole.large, false);

  const part = told(middling, INTENTS_ALL);
  assert.ok(part.members.length < middling.memberCount);
  assert.equal(part.large, true);
  assert.equal(part.member_count, middling.memberCount);
});

Deno.test("guildCreate() says nothing of a presence without its member", () => {
  for (const guild of [small, middling]) {
    const data = told(guild, INTENTS_ALL);
    const listed = new Set(memberIds(data));
    assert.ok(data.presences.length > 0);
    for (const { user } of data.presences) assert.ok(listed.has(user.id));
  }
});

Deno.test("guildCreate() takes `large` from the session's own threshold", () => {
  assert.equal(told(small, INTENTS_ALL, small.memberCount).large, false);
  assert.equal(told(small, INTENTS_ALL, small.memberCount - 1).large, true);
});

Deno.test("guildCreate() of a large guild reaches the bytes asked for, and not much more", () => {
  for (const bytes of [100_000, 1_000_000, 4_000_000]) {
    const size = Buffer.byteLength(JSON.stringify(told(guildAt(0, bytes), INTENTS_ALL)));
    assert.ok(size >= bytes && size < bytes * 1.5 + 100_000, `${size} for ${bytes}`);
  }
});

Deno.test("guildCreate() has everybody join between the guild's first day and the start", () => {
  const data = told(small, INTENTS_ALL);
  for (const { joined_at, user } of data.members) {
    const joinedMs = Date.parse(joined_at as string);
    assert.ok(joinedMs >= small.createdMs && joinedMs <= START_MS);
    if (user.id === bot.id) assert.ok(joinedMs >= snowflakeMs(bot.id), "the bot joins after it was made");
  }
});

Deno.test("guildCreate() hides the bot's own address and settings from its members list", () => {
  const own = told(small, INTENTS_ALL).members[0]?.user;
  assert.equal(own?.id, bot.id);
  assert.ok(own !== undefined && !("email" in own) && !("verified" in own));
});
