/**
 * Who is in which voice channel.
 *
 * @module
 */

import type { APIBaseVoiceState } from "discord-api-types/v10";
import type { Random } from "./random.ts";

/**
 * Somebody's place in a voice channel (Voice State Object), or that they left all of them when `channelId` is
 * null.
 */
export function voiceState(userId: string, channelId: string | null, random: Random): APIBaseVoiceState {
  return {
    user_id: userId,
    suppress: false,
    session_id: random.hex(32),
    self_video: random.chance(0.08),
    self_mute: random.chance(0.35),
    self_deaf: random.chance(0.15),
    request_to_speak_timestamp: null,
    mute: false,
    deaf: false,
    channel_id: channelId,
  };
}
