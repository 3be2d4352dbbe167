import assert from "node:assert/strict";
import { EVENT_NAMES, type EventName } from "../../../simulator/world/events.ts";
import {
  blankContent,
  EVENT_INTENTS,
  INTENT,
  INTENTS_ALL,
  INTENTS_PRIVILEGED,
  letsThrough,
} from "../../../simulator/world/intents.ts";

/**
 * The list of Discord's gateway docs (List of Intents), read the other way round: names under each intent.
 */
const LIST_OF_INTENTS: Readonly<Record<string, string>> = {
  ALWAYS: `READY RESUMED RATE_LIMITED APPLICATION_COMMAND_PERMISSIONS_UPDATE CHANNEL_INFO SOUNDBOARD_SOUNDS
    GUILD_MEMBERS_CHUNK INTERACTION_CREATE USER_UPDATE VOICE_SERVER_UPDATE ENTITLEMENT_CREATE ENTITLEMENT_UPDATE
    ENTITLEMENT_DELETE SUBSCRIPTION_CREATE SUBSCRIPTION_UPDATE SUBSCRIPTION_DELETE`,
  GUILDS: `GUILD_CREATE GUILD_UPDATE GUILD_DELETE GUILD_ROLE_CREATE GUILD_ROLE_UPDATE GUILD_ROLE_DELETE
    CHANNEL_CREATE CHANNEL_UPDATE CHANNEL_DELETE CHANNEL_PINS_UPDATE THREAD_CREATE THREAD_UPDATE THREAD_DELETE
    THREAD_LIST_SYNC THREAD_MEMBER_UPDATE THREAD_MEMBERS_UPDATE STAGE_INSTANCE_CREATE STAGE_INSTANCE_UPDATE
    STAGE_INSTANCE_DELETE VOICE_CHANNEL_STATUS_UPDATE VOICE_CHANNEL_START_TIME_UPDATE`,
  GUILD_MEMBERS: "GUILD_MEMBER_ADD GUILD_MEMBER_UPDATE GUILD_MEMBER_REMOVE THREAD_MEMBERS_UPDATE",
  GUILD_MODERATION: "GUILD_AUDIT_LOG_ENTRY_CREATE GUILD_BAN_ADD GUILD_BAN_REMOVE",
  GUILD_EXPRESSIONS: `GUILD_EMOJIS_UPDATE GUILD_STICKERS_UPDATE GUILD_SOUNDBOARD_SOUND_CREATE
    GUILD_SOUNDBOARD_SOUND_UPDATE GUILD_SOUNDBOARD_SOUND_DELETE GUILD_SOUNDBOARD_SOUNDS_UPDATE`,
  GUILD_INTEGRATIONS: "GUILD_INTEGRATIONS_UPDATE INTEGRATION_CREATE INTEGRATION_UPDATE INTEGRATION_DELETE",
  GUILD_WEBHOOKS: "WEBHOOKS_UPDATE",
  GUILD_INVITES: "INVITE_CREATE INVITE_DELETE",
  GUILD_VOICE_STATES: "VOICE_STATE_UPDATE VOICE_CHANNEL_EFFECT_SEND",
  GUILD_PRESENCES: "PRESENCE_UPDATE",
  GUILD_MESSAGES: "MESSAGE_CREATE MESSAGE_UPDATE MESSAGE_DELETE MESSAGE_DELETE_BULK",
  DIRECT_MESSAGES: "MESSAGE_CREATE MESSAGE_UPDATE MESSAGE_DELETE CHANNEL_PINS_UPDATE",
  GUILD_MESSAGE_REACTIONS: `MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE MESSAGE_REACTION_REMOVE_ALL
    MESSAGE_REACTION_REMOVE_EMOJI`,
  DIRECT_MESSAGE_REACTIONS: `MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE MESSAGE_REACTION_REMOVE_ALL
    MESSAGE_REACTION_REMOVE_EMOJI`,
  GUILD_MESSAGE_TYPING: "TYPING_START",
  DIRECT_MESSAGE_TYPING: "TYPING_START",
  MESSAGE_CONTENT: "",
  GUILD_SCHEDULED_EVENTS: `GUILD_SCHEDULED_EVENT_CREATE GUILD_SCHEDULED_EVENT_UPDATE
    GUILD_SCHEDULED_EVENT_DELETE GUILD_SCHEDULED_EVENT_USER_ADD GUILD_SCHEDULED_EVENT_USER_REMOVE`,
  AUTO_MODERATION_CONFIGURATION:
    "AUTO_MODERATION_RULE_CREATE AUTO_MODERATION_RULE_UPDATE AUTO_MODERATION_RULE_DELETE",
  AUTO_MODERATION_EXECUTION: "AUTO_MODERATION_ACTION_EXECUTION",
  GUILD_MESSAGE_POLLS: "MESSAGE_POLL_VOTE_ADD MESSAGE_POLL_VOTE_REMOVE",
  DIRECT_MESSAGE_POLLS: "MESSAGE_POLL_VOTE_ADD MESSAGE_POLL_VOTE_REMOVE",
};

/** Which intents the list puts a name under; 0 where it is always sent. */
function listed(name: EventName, side: "guild" | "direct"): number {
  let bits = 0;
  for (const [intent, names] of Object.entries(LIST_OF_INTENTS)) {
    if (intent === "ALWAYS" || intent.startsWith("DIRECT_") !== (side === "direct")) continue;
    if (names.split(/\s+/).includes(name)) bits |= INTENT[intent as keyof typeof INTENT];
  }
  return bits;
}

Deno.test("EVENT_INTENTS has the 79 documented names and no other", () => {
  assert.deepEqual(Object.keys(EVENT_INTENTS).sort(), [...EVENT_NAMES]);
});

for (const name of EVENT_NAMES) {
  Deno.test(`EVENT_INTENTS.${name} is as in Discord's list of intents`, () => {
    const { guild, direct } = EVENT_INTENTS[name];
    assert.equal(guild, listed(name, "guild"));
    assert.equal(direct ?? 0, listed(name, "direct"));
    const always = (LIST_OF_INTENTS.ALWAYS as string).split(/\s+/).includes(name);
    assert.equal(guild === 0, always);
  });
}

Deno.test("INTENT has every documented bit and only those", () => {
  assert.equal(Object.keys(INTENT).length, 21);
  assert.equal(Object.values(INTENT).reduce((sum, bit) => sum | bit, 0), INTENTS_ALL);
  assert.equal(INTENTS_ALL & ~INTENTS_PRIVILEGED, 53_575_421);
});

Deno.test("letsThrough() takes any one of the needed intents, and none where none is needed", () => {
  const either = INTENT.GUILDS | INTENT.GUILD_MEMBERS;
  assert.equal(letsThrough(INTENT.GUILDS, either), true);
  assert.equal(letsThrough(INTENT.GUILD_MEMBERS, either), true);
  assert.equal(letsThrough(INTENTS_ALL & ~either, either), false);
  assert.equal(letsThrough(0, 0), true);
});

Deno.test("blankContent() empties what MESSAGE_CONTENT guards, drops the poll and leaves the rest", () => {
  const message = {
    id: "1",
    content: "secret",
    embeds: [{ title: "secret" }],
    attachments: [{ id: "2" }],
    components: [{ type: 1 }],
    poll: { question: { text: "secret" } },
    mentions: [],
    author: { id: "3" },
  };
  const before = structuredClone(message);
  assert.deepEqual(blankContent(message), {
    id: "1",
    content: "",
    embeds: [],
    attachments: [],
    components: [],
    mentions: [],
    author: { id: "3" },
  });
  assert.deepEqual(message, before, "the message itself is still whole for other sessions");
});

Deno.test("blankContent() also empties the message that is replied to", () => {
  const reply = { content: "no", referenced_message: { id: "1", content: "secret", embeds: [{}], poll: {} } };
  const { referenced_message } = blankContent(reply);
  assert.deepEqual(referenced_message, {
    id: "1",
    content: "",
    embeds: [],
    attachments: [],
    components: [],
  });
});

Deno.test("blankContent() keeps a reply whose original is gone", () => {
  assert.equal(blankContent({ content: "no", referenced_message: null }).referenced_message, null);
});
