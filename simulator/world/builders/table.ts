import type { EventData, EventName } from "../events.ts";
import type { Scene } from "../scene.ts";
import { guildCreateForAll } from "./guilds.ts";
import { interactionCreate } from "./interactions.ts";
import { guildMemberUpdate, presenceUpdate } from "./members.ts";
import * as messages from "./messages.ts";
import { voiceStateUpdate } from "./voice.ts";

/** Makes the `d` of an event out of the scene in which it happens. */
export type Builder<Name extends EventName> = (scene: Scene) => EventData<Name>;

/** How each event is made. */
export const BUILDERS: { readonly [Name in EventName]?: Builder<Name> } = {
  GUILD_CREATE: guildCreateForAll,
  GUILD_MEMBER_UPDATE: guildMemberUpdate,
  INTERACTION_CREATE: interactionCreate,
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
  PRESENCE_UPDATE: presenceUpdate,
  TYPING_START: messages.typingStart,
  VOICE_STATE_UPDATE: voiceStateUpdate,
};
