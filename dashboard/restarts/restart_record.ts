/**
 * The one rolling restart that may be under way, as all dashboards on this Redis see it. Whoever runs it holds a
 * lease, which ends by itself where its dashboard dies.
 *
 * @module
 */
import { restartJson } from "../api/restart_json.ts";
import { RESTART_KEY, RESTART_LEASE_KEY } from "../contract_keys.ts";
import { isCount } from "../json_checks.ts";
import type { DashboardRedis } from "../redis.ts";
import { isRestartMode, type Restart, type RestartState } from "./restart.ts";

/** How it stands with a restart that somebody runs. `lost`: it is no longer theirs. */
export type Hold = "held" | "lost" | { readonly stopBy: string };

/** Renewed many times in between; a dashboard that dies is noticed after so long. */
export const LEASE_MS = 30_000;
export const MISSING_SHOWN = 100;

/** KEYS: lease, restart; ARGV: token, lease in ms, text. */
const TAKE_LUA = `
  if not redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return 0 end
  redis.call("DEL", KEYS[2])
  redis.call("HSET", KEYS[2], "text", ARGV[3])
  return 1`;

/** The same; returns who has asked for a stop, or nothing where the lease is not that of the token. */
const HOLD_LUA = `
  if redis.call("GET", KEYS[1]) ~= ARGV[1] then return false end
  redis.call("PEXPIRE", KEYS[1], ARGV[2])
  redis.call("HSET", KEYS[2], "text", ARGV[3])
  return redis.call("HGET", KEYS[2], "stop_by") or ""`;

/** The same. */
const END_LUA = `
  if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call("DEL", KEYS[1])
  redis.call("HSET", KEYS[2], "text", ARGV[3])
  return 1`;

/** KEYS: lease, restart; ARGV: who. The first who asks counts. */
const STOP_LUA = `
  if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
  return redis.call("HSETNX", KEYS[2], "stop_by", ARGV[1])`;

/**
 * KEYS: lease, restart; returns text and lease, of one moment: read one after the other they would show a restart that
 * ends in between as one that nobody runs.
 */
const READ_LUA = `
  return { redis.call("HGET", KEYS[2], "text"), redis.call("GET", KEYS[1]) }`;

/** All methods reject with a `RedisAwayError` where Redis is away. */
export class RestartRecord {
  readonly #redis: DashboardRedis;

  constructor(redis: DashboardRedis) {
    this.#redis = redis;
  }

  /** Begins a restart; false where one is under way. */
  async take(restart: Restart): Promise<boolean> {
    return await this.#run(TAKE_LUA, restart.id, LEASE_MS, textOf(restart)) === 1;
  }

  /** Writes down how far it has come, and renews the lease. */
  async hold(restart: Restart): Promise<Hold> {
    const stopBy = await this.#run(HOLD_LUA, restart.id, LEASE_MS, textOf(restart));
    if (typeof stopBy !== "string") return "lost";
    return stopBy === "" ? "held" : { stopBy };
  }

  /** Writes down how it ended; false where it was no longer theirs to say. */
  async end(restart: Restart): Promise<boolean> {
    return await this.#run(END_LUA, restart.id, LEASE_MS, textOf(restart)) === 1;
  }

  /** Asks whoever runs it to stop; false where nothing is under way, or somebody has asked already. */
  async askToStop(who: string): Promise<boolean> {
    return await this.#run(STOP_LUA, who) === 1;
  }

  /** The restart that is under way, else the last that was; null where there was none. */
  async read(): Promise<Restart | null> {
    const answer = await this.#run(READ_LUA);
    const [text, lease]: readonly unknown[] = Array.isArray(answer) ? answer : [];
    const restart = typeof text === "string" ? parsed(text) : null;
    if (restart?.state !== "running" || lease === restart.id) return restart;
    return { ...restart, state: "interrupted", current: null };
  }

  #run(lua: string, ...values: (string | number)[]): Promise<unknown> {
    return this.#redis.ask((redis) => redis.eval(lua, 2, RESTART_LEASE_KEY, RESTART_KEY, ...values));
  }
}

/** Kept as endpoints tell it. */
function textOf(restart: Restart): string {
  return JSON.stringify(restartJson(restart));
}

/** Null where it is nothing that {@link textOf} wrote. */
function parsed(text: string): Restart | null {
  try {
    const { id, mode, state, started_by: startedBy, started_at: startedAtMs, ...rest } = JSON.parse(text);
    const {
      ended_at: endedAtMs,
      total,
      back,
      missing,
      missing_shards: missingShards,
      current,
      stopped_by: stoppedBy,
    } = rest;
    const isOurs = typeof id === "string" && isRestartMode(mode) && STATES.has(state) &&
      typeof startedBy === "string" &&
      [startedAtMs, total, back, missing].every(isCount) && Array.isArray(missingShards) &&
      [...missingShards, endedAtMs ?? 0, current ?? 0].every(isCount) &&
      (stoppedBy === null || typeof stoppedBy === "string");
    if (!isOurs) return null;
    return {
      id,
      mode,
      state,
      startedBy,
      startedAtMs,
      endedAtMs,
      total,
      back,
      missing,
      missingShards: missingShards.slice(0, MISSING_SHOWN),
      current,
      stoppedBy,
    };
  } catch {
    return null;
  }
}

const STATES: ReadonlySet<unknown> = new Set<RestartState>([
  "running",
  "finished",
  "stopped",
  "given_up",
  "interrupted",
]);
