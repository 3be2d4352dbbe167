/**
 * Which builder makes which event.
 *
 * @module
 */

import type { EventData, EventName } from "../events.ts";
import { type Ready, resumed } from "../ready.ts";
import type { Scene } from "../scene.ts";
import * as autoModeration from "./auto_moderation.ts";
import * as channels from "./channels.ts";
import * as expressions from "./expressions.ts";
import * as guilds from "./guilds.ts";
import * as integrations from "./integrations.ts";
import * as interactions from "./interactions.ts";
import * as invites from "./invites.ts";
import * as members from "./members.ts";
import * as messages from "./messages.ts";
import * as moderation from "./moderation.ts";
import * as monetization from "./monetization.ts";
import * as scheduledEvents from "./scheduled_events.ts";
import * as sessions from "./sessions.ts";
import * as threads from "./threads.ts";
import * as voice from "./voice.ts";

/** Where the documentation and discord-api-types differ: see {@link Ready} and {@link resumed}. */
interface OwnShapes {
  readonly READY: Ready;
  readonly RESUMED: ReturnType<typeof resumed>;
}

/** Makes the `d` of an event out of the scene in which it happens. */
type Builder<Name extends EventName> = (
  scene: Scene,
) => Name extends keyof OwnShapes ? OwnShapes[Name] : EventData<Name>;

/** How each event is made. */
export const BUILDERS: { readonly [Name in EventName]: Builder<Name> } = {
  APPLICATION_COMMAND_PERMISSIONS_UPDATE: interactions.applicationCommandPermissionsUpdate,
  AUTO_MODERATION_ACTION_EXECUTION: autoModeration.autoModerationActionExecution,
  AUTO_MODERATION_RULE_CREATE: autoModeration.autoModerationRule,
  AUTO_MODERATION_RULE_DELETE: autoModeration.autoModerationRule,
  AUTO_MODERATION_RULE_UPDATE: autoModeration.autoModerationRule,
  CHANNEL_CREATE: channels.channelCreate,
  CHANNEL_DELETE: channels.channelUpdate,
  CHANNEL_INFO: voice.channelInfo,
  CHANNEL_PINS_UPDATE: channels.channelPinsUpdate,
  CHANNEL_UPDATE: channels.channelUpdate,
  ENTITLEMENT_CREATE: monetization.entitlementCreate,
  ENTITLEMENT_DELETE: monetization.entitlementDelete,
  ENTITLEMENT_UPDATE: monetization.entitlementUpdate,
  GUILD_AUDIT_LOG_ENTRY_CREATE: moderation.guildAuditLogEntryCreate,
  GUILD_BAN_ADD: moderation.guildBan,
  GUILD_BAN_REMOVE: moderation.guildBan,
  GUILD_CREATE: guilds.guildCreateForAll,
  GUILD_DELETE: guilds.guildDelete,
  GUILD_EMOJIS_UPDATE: expressions.guildEmojisUpdate,
  GUILD_INTEGRATIONS_UPDATE: integrations.guildIntegrationsUpdate,
  GUILD_MEMBERS_CHUNK: sessions.guildMembersChunk,
  GUILD_MEMBER_ADD: members.guildMemberAdd,
  GUILD_MEMBER_REMOVE: members.guildMemberRemove,
  GUILD_MEMBER_UPDATE: members.guildMemberUpdate,
  GUILD_ROLE_CREATE: guilds.guildRoleCreate,
  GUILD_ROLE_DELETE: guilds.guildRoleDelete,
  GUILD_ROLE_UPDATE: guilds.guildRoleUpdate,
  GUILD_SCHEDULED_EVENT_CREATE: scheduledEvents.guildScheduledEvent,
  GUILD_SCHEDULED_EVENT_DELETE: scheduledEvents.guildScheduledEvent,
  GUILD_SCHEDULED_EVENT_UPDATE: scheduledEvents.guildScheduledEvent,
  GUILD_SCHEDULED_EVENT_USER_ADD: scheduledEvents.guildScheduledEventUser,
  GUILD_SCHEDULED_EVENT_USER_REMOVE: scheduledEvents.guildScheduledEventUser,
  GUILD_SOUNDBOARD_SOUNDS_UPDATE: expressions.soundboardSounds,
  GUILD_SOUNDBOARD_SOUND_CREATE: expressions.guildSoundboardSoundCreate,
  GUILD_SOUNDBOARD_SOUND_DELETE: expressions.guildSoundboardSoundDelete,
  GUILD_SOUNDBOARD_SOUND_UPDATE: expressions.guildSoundboardSoundUpdate,
  GUILD_STICKERS_UPDATE: expressions.guildStickersUpdate,
  GUILD_UPDATE: guilds.guildUpdate,
  INTEGRATION_CREATE: integrations.integration,
  INTEGRATION_DELETE: integrations.integrationDelete,
  INTEGRATION_UPDATE: integrations.integration,
  INTERACTION_CREATE: interactions.interactionCreate,
  INVITE_CREATE: invites.inviteCreate,
  INVITE_DELETE: invites.inviteDelete,
  MESSAGE_CREATE: messages.messageCreate,
  MESSAGE_DELETE: messages.messageDelete,
  MESSAGE_DELETE_BULK: messages.messageDeleteBulk,
  MESSAGE_POLL_VOTE_ADD: messages.messagePollVote,
  MESSAGE_POLL_VOTE_REMOVE: messages.messagePollVote,
  MESSAGE_REACTION_ADD: messages.messageReactionAdd,
  MESSAGE_REACTION_REMOVE: messages.messageReactionRemove,
  MESSAGE_REACTION_REMOVE_ALL: messages.messageReactionRemoveAll,
  MESSAGE_REACTION_REMOVE_EMOJI: messages.messageReactionRemoveEmoji,
  MESSAGE_UPDATE: messages.messageUpdate,
  PRESENCE_UPDATE: members.presenceUpdate,
  RATE_LIMITED: sessions.rateLimited,
  READY: sessions.readyAlone,
  RESUMED: resumed,
  SOUNDBOARD_SOUNDS: expressions.soundboardSounds,
  STAGE_INSTANCE_CREATE: voice.stage,
  STAGE_INSTANCE_DELETE: voice.stage,
  STAGE_INSTANCE_UPDATE: voice.stage,
  SUBSCRIPTION_CREATE: monetization.subscriptionCreate,
  SUBSCRIPTION_DELETE: monetization.subscriptionDelete,
  SUBSCRIPTION_UPDATE: monetization.subscriptionUpdate,
  THREAD_CREATE: threads.threadCreate,
  THREAD_DELETE: threads.threadDelete,
  THREAD_LIST_SYNC: threads.threadListSync,
  THREAD_MEMBERS_UPDATE: threads.threadMembersUpdate,
  THREAD_MEMBER_UPDATE: threads.threadMemberUpdate,
  THREAD_UPDATE: threads.threadUpdate,
  TYPING_START: messages.typingStart,
  USER_UPDATE: sessions.userUpdate,
  VOICE_CHANNEL_EFFECT_SEND: voice.voiceChannelEffectSend,
  VOICE_CHANNEL_START_TIME_UPDATE: voice.voiceChannelStartTimeUpdate,
  VOICE_CHANNEL_STATUS_UPDATE: voice.voiceChannelStatusUpdate,
  VOICE_SERVER_UPDATE: voice.voiceServerUpdate,
  VOICE_STATE_UPDATE: voice.voiceStateUpdate,
  WEBHOOKS_UPDATE: channels.webhooksUpdate,
};
