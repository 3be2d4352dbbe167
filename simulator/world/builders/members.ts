import type { EventData } from "../events.ts";
import { BOT_MEMBER, guildMember } from "../member.ts";
import { presence } from "../presence.ts";
import type { Scene } from "../scene.ts";

/** One in so many member updates is about the bot itself: somebody gave it a role or a nickname. */
const OWN_SHARE = 0.02;

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
