/**
 * Intents, and which of them lets a session see which event.
 *
 * @module
 */

import type { EventName } from "./events.ts";

/**
 * What a bot may ask to be told about, as bits of IDENTIFY's `intents` (Discord gateway docs, Gateway
 * Intents).
 */
export const INTENT = {
  GUILDS: 1 << 0,
  GUILD_MEMBERS: 1 << 1,
  GUILD_MODERATION: 1 << 2,
  GUILD_EXPRESSIONS: 1 << 3,
  GUILD_INTEGRATIONS: 1 << 4,
  GUILD_WEBHOOKS: 1 << 5,
  GUILD_INVITES: 1 << 6,
  GUILD_VOICE_STATES: 1 << 7,
  GUILD_PRESENCES: 1 << 8,
  GUILD_MESSAGES: 1 << 9,
  GUILD_MESSAGE_REACTIONS: 1 << 10,
  GUILD_MESSAGE_TYPING: 1 << 11,
  DIRECT_MESSAGES: 1 << 12,
  DIRECT_MESSAGE_REACTIONS: 1 << 13,
  DIRECT_MESSAGE_TYPING: 1 << 14,
  MESSAGE_CONTENT: 1 << 15,
  GUILD_SCHEDULED_EVENTS: 1 << 16,
  AUTO_MODERATION_CONFIGURATION: 1 << 20,
  AUTO_MODERATION_EXECUTION: 1 << 21,
  GUILD_MESSAGE_POLLS: 1 << 24,
  DIRECT_MESSAGE_POLLS: 1 << 25,
} as const;

/** Every bit that Discord documents; any other closes with 4013. */
export const INTENTS_ALL = 53_608_447;

/** Bits that the owner of the application must have been granted; without that they close with 4014. */
export const INTENTS_PRIVILEGED = INTENT.GUILD_MEMBERS | INTENT.GUILD_PRESENCES | INTENT.MESSAGE_CONTENT;

/** Which intents let an event through; any one of them is enough. */
export interface EventIntents {
  /** For an event inside a guild, or about none. 0: always let through. */
  readonly guild: number;
  /** For the same event in a direct channel. Null: does not happen there. */
  readonly direct: number | null;
}

const ALWAYS: EventIntents = { guild: 0, direct: null };
const GUILDS = inGuild(INTENT.GUILDS);
const GUILD_MEMBERS = inGuild(INTENT.GUILD_MEMBERS);
const GUILD_MODERATION = inGuild(INTENT.GUILD_MODERATION);
const GUILD_EXPRESSIONS = inGuild(INTENT.GUILD_EXPRESSIONS);
const GUILD_INTEGRATIONS = inGuild(INTENT.GUILD_INTEGRATIONS);
const GUILD_INVITES = inGuild(INTENT.GUILD_INVITES);
const GUILD_VOICE_STATES = inGuild(INTENT.GUILD_VOICE_STATES);
const GUILD_SCHEDULED_EVENTS = inGuild(INTENT.GUILD_SCHEDULED_EVENTS);
const AUTO_MODERATION_CONFIGURATION = inGuild(INTENT.AUTO_MODERATION_CONFIGURATION);
const MESSAGES: EventIntents = { guild: INTENT.GUILD_MESSAGES, direct: INTENT.DIRECT_MESSAGES };
const REACTIONS: EventIntents = {
  guild: INTENT.GUILD_MESSAGE_REACTIONS,
  direct: INTENT.DIRECT_MESSAGE_REACTIONS,
};
const POLLS: EventIntents = { guild: INTENT.GUILD_MESSAGE_POLLS, direct: INTENT.DIRECT_MESSAGE_POLLS };

function inGuild(guild: number): EventIntents {
  return { guild, direct: null };
}

/**
 * The intents of every event (Discord gateway docs, List of Intents; what stands under no intent is always
 * sent). Two finer rules are not in the table: GUILD_MEMBER_UPDATE about the bot itself is always sent, and
 * THREAD_MEMBERS_UPDATE reaches a session without GUILD_MEMBERS only as far as it concerns the bot.
 */
export const EVENT_INTENTS: Readonly<Record<EventName, EventIntents>> = {
  READY: ALWAYS,
  RESUMED: ALWAYS,
  RATE_LIMITED: ALWAYS,
  APPLICATION_COMMAND_PERMISSIONS_UPDATE: ALWAYS,
  CHANNEL_INFO: ALWAYS,
  SOUNDBOARD_SOUNDS: ALWAYS,
  GUILD_MEMBERS_CHUNK: ALWAYS,
  INTERACTION_CREATE: { guild: 0, direct: 0 },
  USER_UPDATE: ALWAYS,
  VOICE_SERVER_UPDATE: ALWAYS,
  ENTITLEMENT_CREATE: ALWAYS,
  ENTITLEMENT_UPDATE: ALWAYS,
  ENTITLEMENT_DELETE: ALWAYS,
  SUBSCRIPTION_CREATE: ALWAYS,
  SUBSCRIPTION_UPDATE: ALWAYS,
  SUBSCRIPTION_DELETE: ALWAYS,

  GUILD_CREATE: GUILDS,
  GUILD_UPDATE: GUILDS,
  GUILD_DELETE: GUILDS,
  GUILD_ROLE_CREATE: GUILDS,
  GUILD_ROLE_UPDATE: GUILDS,
  GUILD_ROLE_DELETE: GUILDS,
  CHANNEL_CREATE: GUILDS,
  CHANNEL_UPDATE: GUILDS,
  CHANNEL_DELETE: GUILDS,
  CHANNEL_PINS_UPDATE: { guild: INTENT.GUILDS, direct: INTENT.DIRECT_MESSAGES },
  THREAD_CREATE: GUILDS,
  THREAD_UPDATE: GUILDS,
  THREAD_DELETE: GUILDS,
  THREAD_LIST_SYNC: GUILDS,
  THREAD_MEMBER_UPDATE: GUILDS,
  THREAD_MEMBERS_UPDATE: inGuild(INTENT.GUILDS | INTENT.GUILD_MEMBERS),
  STAGE_INSTANCE_CREATE: GUILDS,
  STAGE_INSTANCE_UPDATE: GUILDS,
  STAGE_INSTANCE_DELETE: GUILDS,
  VOICE_CHANNEL_STATUS_UPDATE: GUILDS,
  VOICE_CHANNEL_START_TIME_UPDATE: GUILDS,

  GUILD_MEMBER_ADD: GUILD_MEMBERS,
  GUILD_MEMBER_UPDATE: GUILD_MEMBERS,
  GUILD_MEMBER_REMOVE: GUILD_MEMBERS,

  GUILD_AUDIT_LOG_ENTRY_CREATE: GUILD_MODERATION,
  GUILD_BAN_ADD: GUILD_MODERATION,
  GUILD_BAN_REMOVE: GUILD_MODERATION,

  GUILD_EMOJIS_UPDATE: GUILD_EXPRESSIONS,
  GUILD_STICKERS_UPDATE: GUILD_EXPRESSIONS,
  GUILD_SOUNDBOARD_SOUND_CREATE: GUILD_EXPRESSIONS,
  GUILD_SOUNDBOARD_SOUND_UPDATE: GUILD_EXPRESSIONS,
  GUILD_SOUNDBOARD_SOUND_DELETE: GUILD_EXPRESSIONS,
  GUILD_SOUNDBOARD_SOUNDS_UPDATE: GUILD_EXPRESSIONS,

  GUILD_INTEGRATIONS_UPDATE: GUILD_INTEGRATIONS,
  INTEGRATION_CREATE: GUILD_INTEGRATIONS,
  INTEGRATION_UPDATE: GUILD_INTEGRATIONS,
  INTEGRATION_DELETE: GUILD_INTEGRATIONS,

  WEBHOOKS_UPDATE: inGuild(INTENT.GUILD_WEBHOOKS),

  INVITE_CREATE: GUILD_INVITES,
  INVITE_DELETE: GUILD_INVITES,

  VOICE_STATE_UPDATE: GUILD_VOICE_STATES,
  VOICE_CHANNEL_EFFECT_SEND: GUILD_VOICE_STATES,

  PRESENCE_UPDATE: inGuild(INTENT.GUILD_PRESENCES),

  MESSAGE_CREATE: MESSAGES,
  MESSAGE_UPDATE: MESSAGES,
  MESSAGE_DELETE: MESSAGES,
  MESSAGE_DELETE_BULK: inGuild(INTENT.GUILD_MESSAGES),

  MESSAGE_REACTION_ADD: REACTIONS,
  MESSAGE_REACTION_REMOVE: REACTIONS,
  MESSAGE_REACTION_REMOVE_ALL: REACTIONS,
  MESSAGE_REACTION_REMOVE_EMOJI: REACTIONS,

  TYPING_START: { guild: INTENT.GUILD_MESSAGE_TYPING, direct: INTENT.DIRECT_MESSAGE_TYPING },

  GUILD_SCHEDULED_EVENT_CREATE: GUILD_SCHEDULED_EVENTS,
  GUILD_SCHEDULED_EVENT_UPDATE: GUILD_SCHEDULED_EVENTS,
  GUILD_SCHEDULED_EVENT_DELETE: GUILD_SCHEDULED_EVENTS,
  GUILD_SCHEDULED_EVENT_USER_ADD: GUILD_SCHEDULED_EVENTS,
  GUILD_SCHEDULED_EVENT_USER_REMOVE: GUILD_SCHEDULED_EVENTS,

  AUTO_MODERATION_RULE_CREATE: AUTO_MODERATION_CONFIGURATION,
  AUTO_MODERATION_RULE_UPDATE: AUTO_MODERATION_CONFIGURATION,
  AUTO_MODERATION_RULE_DELETE: AUTO_MODERATION_CONFIGURATION,
  AUTO_MODERATION_ACTION_EXECUTION: inGuild(INTENT.AUTO_MODERATION_EXECUTION),

  MESSAGE_POLL_VOTE_ADD: POLLS,
  MESSAGE_POLL_VOTE_REMOVE: POLLS,
};

/** True where a session with `intents` is sent an event that any of `needed` lets through; 0 needs none. */
export function letsThrough(intents: number, needed: number): boolean {
  return needed === 0 || (intents & needed) !== 0;
}

/**
 * A message as a session without MESSAGE_CONTENT sees it: texts and attachments empty, no poll, also in the
 * message it replies to. Whom the exceptions concern (own messages, direct messages, mentions of the bot) is
 * for the caller to know.
 */
export function blankContent(message: Record<string, unknown>): Record<string, unknown> {
  const { poll: _poll, ...blank } = message;
  blank.content = "";
  blank.embeds = [];
  blank.attachments = [];
  blank.components = [];
  if (typeof message.referenced_message === "object" && message.referenced_message !== null) {
    blank.referenced_message = blankContent({ ...message.referenced_message });
  }
  return blank;
}
