/**
 * Resume points in Redis.
 *
 * @module
 */
import type { ChainableCommander } from "ioredis";
import type { Observer } from "../../observation.ts";
import type { PointChange, ResumePoint, ResumePoints, StoredFleet } from "../../resume/points.ts";
import { ignoreClosed, type RedisClient, type Script } from "./client.ts";
import {
  OWN_GUILDS_KEY,
  OWN_POINTS_KEY,
  OWN_PRESENCES_KEY,
  OWN_STARTED_KEY,
  OWN_TOTAL_KEY,
  SESSIONS_KEY,
  STARTED_KEY,
  TOTAL_KEY,
} from "./keys.ts";
import { readStoredFleet, type StoredTexts } from "./stored_fleet.ts";
import { timestampText } from "./timestamp.ts";

/**
 * Begins a reign. What another service left is imported only while it is still the one that ran last: a replica that
 * started together with us may have imported it already, and moved on from there.
 */
const BEGIN: Script = {
  keys: [
    OWN_POINTS_KEY,
    OWN_GUILDS_KEY,
    OWN_PRESENCES_KEY,
    STARTED_KEY,
    OWN_STARTED_KEY,
    TOTAL_KEY,
    OWN_TOTAL_KEY,
  ],
  lua: `
    local points, guilds, presences, started, own_started, total, own_total = unpack(KEYS)
    local new_started, new_total, keep_sessions, started_seen = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
    if keep_sessions == "no" then
      redis.call("DEL", points, guilds)
    elseif started_seen ~= "" and redis.call("GET", started) == started_seen then
      redis.call("DEL", points, guilds, presences)
      for i = 5, #ARGV, 2 do
        redis.call("HSET", points, ARGV[i], ARGV[i + 1])
      end
    end
    redis.call("MSET", started, new_started, own_started, new_started, total, new_total, own_total, new_total)`,
};

interface Reign {
  readonly started: string;
  readonly total: number;
}

/** One hash for the points, one for the presences, one for the guilds, each with a field for a shard. */
export class RedisResumePoints implements ResumePoints {
  readonly #client: RedisClient;
  readonly #observe: Observer;
  /** `gateway_started` as {@link load} saw it. */
  #startedSeen: string | null = null;
  #reign: Reign | null = null;
  /** What this process has written, for a Redis that comes back empty. Without the guilds, which are many. */
  readonly #written = new Map<number, PointChange>();

  constructor(client: RedisClient, options: { observe: Observer }) {
    this.#client = client;
    this.#observe = options.observe;
    client.onReady(() => this.#restore());
  }

  async load(): Promise<StoredFleet> {
    await this.#client.moveDamagedKeysAside();
    const replies = await this.#client.transaction((commands) =>
      commands.get(STARTED_KEY).get(OWN_STARTED_KEY).get(TOTAL_KEY).get(OWN_TOTAL_KEY).get(SESSIONS_KEY)
        .hgetall(OWN_POINTS_KEY).hgetall(OWN_PRESENCES_KEY).hgetall(OWN_GUILDS_KEY)
    );
    const [started, ownStarted, total, ownTotal, sessions, points, presences, guilds] = replies;
    const texts = {
      started,
      ownStarted,
      total,
      ownTotal,
      sessions,
      points,
      presences,
      guilds,
    } as StoredTexts;
    this.#startedSeen = texts.started;
    return readStoredFleet(texts, (key, problem) => this.#observe({ kind: "redis.garbage", key, problem }));
  }

  async begin(
    reign: { total: number; startedAtMs: number; keepSessions: boolean; imported: StoredFleet },
  ): Promise<void> {
    const started = JSON.stringify(timestampText(reign.startedAtMs));
    const imports = [...reign.imported.shards].flatMap(([shard, { point }]) =>
      point === null ? [] : [shard, pointText(point)]
    );
    await this.#client.run(BEGIN, [
      started,
      reign.total,
      reign.keepSessions ? "yes" : "no",
      reign.imported.foreign ? this.#startedSeen ?? "" : "",
      ...imports,
    ]);
    this.#reign = { started, total: reign.total };
  }

  async write(changes: ReadonlyMap<number, PointChange>): Promise<void> {
    if (changes.size === 0) return;
    for (const [shard, { guilds: _, ...change }] of changes) {
      this.#written.set(shard, { ...this.#written.get(shard), ...change });
    }
    const reign = this.#reign;
    const [isEmptied] = await this.#client.transaction((commands) => {
      if (reign !== null) commands.setnx(OWN_STARTED_KEY, reign.started);
      setFields(commands, OWN_POINTS_KEY, changes, ({ point }) => point && pointText(point));
      setFields(commands, OWN_PRESENCES_KEY, changes, ({ presence }) => presence);
      setFields(commands, OWN_GUILDS_KEY, changes, ({ guilds }) => guilds?.join(","));
    });
    if (reign !== null && isEmptied === 1) this.#restore();
  }

  /** Puts back what is missing, and nothing else: another process may know better of what is there. */
  #restore(): void {
    const reign = this.#reign;
    if (reign === null) return;
    this.#client.transaction((commands) => {
      for (const key of [STARTED_KEY, OWN_STARTED_KEY]) commands.setnx(key, reign.started);
      for (const key of [TOTAL_KEY, OWN_TOTAL_KEY]) commands.setnx(key, reign.total);
      for (const [shard, { point, presence }] of this.#written) {
        if (point) commands.hsetnx(OWN_POINTS_KEY, String(shard), pointText(point));
        if (presence) commands.hsetnx(OWN_PRESENCES_KEY, String(shard), presence);
      }
    }).catch(ignoreClosed);
  }
}

/** Sets the field of each shard that has a new value, removes it where that is null, leaves it where undefined. */
function setFields(
  commands: ChainableCommander,
  key: string,
  changes: ReadonlyMap<number, PointChange>,
  valueOf: (change: PointChange) => string | null | undefined,
): void {
  const fields = new Map<number, string>();
  const removed: string[] = [];
  for (const [shard, change] of changes) {
    const value = valueOf(change);
    if (value === null) removed.push(String(shard));
    else if (value !== undefined) fields.set(shard, value);
  }
  // Each as one value: as arguments, those of many thousand shards would not fit on the stack.
  if (fields.size > 0) commands.hset(key, fields);
  if (removed.length > 0) commands.call("hdel", [key, ...removed]);
}

function pointText(point: ResumePoint): string {
  return JSON.stringify({
    session_id: point.sessionId,
    sequence: point.sequence,
    resume_gateway_url: point.resumeGatewayUrl,
    intents: point.intents,
    configured_presence: point.configuredPresence,
  });
}
