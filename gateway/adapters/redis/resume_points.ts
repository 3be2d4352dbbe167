/**
 * Resume points in Redis.
 *
 * @module
 */
import { type Fences, LEAD_LEASE } from "../../fleet/leases.ts";
import type { Observer } from "../../observation.ts";
import type {
  LostSession,
  PointChange,
  Reign,
  ResumePoint,
  ResumePoints,
  StoredFleet,
  StoredShard,
} from "../../resume/points.ts";
import { ignoreClosed, type RedisClient, type Script } from "./client.ts";
import {
  LEASES_KEY,
  OWN_BOT_KEY,
  OWN_GUILDS_KEY,
  OWN_LOST_KEY,
  OWN_POINTS_KEY,
  OWN_PRESENCES_KEY,
  OWN_STARTED_KEY,
  OWN_TOTAL_KEY,
  SESSIONS_KEY,
  STARTED_KEY,
  TOTAL_KEY,
} from "./keys.ts";
import { leaseText } from "./leases.ts";
import { readStoredFleet, readStoredShards, type StoredTexts } from "./stored_fleet.ts";
import { timestampText } from "./timestamp.ts";

/**
 * Begins a reign. What another service left is imported only while it is still the one that ran last: a replica that
 * started together with us may have imported it already, and moved on from there. Nothing is begun where another leads by
 * now, who may have begun otherwise. With what is imported goes what we kept of the sessions besides, which is older; gaps
 * stay to be told. What another bot showed as its presence goes with the bot.
 */
const BEGIN: Script = {
  keys: [
    ...[OWN_POINTS_KEY, OWN_GUILDS_KEY, OWN_PRESENCES_KEY, OWN_LOST_KEY, OWN_BOT_KEY],
    ...[STARTED_KEY, OWN_STARTED_KEY, TOTAL_KEY, OWN_TOTAL_KEY, LEASES_KEY],
  ],
  lua: `
    local points, guilds, presences, lost, bot, started, own_started, total, own_total, leases = unpack(KEYS)
    local lead, our_lead, new_started, new_total, new_bot, keep_sessions, started_seen, is_rehearsal =
      unpack(ARGV, 1, 8)
    local last_import = tonumber(ARGV[9])
    local lead_now = redis.call("HGET", leases, lead)
    if lead_now and lead_now ~= our_lead then return 0 end
    if started_seen ~= "" and redis.call("GET", started) == started_seen then
      redis.call("DEL", points, guilds, presences, bot)
      for i = 10, last_import, 2 do
        redis.call("HSET", points, ARGV[i], ARGV[i + 1])
      end
    elseif keep_sessions == "no" then
      local old_bot = redis.call("GET", bot)
      if old_bot and new_bot ~= "" and old_bot ~= new_bot then redis.call("DEL", presences) end
      redis.call("DEL", points, guilds, bot)
    end
    for i = last_import + 1, #ARGV, 2 do
      redis.call("HSET", lost, ARGV[i], ARGV[i + 1])
    end
    if new_bot ~= "" then redis.call("SET", bot, new_bot) end
    redis.call("MSET", own_started, new_started, own_total, new_total)
    if is_rehearsal == "no" then redis.call("MSET", started, new_started, total, new_total) end
    return 1`,
};

/** Arguments of {@link BEGIN} before the imports. */
const LAST_ARGUMENT = 9;

/**
 * Writes what moved, as {@link fieldChanges} says it for each hash in turn, of shards whose lease is nobody else's: ARGV has
 * our own start, then of how many shards it is told, each with its lease as we have it. One command for all: a transaction
 * costs this process several times as much, and it is written twenty times a second. Returns 1 where our own start was
 * gone, which means that Redis was emptied, and the shards whose lease is another's.
 */
const WRITE: Script = {
  keys: [LEASES_KEY, OWN_STARTED_KEY, OWN_POINTS_KEY, OWN_LOST_KEY, OWN_PRESENCES_KEY, OWN_GUILDS_KEY],
  lua: `
    local fenced, answer = {}, { 0 }
    local at = 2 + 2 * tonumber(ARGV[2])
    for i = 3, at, 2 do
      local lease = redis.call("HGET", KEYS[1], ARGV[i])
      if lease and lease ~= ARGV[i + 1] then
        fenced[ARGV[i]] = true
        answer[#answer + 1] = ARGV[i]
      end
    end
    at = at + 1
    for key = 3, #KEYS do
      local last_set = at + 2 * tonumber(ARGV[at])
      for i = at + 1, last_set, 2 do
        if not fenced[ARGV[i]] then redis.call("HSET", KEYS[key], ARGV[i], ARGV[i + 1]) end
      end
      at = last_set + 1
      local last_removed = at + tonumber(ARGV[at])
      for i = at + 1, last_removed do
        if not fenced[ARGV[i]] then redis.call("HDEL", KEYS[key], ARGV[i]) end
      end
      at = last_removed + 1
    end
    if ARGV[1] ~= "" then answer[1] = redis.call("SETNX", KEYS[2], ARGV[1]) end
    return answer`,
};

/** What stands in Redis for a reign. */
interface ReignTexts {
  readonly started: string;
  readonly total: number;
  readonly bot: string | null;
}

/** Of a shard, the newest of each that was written. */
interface Written {
  point?: ResumePoint | null;
  lost?: readonly LostSession[];
  presence?: string | null;
}

/** A hash each for points, lost sessions, presences and guilds, with a field for a shard. */
export class RedisResumePoints implements ResumePoints {
  readonly #client: RedisClient;
  readonly #observe: Observer;
  readonly #fences: Fences;
  readonly #isRehearsing: () => boolean;
  /** `gateway_started` as {@link load} saw it. */
  #startedSeen: string | null = null;
  #reign: ReignTexts | null = null;
  /**
   * What this process has written, for a Redis that comes back empty. Without the guilds: they are millions, sent
   * with every reconnect, and what is missing of them comes with the next change of a shard's list.
   */
  readonly #written = new Map<number, Written>();

  /**
   * `isRehearsing`: whether what other programs read is written by somebody else meanwhile, and of no account here; never,
   * where nothing is said.
   */
  constructor(
    client: RedisClient,
    options: { observe: Observer; fences: Fences; isRehearsing?: () => boolean },
  ) {
    this.#client = client;
    this.#isRehearsing = options.isRehearsing ?? (() => false);
    this.#fences = options.fences;
    this.#observe = options.observe;
    client.onReady(() => this.#restore());
  }

  async load(): Promise<StoredFleet> {
    await this.#client.moveDamagedKeysAside();
    const own = (key: string) => this.#client.keyOf(key);
    const replies = await this.#client.transaction((commands) =>
      commands.get(STARTED_KEY).get(TOTAL_KEY).get(SESSIONS_KEY)
        .get(own(OWN_STARTED_KEY)).get(own(OWN_TOTAL_KEY)).get(own(OWN_BOT_KEY))
        .hgetall(own(OWN_POINTS_KEY)).hgetall(own(OWN_LOST_KEY)).hgetall(own(OWN_PRESENCES_KEY))
        .hgetall(own(OWN_GUILDS_KEY))
    );
    const isRehearsing = this.#isRehearsing();
    const [started, total, sessions] = isRehearsing ? [null, null, null] : replies;
    const [ownStarted, ownTotal, bot, points, lost, presences, guilds] = replies.slice(3);
    const texts = {
      started,
      // Without the start time of whoever ran last, nobody else did.
      ownStarted,
      total: isRehearsing ? ownTotal : total,
      ownTotal,
      bot,
      sessions,
      points,
      lost,
      presences,
      guilds,
    } as StoredTexts;
    this.#startedSeen = texts.started;
    return readStoredFleet(texts, (key, problem) => this.#observe({ kind: "redis.garbage", key, problem }));
  }

  async read(shards: readonly number[]): Promise<ReadonlyMap<number, StoredShard>> {
    if (shards.length === 0) return new Map();
    const keys = [OWN_POINTS_KEY, OWN_LOST_KEY, OWN_PRESENCES_KEY, OWN_GUILDS_KEY].map((key) =>
      this.#client.keyOf(key)
    );
    const fields = shards.map(String);
    const replies = await this.#client.transaction((commands) => {
      for (const key of keys) commands.hmget(key, ...fields);
    });
    const [points = {}, lost = {}, presences = {}, guilds = {}] = replies.map(
      (reply): Record<string, string> => {
        const texts = (reply as readonly (string | null)[]).map((text, index) => [fields[index], text]);
        return Object.fromEntries(texts.filter(([, text]) => text !== null));
      },
    );
    return readStoredShards({ points, lost, presences, guilds }, (key, problem) => {
      this.#observe({ kind: "redis.garbage", key, problem });
    });
  }

  async begin({ total, bot, startedAtMs, keepSessions, lost, imported }: Reign): Promise<boolean> {
    const lead = this.#fences.leadToken();
    if (lead === null) return false;
    const started = JSON.stringify(timestampText(startedAtMs));
    const imports = imported.foreign && keepSessions
      ? [...imported.shards].flatMap(([shard, { point }]) => point === null ? [] : [shard, pointText(point)])
      : [];
    const begun = await this.#client.run(BEGIN, [
      LEAD_LEASE,
      leaseText(lead, this.#fences.member),
      started,
      total,
      bot ?? "",
      keepSessions ? "yes" : "no",
      imported.foreign ? this.#startedSeen ?? "" : "",
      this.#isRehearsing() ? "yes" : "no",
      LAST_ARGUMENT + imports.length,
      ...imports,
      ...[...lost].flatMap(([shard, sessions]) => sessions.length === 0 ? [] : [shard, lostText(sessions)]),
    ]);
    if (begun !== 1) return false;
    this.#reign = { started, total, bot };
    return true;
  }

  async write(changes: ReadonlyMap<number, PointChange>): Promise<ReadonlySet<number>> {
    const fenced = new Set<number>();
    const ours = new Map<number, PointChange>();
    const leases: (string | number)[] = [];
    for (const [shard, change] of changes) {
      const token = this.#fences.tokenOf(shard);
      if (token === null) {
        fenced.add(shard);
        continue;
      }
      ours.set(shard, change);
      leases.push(shard, leaseText(token, this.#fences.member));
      this.#remember(shard, change);
    }
    if (ours.size === 0) return fenced;
    const reign = this.#reign;
    const [isEmptied, ...others] = await this.#client.run(WRITE, [
      reign?.started ?? "",
      ours.size,
      ...leases,
      ...fieldChanges(ours, ({ point }) => point && pointText(point)),
      ...fieldChanges(ours, ({ lost }) => lost?.length === 0 ? null : lost && lostText(lost)),
      ...fieldChanges(ours, ({ presence }) => presence),
      ...fieldChanges(ours, ({ guilds }) => guilds?.join(",")),
    ]) as [number, ...string[]];
    if (isEmptied === 1) this.#restore();
    for (const shard of others) fenced.add(Number(shard));
    return fenced;
  }

  forget(shard: number): void {
    this.#written.delete(shard);
  }

  #remember(shard: number, { point, lost, presence }: PointChange): void {
    let written = this.#written.get(shard);
    if (written === undefined) {
      written = {};
      this.#written.set(shard, written);
    }
    if (point !== undefined) written.point = point;
    if (lost !== undefined) written.lost = lost;
    if (presence !== undefined) written.presence = presence;
  }

  /** Puts back what is missing, and nothing else: another process may know better of what is there. */
  #restore(): void {
    const reign = this.#reign;
    if (reign === null) return;
    const own = (key: string) => this.#client.keyOf(key);
    this.#client.transaction((commands) => {
      commands.setnx(own(OWN_STARTED_KEY), reign.started).setnx(own(OWN_TOTAL_KEY), reign.total);
      if (!this.#isRehearsing()) commands.setnx(STARTED_KEY, reign.started).setnx(TOTAL_KEY, reign.total);
      if (reign.bot !== null) commands.setnx(own(OWN_BOT_KEY), reign.bot);
      for (const [shard, { point, lost, presence }] of this.#written) {
        if (this.#fences.tokenOf(shard) === null) continue;
        if (point) commands.hsetnx(own(OWN_POINTS_KEY), String(shard), pointText(point));
        if (lost !== undefined && lost.length > 0) {
          commands.hsetnx(own(OWN_LOST_KEY), String(shard), lostText(lost));
        }
        if (presence) commands.hsetnx(own(OWN_PRESENCES_KEY), String(shard), presence);
      }
    }).catch(ignoreClosed);
  }
}

/**
 * What a hash is to be told: how many fields are set, each with its value, and how many are removed, each by name. A
 * field is set where it has a new value, removed where that is null, and left where it is undefined.
 */
function fieldChanges(
  changes: ReadonlyMap<number, PointChange>,
  valueOf: (change: PointChange) => string | null | undefined,
): (string | number)[] {
  const set: (string | number)[] = [];
  const removed: number[] = [];
  for (const [shard, change] of changes) {
    const value = valueOf(change);
    if (value === null) removed.push(shard);
    else if (value !== undefined) set.push(shard, value);
  }
  return [set.length / 2, ...set, removed.length, ...removed];
}

function pointText(point: ResumePoint): string {
  return JSON.stringify({
    session_id: point.sessionId,
    sequence: point.sequence,
    resume_gateway_url: point.resumeGatewayUrl,
    intents: point.intents,
    configured_presence: point.configuredPresence,
    started_at: point.startedAtMs,
    last_event_at: point.lastEventAtMs,
  });
}

function lostText(lost: readonly LostSession[]): string {
  return JSON.stringify(lost.map(({ sessionId, sequence, sinceMs, reason, type }) => ({
    session_id: sessionId,
    sequence,
    since: sinceMs,
    reason,
    type,
  })));
}
