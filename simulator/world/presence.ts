/**
 * What people are seen to be doing.
 *
 * @module
 */

import type { GatewayActivity, GatewayPresenceUpdate } from "discord-api-types/v10";
import type { AsWritten } from "./events.ts";
import type { Random } from "./random.ts";
import { EMOJI, handle, type ScriptName, sentence, title } from "./text.ts";

/** The game that everybody plays. */
const GAME_APPLICATION_ID = "1100000000000000001";

/** What somebody is seen to be doing (Presence Update). */
export type Presence = AsWritten<GatewayPresenceUpdate>;

/**
 * How a user appears in a guild now. Of the user only the id is there, which is all that Discord promises.
 */
export function presence(
  userId: string,
  guildId: string,
  random: Random,
  script: ScriptName,
  nowMs: number,
): Presence {
  const status = random.pick(["online", "online", "online", "idle", "dnd", "offline"] as const);
  const activities: AsWritten<GatewayActivity>[] = [];
  if (status !== "offline") {
    if (random.chance(0.3)) activities.push(customStatus(random, script, nowMs));
    if (random.chance(0.35)) activities.push(game(random, script, nowMs));
    if (random.chance(0.08)) activities.push(song(random, script, nowMs));
  }
  const device = random.pick(["desktop", "mobile", "web"] as const);
  return {
    user: { id: userId },
    status,
    guild_id: guildId,
    client_status: status === "offline" ? {} : { [device]: status },
    activities,
  };
}

function customStatus(random: Random, script: ScriptName, nowMs: number): AsWritten<GatewayActivity> {
  return {
    type: 4,
    state: sentence(random, script, random.between(1, 5)),
    name: "Custom Status",
    id: "custom",
    emoji: { name: random.pick(EMOJI) },
    created_at: nowMs - random.below(86_400_000),
  };
}

function game(random: Random, script: ScriptName, nowMs: number): AsWritten<GatewayActivity> {
  const startedMs = nowMs - random.below(7_200_000);
  return {
    type: 0,
    timestamps: { start: startedMs },
    state: title(random, script),
    session_id: random.hex(32),
    party: { id: random.hex(16), size: [random.between(1, 4), 4] },
    name: handle(random),
    id: random.hex(16),
    details: sentence(random, script, 3),
    created_at: startedMs,
    assets: { large_text: title(random, script), large_image: random.hex(16) },
    application_id: GAME_APPLICATION_ID,
  };
}

function song(random: Random, script: ScriptName, nowMs: number): AsWritten<GatewayActivity> {
  const startedMs = nowMs - random.below(200_000);
  return {
    type: 2,
    timestamps: { start: startedMs, end: startedMs + 215_000 },
    sync_id: random.hex(24).slice(0, 22),
    state: title(random, script),
    session_id: random.hex(32),
    party: { id: `spotify:${random.hex(16)}` },
    name: "Spotify",
    id: "spotify:1",
    flags: 48,
    details: title(random, script),
    created_at: startedMs,
    assets: { large_text: title(random, script), large_image: `spotify:${random.hex(40)}` },
  };
}
