/**
 * Events of members: joining, changing, leaving, presence.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { BOT_MEMBER, guildMember, memberWithoutUser } from "../member.ts";
import { POPULATION } from "../population.ts";
import { presence } from "../presence.ts";
import type { Scene } from "../scene.ts";
import { timestamp } from "../timestamp.ts";

/** One in so many member updates is about the bot itself: somebody gave it a role or a nickname. */
const OWN_SHARE = 0.02;

/** Somebody joins. */
export function guildMemberAdd(scene: Scene): EventData<"GUILD_MEMBER_ADD"> {
  const { guild, place } = scene;
  const user = scene.population.user(place.below(POPULATION));
  return {
    ...memberWithoutUser(guild, guild.memberCount),
    nick: null,
    roles: [],
    joined_at: timestamp(scene.nowMs),
    premium_since: null,
    pending: scene.detail.chance(0.3),
    user,
    guild_id: guild.id,
  };
}

export function guildMemberRemove(scene: Scene): EventData<"GUILD_MEMBER_REMOVE"> {
  return { guild_id: scene.guild.id, user: scene.memberUser() };
}

export function guildMemberUpdate(scene: Scene): EventData<"GUILD_MEMBER_UPDATE"> {
  const number = scene.detail.chance(OWN_SHARE) ? BOT_MEMBER : scene.memberNumber();
  const { avatar = null, banner = null, ...member } = guildMember(
    scene.guild,
    number,
    scene.population,
    scene.bot,
  );
  return { ...member, avatar, banner, guild_id: scene.guild.id };
}

export function presenceUpdate(scene: Scene): EventData<"PRESENCE_UPDATE"> {
  return presence(scene.memberId(), scene.guild.id, scene.text, scene.guild.script, scene.nowMs);
}
