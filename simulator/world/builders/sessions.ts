/**
 * Events that concern one session alone: its beginning, the answers to what it asks, its own user. Real
 * sessions state their own; these are for whoever orders one by name.
 *
 * @module
 */

import type { EventData } from "../events.ts";
import { BOT_MEMBER, guildMember } from "../member.ts";
import { type Ready, ready } from "../ready.ts";
import type { Scene } from "../scene.ts";

/** Most members of one chunk (Discord gateway docs, Guild Members Chunk). */
const CHUNK_MEMBERS_MAX = 1_000;

/**
 * READY of an invented session with a single guild, for whoever wants to see one. Real sessions state their
 * own facts.
 */
export function readyAlone(scene: Scene): Ready {
  return ready(scene.bot, {
    version: 10,
    sessionId: scene.detail.hex(32),
    resumeUrl: "wss://gateway.example",
    guildIds: [scene.guild.snowflake],
  });
}

/** The answer to a full member list that was asked for again too soon (opcode 8). */
export function rateLimited(scene: Scene): EventData<"RATE_LIMITED"> {
  return {
    opcode: 8,
    retry_after: scene.detail.between(1, 29_999) / 1_000,
    meta: { guild_id: scene.guild.id, nonce: scene.detail.hex(16) },
  };
}

/** The first chunk of a full member list. */
export function guildMembersChunk(scene: Scene): EventData<"GUILD_MEMBERS_CHUNK"> {
  const { guild } = scene;
  const length = Math.min(guild.memberCount, CHUNK_MEMBERS_MAX);
  return {
    guild_id: guild.id,
    members: Array.from(
      { length },
      (_, number) => guildMember(guild, BOT_MEMBER + number, scene.population, scene.bot),
    ),
    chunk_index: 0,
    chunk_count: Math.ceil(guild.memberCount / CHUNK_MEMBERS_MAX),
  };
}

/** The bot's own account, changed. */
export function userUpdate(scene: Scene): EventData<"USER_UPDATE"> {
  return scene.bot.user;
}
