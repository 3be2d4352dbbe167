/**
 * The channels of a guild.
 *
 * @module
 */

import type { GatewayChannelModifyDispatchData } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { sentence, title } from "./text.ts";
import { timestamp } from "./timestamp.ts";

/** A channel of a guild that is no thread (Channel Object). */
export type GuildChannel = AsWritten<GatewayChannelModifyDispatchData>;

/**
 * The `number`-th channel of a guild, in [0, channelCount): categories, text, voice, announcements, stage,
 * forum in this order.
 */
export function guildChannel(guild: Guild, number: number): GuildChannel {
  const random = new Random(streamSeed(guild.seed, CONCERN.channel, guild.index, number));
  const base = {
    id: guild.partId("channel", number),
    guild_id: guild.id,
    name: title(random, guild.script),
    position: number,
    flags: 0,
    permission_overwrites: random.chance(0.3)
      ? [{ id: guild.partId("role", 1), type: 0 as const, allow: "1024", deny: "0" }, {
        id: guild.id,
        type: 0 as const,
        allow: "0",
        deny: "1024",
      }]
      : [],
  };
  const firstText = guild.categoryCount;
  const firstVoice = firstText + guild.textCount;
  const announcement = firstVoice + guild.voiceCount;
  if (number < firstText) return { ...base, type: 4, parent_id: null };

  const parent_id = random.chance(0.9) ? guild.partId("channel", random.below(guild.categoryCount)) : null;
  const inCategory = { ...base, parent_id, nsfw: random.chance(0.05) };
  if (number < firstVoice || number === announcement) {
    return {
      ...inCategory,
      type: number === announcement ? 5 : 0,
      topic: random.chance(0.5) ? sentence(random, guild.script, random.between(3, 20)) : null,
      rate_limit_per_user: random.pick([0, 0, 0, 5, 30]),
      last_message_id: guild.partId("channel", number),
      last_pin_timestamp: random.chance(0.2) ? timestamp(guild.createdMs + 1_000_000) : null,
      default_auto_archive_duration: 4_320,
    };
  }
  if (number < announcement || number === announcement + 1) {
    return {
      ...inCategory,
      type: number < announcement ? 2 : 13,
      bitrate: 64_000,
      user_limit: random.pick([0, 0, 2, 5, 99]),
      rtc_region: null,
      rate_limit_per_user: 0,
      last_message_id: null,
    };
  }
  return {
    ...inCategory,
    type: 15,
    topic: sentence(random, guild.script, 8),
    last_message_id: null,
    rate_limit_per_user: 0,
    default_auto_archive_duration: 1_440,
    default_thread_rate_limit_per_user: 0,
    available_tags: [
      {
        id: guild.partId("tag", 0),
        name: "bug",
        moderated: false,
        emoji_id: null,
        emoji_name: "🐛",
      },
    ],
    default_reaction_emoji: { emoji_id: null, emoji_name: "👍" },
    default_sort_order: null,
    default_forum_layout: 0,
  };
}

/** All channels of a guild, threads not counted. */
export function guildChannels(guild: Guild): GuildChannel[] {
  return Array.from({ length: guild.channelCount }, (_, number) => guildChannel(guild, number));
}
