/**
 * Events of voice: who is where, stages, effects, and what a voice channel says of itself.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import type { Scene } from "../scene.ts";
import { guildSound } from "../soundboard_sound.ts";
import { stageInstance } from "../stage_instance.ts";
import { EMOJI } from "../text.ts";
import { voiceChannelInfos, voiceStartSeconds, voiceStatus } from "../voice_channel_info.ts";
import { voiceState } from "../voice_state.ts";

export function voiceStateUpdate(scene: Scene): EventData<"VOICE_STATE_UPDATE"> {
  const member = scene.member();
  const channelId = scene.detail.chance(0.3) ? null : scene.voiceChannelId();
  return { ...voiceState(member.user.id, channelId, scene.detail), member, guild_id: scene.guild.id };
}

/** Where the bot is to connect for sound. */
export function voiceServerUpdate(scene: Scene): EventData<"VOICE_SERVER_UPDATE"> {
  return {
    token: scene.detail.hex(16),
    guild_id: scene.guild.id,
    endpoint: `rotterdam${scene.detail.between(1_000, 9_999)}.discord.media:2053`,
  };
}

/** An emoji flies over a voice channel, or a sound is played in it. */
export function voiceChannelEffectSend(scene: Scene): EventData<"VOICE_CHANNEL_EFFECT_SEND"> {
  const { detail, guild } = scene;
  const common = { channel_id: scene.voiceChannelId(), guild_id: guild.id, user_id: scene.memberId() };
  if (detail.chance(0.5)) {
    const { sound_id, volume } = guildSound(guild, 0);
    return { ...common, emoji: null, animation_type: 1, sound_id, sound_volume: volume };
  }
  return {
    ...common,
    emoji: { id: null, name: detail.pick(EMOJI) },
    animation_type: 0,
    animation_id: detail.below(20),
  };
}

export function voiceChannelStatusUpdate(scene: Scene): EventData<"VOICE_CHANNEL_STATUS_UPDATE"> {
  return {
    id: scene.voiceChannelId(),
    guild_id: scene.guild.id,
    status: voiceStatus(scene.text, scene.guild.script),
  };
}

export function voiceChannelStartTimeUpdate(scene: Scene): EventData<"VOICE_CHANNEL_START_TIME_UPDATE"> {
  return {
    id: scene.voiceChannelId(),
    guild_id: scene.guild.id,
    voice_start_time: voiceStartSeconds(scene.detail, scene.nowMs),
  };
}

/** Status and start of every voice channel, in answer to a request for both. */
export function channelInfo(scene: Scene): EventData<"CHANNEL_INFO"> {
  return { guild_id: scene.guild.id, channels: voiceChannelInfos(scene.guild, scene.nowMs) };
}

/** A stage that opens, gets another topic or closes: all three events look the same. */
export function stage(scene: Scene): EventData<"STAGE_INSTANCE_CREATE"> {
  return stageInstance(scene.guild);
}
