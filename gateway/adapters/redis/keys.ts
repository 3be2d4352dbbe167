/**
 * The Redis keys of the service, before the prefix.
 *
 * @module
 */

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

/** Hash of guild id → name, kept only where a log channel asks for names. */
export const GUILD_NAMES_KEY = "gateway:guild_names";

/** Redis type of every key. */
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
  [GUILD_NAMES_KEY, "hash"],
]);
