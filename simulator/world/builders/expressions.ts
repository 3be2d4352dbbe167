/**
 * Events of what members express themselves with: emoji, stickers, sounds.
 *
 * @module
 */

import { guildEmojis } from "../emoji.ts";
import type { EventData } from "../events.ts";
import type { Scene } from "../scene.ts";
import { guildSound, guildSounds } from "../soundboard_sound.ts";
import { guildStickers } from "../sticker.ts";

export function guildEmojisUpdate(scene: Scene): EventData<"GUILD_EMOJIS_UPDATE"> {
  return { guild_id: scene.guild.id, emojis: guildEmojis(scene.guild) };
}

export function guildStickersUpdate(scene: Scene): EventData<"GUILD_STICKERS_UPDATE"> {
  return { guild_id: scene.guild.id, stickers: guildStickers(scene.guild) };
}

/** A sound that did not exist before. */
export function guildSoundboardSoundCreate(scene: Scene): EventData<"GUILD_SOUNDBOARD_SOUND_CREATE"> {
  return { ...guildSoundboardSoundUpdate(scene), sound_id: scene.newId() };
}

export function guildSoundboardSoundUpdate(scene: Scene): EventData<"GUILD_SOUNDBOARD_SOUND_UPDATE"> {
  return { ...guildSound(scene.guild, soundNumber(scene)), user: scene.memberUser() };
}

export function guildSoundboardSoundDelete(scene: Scene): EventData<"GUILD_SOUNDBOARD_SOUND_DELETE"> {
  return { sound_id: scene.guild.partId("sound", soundNumber(scene)), guild_id: scene.guild.id };
}

/** All sounds of the guild: after a change of several, and in answer to a request. */
export function soundboardSounds(scene: Scene): EventData<"SOUNDBOARD_SOUNDS"> {
  return { soundboard_sounds: guildSounds(scene.guild), guild_id: scene.guild.id };
}

/** A guild without sounds had one until now. */
function soundNumber(scene: Scene): number {
  return scene.place.below(Math.max(scene.guild.soundCount, 1));
}
