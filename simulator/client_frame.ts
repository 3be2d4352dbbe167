/**
 * What clients send, checked. A function here returns null where the frame must be answered with close code 4002.
 *
 * @module
 */

type JsonObject = Readonly<Record<string, unknown>>;

export interface ClientFrame {
  readonly opcode: number;
  /** The `d`; undefined where it is missing. */
  readonly data: unknown;
  readonly text: string;
}

export interface Identify {
  readonly token: string;
  /** Not checked yet: its faults have close codes of their own. */
  readonly shard: unknown;
  readonly intents: unknown;
  readonly compress: boolean;
  readonly largeThreshold: number;
  readonly presence: JsonObject | null;
}

export interface Resume {
  readonly token: string;
  readonly sessionId: string;
  readonly sequence: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

export function parseClientFrame(bytes: Uint8Array): ClientFrame | null {
  try {
    const text = decoder.decode(bytes);
    const frame: unknown = JSON.parse(text);
    if (!isObject(frame) || !isInteger(frame.op)) return null;
    return { opcode: frame.op, data: frame.d, text };
  } catch {
    return null;
  }
}

/** The sequence that a heartbeat names; `{ sequence: null }` where it says that there is none yet. */
export function readHeartbeat(data: unknown): { sequence: number | null } | null {
  return data === null || isInteger(data) ? { sequence: data } : null;
}

/** The bounds and default of `large_threshold` (Discord docs, Identify). */
const LARGE_THRESHOLD = { least: 50, greatest: 250 };

export function readIdentify(data: unknown): Identify | null {
  if (!isObject(data) || typeof data.token !== "string") return null;
  const { properties = {}, compress = false, large_threshold: threshold = LARGE_THRESHOLD.least } = data;
  if (!isObject(properties) || typeof compress !== "boolean" || !isInteger(threshold)) return null;
  const presence = data.presence === undefined || data.presence === null ? null : readPresence(data.presence);
  if (presence === null && data.presence !== undefined && data.presence !== null) return null;
  return {
    token: data.token,
    shard: data.shard,
    intents: data.intents,
    compress,
    largeThreshold: Math.min(Math.max(threshold, LARGE_THRESHOLD.least), LARGE_THRESHOLD.greatest),
    presence,
  };
}

/** The two numbers of `shard`, or null where they are no shard; without `shard` a bot has just the one. */
export function readShard(shard: unknown): { id: number; count: number } | null {
  if (shard === undefined) return { id: 0, count: 1 };
  if (!Array.isArray(shard) || shard.length !== 2) return null;
  const [id, count]: unknown[] = shard;
  return isInteger(id) && isInteger(count) && id >= 0 && id < count ? { id, count } : null;
}

export function readResume(data: unknown): Resume | null {
  if (!isObject(data)) return null;
  const { token, session_id: sessionId, seq: sequence } = data;
  if (typeof token !== "string" || typeof sessionId !== "string" || !isInteger(sequence)) return null;
  return { token, sessionId, sequence };
}

const STATUSES: ReadonlySet<unknown> = new Set(["online", "dnd", "idle", "invisible", "offline"]);

/** An op 3 body: status and activities in the documented shape, `since` and `afk` of the documented types if there. */
export function readPresence(data: unknown): JsonObject | null {
  if (!isObject(data) || !STATUSES.has(data.status) || !Array.isArray(data.activities)) return null;
  const { since = null, afk = false } = data;
  if ((since !== null && typeof since !== "number") || typeof afk !== "boolean") return null;
  const sound = data.activities.every((activity) =>
    isObject(activity) && typeof activity.name === "string" && isInteger(activity.type)
  );
  return sound ? data : null;
}

export interface VoiceStateRequest {
  readonly guildId: bigint;
  readonly channelId: string | null;
  readonly selfMute: boolean;
  readonly selfDeaf: boolean;
}

export function readVoiceState(data: unknown): VoiceStateRequest | null {
  if (!isObject(data)) return null;
  const guildId = readSnowflake(data.guild_id);
  const channelId = data.channel_id === null ? null : readSnowflake(data.channel_id);
  const { self_mute: selfMute = false, self_deaf: selfDeaf = false } = data;
  if (guildId === null || (channelId === null && data.channel_id !== null)) return null;
  if (typeof selfMute !== "boolean" || typeof selfDeaf !== "boolean") return null;
  return { guildId, channelId: channelId === null ? null : String(channelId), selfMute, selfDeaf };
}

export interface MembersRequest {
  readonly guildId: bigint;
  /** Exactly one of `query` and `userIds` is there, else the connection is closed with 4001. */
  readonly query: string | undefined;
  readonly limit: number;
  readonly userIds: readonly (string | number)[] | undefined;
  readonly presences: boolean;
  readonly nonce: string | undefined;
}

export function readMembersRequest(data: unknown): MembersRequest | null {
  if (!isObject(data)) return null;
  // An array of guilds is served for its first one only, as observed.
  const guildId = readSnowflake(Array.isArray(data.guild_id) ? data.guild_id[0] : data.guild_id);
  const { query, limit, presences = false, nonce } = data;
  const userIds = data.user_ids === undefined || Array.isArray(data.user_ids)
    ? data.user_ids
    : [data.user_ids];
  if (guildId === null || typeof presences !== "boolean") return null;
  if (query !== undefined && (typeof query !== "string" || !isInteger(limit) || limit < 0)) return null;
  if (userIds !== undefined && !userIds.every(isId)) return null;
  if (nonce !== undefined && nonce !== null && typeof nonce !== "string") return null;
  return {
    guildId,
    query,
    limit: isInteger(limit) ? limit : 0,
    userIds,
    presences,
    nonce: nonce ?? undefined,
  };
}

/** The guilds of op 31. */
export function readSoundboardRequest(data: unknown): bigint[] | null {
  if (!isObject(data) || !Array.isArray(data.guild_ids)) return null;
  const guildIds = data.guild_ids.map(readSnowflake);
  return guildIds.every((guildId) => guildId !== null) ? guildIds : null;
}

/** The guild and the fields of op 43. */
export function readChannelInfoRequest(data: unknown): { guildId: bigint; fields: readonly string[] } | null {
  if (!isObject(data) || !Array.isArray(data.fields)) return null;
  const guildId = readSnowflake(data.guild_id);
  const fields: unknown[] = data.fields;
  return guildId !== null && fields.every((field) => typeof field === "string") ? { guildId, fields } : null;
}

function readSnowflake(value: unknown): bigint | null {
  return isId(value) && /^\d{1,20}$/.test(String(value)) ? BigInt(value) : null;
}

function isId(value: unknown): value is string | number {
  return typeof value === "string" || (isInteger(value) && value >= 0);
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
