/**
 * Reads one shard from Redis: what the fleet knows of it, and what the gateway tells of it beside that. Anything there
 * may be garbage: what cannot be read is passed over.
 *
 * @module
 */
import { oneLine } from "../../gateway/one_line.ts";
import { DETAILS_KEY, latenciesKey, lifeKey } from "../contract_keys.ts";
import type { FleetReader } from "../fleet/fleet_reader.ts";
import type { FleetShard, FleetSnapshot } from "../fleet/fleet_snapshot.ts";
import { isCount, isObject, isTime, parsed } from "../json_checks.ts";
import type { DashboardRedis } from "../redis.ts";
import { StreamEntry } from "../stream_entry.ts";
import { lifePhrase, type LifeTone } from "./life_phrases.ts";

/** As many as the gateway keeps (wire contract, Figures). */
const LIFE_ENTRIES = 100;
const LATENCY_ENTRIES = 240;
const TYPES_MAX = 20;
/** Many times what the gateway writes into one value. */
const TEXT_MAX_LENGTH = 16 * 1024;
const NAME_MAX_LENGTH = 64;

/** One shard at one moment. */
export interface ShardSnapshot {
  /** The fleet that it is part of. */
  readonly fleet: FleetSnapshot;
  readonly shard: FleetShard;
  /** Null where nobody has told of it: another service, or a gateway that has just begun. */
  readonly details: ShardDetails | null;
  /** The newest first. */
  readonly life: readonly LifeEvent[];
  /** The oldest first. */
  readonly latencies: readonly ShardLatency[];
}

export interface ShardDetails {
  /** When it was told, milliseconds since the epoch. */
  readonly atMs: number;
  /** Since when it has its status. */
  readonly sinceMs: number | null;
  /** The three sequences are null without a session. */
  readonly received: number | null;
  readonly published: number | null;
  readonly stored: number | null;
  readonly guilds: number | null;
  /** Where its session would be resumed. */
  readonly host: string | null;
  readonly eventsPerSecond: number | null;
  /** The most frequent first. */
  readonly rates: readonly EventRate[];
}

export interface EventRate {
  readonly type: string;
  readonly perSecond: number;
}

export interface LifeEvent {
  /** Of its entry: unique for the shard, and ascending. */
  readonly id: string;
  readonly atMs: number;
  readonly text: string;
  readonly tone: LifeTone;
}

/** Of one acknowledged heartbeat. */
export interface ShardLatency {
  /** As that of {@link LifeEvent}. */
  readonly id: string;
  readonly atMs: number;
  readonly latencyMs: number;
}

type Entries = readonly [id: string, fields: string[]][];

export class ShardReader {
  readonly #redis: DashboardRedis;
  readonly #fleet: FleetReader;

  constructor({ redis, fleet }: { readonly redis: DashboardRedis; readonly fleet: FleetReader }) {
    this.#redis = redis;
    this.#fleet = fleet;
  }

  /** The shard as it is now; null where the fleet has none of this id. Rejects with a RedisAwayError. */
  async read(id: number): Promise<ShardSnapshot | null> {
    // Sent together, so that it is one round trip.
    const [fleet, [details, life, latencies]] = await Promise.all([this.#fleet.read(), this.#readOwn(id)]);
    const shard = fleet.shards[id];
    if (shard === undefined) return null;
    // What an earlier gateway of ours has left says nothing of another service's shard.
    if (fleet.source !== "shardline") return { fleet, shard, details: null, life: [], latencies: [] };
    return {
      fleet,
      shard,
      details: readDetails(details),
      life: readLife(life),
      latencies: readLatencies(latencies).reverse(),
    };
  }

  async #readOwn(id: number): Promise<readonly [details: unknown, life: unknown, latencies: unknown]> {
    const answers = await this.#redis.ask((redis) =>
      redis.multi()
        .hget(DETAILS_KEY, String(id))
        .xrevrange(lifeKey(id), "+", "-", "COUNT", LIFE_ENTRIES)
        .xrevrange(latenciesKey(id), "+", "-", "COUNT", LATENCY_ENTRIES)
        .exec()
    );
    // A key of a wrong type is an answer of its own, and leaves the others as they are.
    const [details, life, latencies] = (answers ?? []).map(([error, answer]) =>
      error === null ? answer : null
    );
    return [details, life, latencies];
  }
}

function readDetails(text: unknown): ShardDetails | null {
  const raw = typeof text === "string" && text.length <= TEXT_MAX_LENGTH ? parsed(text) : undefined;
  if (!isObject(raw) || !isTime(raw.at)) return null;
  const count = (value: unknown) => isCount(value) ? value : null;
  return {
    atMs: raw.at,
    sinceMs: isTime(raw.since) ? raw.since : null,
    received: count(raw.received),
    published: count(raw.published),
    stored: count(raw.stored),
    guilds: count(raw.guilds),
    host: typeof raw.host === "string" && raw.host !== "" ? oneLine(raw.host, NAME_MAX_LENGTH) : null,
    eventsPerSecond: isRate(raw.events_per_second) ? raw.events_per_second : null,
    rates: readRates(raw.rates),
  };
}

function readRates(raw: unknown): EventRate[] {
  if (!isObject(raw)) return [];
  const rates: EventRate[] = [];
  for (const [type, perSecond] of Object.entries(raw)) {
    if (isRate(perSecond) && perSecond > 0) rates.push({ type: oneLine(type, NAME_MAX_LENGTH), perSecond });
  }
  return rates.sort((one, other) => other.perSecond - one.perSecond).slice(0, TYPES_MAX);
}

function isRate(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function readLife(entries: unknown): LifeEvent[] {
  return streamEntries(entries).map((entry) => {
    const data = entry.field("data") ?? "";
    const phrase = lifePhrase(
      entry.field("kind") ?? "",
      data.length <= TEXT_MAX_LENGTH ? parsed(data) : null,
    );
    return { id: entry.id, atMs: entry.atMs, ...phrase };
  });
}

function readLatencies(entries: unknown): ShardLatency[] {
  return streamEntries(entries)
    .map((entry) => ({ id: entry.id, atMs: entry.atMs, latencyMs: Number(entry.field("ms") ?? NaN) }))
    .filter(({ latencyMs }) => isTime(latencyMs));
}

/** Those with a time that a page can show. */
function streamEntries(entries: unknown): StreamEntry[] {
  if (!Array.isArray(entries)) return [];
  return (entries as Entries).map((entry) => new StreamEntry(entry)).filter(({ atMs }) => isTime(atMs));
}
