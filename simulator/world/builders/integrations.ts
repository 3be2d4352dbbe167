/**
 * Events of integrations: applications and services that work in a guild.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { CONCERN, Random, streamSeed } from "../random.ts";
import type { Scene } from "../scene.ts";
import { handle, title } from "../text.ts";

/** Integrations of one guild. */
const INTEGRATIONS = 5;

export function guildIntegrationsUpdate(scene: Scene): EventData<"GUILD_INTEGRATIONS_UPDATE"> {
  return { guild_id: scene.guild.id };
}

/** An application that works in the guild, newly there or changed: both events look the same. */
export function integration(scene: Scene): EventData<"INTEGRATION_CREATE"> {
  const { guild } = scene;
  const number = scene.place.below(INTEGRATIONS);
  const random = new Random(streamSeed(guild.seed, CONCERN.integration, guild.index, number));
  const id = guild.partId("integration", number);
  const name = handle(random);
  return {
    id,
    name,
    type: "discord",
    enabled: true,
    account: { id, name },
    application: { id, name, icon: random.hex(32), description: title(random, guild.script) },
    scopes: ["bot", "applications.commands"],
    user: scene.memberUser(1),
    guild_id: guild.id,
  };
}

export function integrationDelete(scene: Scene): EventData<"INTEGRATION_DELETE"> {
  const id = scene.guild.partId("integration", scene.place.below(INTEGRATIONS));
  return { id, guild_id: scene.guild.id, application_id: id };
}
