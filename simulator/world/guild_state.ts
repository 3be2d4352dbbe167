/**
 * A guild as GUILD_CREATE and GUILD_UPDATE describe it.
 *
 * @module
 */

import type { APIGuild } from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import { guildChannels } from "./channel.ts";
import { guildEmojis } from "./emoji.ts";
import type { AsWritten, EventData } from "./events.ts";
import { type Guild, LISTED_MEMBERS_MAX } from "./guild.ts";
import { INTENT } from "./intents.ts";
import { BOT_MEMBER, guildMember, joinedMs, type Member, OWNER_MEMBER } from "./member.ts";
import type { Population } from "./population.ts";
import { type Presence, presence } from "./presence.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { guildRoles } from "./role.ts";
import { scheduledEvent } from "./scheduled_event.ts";
import { guildSounds } from "./soundboard_sound.ts";
import { stageInstance } from "./stage_instance.ts";
import { guildStickers } from "./sticker.ts";
import { SCRIPTS, sentence, title } from "./text.ts";
import { guildThreads } from "./thread.ts";
import { timestamp } from "./timestamp.ts";
import { voiceState } from "./voice_state.ts";

/** Members online in a guild of `memberCount`: most of a small one, a few per cent of a large one. */
function onlineCount(memberCount: number): number {
  return Math.ceil(memberCount ** 0.7);
}

/** Larger guilds have a stage, announced events and the like. */
function isCommunity(guild: Guild): boolean {
  return guild.memberCount > 100;
}

/** The guild without its members, channels and the like (Guild Object). */
export function guildObject(guild: Guild): AsWritten<APIGuild> {
  const random = new Random(streamSeed(guild.seed, CONCERN.guild, guild.index, 1));
  const community = isCommunity(guild);
  return {
    id: guild.id,
    name: title(random, guild.script),
    icon: random.chance(0.8) ? random.hex(32) : null,
    description: community ? sentence(random, guild.script, 8) : null,
    splash: null,
    discovery_splash: null,
    features: community ? ["COMMUNITY", "NEWS", "SOUNDBOARD"] : ["SOUNDBOARD"],
    banner: null,
    owner_id: guild.userId(OWNER_MEMBER),
    application_id: null,
    region: "deprecated",
    afk_channel_id: null,
    afk_timeout: 300,
    system_channel_id: guild.textChannelId(0),
    system_channel_flags: 0,
    widget_enabled: false,
    widget_channel_id: null,
    verification_level: 1,
    roles: guildRoles(guild),
    default_message_notifications: 1,
    mfa_level: 0,
    explicit_content_filter: 2,
    max_presences: null,
    max_members: 25_000_000,
    max_stage_video_channel_users: 50,
    max_video_channel_users: 25,
    vanity_url_code: null,
    premium_tier: guild.memberCount > 1_000 ? 2 : 0,
    premium_subscription_count: random.below(20),
    preferred_locale: locale(guild),
    rules_channel_id: community ? guild.textChannelId(0) : null,
    safety_alerts_channel_id: null,
    public_updates_channel_id: community ? guild.textChannelId(1) : null,
    hub_type: null,
    premium_progress_bar_enabled: false,
    nsfw_level: 0,
    emojis: guildEmojis(guild),
    stickers: guildStickers(guild),
    incidents_data: null,
  };
}

/** The language of a guild, as far as Discord has it. */
export function locale(guild: Guild): AsWritten<APIGuild>["preferred_locale"] {
  const wanted = SCRIPTS[guild.script].locale;
  return wanted === "ar" || wanted === "he" ? "en-US" : wanted;
}

/** How much of a guild one session is told. */
export interface GuildView {
  /** `intents` of the session. */
  readonly intents: number;
  /** `large_threshold` of the session: above so many members those who are offline are left out. */
  readonly largeThreshold: number;
}

/**
 * The guild with its channels, members and whoever is online (Guild Create). Without GUILD_PRESENCES, or
 * above 75,000 members, only the bot and those in voice are listed.
 */
export function guildCreate(
  guild: Guild,
  population: Population,
  bot: Bot,
  nowMs: number,
  view: GuildView,
): EventData<"GUILD_CREATE"> {
  const random = new Random(streamSeed(guild.seed, CONCERN.presence, guild.index));
  const inVoice = Math.min(guild.voiceCount, 1 + random.below(4), guild.memberCount - 1);
  const voice_states = Array.from({ length: inVoice }, (_, place) => {
    return voiceState(guild.userId(1 + place), guild.voiceChannelId(place % guild.voiceCount), random);
  });

  const members: Member[] = [];
  for (let member = BOT_MEMBER; member <= inVoice; member++) {
    members.push(guildMember(guild, member, population, bot));
  }
  const presences: Presence[] = [];
  if ((view.intents & INTENT.GUILD_PRESENCES) !== 0 && guild.memberCount <= LISTED_MEMBERS_MAX) {
    const whole = guild.memberCount <= view.largeThreshold;
    const online = onlineCount(guild.memberCount);
    let bytes = 0;
    for (let member = 1; member < guild.memberCount; member++) {
      const listed = member < online || bytes < guild.bytesAtLeast;
      if (!listed && !whole) break;
      const entry = member <= inVoice ? null : guildMember(guild, member, population, bot);
      if (entry !== null) members.push(entry);
      if (!listed) continue;
      const seen = presence(guild.userId(member), guild.id, random, guild.script, nowMs);
      presences.push(seen);
      if (guild.bytesAtLeast > 0) bytes += JSON.stringify(entry).length + JSON.stringify(seen).length;
    }
  }

  const community = isCommunity(guild);
  return {
    ...guildObject(guild),
    joined_at: timestamp(joinedMs(guild, BOT_MEMBER)),
    large: guild.memberCount > view.largeThreshold,
    unavailable: false,
    member_count: guild.memberCount,
    voice_states,
    members,
    channels: guildChannels(guild),
    threads: guildThreads(guild),
    presences,
    stage_instances: community ? [stageInstance(guild)] : [],
    guild_scheduled_events: community ? [scheduledEvent(guild, 0)] : [],
    soundboard_sounds: guildSounds(guild),
  };
}
