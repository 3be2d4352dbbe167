/**
 * The Redis keys of the service, before the prefix.
 *
 * @module
 */
import type { DigestList } from "../../reshard/plan.ts";
import { type Bank, FIRST_BANK } from "../../resume/bank.ts";

/** Written for others, by the wire contract: shard id → session, as one JSON object. */
export const SESSIONS_KEY = "gateway_sessions";
/** For others: one JSON array of what each shard is doing. */
export const STATUSES_KEY = "gateway_statuses";
/** For others: start time of whoever ran last, as a JSON string. */
export const STARTED_KEY = "gateway_started";
/** For others: total number of shards. */
export const TOTAL_KEY = "gateway_shards";

/** Our own truth: a hash of shard id → resume point. */
export const OWN_POINTS_KEY = "gateway:shards";
/** Hash of shard id → what was lost of it and has not been told, the oldest first, as a JSON array. */
export const OWN_LOST_KEY = "gateway:lost";
/** Hash of shard id → the last presence that a bot asked for, as JSON text. */
export const OWN_PRESENCES_KEY = "gateway:presences";
/** Hash of shard id → ids of its guilds, joined with commas. */
export const OWN_GUILDS_KEY = "gateway:guilds";
/** Hash of shard id → its entry in {@link STATUSES_KEY}. */
export const OWN_STATUSES_KEY = "gateway:statuses";
/** What we wrote to {@link STARTED_KEY}: where the two differ, another service ran last. */
export const OWN_STARTED_KEY = "gateway:started";
/** What we wrote to {@link TOTAL_KEY}. */
export const OWN_TOTAL_KEY = "gateway:total";
/** Id of the bot that the sessions in {@link OWN_POINTS_KEY} belong to; absent where that is not known. */
export const OWN_BOT_KEY = "gateway:bot";

/** Hash of shard id or role → who may run it: a token, and the member that holds it. */
export const LEASES_KEY = "gateway:leases";
/** Hash of member id → when it last told that it lives, and what it tells of itself. */
export const MEMBERS_KEY = "gateway:members";
/** Hash of what the members agree on besides: the version of their leases, and what they run. */
export const FLEET_KEY = "gateway:fleet";
/** Hash of what a fleet's processes share to identify: turns that are out, and how many were spent. */
export const IDENTIFY_KEY = "gateway:identify";

/** Hash of a change of the number of shards: its plan, and how far each member is. */
export const RESHARD_KEY = "gateway:reshard";

/** Hash of member → digests of what it has published, or seen, lately, for a change of the number of shards. */
export function digestsKey(list: DigestList): string {
  return `gateway:reshard:${list}`;
}

/** Hash of shard id → its sessions, and how far each is in the state cache; each bank has its own. */
export const WRITTEN_KEY = "gateway:state:written";

/** Hash of guild id → name, kept only where a log channel asks for names. */
export const GUILD_NAMES_KEY = "gateway:guild_names";

/** Hash of replica name → what there is to say of that process. */
export const REPLICAS_KEY = "gateway:replicas";
/** Hash of shard id → its details. */
export const DETAILS_KEY = "gateway:details";
/** Stream of refused commands. */
export const REJECTED_KEY = "gateway:rejected";

/** Stream of what one process counted in each second. */
export function historyKey(replica: string): string {
  return `gateway:history:${replica}`;
}

/** Stream of what happened to a shard. */
export function lifeKey(shard: number | string): string {
  return `gateway:life:${shard}`;
}

/** Stream of a shard's acknowledged heartbeats. */
export function latenciesKey(shard: number | string): string {
  return `gateway:latencies:${shard}`;
}

/** Of these each bank has its own: what belongs to the shards of one number of shards. */
const BANKED_KEYS: ReadonlySet<string> = new Set([
  OWN_POINTS_KEY,
  OWN_LOST_KEY,
  OWN_PRESENCES_KEY,
  OWN_GUILDS_KEY,
  OWN_STATUSES_KEY,
  OWN_STARTED_KEY,
  OWN_TOTAL_KEY,
  OWN_BOT_KEY,
  LEASES_KEY,
  MEMBERS_KEY,
  FLEET_KEY,
  WRITTEN_KEY,
]);

/** What a key is called in a bank; one that is not banked is called the same in each. */
export function keyInBank(key: string, bank: Bank): string {
  return BANKED_KEYS.has(key) && bank !== FIRST_BANK ? key.replace("gateway:", `gateway:${bank}:`) : key;
}

/** All keys of a bank. */
export function keysOfBank(bank: Bank): string[] {
  return [...BANKED_KEYS].map((key) => keyInBank(key, bank));
}

/** Redis type of every key that the service needs, as it is called in the first bank: what stands in its way there is moved aside. */
export const KEY_TYPES: ReadonlyMap<string, "hash" | "string"> = new Map([
  [SESSIONS_KEY, "string"],
  [STATUSES_KEY, "string"],
  [STARTED_KEY, "string"],
  [TOTAL_KEY, "string"],
  [OWN_POINTS_KEY, "hash"],
  [OWN_LOST_KEY, "hash"],
  [OWN_PRESENCES_KEY, "hash"],
  [OWN_GUILDS_KEY, "hash"],
  [OWN_STATUSES_KEY, "hash"],
  [OWN_STARTED_KEY, "string"],
  [OWN_TOTAL_KEY, "string"],
  [OWN_BOT_KEY, "string"],
  [LEASES_KEY, "hash"],
  [MEMBERS_KEY, "hash"],
  [FLEET_KEY, "hash"],
  [IDENTIFY_KEY, "hash"],
  [RESHARD_KEY, "hash"],
  [digestsKey("told"), "hash"],
  [digestsKey("seen"), "hash"],
  [GUILD_NAMES_KEY, "hash"],
]);

/**
 * Redis type of every key that is written for whoever watches. What else stands there costs the figures under that key
 * and nothing more, so it is left alone.
 */
export const FIGURE_KEY_TYPES: ReadonlyMap<string, "hash" | "stream"> = new Map([
  [REPLICAS_KEY, "hash"],
  [historyKey("<replica>"), "stream"],
  [DETAILS_KEY, "hash"],
  [lifeKey("<shard>"), "stream"],
  [latenciesKey("<shard>"), "stream"],
  [REJECTED_KEY, "stream"],
]);
