/**
 * Builds the text of frames that a shard sends on its own account (Discord gateway docs, Send Events).
 *
 * Every one but the heartbeat and the presence update carries the bot token: never log these texts.
 *
 * @module
 */

import { Opcode } from "./opcodes.ts";

export interface Identify {
  /** The raw bot token, without `Bot `. */
  readonly token: string;
  readonly intents: number;
  /** Members, 50 to 250, above which GUILD_CREATE leaves offline members out. */
  readonly largeThreshold: number;
  readonly shard: number;
  readonly shardsTotal: number;
  /** JSON text of the initial presence, the `d` of a presence update; null for none. */
  readonly presence: string | null;
}

export interface Resume {
  /** The raw bot token, without `Bot `. */
  readonly token: string;
  readonly sessionId: string;
  /** Discord replays every dispatch behind this one. */
  readonly sequence: number;
}

export function identifyFrame(identify: Identify): string {
  const data = JSON.stringify({
    token: identify.token,
    properties: { os: Deno.build.os, browser: "shardline", device: "shardline" },
    intents: identify.intents,
    large_threshold: identify.largeThreshold,
    shard: [identify.shard, identify.shardsTotal],
  });
  // The presence is joined as text, so that numbers beyond 2^53 in it survive.
  const presence = identify.presence === null ? "" : `,"presence":${identify.presence}`;
  return `{"op":${Opcode.Identify},"d":${data.slice(0, -1)}${presence}}}`;
}

export function resumeFrame(resume: Resume): string {
  return JSON.stringify({
    op: Opcode.Resume,
    d: { token: resume.token, session_id: resume.sessionId, seq: resume.sequence },
  });
}

/** `sequence` is null in a session that has none yet; the key is there all the same. */
export function heartbeatFrame(sequence: number | null): string {
  return `{"op":${Opcode.Heartbeat},"d":${sequence}}`;
}

/** `presence` is the JSON text of `d`, sent as it is. */
export function presenceFrame(presence: string): string {
  return `{"op":${Opcode.PresenceUpdate},"d":${presence}}`;
}
