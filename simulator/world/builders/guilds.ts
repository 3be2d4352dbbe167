/**
 * Events of guilds as a whole, and of their roles.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { guildCreate, guildObject } from "../guild_state.ts";
import { INTENTS_ALL } from "../intents.ts";
import { guildRole } from "../role.ts";
import type { Scene } from "../scene.ts";

/** The largest `large_threshold` that a session may ask for (Discord gateway docs, Identify). */
const LARGE_THRESHOLD_MAX = 250;

/** The guild as a session with every intent sees it. */
export function guildCreateForAll(scene: Scene): EventData<"GUILD_CREATE"> {
  return guildCreate(scene.guild, scene.population, scene.bot, scene.nowMs, {
    intents: INTENTS_ALL,
    largeThreshold: LARGE_THRESHOLD_MAX,
  });
}

export function guildUpdate(scene: Scene): EventData<"GUILD_UPDATE"> {
  return guildObject(scene.guild);
}

/**
 * The guild cannot be reached. Without `unavailable` it would mean that the bot was thrown out, which the
 * world never does.
 */
export function guildDelete(scene: Scene): EventData<"GUILD_DELETE"> {
  return { id: scene.guild.id, unavailable: true };
}

/** A role that did not exist before. */
export function guildRoleCreate(scene: Scene): EventData<"GUILD_ROLE_CREATE"> {
  const { guild_id, role } = guildRoleUpdate(scene);
  return { guild_id, role: { ...role, id: scene.newId() } };
}

export function guildRoleUpdate(scene: Scene): EventData<"GUILD_ROLE_UPDATE"> {
  const { guild, place } = scene;
  return { guild_id: guild.id, role: guildRole(guild, 1 + place.below(guild.roleCount - 1)) };
}

export function guildRoleDelete(scene: Scene): EventData<"GUILD_ROLE_DELETE"> {
  return { guild_id: scene.guild.id, role_id: scene.roleId() };
}
