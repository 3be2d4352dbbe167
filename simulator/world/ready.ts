/**
 * READY, which begins a session.
 *
 * @module
 */

import type { Bot } from "./bot.ts";
import type { EventData } from "./events.ts";

/** What only the gateway knows about a session that begins. */
export interface SessionStart {
  /** API version of the connection: 9 or 10. */
  readonly version: number;
  readonly sessionId: string;
  readonly resumeUrl: string;
  /** The guilds of this shard. */
  readonly guildIds: readonly bigint[];
  /** `[shard_id, num_shards]`, where IDENTIFY had it; otherwise the field is left out. */
  readonly shard?: readonly [number, number];
}

/**
 * READY, with no more of the application than Discord documents for it (Ready Event Fields: `id` and
 * `flags`).
 */
export type Ready = Omit<EventData<"READY">, "application"> & {
  readonly application: { readonly id: string; readonly flags: number };
};

/** READY's `d`. Guilds come as unavailable; GUILD_CREATE makes them available one by one. */
export function ready(bot: Bot, start: SessionStart): Ready {
  const data: Ready = {
    v: start.version,
    user: bot.user,
    session_id: start.sessionId,
    resume_gateway_url: start.resumeUrl,
    guilds: start.guildIds.map((id) => ({ id: id.toString(), unavailable: true })),
    application: bot.application,
  };
  if (start.shard !== undefined) data.shard = [start.shard[0], start.shard[1]];
  return data;
}

/**
 * RESUMED's `d`: nothing but a trace of the machines passed, which Discord does not document and clients
 * ignore.
 */
export function resumed(): { readonly _trace: readonly string[] } {
  return { _trace: ["simulated-gateway"] };
}
