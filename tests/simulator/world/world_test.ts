import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { EVENT_NAMES, type EventName } from "../../../simulator/world/events.ts";
import { EVENT_INTENTS, INTENT, INTENTS_ALL } from "../../../simulator/world/intents.ts";
import { snowflakeMs } from "../../../simulator/world/snowflake.ts";
import { World, type WorldEvent } from "../../../simulator/world/world.ts";

const START_MS = Date.UTC(2026, 7, 6);

function worldOf(seed: number, guilds = 300): World {
  return new World({ seed, guilds, startMs: START_MS, largeGuildBytes: 50_000 });
}

function written(event: WorldEvent): string {
  return JSON.stringify({ ...event, guildId: event.guildId?.toString() ?? null });
}

function history(world: World, length: number): string {
  return Array.from({ length }, (_, call) => written(world.next(START_MS + call * 3))).join("\n");
}

/** `length` events of one name. */
function madeOf(name: EventName, length: number): WorldEvent[] {
  const world = worldOf(8);
  return Array.from({ length }, () => world.make(name, START_MS));
}

Deno.test("World.next() writes the same history from the same seed, byte for byte", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => assert.equal(history(worldOf(seed), 300), history(worldOf(seed), 300))),
    { numRuns: 10 },
  );
});

Deno.test("World.next() writes another history from another seed", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const one = worldOf(seed).guildIds;
      const other = worldOf(seed + 1).guildIds;
      assert.notDeepEqual(one, other);
      assert.notEqual(history(worldOf(seed), 20), history(worldOf(seed + 1), 20));
    }),
    { numRuns: 10 },
  );
});

Deno.test("World.next() goes on as before, but for ids, after make() and reads in between", () => {
  const calm = worldOf(4);
  const disturbed = worldOf(4);
  for (let call = 0; call < 500; call++) {
    if (call % 7 === 0) disturbed.make(EVENT_NAMES[call % EVENT_NAMES.length] as EventName, START_MS);
    if (call % 50 === 0) disturbed.members(disturbed.guildIds[1] as bigint);
    const one = calm.next(START_MS);
    const other = disturbed.next(START_MS);
    assert.deepEqual([one.t, one.guildId], [other.t, other.guildId]);
    assert.equal((one.data as { content?: string }).content, (other.data as { content?: string }).content);
  }
});

Deno.test("World.make() writes the same events from the same seed, byte for byte", () => {
  const all = () => {
    const world = worldOf(6);
    return EVENT_NAMES.map((name) => written(world.make(name, START_MS))).join("\n");
  };
  assert.equal(all(), all());
});

Deno.test("World.next() stamps new messages with their time and uses no id twice", () => {
  const world = worldOf(2);
  const ids = new Set<string>();
  let messages = 0;
  for (let call = 0; call < 20_000; call++) {
    const nowMs = START_MS + Math.floor(call / 10);
    const { t, data } = world.next(nowMs);
    if (t !== "MESSAGE_CREATE") continue;
    const { id, timestamp } = data as { id: string; timestamp: string };
    messages++;
    ids.add(id);
    assert.equal(snowflakeMs(id), nowMs);
    assert.equal(Date.parse(timestamp), nowMs);
  }
  assert.ok(messages > 1_000);
  assert.equal(ids.size, messages);
});

Deno.test("World.next() keeps to the mix it was given", () => {
  const world = new World({
    seed: 1,
    guilds: 20,
    startMs: START_MS,
    mix: { TYPING_START: 3, PRESENCE_UPDATE: 1 },
  });
  const names = Array.from({ length: 4_000 }, () => world.next(START_MS).t);
  const typing = names.filter((name) => name === "TYPING_START").length;
  assert.ok(names.every((name) => name === "TYPING_START" || name === "PRESENCE_UPDATE"));
  assert.ok(typing > 2_850 && typing < 3_150, `${typing} of 4000`);
});

Deno.test("World.guildIds are distinct, rising, and older than the start", () => {
  const { guildIds } = worldOf(3, 10_000);
  assert.equal(new Set(guildIds).size, 10_000);
  assert.deepEqual([...guildIds].sort((a, b) => (a < b ? -1 : 1)), [...guildIds]);
  for (const id of guildIds) assert.ok(snowflakeMs(id) < START_MS);
});

Deno.test("World.guildIds fall evenly on the shards", () => {
  const shards = 16n;
  const counts = new Array<number>(16).fill(0);
  for (const id of worldOf(3, 8_000).guildIds) counts[Number((id >> 22n) % shards)]! += 1;
  for (const count of counts) assert.ok(count > 400 && count < 600, `${counts}`);
});

Deno.test("World.next() names the intents of the place where the event happens", () => {
  const world = worldOf(5);
  let direct = 0;
  for (let call = 0; call < 20_000; call++) {
    const event = world.next(START_MS);
    if (event.t === "GUILD_MEMBER_UPDATE") continue;
    const needed = EVENT_INTENTS[event.t];
    assert.equal(event.intents, event.direct ? needed.direct : needed.guild, event.t);
    if (event.direct) {
      direct++;
      assert.equal(event.guildId, null);
      assert.ok(!("guild_id" in event.data) && !("member" in event.data), event.t);
    }
  }
  assert.ok(direct > 100, `${direct} in direct channels`);
});

Deno.test("World.make() has the bot's own GUILD_MEMBER_UPDATE sent always, others by GUILD_MEMBERS", () => {
  const world = worldOf(8);
  const seen = new Set<number>();
  for (const { data, intents, fromBot } of madeOf("GUILD_MEMBER_UPDATE", 500)) {
    const own = (data.user as { id: string }).id === world.application.id;
    assert.equal(fromBot, own);
    assert.equal(intents, own ? 0 : INTENT.GUILD_MEMBERS);
    seen.add(intents);
  }
  assert.equal(seen.size, 2, "both happen");
});

Deno.test("World.make() says of a message whether the bot wrote it or is mentioned in it", () => {
  const botId = worldOf(8).application.id;
  let own = 0;
  let mentions = 0;
  for (const { data, fromBot, mentionsBot } of madeOf("MESSAGE_CREATE", 3_000)) {
    const message = data as { author: { id: string }; mentions: { id: string }[]; content: string };
    assert.equal(fromBot, message.author.id === botId);
    assert.equal(mentionsBot, message.mentions.some(({ id }) => id === botId));
    assert.ok(Array.from(message.content).length <= 2_000);
    if (mentionsBot) assert.ok(message.content.includes(`<@${botId}>`));
    own += Number(fromBot);
    mentions += Number(mentionsBot);
  }
  assert.ok(own > 5 && mentions > 5, `${own} own, ${mentions} mentions`);
});

Deno.test("World.make() gives messages all that they can carry, from embeds to polls", () => {
  const messages = madeOf("MESSAGE_CREATE", 3_000).map(({ data }) => data);
  const some = (has: (message: Record<string, unknown>) => boolean) => messages.some(has);
  assert.ok(some(({ referenced_message, type }) => type === 19 && referenced_message !== undefined), "reply");
  assert.ok(some(({ poll }) => poll !== undefined), "poll");
  assert.ok(some(({ embeds }) => (embeds as unknown[]).length > 0), "embed");
  assert.ok(some(({ attachments }) => (attachments as unknown[]).length > 0), "attachment");
  assert.ok(some(({ components }) => (components as unknown[]).length > 0), "buttons");
  assert.ok(some(({ sticker_items }) => sticker_items !== undefined), "sticker");
  assert.ok(some(({ mention_everyone }) => mention_everyone === true), "everyone");
});

Deno.test("World.make() has people write something else each time", () => {
  const contents = madeOf("MESSAGE_CREATE", 500).map(({ data }) => data.content);
  assert.ok(new Set(contents).size > 450);
});

Deno.test("World.make() adds the bot to some threads and others to most", () => {
  const botId = worldOf(8).application.id;
  const added = madeOf("THREAD_MEMBERS_UPDATE", 200).map(({ data }) =>
    (data.added_members as { user_id: string; member: unknown; presence: unknown }[])[0]
  );
  assert.ok(added.some((member) => member?.user_id === botId));
  assert.ok(added.some((member) => member?.user_id !== botId));
  assert.ok(added.every((member) => member?.presence === null));
});

Deno.test("World.make() keeps to the guild it was given", () => {
  const world = worldOf(7);
  const guildId = world.guildIds[42] as bigint;
  for (const name of EVENT_NAMES) {
    const event = world.make(name, START_MS, guildId);
    assert.ok(event.guildId === guildId || event.guildId === null, name);
    assert.equal(event.direct, false);
  }
});

Deno.test("World.make() puts purchases and the bot's own account outside all guilds", () => {
  const world = worldOf(7);
  const outside = EVENT_NAMES.filter((name) =>
    world.make(name, START_MS, world.guildIds[0]).guildId === null
  );
  assert.deepEqual(outside, [
    "ENTITLEMENT_CREATE",
    "ENTITLEMENT_DELETE",
    "ENTITLEMENT_UPDATE",
    "READY",
    "RESUMED",
    "SUBSCRIPTION_CREATE",
    "SUBSCRIPTION_DELETE",
    "SUBSCRIPTION_UPDATE",
    "USER_UPDATE",
  ]);
});

Deno.test("World.make() lets a GUILD_CREATE of the stream reach largeGuildBytes", () => {
  const world = new World({ seed: 9, guilds: 250, startMs: START_MS, largeGuildBytes: 1_500_000 });
  for (let call = 0; call < 5; call++) {
    const { data } = world.make("GUILD_CREATE", START_MS);
    assert.ok(Buffer.byteLength(JSON.stringify(data)) >= 1_500_000);
  }
});

Deno.test("World.guildCreate() shows one session as much as its intents allow", () => {
  const world = worldOf(9);
  const guildId = world.guildIds[0] as bigint;
  const whole = world.guildCreate(guildId, INTENTS_ALL, START_MS, 250);
  const part = world.guildCreate(guildId, INTENT.GUILDS, START_MS, 250);
  assert.equal(whole.id, guildId.toString());
  assert.ok((whole.presences as unknown[]).length > 0);
  assert.deepEqual(part.presences, []);
  assert.ok(Buffer.byteLength(JSON.stringify(whole)) >= 50_000);
});

Deno.test("World.members() has as many members as GUILD_CREATE says, the bot first, nobody twice", () => {
  const world = worldOf(10);
  for (const guildId of world.guildIds.slice(1, 30)) {
    const members = world.members(guildId);
    const ids = members.map(({ user }) => (user as { id: string }).id);
    const { member_count } = world.guildCreate(guildId, INTENT.GUILDS, START_MS, 50);
    assert.equal(members.length, member_count);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(ids[0], world.application.id);
    assert.deepEqual(world.members(guildId), members);
  }
});

Deno.test("World.channels() has the channels in which messages are written", () => {
  const world = worldOf(10);
  for (let call = 0; call < 200; call++) {
    const { data, guildId } = world.make("MESSAGE_CREATE", START_MS, world.guildIds[call]);
    const ids = world.channels(guildId as bigint).map(({ id }) => id);
    assert.ok(ids.includes(data.channel_id as string));
  }
});

Deno.test("World finds no guild that the bot is not in", () => {
  const world = worldOf(1);
  const expected = { name: "RangeError", message: "Cannot find guild 1: the bot is not in it" };
  assert.throws(() => world.members(1n), expected);
  assert.throws(() => world.channels(1n), expected);
  assert.throws(() => world.guildCreate(1n, 1, START_MS, 50), expected);
  assert.throws(() => world.make("MESSAGE_CREATE", START_MS, 1n), expected);
});

for (
  const [option, value, message] of [
    ["seed", -1, "Cannot make a world: seed must be an integer >= 0, not -1"],
    ["seed", 0.5, "Cannot make a world: seed must be an integer >= 0, not 0.5"],
    ["guilds", 0, "Cannot make a world: guilds must be an integer from 1 to 2097152, not 0"],
    ["guilds", 2_097_153, "Cannot make a world: guilds must be an integer from 1 to 2097152, not 2097153"],
    ["startMs", 0, "Cannot make a world: startMs must be a time from 2017 on, not 0"],
    ["largeGuildBytes", -1, "Cannot make a world: largeGuildBytes must be from 0 to 30000000, not -1"],
    [
      "largeGuildBytes",
      3e7 + 1,
      "Cannot make a world: largeGuildBytes must be from 0 to 30000000, not 30000001",
    ],
  ] as const
) {
  Deno.test(`World refuses ${option} ${value}`, () => {
    const options = { seed: 1, guilds: 1, startMs: START_MS, [option]: value };
    assert.throws(() => new World(options), { name: "RangeError", message });
  });
}

Deno.test("World holds a single guild as well", () => {
  const world = worldOf(1, 1);
  for (let call = 0; call < 200; call++) {
    const { guildId } = world.next(START_MS);
    assert.ok(guildId === null || guildId === world.guildIds[0]);
  }
});
