/**
 * The scene of one event: where and when it happens, who acts, and the dice for its details.
 *
 * @module
 */

import type { APIUser } from "discord-api-types/v10";
import type { Bot } from "./bot.ts";
import type { Guild } from "./guild.ts";
import { guildMember, type Member, memberUser, type MemberWithoutUser, memberWithoutUser } from "./member.ts";

import { POPULATION, type Population } from "./population.ts";
import type { Random } from "./random.ts";
import type { SnowflakeSequence } from "./snowflake.ts";
import { messageText, pickScript, type ScriptName } from "./text.ts";

/** One hour in the time bits of an id: a direct channel is opened an hour after the account it is with. */
const DIRECT_CHANNEL_OFFSET = 3_600_000n << 22n;

/** Somebody who acts: their account and, inside a guild, their membership. */
export interface Actor {
  /** Number among the guild's members, or in the population in a direct channel. */
  readonly number: number;
  readonly user: APIUser;
  /** Null in a direct channel. */
  readonly member: MemberWithoutUser | null;
}

/**
 * Where and when one event happens and what its details are drawn from. Builders read it; the world sets it
 * up anew for each event.
 */
export interface SceneParts {
  readonly bot: Bot;
  readonly population: Population;
  readonly ids: SnowflakeSequence;
  /** Draws of who and where. */
  readonly place: Random;
  /** Draws of numbers, flags and which optional fields are there. */
  readonly detail: Random;
  /** Draws of what is written. */
  readonly text: Random;
  readonly guild: Guild;
  /** True in a direct message with the bot; `guild` then has no part in the event. */
  readonly direct: boolean;
  readonly nowMs: number;
}

/** {@link SceneParts} with the questions that builders ask of them. */
export class Scene {
  readonly bot: Bot;
  readonly population: Population;
  readonly ids: SnowflakeSequence;
  readonly place: Random;
  readonly detail: Random;
  readonly text: Random;
  readonly guild: Guild;
  readonly direct: boolean;
  readonly nowMs: number;

  constructor(parts: SceneParts) {
    this.bot = parts.bot;
    this.population = parts.population;
    this.ids = parts.ids;
    this.place = parts.place;
    this.detail = parts.detail;
    this.text = parts.text;
    this.guild = parts.guild;
    this.direct = parts.direct;
    this.nowMs = parts.nowMs;
  }

  /** The id of something that comes to be now. */
  newId(): string {
    return this.ids.next(this.nowMs);
  }

  /** The number of a member of the guild, never the bot. */
  memberNumber(): number {
    // A few members of each guild do most of the talking: the square of a fair draw favours small numbers.
    return 1 + Math.floor(this.place.fraction() ** 2 * (this.guild.memberCount - 1));
  }

  /** A member of the guild with their account, never the bot. */
  member(number = this.memberNumber()): Member {
    return guildMember(this.guild, number, this.population, this.bot);
  }

  /** The account of a member of the guild, never the bot. */
  memberUser(number = this.memberNumber()): APIUser {
    return memberUser(this.guild, number, this.population, this.bot);
  }

  /** The id of a member of the guild, never the bot. */
  memberId(): string {
    return this.guild.userId(this.memberNumber());
  }

  /** Somebody who acts, in the guild or in a direct channel. */
  actor(): Actor {
    if (this.direct) {
      const number = this.place.below(POPULATION);
      return { number, user: this.population.user(number), member: null };
    }
    const number = this.memberNumber();
    return { number, user: this.memberUser(number), member: memberWithoutUser(this.guild, number) };
  }

  /** The id of the channel in which somebody writes. */
  channelOf(actor: Actor): string {
    return this.direct ? (BigInt(actor.user.id) + DIRECT_CHANNEL_OFFSET).toString() : this.textChannelId();
  }

  /** `guild_id` of an event in a guild, nothing in a direct channel. */
  where(): { guild_id?: string } {
    return this.direct ? {} : { guild_id: this.guild.id };
  }

  /** The id of a text channel of the guild. */
  textChannelId(): string {
    return this.guild.textChannelId(this.place.below(this.guild.textCount));
  }

  /** The id of a voice channel of the guild. */
  voiceChannelId(): string {
    return this.guild.voiceChannelId(this.place.below(this.guild.voiceCount));
  }

  /** The id of a role of the guild, never @everyone. */
  roleId(): string {
    return this.guild.partId("role", 1 + this.place.below(this.guild.roleCount - 1));
  }

  /** The id of a message written during the last day. */
  pastMessageId(): string {
    return this.ids.next(this.nowMs - this.detail.below(86_400_000));
  }

  /** The script that is written here: mostly the guild's own. */
  script(): ScriptName {
    return this.direct || this.text.chance(0.2) ? pickScript(this.text) : this.guild.script;
  }

  /** What somebody writes. */
  message(): string {
    return messageText(this.text, this.script());
  }
}
