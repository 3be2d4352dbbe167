/**
 * The roles of a guild.
 *
 * @module
 */

import type { APIRole } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import type { Guild } from "./guild.ts";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { title } from "./text.ts";

/** A role of a guild (Role Object). */
export type Role = AsWritten<APIRole>;

/**
 * What @everyone may do in a guild that changed nothing: see channels, write, react, join voice and the like.
 */
const EVERYONE_PERMISSIONS = "2248473465835073";

/** The `number`-th role of a guild, in [0, roleCount). Number 0 is @everyone. */
export function guildRole(guild: Guild, number: number): Role {
  const random = new Random(streamSeed(guild.seed, CONCERN.role, guild.index, number));
  const color = number === 0 || random.chance(0.4) ? 0 : random.below(0x1000000);
  return {
    id: guild.partId("role", number),
    name: number === 0 ? "@everyone" : title(random, guild.script),
    color,
    colors: { primary_color: color, secondary_color: null, tertiary_color: null },
    hoist: random.chance(0.3),
    icon: null,
    unicode_emoji: null,
    position: number,
    permissions: number === 0 ? EVERYONE_PERMISSIONS : String(random.below(0x8000_0000)),
    managed: false,
    mentionable: random.chance(0.3),
    flags: 0,
  };
}

/** All roles of a guild, @everyone first. */
export function guildRoles(guild: Guild): Role[] {
  return Array.from({ length: guild.roleCount }, (_, number) => guildRole(guild, number));
}
