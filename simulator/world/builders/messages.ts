/**
 * Events of messages and of what is done to them: reactions, votes, deletion; typing too.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { reactionEmoji } from "../emoji.ts";
import { message } from "../message.ts";
import type { Scene } from "../scene.ts";

export function messageCreate(scene: Scene): EventData<"MESSAGE_CREATE"> {
  return message(scene);
}

export function messageUpdate(scene: Scene): EventData<"MESSAGE_UPDATE"> {
  return message(scene, scene.nowMs);
}

export function messageDelete(scene: Scene): EventData<"MESSAGE_DELETE"> {
  return { id: scene.pastMessageId(), channel_id: scene.channelOf(scene.actor()), ...scene.where() };
}

export function messageDeleteBulk(scene: Scene): EventData<"MESSAGE_DELETE_BULK"> {
  const ids = Array.from({ length: scene.detail.between(2, 100) }, () => scene.pastMessageId());
  return { ids, channel_id: scene.textChannelId(), guild_id: scene.guild.id };
}

export function messageReactionAdd(scene: Scene): EventData<"MESSAGE_REACTION_ADD"> {
  const actor = scene.actor();
  const data: EventData<"MESSAGE_REACTION_ADD"> = {
    user_id: actor.user.id,
    type: 0,
    message_id: scene.pastMessageId(),
    message_author_id: scene.direct ? scene.bot.id : scene.memberId(),
    emoji: reactionEmoji(scene.direct ? null : scene.guild, scene.detail),
    channel_id: scene.channelOf(actor),
    burst: false,
    ...scene.where(),
  };
  if (actor.member !== null) data.member = { ...actor.member, user: actor.user };
  return data;
}

export function messageReactionRemove(scene: Scene): EventData<"MESSAGE_REACTION_REMOVE"> {
  const actor = scene.actor();
  return {
    user_id: actor.user.id,
    type: 0,
    message_id: scene.pastMessageId(),
    emoji: reactionEmoji(scene.direct ? null : scene.guild, scene.detail),
    channel_id: scene.channelOf(actor),
    burst: false,
    ...scene.where(),
  };
}

export function messageReactionRemoveAll(scene: Scene): EventData<"MESSAGE_REACTION_REMOVE_ALL"> {
  return { message_id: scene.pastMessageId(), channel_id: scene.channelOf(scene.actor()), ...scene.where() };
}

export function messageReactionRemoveEmoji(scene: Scene): EventData<"MESSAGE_REACTION_REMOVE_EMOJI"> {
  return {
    message_id: scene.pastMessageId(),
    channel_id: scene.channelOf(scene.actor()),
    emoji: reactionEmoji(scene.direct ? null : scene.guild, scene.detail),
    ...scene.where(),
  };
}

/** A vote for an answer of a poll, or the vote taken back: both events look the same. */
export function messagePollVote(scene: Scene): EventData<"MESSAGE_POLL_VOTE_ADD"> {
  const actor = scene.actor();
  return {
    user_id: actor.user.id,
    message_id: scene.pastMessageId(),
    channel_id: scene.channelOf(actor),
    answer_id: scene.detail.between(1, 5),
    ...scene.where(),
  };
}

export function typingStart(scene: Scene): EventData<"TYPING_START"> {
  const actor = scene.actor();
  const data: EventData<"TYPING_START"> = {
    user_id: actor.user.id,
    // Seconds, where everything else is milliseconds (Discord gateway docs, Typing Start).
    timestamp: Math.floor(scene.nowMs / 1_000),
    channel_id: scene.channelOf(actor),
    ...scene.where(),
  };
  if (actor.member !== null) data.member = { ...actor.member, user: actor.user };
  return data;
}
