/**
 * What an earlier process left in Redis, read with care: any of it may be garbage, and none of that stops us.
 *
 * @module
 */
import { GAP_REASONS } from "../../observation.ts";
import { isSessionId } from "../../protocol/session_id.ts";
import { SHARDS_MOST } from "../../protocol/shard_count.ts";
import type { LostSession, ResumePoint, StoredFleet, StoredShard } from "../../resume/points.ts";
import {
  OWN_BOT_KEY,
  OWN_GUILDS_KEY,
  OWN_LOST_KEY,
  OWN_POINTS_KEY,
  OWN_PRESENCES_KEY,
  SESSIONS_KEY,
  TOTAL_KEY,
} from "./keys.ts";

/** The last moment that a date can name, milliseconds since the epoch (ECMAScript, Time Values and Time Range). */
const LAST_TIME_MS = 8.64e15;

/** The raw values of shards, each by shard id; no field where nothing is stored. */
export interface StoredShardTexts {
  readonly points: Readonly<Record<string, string>>;
  readonly lost: Readonly<Record<string, string>>;
  readonly presences: Readonly<Record<string, string>>;
  readonly guilds: Readonly<Record<string, string>>;
}

/** All raw values; null where nothing is stored. */
export interface StoredTexts extends StoredShardTexts {
  readonly started: string | null;
  readonly ownStarted: string | null;
  readonly total: string | null;
  readonly ownTotal: string | null;
  readonly bot: string | null;
  readonly sessions: string | null;
}

/** Hears of everything that is skipped. */
export type GarbageListener = (key: string, problem: string) => void;

/**
 * Makes sense of it. The truth about sessions is our own hash; but where the start time written for others is not the
 * one that we wrote, another service ran last, and `gateway_sessions` is.
 */
export function readStoredFleet(texts: StoredTexts, garbage: GarbageListener): StoredFleet {
  const foreign = texts.started !== null && texts.started !== texts.ownStarted;
  // What we kept besides is older than what the other service did since, and it may have run another bot.
  const shards = foreign
    ? shardsOf(
      readFields(SESSIONS_KEY, readSessions(texts.sessions, garbage), readPoint, garbage),
      { lost: texts.lost, presences: {}, guilds: {} },
      garbage,
    )
    : readStoredShards(texts, garbage);
  const total = texts.total ?? (foreign ? null : texts.ownTotal);
  const bot = foreign ? null : readBot(texts.bot, garbage);
  return { total: readTotal(total, garbage), bot, shards, foreign };
}

/** What our own hashes say of shards. */
export function readStoredShards(
  texts: StoredShardTexts,
  garbage: GarbageListener,
): Map<number, StoredShard> {
  const points = readFields(
    OWN_POINTS_KEY,
    texts.points,
    (text, skip) => readPoint(parsed(text), skip),
    garbage,
  );
  return shardsOf(points, texts, garbage);
}

function shardsOf(
  points: ReadonlyMap<number, ResumePoint>,
  texts: Omit<StoredShardTexts, "points">,
  garbage: GarbageListener,
): Map<number, StoredShard> {
  const lost = readFields(OWN_LOST_KEY, texts.lost, readAllLost, garbage);
  const presences = readFields(OWN_PRESENCES_KEY, texts.presences, readPresence, garbage);
  const guilds = readFields(OWN_GUILDS_KEY, texts.guilds, readGuilds, garbage);
  const shards = new Map<number, StoredShard>();
  for (const shard of new Set([points, lost, presences, guilds].flatMap((found) => [...found.keys()]))) {
    shards.set(shard, {
      point: points.get(shard) ?? null,
      lost: lost.get(shard) ?? [],
      presence: presences.get(shard) ?? null,
      guilds: guilds.get(shard) ?? null,
    });
  }
  return shards;
}

/** Tells of what is skipped, and stands for it: there is nothing. */
type Skip = (problem: string) => null;

function readFields<Raw, Value>(
  key: string,
  fields: Readonly<Record<string, Raw>>,
  read: (raw: Raw, skip: Skip) => Value | null,
  garbage: GarbageListener,
): Map<number, Value> {
  const values = new Map<number, Value>();
  for (const [field, raw] of Object.entries(fields)) {
    const skip = (problem: string) => {
      garbage(key, `field ${JSON.stringify(field)} ${problem}`);
      return null;
    };
    const value = isShard(field) ? read(raw, skip) : skip("names no shard");
    if (value !== null) values.set(Number(field), value);
  }
  return values;
}

function isShard(field: string): boolean {
  return /^(0|[1-9]\d*)$/.test(field) && Number.isSafeInteger(Number(field));
}

function readSessions(text: string | null, garbage: GarbageListener): Record<string, unknown> {
  if (text === null) return {};
  const sessions = parsed(text);
  if (isObject(sessions)) return sessions;
  garbage(SESSIONS_KEY, "is no JSON object");
  return {};
}

function readPoint(raw: unknown, skip: Skip): ResumePoint | null {
  if (!isObject(raw)) return skip("is no JSON object");
  const {
    session_id,
    sequence,
    resume_gateway_url,
    intents,
    configured_presence,
    started_at,
    last_event_at,
  } = raw;
  if (session_id === "") return null; // the first release's way to say that there is none
  if (!isText(session_id) || !isSessionId(session_id)) return skip("has no usable session_id");
  if (!isCount(sequence)) return skip("has no sequence from 0 to 2^53-1");
  // A session can be resumed without the rest, so that does not go with it.
  return {
    sessionId: session_id,
    sequence,
    resumeGatewayUrl: optional(resume_gateway_url, isText, "resume_gateway_url", skip),
    intents: optional(intents, isCount, "intents", skip),
    configuredPresence: optional(configured_presence, isText, "configured_presence", skip),
    startedAtMs: optional(started_at, isTime, "started_at", skip),
    lastEventAtMs: optional(last_event_at, isTime, "last_event_at", skip),
  };
}

function readAllLost(text: string, skip: Skip): LostSession[] | null {
  const raw = parsed(text);
  if (!Array.isArray(raw)) return skip("is no JSON array");
  const lost = raw.map((one) => readLost(one, skip)).filter((one) => one !== null);
  return lost.length === 0 ? null : lost;
}

function readLost(raw: unknown, skip: Skip): LostSession | null {
  if (!isObject(raw)) return skip("holds what is no JSON object");
  const { session_id, sequence, since, reason, type } = raw;
  const knownReason = GAP_REASONS.find((known) => known === reason);
  if (!isText(session_id) || !isSessionId(session_id)) return skip("has no usable session_id");
  if (!isCount(sequence)) return skip("has no sequence from 0 to 2^53-1");
  if (!isTime(since)) return skip("has no time since");
  if (knownReason === undefined) return skip("has no known reason");
  const lost = { sessionId: session_id, sequence, sinceMs: since, reason: knownReason };
  return isText(type) ? { ...lost, type } : lost;
}

function optional<Value>(
  raw: unknown,
  isRight: (raw: unknown) => raw is Value,
  name: string,
  skip: Skip,
): Value | null {
  if (raw === undefined || raw === null) return null;
  return isRight(raw) ? raw : skip(`has a wrong ${name}`);
}

function readPresence(text: string, skip: Skip): string | null {
  return isObject(parsed(text)) ? text : skip("is no JSON object");
}

function readGuilds(text: string, skip: Skip): bigint[] | null {
  if (text === "") return [];
  const ids = text.split(",");
  return ids.every((id) => /^\d{1,20}$/.test(id)) ? ids.map(BigInt) : skip("is no list of guild ids");
}

function readTotal(text: string | null, garbage: GarbageListener): number | null {
  if (text === null) return null;
  const total = Number(text);
  if (/^[1-9]\d*$/.test(text) && total <= SHARDS_MOST) return total;
  garbage(TOTAL_KEY, "is no number of shards");
  return null;
}

function readBot(text: string | null, garbage: GarbageListener): string | null {
  if (text === null || /^\d{1,20}$/.test(text)) return text;
  garbage(OWN_BOT_KEY, "is no user id");
  return null;
}

/** undefined, which JSON cannot say, where the text is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LAST_TIME_MS;
}
