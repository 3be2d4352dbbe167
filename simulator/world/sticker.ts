/**
 * The stickers of a guild.
 *
 * @module
 */

import type { APISticker } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { handle, sentence } from "./text.ts";

/** The `number`-th sticker of a guild, in [0, stickerCount) (Sticker Object). */
export function guildSticker(guild: Guild, number: number): AsWritten<APISticker> {
  const random = new Random(streamSeed(guild.seed, CONCERN.sticker, guild.index, number));
  return {
    id: guild.partId("sticker", number),
    name: handle(random),
    tags: "🔥",
    type: 2,
    format_type: random.chance(0.2) ? 2 : 1,
    description: random.chance(0.5) ? sentence(random, guild.script, 4) : null,
    available: true,
    guild_id: guild.id,
  };
}

/** All stickers of a guild. */
export function guildStickers(guild: Guild): AsWritten<APISticker>[] {
  return Array.from({ length: guild.stickerCount }, (_, number) => guildSticker(guild, number));
}
