/**
 * The events there are, by name, and the types of their data.
 *
 * @module
 */

import type { GatewayDispatchEvents, GatewayDispatchPayload } from "discord-api-types/v10";

/**
 * The names of all dispatches that Discord documents (Gateway Events, Receive Events), in alphabetical order.
 */
export const EVENT_NAMES = [
  "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
  "AUTO_MODERATION_ACTION_EXECUTION",
  "AUTO_MODERATION_RULE_CREATE",
  "AUTO_MODERATION_RULE_DELETE",
  "AUTO_MODERATION_RULE_UPDATE",
  "CHANNEL_CREATE",
  "CHANNEL_DELETE",
  "CHANNEL_INFO",
  "CHANNEL_PINS_UPDATE",
  "CHANNEL_UPDATE",
  "ENTITLEMENT_CREATE",
  "ENTITLEMENT_DELETE",
  "ENTITLEMENT_UPDATE",
  "GUILD_AUDIT_LOG_ENTRY_CREATE",
  "GUILD_BAN_ADD",
  "GUILD_BAN_REMOVE",
  "GUILD_CREATE",
  "GUILD_DELETE",
  "GUILD_EMOJIS_UPDATE",
  "GUILD_INTEGRATIONS_UPDATE",
  "GUILD_MEMBERS_CHUNK",
  "GUILD_MEMBER_ADD",
  "GUILD_MEMBER_REMOVE",
  "GUILD_MEMBER_UPDATE",
  "GUILD_ROLE_CREATE",
  "GUILD_ROLE_DELETE",
  "GUILD_ROLE_UPDATE",
  "GUILD_SCHEDULED_EVENT_CREATE",
  "GUILD_SCHEDULED_EVENT_DELETE",
  "GUILD_SCHEDULED_EVENT_UPDATE",
  "GUILD_SCHEDULED_EVENT_USER_ADD",
  "GUILD_SCHEDULED_EVENT_USER_REMOVE",
  "GUILD_SOUNDBOARD_SOUNDS_UPDATE",
  "GUILD_SOUNDBOARD_SOUND_CREATE",
  "GUILD_SOUNDBOARD_SOUND_DELETE",
  "GUILD_SOUNDBOARD_SOUND_UPDATE",
  "GUILD_STICKERS_UPDATE",
  "GUILD_UPDATE",
  "INTEGRATION_CREATE",
  "INTEGRATION_DELETE",
  "INTEGRATION_UPDATE",
  "INTERACTION_CREATE",
  "INVITE_CREATE",
  "INVITE_DELETE",
  "MESSAGE_CREATE",
  "MESSAGE_DELETE",
  "MESSAGE_DELETE_BULK",
  "MESSAGE_POLL_VOTE_ADD",
  "MESSAGE_POLL_VOTE_REMOVE",
  "MESSAGE_REACTION_ADD",
  "MESSAGE_REACTION_REMOVE",
  "MESSAGE_REACTION_REMOVE_ALL",
  "MESSAGE_REACTION_REMOVE_EMOJI",
  "MESSAGE_UPDATE",
  "PRESENCE_UPDATE",
  "RATE_LIMITED",
  "READY",
  "RESUMED",
  "SOUNDBOARD_SOUNDS",
  "STAGE_INSTANCE_CREATE",
  "STAGE_INSTANCE_DELETE",
  "STAGE_INSTANCE_UPDATE",
  "SUBSCRIPTION_CREATE",
  "SUBSCRIPTION_DELETE",
  "SUBSCRIPTION_UPDATE",
  "THREAD_CREATE",
  "THREAD_DELETE",
  "THREAD_LIST_SYNC",
  "THREAD_MEMBERS_UPDATE",
  "THREAD_MEMBER_UPDATE",
  "THREAD_UPDATE",
  "TYPING_START",
  "USER_UPDATE",
  "VOICE_CHANNEL_EFFECT_SEND",
  "VOICE_CHANNEL_START_TIME_UPDATE",
  "VOICE_CHANNEL_STATUS_UPDATE",
  "VOICE_SERVER_UPDATE",
  "VOICE_STATE_UPDATE",
  "WEBHOOKS_UPDATE",
] as const satisfies readonly `${GatewayDispatchEvents}`[];

/** The name of a dispatch: the `t` of its payload. */
export type EventName = (typeof EVENT_NAMES)[number];

/** Fields that hold any sum of bits, not just one of them. */
type BitSet = "flags" | "public_flags" | "system_channel_flags";

/**
 * A type of discord-api-types as it stands in the JSON: string enums as plain strings, bit sets as plain
 * numbers.
 */
export type AsWritten<T> = T extends string ? `${T}`
  : T extends object ? { [Key in keyof T]: Key extends BitSet ? number : AsWritten<T[Key]> }
  : T;

type DataOf<Payload, Name extends EventName> = Payload extends { t: infer T extends string; d: infer Data }
  ? `${T}` extends Name ? Data : never
  : never;

/** The `d` of the named dispatch. */
export type EventData<Name extends EventName> = AsWritten<DataOf<GatewayDispatchPayload, Name>>;
