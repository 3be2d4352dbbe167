/**
 * Emoji: a guild's own, and those that everybody has.
 *
 * @module
 */

import type { APIEmoji, APIPartialEmoji } from "discord-api-types/v10";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { EMOJI, handle } from "./text.ts";

/** The `number`-th of the guild's own emoji, in [0, emojiCount) (Emoji Object). */
export function guildEmoji(guild: Guild, number: number): APIEmoji {
  const random = new Random(streamSeed(guild.seed, CONCERN.emoji, guild.index, number));
  return {
    id: guild.partId("emoji", number),
    name: handle(random),
    roles: [],
    require_colons: true,
    managed: false,
    animated: random.chance(0.25),
    available: true,
  };
}

/** All emoji of a guild's own. */
export function guildEmojis(guild: Guild): APIEmoji[] {
  return Array.from({ length: guild.emojiCount }, (_, number) => guildEmoji(guild, number));
}

/** What somebody reacts with: one of the guild's own emoji or one that everybody has. */
export function reactionEmoji(guild: Guild | null, random: Random): APIPartialEmoji {
  if (guild === null || guild.emojiCount === 0 || random.chance(0.6)) {
    return { id: null, name: random.pick(EMOJI) };
  }
  const { id, name, animated } = guildEmoji(guild, random.below(guild.emojiCount));
  return animated === true ? { animated, id, name } : { id, name };
}
