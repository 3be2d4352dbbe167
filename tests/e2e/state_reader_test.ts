import assert from "node:assert/strict";
import type { ConsumeMessage } from "amqplib";
import { ALL_STATE } from "../../harness/gateway.ts";
import { INTENTS_ALL } from "../../simulator/world/intents.ts";
import { onStage, type Stage } from "./stage.ts";
import { StateReader } from "./state_reader.ts";

const GUILDS = 6;

const STAGE = {
  simulator: {
    guilds: GUILDS,
    largeGuildBytes: 100_000,
    recommendedShards: 2,
    maxConcurrency: 2,
    guildMembersIntent: true,
    guildPresencesIntent: true,
    messageContentIntent: true,
  },
};

const SETTINGS = {
  ...ALL_STATE,
  INTENTS: String(INTENTS_ALL),
  STATE_MEMBER_TTL: "0",
  STATE_MESSAGE_TTL: "0",
};

// deno-lint-ignore no-explicit-any
type Json = any;

/** Things in the order of what names them. */
function sorted(things: readonly Json[]): Json[] {
  const name = (thing: Json) => thing.id ?? thing.user_id ?? thing.user.id;
  return things.toSorted((one, other) => name(one) < name(other) ? -1 : 1);
}

const dataOf = ({ content }: ConsumeMessage): Json => JSON.parse(content.toString()).d;

/** A reader, and the events of a name that have come once all guilds have. */
async function open(stage: Stage) {
  const consumer = await stage.consumer();
  await stage.startConnected(2, SETTINGS);
  const events = (t: string) => consumer.messages.filter(({ fields }) => fields.routingKey === t).map(dataOf);
  await consumer.until(() => events("GUILD_CREATE").length === GUILDS);
  return { reader: new StateReader(await stage.redis()), consumer, events };
}

Deno.test(
  "A program that knows only the contract's table finds in Redis every part of every guild",
  onStage(STAGE, async (stage) => {
    const { reader, events } = await open(stage);
    const created = events("GUILD_CREATE");
    assert.deepEqual(await reader.botUser(), stage.simulator.control.world.user);
    assert.deepEqual(
      (await reader.guilds()).map((guild) => String(guild["id"])).sort(),
      stage.simulator.control.world.guildIds.map(String).sort(),
    );
    for (const { channels, threads, roles, emojis, members, presences, voice_states, ...own } of created) {
      const emptied = { channels: [], roles: [], emojis: [], members: [], presences: [], voice_states: [] };
      const { threads: _, ...guild } = await reader.guild(own.id) ?? {};
      assert.deepEqual(guild, { ...own, ...emptied });
      const found = async (kind: Parameters<StateReader["partsOf"]>[1]) =>
        sorted(await reader.partsOf(own.id, kind));
      const inGuild = [...channels, ...threads].map((channel: Json) => ({ ...channel, guild_id: own.id }));
      assert.deepEqual(await found("channel"), sorted(inGuild));
      assert.deepEqual(await found("role"), sorted(roles));
      assert.deepEqual(await found("emoji"), sorted(emojis));
      assert.deepEqual(await found("member"), sorted(members));
      assert.deepEqual(await found("presence"), sorted(presences));
      assert.deepEqual(await found("voice"), sorted(voice_states));
    }
    // None of these comparisons was of nothing with nothing.
    for (const part of ["channels", "threads", "roles", "emojis", "members", "presences", "voice_states"]) {
      assert(created.some((guild) => guild[part].length > 1), part);
    }
  }),
);

Deno.test(
  "A program that knows only the contract's table finds the messages of a channel as they are now",
  onStage(STAGE, async (stage) => {
    const { control } = stage.simulator;
    const { reader, consumer, events } = await open(stage);
    for (let count = 0; count < 40; count++) control.happen("MESSAGE_CREATE");
    await consumer.until(() => events("MESSAGE_CREATE").length === 40);
    const [edited, deleted] = events("MESSAGE_CREATE");
    control.dispatch(
      "MESSAGE_UPDATE",
      JSON.stringify({ id: edited.id, channel_id: edited.channel_id, content: "!" }),
      {
        shard: 0,
      },
    );
    control.dispatch("MESSAGE_DELETE", JSON.stringify({ id: deleted.id, channel_id: deleted.channel_id }), {
      shard: 0,
    });
    await consumer.until(() => events("MESSAGE_DELETE").length === 1);
    const now = events("MESSAGE_CREATE")
      .filter((message) => message.id !== deleted.id)
      .map((message) => message.id === edited.id ? { ...message, content: "!" } : message);
    const channels = new Set<string>(events("MESSAGE_CREATE").map((message) => message.channel_id));
    assert(channels.size > 5);
    for (const channel of channels) {
      const expected = now.filter((message) => message.channel_id === channel);
      assert.deepEqual(sorted(await reader.messagesOf(channel)), sorted(expected));
    }
  }),
);
