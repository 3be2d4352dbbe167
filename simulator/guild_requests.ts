/**
 * What a session asks by ops 4, 8, 31 and 43, answered by dispatches.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { MembersRequest, VoiceStateRequest } from "./client_frame.ts";
import type { Discord } from "./discord.ts";
import { shardOfGuild } from "./event_world.ts";
import { OPCODE } from "./opcodes.ts";
import type { Session } from "./session.ts";
import { INTENT } from "./world/intents.ts";

type Member = Readonly<Record<string, unknown>>;

/** True where the guild exists and this session's shard holds it. */
function holds(discord: Discord, session: Session, guildId: bigint): boolean {
  return discord.world.guildIds.includes(guildId) &&
    shardOfGuild(guildId, session.shardCount) === session.shardId;
}

/** Op 4: the bot's own voice state changes, and the session learns of the voice server. Failure is silence. */
export function answerVoiceState(discord: Discord, session: Session, request: VoiceStateRequest): void {
  const { guildId, channelId } = request;
  if (!holds(discord, session, guildId)) return;
  const announceState = () =>
    discord.announce({
      t: "VOICE_STATE_UPDATE",
      guildId,
      intents: INTENT.GUILD_VOICE_STATES,
      fromBot: true,
      data: {
        guild_id: String(guildId),
        channel_id: channelId,
        user_id: discord.world.user.id,
        session_id: session.id,
        deaf: false,
        mute: false,
        self_deaf: request.selfDeaf,
        self_mute: request.selfMute,
        self_video: false,
        suppress: false,
        request_to_speak_timestamp: null,
      },
    });
  const dispatchServer = () => {
    if (channelId === null) return; // whoever leaves needs no server
    const data = {
      token: session.id.slice(0, 16),
      guild_id: String(guildId),
      endpoint: "voice.example.invalid:443",
    };
    discord.dispatch(session, "VOICE_SERVER_UPDATE", data);
  };
  if (discord.knobs.voiceServerFirst) dispatchServer();
  announceState();
  if (!discord.knobs.voiceServerFirst) dispatchServer();
}

/** Most members of one GUILD_MEMBERS_CHUNK, and most that a search returns (Discord docs, Request Guild Members). */
const CHUNK_MEMBERS_MAX = 1_000;
const SEARCH_MEMBERS_MAX = 100;
/** A longer nonce is ignored (the same docs). */
const NONCE_BYTES_MAX = 32;

/** Op 8. The caller has seen to it that exactly one of `query` and `userIds` is there. */
export function answerMembers(discord: Discord, session: Session, request: MembersRequest): void {
  const { guildId, query, userIds } = request;
  if (!holds(discord, session, guildId)) return;
  const all = discord.world.members(guildId);
  const nonce = request.nonce !== undefined && Buffer.byteLength(request.nonce) <= NONCE_BYTES_MAX
    ? { nonce: request.nonce }
    : {};
  if (query === "" && request.limit === 0) {
    if ((session.intents & INTENT.GUILD_MEMBERS) === 0) return; // no reply at all, as observed
    const waitMs = session.account.requestMembers(guildId);
    if (waitMs > 0) {
      const meta = { guild_id: String(guildId), ...nonce };
      const refusal = { opcode: OPCODE.requestGuildMembers, retry_after: waitMs / 1_000, meta };
      discord.dispatch(session, "RATE_LIMITED", refusal);
      return;
    }
    sendChunks(discord, session, request, all, nonce);
  } else if (query !== undefined) {
    const limit = request.limit === 0 ? SEARCH_MEMBERS_MAX : Math.min(request.limit, SEARCH_MEMBERS_MAX);
    sendChunks(
      discord,
      session,
      request,
      all.filter((member) => startsWith(member, query)).slice(0, limit),
      nonce,
    );
  } else {
    const wanted = (userIds ?? []).slice(0, SEARCH_MEMBERS_MAX).map(String);
    const found = all.filter((member) => wanted.includes(userId(member)));
    const known = new Set(found.map(userId));
    const missing = wanted.filter((id) => !known.has(id)).map(echoedId);
    sendChunks(discord, session, request, found, { not_found: missing, ...nonce });
  }
}

function sendChunks(
  discord: Discord,
  session: Session,
  request: MembersRequest,
  members: readonly Member[],
  more: Readonly<Record<string, unknown>>,
): void {
  const chunkCount = Math.max(1, Math.ceil(members.length / CHUNK_MEMBERS_MAX));
  const withPresences = request.presences && (session.intents & INTENT.GUILD_PRESENCES) !== 0;
  for (let index = 0; index < chunkCount; index++) {
    const part = members.slice(index * CHUNK_MEMBERS_MAX, (index + 1) * CHUNK_MEMBERS_MAX);
    discord.dispatch(session, "GUILD_MEMBERS_CHUNK", {
      guild_id: String(request.guildId),
      members: part,
      chunk_index: index,
      chunk_count: chunkCount,
      ...(withPresences ? { presences: part.map(onlinePresence) } : {}),
      ...more,
    });
  }
}

function onlinePresence(member: Member): Record<string, unknown> {
  return {
    user: { id: userId(member) },
    status: "online",
    activities: [],
    client_status: { desktop: "online" },
  };
}

function user(member: Member): Member {
  return (member.user ?? {}) as Member;
}

function userId(member: Member): string {
  return String(user(member).id);
}

function startsWith(member: Member, query: string): boolean {
  const names = [member.nick, user(member).username, user(member).global_name];
  const wanted = query.toLowerCase();
  return names.some((name) => typeof name === "string" && name.toLowerCase().startsWith(wanted));
}

/** An id too small for a snowflake comes back as a number, as documented for `not_found`. */
function echoedId(id: string): string | number {
  return /^\d{1,7}$/.test(id) && Number(id) < 2 ** 22 ? Number(id) : id;
}

/** Op 31: one SOUNDBOARD_SOUNDS for each guild that this session holds, however often it is named. */
export function answerSoundboard(discord: Discord, session: Session, guildIds: readonly bigint[]): void {
  for (const guildId of new Set(guildIds)) {
    if (!holds(discord, session, guildId)) continue;
    const event = discord.world.make("SOUNDBOARD_SOUNDS", discord.clock.nowMs(), guildId);
    discord.dispatch(session, event.t, event.data);
  }
}

/** Op 43: one CHANNEL_INFO with the fields that were asked for. */
export function answerChannelInfo(
  discord: Discord,
  session: Session,
  guildId: bigint,
  fields: readonly string[],
): void {
  if (!holds(discord, session, guildId)) return;
  const event = discord.world.make("CHANNEL_INFO", discord.clock.nowMs(), guildId);
  const channels = Array.isArray(event.data.channels) ? event.data.channels : [];
  const wanted = (channel: Member) =>
    Object.fromEntries(Object.entries(channel).filter(([name]) => name === "id" || fields.includes(name)));
  discord.dispatch(session, event.t, { ...event.data, channels: channels.map(wanted) });
}
