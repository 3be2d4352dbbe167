import assert from "node:assert/strict";
import { EVENT_NAMES, type EventName } from "../../../simulator/world/events.ts";
import type { EventWorld } from "../../../simulator/event_world.ts";
import { World, type WorldEvent } from "../../../simulator/world/world.ts";
import { ALL_INTENTS, Bench, GRANTED, GUILD_MEMBERS, GUILDS, MESSAGE_CONTENT, names } from "../bench.ts";

/** The intent bits of each event as the documentation lists them (List of Intents), read here for the second time. */
const BIT_OF: Readonly<Record<number, readonly EventName[]>> = {
  0: [
    "GUILD_CREATE",
    "GUILD_UPDATE",
    "GUILD_DELETE",
    "GUILD_ROLE_CREATE",
    "GUILD_ROLE_UPDATE",
    "GUILD_ROLE_DELETE",
    "CHANNEL_CREATE",
    "CHANNEL_UPDATE",
    "CHANNEL_DELETE",
    "CHANNEL_PINS_UPDATE",
    "THREAD_CREATE",
    "THREAD_UPDATE",
    "THREAD_DELETE",
    "THREAD_LIST_SYNC",
    "THREAD_MEMBER_UPDATE",
    "STAGE_INSTANCE_CREATE",
    "STAGE_INSTANCE_UPDATE",
    "STAGE_INSTANCE_DELETE",
    "VOICE_CHANNEL_STATUS_UPDATE",
    "VOICE_CHANNEL_START_TIME_UPDATE",
  ],
  1: ["GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE", "THREAD_MEMBERS_UPDATE"],
  2: ["GUILD_AUDIT_LOG_ENTRY_CREATE", "GUILD_BAN_ADD", "GUILD_BAN_REMOVE"],
  3: [
    "GUILD_EMOJIS_UPDATE",
    "GUILD_STICKERS_UPDATE",
    "GUILD_SOUNDBOARD_SOUND_CREATE",
    "GUILD_SOUNDBOARD_SOUND_UPDATE",
    "GUILD_SOUNDBOARD_SOUND_DELETE",
    "GUILD_SOUNDBOARD_SOUNDS_UPDATE",
  ],
  4: ["GUILD_INTEGRATIONS_UPDATE", "INTEGRATION_CREATE", "INTEGRATION_UPDATE", "INTEGRATION_DELETE"],
  5: ["WEBHOOKS_UPDATE"],
  6: ["INVITE_CREATE", "INVITE_DELETE"],
  7: ["VOICE_STATE_UPDATE", "VOICE_CHANNEL_EFFECT_SEND"],
  8: ["PRESENCE_UPDATE"],
  9: ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK"],
  10: [
    "MESSAGE_REACTION_ADD",
    "MESSAGE_REACTION_REMOVE",
    "MESSAGE_REACTION_REMOVE_ALL",
    "MESSAGE_REACTION_REMOVE_EMOJI",
  ],
  11: ["TYPING_START"],
  16: [
    "GUILD_SCHEDULED_EVENT_CREATE",
    "GUILD_SCHEDULED_EVENT_UPDATE",
    "GUILD_SCHEDULED_EVENT_DELETE",
    "GUILD_SCHEDULED_EVENT_USER_ADD",
    "GUILD_SCHEDULED_EVENT_USER_REMOVE",
  ],
  20: ["AUTO_MODERATION_RULE_CREATE", "AUTO_MODERATION_RULE_UPDATE", "AUTO_MODERATION_RULE_DELETE"],
  21: ["AUTO_MODERATION_ACTION_EXECUTION"],
  24: ["MESSAGE_POLL_VOTE_ADD", "MESSAGE_POLL_VOTE_REMOVE"],
};

/** The row that no intent holds back; READY and RESUMED are made by the gateway itself. */
const ALWAYS: readonly EventName[] = [
  "RATE_LIMITED",
  "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
  "CHANNEL_INFO",
  "SOUNDBOARD_SOUNDS",
  "GUILD_MEMBERS_CHUNK",
  "INTERACTION_CREATE",
  "USER_UPDATE",
  "VOICE_SERVER_UPDATE",
  "ENTITLEMENT_CREATE",
  "ENTITLEMENT_UPDATE",
  "ENTITLEMENT_DELETE",
  "SUBSCRIPTION_CREATE",
  "SUBSCRIPTION_UPDATE",
  "SUBSCRIPTION_DELETE",
];

Deno.test("§22.21 each event reaches only sessions that hold its intent, and the others always", async () => {
  assert.equal(
    new Set([...Object.values(BIT_OF).flat(), ...ALWAYS, "READY", "RESUMED"]).size,
    EVENT_NAMES.length,
  );
  await Bench.run({ ...GRANTED, guilds: 1 }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    for (const [bit, events] of Object.entries(BIT_OF)) {
      const holder = await bench.ready({ intents: 2 ** Number(bit) });
      // THREAD_MEMBERS_UPDATE reaches GUILDS too, where it is about the bot.
      const without = ALL_INTENTS & ~(2 ** Number(bit)) & ~(Number(bit) === 1 ? GUILDS : 0);
      const other = await bench.ready({ intents: without });
      await Promise.all([holder.client.settle(), other.client.settle()]);
      for (const name of events) {
        bench.control.happen(name, guild);
        assert.deepEqual(names(await holder.client.settle()), [name], `bit ${bit}`);
        // The bot's own GUILD_MEMBER_UPDATE is the one exception, tried below.
        const own = name === "GUILD_MEMBER_UPDATE";
        if (!own) assert.deepEqual(await other.client.settle(), [], `all but bit ${bit}: ${name}`);
        else await other.client.settle();
      }
    }
    const none = await bench.ready();
    for (const name of ALWAYS) bench.control.happen(name, guild);
    assert.deepEqual(names(await none.client.settle()), ALWAYS);
  });
});

Deno.test("§22.21 events of direct channels go by the intents of direct channels, to shard 0", async () => {
  const pairs = [["MESSAGE_CREATE", 12], ["MESSAGE_REACTION_ADD", 13], ["TYPING_START", 14], [
    "MESSAGE_POLL_VOTE_ADD",
    25,
  ]] as const;
  await Bench.run(
    { world: worldOf((world) => ({ next: () => direct(world, "TYPING_START") })) },
    async (bench) => {
      for (const [name, bit] of pairs) {
        const event = direct(bench.control.world, name);
        const holder = await bench.ready({ intents: 2 ** bit, shard: [0, 2] });
        const elsewhere = await bench.ready({
          intents: ALL_INTENTS & ~(GUILD_MEMBERS | 256 | MESSAGE_CONTENT | GUILDS),
          shard: [1, 2],
        });
        assert.equal(event.intents, 2 ** bit);
        if (name === "TYPING_START") {
          bench.control.generate(1);
          assert.deepEqual(names(await holder.client.settle()), [name]);
          assert.deepEqual(await elsewhere.client.settle(), []);
        }
      }
    },
  );
});

Deno.test("§22.21 GUILD_MEMBER_UPDATE about the bot itself ignores GUILD_MEMBERS", async () => {
  const own = worldOf((world) => ({
    next: (nowMs) => {
      for (;;) {
        const event = world.make("GUILD_MEMBER_UPDATE", nowMs);
        if ((event.data.user as { id: string }).id === world.user.id) return event;
      }
    },
  }));
  await Bench.run({ guilds: 1, world: own }, async (bench) => {
    const { client } = await bench.ready();
    bench.control.generate(1);
    assert.deepEqual(names(await client.settle()), ["GUILD_MEMBER_UPDATE"]);
  });
});

Deno.test("§22.21 THREAD_MEMBERS_UPDATE reaches GUILDS alone where the bot came or went, and shows nobody else", async () => {
  const botId = worldOf(() => ({})).user.id as string;
  const update = (added: string[], removed: string[]): WorldEvent => ({
    t: "THREAD_MEMBERS_UPDATE",
    guildId: 1n,
    intents: GUILDS | GUILD_MEMBERS,
    data: {
      id: "2",
      guild_id: "1",
      added_members: added.map((user_id) => ({ user_id })),
      removed_member_ids: removed,
    },
  });
  const events = [update(["77"], ["88"]), update([botId, "77"], ["88"]), update([], [botId])];
  await Bench.run(
    { ...GRANTED, world: worldOf(() => ({ next: () => events.shift() as WorldEvent })) },
    async (bench) => {
      const narrow = await bench.ready({ intents: GUILDS });
      const wide = await bench.ready({ intents: GUILD_MEMBERS });
      await narrow.client.settle();
      bench.control.generate(3);
      const seen = (await narrow.client.settle()).map(({ d }) => [d.added_members, d.removed_member_ids]);
      assert.deepEqual(seen, [[[{ user_id: botId }], undefined], [undefined, [botId]]]);
      assert.equal((await wide.client.settle()).length, 3);
    },
  );
});

const TEXTS = { content: "said", embeds: [{}], attachments: [{}], components: [{}], poll: {} };

function written(more: Partial<WorldEvent>): WorldEvent {
  return {
    t: "MESSAGE_CREATE",
    guildId: 1n,
    intents: 512,
    data: { id: "9", author: { id: "7" }, ...TEXTS, referenced_message: { id: "8", ...TEXTS } },
    ...more,
  };
}

const HIDDEN = { content: "", embeds: [], attachments: [], components: [] };

Deno.test("§22.22 without MESSAGE_CONTENT messages come with their texts blanked and without poll", async () => {
  const events = [written({}), written({ t: "MESSAGE_UPDATE" })];
  await Bench.run(
    { ...GRANTED, world: worldOf(() => ({ next: () => events.shift() as WorldEvent })) },
    async (bench) => {
      const blind = await bench.ready({ intents: 512 });
      const seeing = await bench.ready({ intents: 512 | MESSAGE_CONTENT });
      bench.control.generate(2);
      for (const { d } of await blind.client.settle()) {
        assert.deepEqual(d, {
          id: "9",
          author: { id: "7" },
          ...HIDDEN,
          referenced_message: { id: "8", ...HIDDEN },
        });
      }
      for (const { d } of await seeing.client.settle()) assert.deepEqual(d, written({}).data);
    },
  );
});

Deno.test("§22.22 own messages, direct messages and mentions of the bot keep their texts", async () => {
  const exceptions = [{ fromBot: true }, { direct: true, guildId: null, intents: 4_096 }, {
    mentionsBot: true,
  }];
  const events = exceptions.map(written);
  await Bench.run({ world: worldOf(() => ({ next: () => events.shift() as WorldEvent })) }, async (bench) => {
    const { client } = await bench.ready({ intents: 512 | 4_096 });
    bench.control.generate(3);
    for (const { d } of await client.settle()) assert.deepEqual(d, written({}).data);
  });
});

Deno.test("§22.21 generated events come at the rate, in the same bytes for the same seed", async () => {
  const run = async () => {
    const texts: string[] = [];
    await Bench.run({ ...GRANTED, eventsPerSecond: 40, seed: 7 }, async (bench) => {
      const { client } = await bench.ready({ intents: ALL_INTENTS & ~GUILDS });
      bench.clock.advance(2_000);
      texts.push(...(await client.settle()).map(({ text }) => text));
      assert.equal(bench.control.state().statistics.eventsGenerated, 80);
      bench.control.set({ paused: true });
      bench.clock.advance(2_000);
      assert.deepEqual(await client.settle(), []);
    });
    return texts;
  };
  const first = await run();
  assert.ok(first.length > 60);
  assert.deepEqual(await run(), first);
});

/** A small world with something replaced. */
function worldOf(change: (world: EventWorld) => Partial<EventWorld>): EventWorld {
  const world = new World({ seed: 1, guilds: 1, startMs: Date.UTC(2026, 8, 1), largeGuildBytes: 0 });
  return {
    user: world.user,
    application: world.application,
    guildIds: world.guildIds,
    next: (nowMs) => world.next(nowMs),
    make: (t, nowMs, guildId) => world.make(t, nowMs, guildId),
    guildCreate: (guildId, intents, nowMs, largeThreshold) =>
      world.guildCreate(guildId, intents, nowMs, largeThreshold),
    members: (guildId) => world.members(guildId),
    channels: (guildId) => world.channels(guildId),
    ...change(world),
  };
}

/** An event of this name in a direct channel: a share of the world's are. */
function direct(world: EventWorld, name: EventName): WorldEvent {
  for (;;) {
    const event = world.make(name, Date.UTC(2026, 8, 1));
    if (event.direct) return event;
  }
}
