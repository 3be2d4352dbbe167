/**
 * The members of a guild.
 *
 * @module
 */

import type { APIGuildMember, APIUser } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import { type Bot, BOT_AGE_MS } from "./bot.ts";
import type { Guild } from "./guild.ts";
import type { Population } from "./population.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { title } from "./text.ts";
import { timestamp } from "./timestamp.ts";

/** The number of the bot among the members of every guild. */
export const BOT_MEMBER = 0;

/** The number of the owner among the members of every guild. */
export const OWNER_MEMBER = 1;

/** A member of a guild (Guild Member Object). */
export type Member = AsWritten<APIGuildMember>;

/** Everything of a member but who it is: what a message carries beside its author. */
export type MemberWithoutUser = Omit<Member, "user">;

/** Who stands behind a member's number. */
export function memberUser(guild: Guild, member: number, population: Population, bot: Bot): APIUser {
  return member === BOT_MEMBER ? publicUser(bot.user) : population.user(guild.person(member));
}

/** The bot as others see it: without its address and settings. */
function publicUser(user: APIUser): APIUser {
  const { email: _email, verified: _verified, mfa_enabled: _mfa, flags: _flags, ...shown } = user;
  return shown;
}

/**
 * When a member joined, in milliseconds of the Unix epoch: the first came with the guild, the last just
 * before the simulation began.
 */
export function joinedMs(guild: Guild, member: number): number {
  if (member === BOT_MEMBER) return Math.max(guild.createdMs, guild.startMs - BOT_AGE_MS);
  return Math.floor(guild.createdMs + (member / guild.memberCount) * (guild.startMs - guild.createdMs));
}

/** A member of a guild as it stands in messages (Guild Member Object without `user`). */
export function memberWithoutUser(guild: Guild, member: number): MemberWithoutUser {
  const random = new Random(streamSeed(guild.seed, CONCERN.member, guild.index, member));
  const joined = joinedMs(guild, member);
  const roles: string[] = [];
  for (let left = random.below(Math.min(guild.roleCount, 6)); left > 0; left--) {
    const role = guild.partId("role", 1 + random.below(guild.roleCount - 1));
    if (!roles.includes(role)) roles.push(role);
  }
  return {
    nick: random.chance(0.25) ? title(random, guild.script) : null,
    avatar: random.chance(0.05) ? random.hex(32) : null,
    banner: null,
    roles,
    joined_at: timestamp(joined),
    premium_since: random.chance(0.03) ? timestamp(random.between(joined, guild.startMs)) : null,
    pending: false,
    communication_disabled_until: null,
    deaf: false,
    mute: false,
    flags: random.chance(0.3) ? 2 : 0,
  };
}

/** A member of a guild with the account behind it. */
export function guildMember(guild: Guild, member: number, population: Population, bot: Bot): Member {
  return { ...memberWithoutUser(guild, member), user: memberUser(guild, member, population, bot) };
}
