/**
 * What a voice channel says of itself: its status, and since when it is in use.
 *
 * @module
 */

import type { GatewayChannelInfoChannel } from "discord-api-types/v10";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { type ScriptName, sentence } from "./text.ts";

/** Longest status of a voice channel, in characters (Discord channel docs, Set Voice Channel Status). */
const STATUS_CHARACTERS_MAX = 500;

/** What a voice channel says is going on in it; null where it says nothing. */
export function voiceStatus(random: Random, script: ScriptName): string | null {
  if (random.chance(0.4)) return null;
  return sentence(random, script, random.between(1, 8)).slice(0, STATUS_CHARACTERS_MAX);
}

/** Since when somebody is in a voice channel, in seconds of the Unix epoch; null where nobody is. */
export function voiceStartSeconds(random: Random, nowMs: number): number | null {
  if (random.chance(0.4)) return null;
  return Math.floor(nowMs / 1_000) - random.below(7_200);
}

/** Status and start of every voice channel of a guild: neither stands in the channel's own object. */
export function voiceChannelInfos(guild: Guild, nowMs: number): Required<GatewayChannelInfoChannel>[] {
  return Array.from({ length: guild.voiceCount }, (_, number) => {
    const random = new Random(streamSeed(guild.seed, CONCERN.voice, guild.index, number));
    return {
      id: guild.voiceChannelId(number),
      status: voiceStatus(random, guild.script),
      voice_start_time: voiceStartSeconds(random, nowMs),
    };
  });
}
