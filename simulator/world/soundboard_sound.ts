/**
 * The soundboard of a guild.
 *
 * @module
 */

import type { APISoundboardSound } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { EMOJI, handle } from "./text.ts";

/** A sound that members can play in voice channels (Soundboard Sound Object). */
export type SoundboardSound = AsWritten<APISoundboardSound>;

/** The `number`-th sound of a guild, in [0, soundCount). */
export function guildSound(guild: Guild, number: number): SoundboardSound {
  const random = new Random(streamSeed(guild.seed, CONCERN.sound, guild.index, number));
  return {
    name: handle(random),
    sound_id: guild.partId("sound", number),
    volume: random.pick([1, 1, 0.5, 0.25]),
    emoji_id: null,
    emoji_name: random.chance(0.7) ? random.pick(EMOJI) : null,
    guild_id: guild.id,
    available: true,
  };
}

/** All sounds of a guild. */
export function guildSounds(guild: Guild): SoundboardSound[] {
  return Array.from({ length: guild.soundCount }, (_, number) => guildSound(guild, number));
}
