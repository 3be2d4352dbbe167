import type { EventData } from "../events.ts";
import { guildCreate } from "../guild_state.ts";
import { INTENTS_ALL } from "../intents.ts";
import type { Scene } from "../scene.ts";

/** `large_threshold` of a session that asked for as much as there is (Discord gateway docs, Identify). */
const LARGE_THRESHOLD_MAX = 250;

/** The guild as a session with every intent sees it. */
export function guildCreateForAll(scene: Scene): EventData<"GUILD_CREATE"> {
  return guildCreate(scene.guild, scene.population, scene.bot, scene.nowMs, {
    intents: INTENTS_ALL,
    largeThreshold: LARGE_THRESHOLD_MAX,
    bytesAtLeast: scene.guild.bytesAtLeast,
  });
}
