/**
 * What each event does to the state cache: the table of the wire contract (State cache), as data. Which key an effect
 * goes to, and where in the event its value stands, is in `plan.ts`.
 *
 * @module
 */

/** What an event does. `nothing`: it is published as it came. */
export type Effect =
  | "nothing"
  | "set_bot_user"
  | "set_bot_user_and_stubs"
  | "write_guild"
  | "set_guild"
  | "clear_guild"
  | "set_channel"
  | "delete_channel"
  | "change_pins"
  | "set_threads"
  | "set_role"
  | "delete_role"
  | "replace_emojis"
  | "set_member"
  | "set_members"
  | "change_member"
  | "delete_member_and_presence"
  | "set_presence"
  | "set_or_delete_voice"
  | "set_message"
  | "change_message"
  | "delete_message"
  | "delete_messages";

/** Every event that Discord documents. */
export const EFFECTS: Readonly<Record<string, Effect>> = {
  APPLICATION_COMMAND_PERMISSIONS_UPDATE: "nothing",
  AUTO_MODERATION_ACTION_EXECUTION: "nothing",
  AUTO_MODERATION_RULE_CREATE: "nothing",
  AUTO_MODERATION_RULE_DELETE: "nothing",
  AUTO_MODERATION_RULE_UPDATE: "nothing",
  CHANNEL_CREATE: "set_channel",
  CHANNEL_DELETE: "delete_channel",
  CHANNEL_INFO: "nothing",
  CHANNEL_PINS_UPDATE: "change_pins",
  CHANNEL_UPDATE: "set_channel",
  ENTITLEMENT_CREATE: "nothing",
  ENTITLEMENT_DELETE: "nothing",
  ENTITLEMENT_UPDATE: "nothing",
  GUILD_AUDIT_LOG_ENTRY_CREATE: "nothing",
  GUILD_BAN_ADD: "nothing",
  GUILD_BAN_REMOVE: "nothing",
  GUILD_CREATE: "write_guild",
  GUILD_DELETE: "clear_guild",
  GUILD_EMOJIS_UPDATE: "replace_emojis",
  GUILD_INTEGRATIONS_UPDATE: "nothing",
  GUILD_MEMBERS_CHUNK: "set_members",
  GUILD_MEMBER_ADD: "set_member",
  GUILD_MEMBER_REMOVE: "delete_member_and_presence",
  GUILD_MEMBER_UPDATE: "change_member",
  GUILD_ROLE_CREATE: "set_role",
  GUILD_ROLE_DELETE: "delete_role",
  GUILD_ROLE_UPDATE: "set_role",
  GUILD_SCHEDULED_EVENT_CREATE: "nothing",
  GUILD_SCHEDULED_EVENT_DELETE: "nothing",
  GUILD_SCHEDULED_EVENT_UPDATE: "nothing",
  GUILD_SCHEDULED_EVENT_USER_ADD: "nothing",
  GUILD_SCHEDULED_EVENT_USER_REMOVE: "nothing",
  GUILD_SOUNDBOARD_SOUNDS_UPDATE: "nothing",
  GUILD_SOUNDBOARD_SOUND_CREATE: "nothing",
  GUILD_SOUNDBOARD_SOUND_DELETE: "nothing",
  GUILD_SOUNDBOARD_SOUND_UPDATE: "nothing",
  GUILD_STICKERS_UPDATE: "nothing",
  GUILD_UPDATE: "set_guild",
  INTEGRATION_CREATE: "nothing",
  INTEGRATION_DELETE: "nothing",
  INTEGRATION_UPDATE: "nothing",
  INTERACTION_CREATE: "nothing",
  INVITE_CREATE: "nothing",
  INVITE_DELETE: "nothing",
  MESSAGE_CREATE: "set_message",
  MESSAGE_DELETE: "delete_message",
  MESSAGE_DELETE_BULK: "delete_messages",
  MESSAGE_POLL_VOTE_ADD: "nothing",
  MESSAGE_POLL_VOTE_REMOVE: "nothing",
  MESSAGE_REACTION_ADD: "nothing",
  MESSAGE_REACTION_REMOVE: "nothing",
  MESSAGE_REACTION_REMOVE_ALL: "nothing",
  MESSAGE_REACTION_REMOVE_EMOJI: "nothing",
  MESSAGE_UPDATE: "change_message",
  PRESENCE_UPDATE: "set_presence",
  RATE_LIMITED: "nothing",
  READY: "set_bot_user_and_stubs",
  RESUMED: "nothing",
  SOUNDBOARD_SOUNDS: "nothing",
  STAGE_INSTANCE_CREATE: "nothing",
  STAGE_INSTANCE_DELETE: "nothing",
  STAGE_INSTANCE_UPDATE: "nothing",
  SUBSCRIPTION_CREATE: "nothing",
  SUBSCRIPTION_DELETE: "nothing",
  SUBSCRIPTION_UPDATE: "nothing",
  THREAD_CREATE: "set_channel",
  THREAD_DELETE: "delete_channel",
  THREAD_LIST_SYNC: "set_threads",
  THREAD_MEMBERS_UPDATE: "nothing",
  THREAD_MEMBER_UPDATE: "nothing",
  THREAD_UPDATE: "set_channel",
  TYPING_START: "nothing",
  USER_UPDATE: "set_bot_user",
  VOICE_CHANNEL_EFFECT_SEND: "nothing",
  VOICE_CHANNEL_START_TIME_UPDATE: "nothing",
  VOICE_CHANNEL_STATUS_UPDATE: "nothing",
  VOICE_SERVER_UPDATE: "nothing",
  VOICE_STATE_UPDATE: "set_or_delete_voice",
  WEBHOOKS_UPDATE: "nothing",
};

/** Which kinds are kept besides guilds, channels and roles. */
export interface KeptKinds {
  readonly messages: boolean;
  readonly presences: boolean;
  readonly emojis: boolean;
  readonly voices: boolean;
}

/** What an event does where no more than this is kept. Members are heeded in any case, for the bot's own. */
export function keptEffectOf(type: string, kept: KeptKinds): Effect {
  const effect = effectOf(type);
  switch (effect) {
    case "set_presence":
      return kept.presences ? effect : "nothing";
    case "set_or_delete_voice":
      return kept.voices ? effect : "nothing";
    case "replace_emojis":
      return kept.emojis ? effect : "nothing";
    case "set_message":
    case "change_message":
    case "delete_message":
    case "delete_messages":
      return kept.messages ? effect : "nothing";
    default:
      return effect;
  }
}

/** An event that nobody has documented does nothing. */
export function effectOf(type: string): Effect {
  return Object.hasOwn(EFFECTS, type) ? EFFECTS[type] ?? "nothing" : "nothing";
}
