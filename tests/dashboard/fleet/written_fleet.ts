/**
 * A fleet in Redis, as the gateway would write it.
 *
 * @module
 */
import type { Redis } from "ioredis";

/** Session ids are secrets: no page may show one. */
export const SESSION = "0123456789abcdef0123456789abcdef";

const STARTED = '"2026-01-01T10:00:00.000000"';

export interface StatusEntry {
  readonly shard: number;
  readonly status: string;
  readonly latency?: number;
  readonly last_ack?: string;
  readonly session?: string;
}

/** All of them connected, but those named. */
export function statusEntries(total: number, others: Readonly<Record<number, string>> = {}): StatusEntry[] {
  return Array.from({ length: total }, (_, shard) => ({
    shard,
    status: others[shard] ?? "Connected",
    latency: 40 + shard % 100,
    last_ack: "2026-01-01T12:00:00.000000",
    session: SESSION,
  }));
}

/** An entry of `gateway:replicas`, heard now. */
export function replicaEntry(shards: number, changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    version: "0.1.0",
    started_at: Date.now() - 7_500_000,
    heard_at: Date.now(),
    stopped: false,
    shards: shards === 0 ? [] : [[0, shards - 1]],
    total: shards === 0 ? null : shards,
    recommended: shards + 2,
    waiting: [],
    parked: [],
    identify: { remaining: 987, total: 1_000, resets_at: Date.now() + 3_600_000 },
    broker: true,
    unconfirmed: { events: 12, bytes: 9_000 },
    spool: { events: 3, bytes: 4_000, max_bytes: 4_294_967_296 },
    ...changes,
  });
}

/** What an entry of `gateway:replicas` says besides where the replica is in a fleet. */
export const FLEET_PART = { fleet: { member: "m-alpha", draining: false, holds: true } };

export interface WrittenMember {
  readonly agoMs?: number;
  readonly ttlMs?: number;
  readonly shards?: readonly number[];
}

/**
 * Writes the leases of members, renewed just now unless told otherwise; the first of them leads.
 *
 * @param beginning Of the keys.
 */
export async function writeLeases(
  redis: Redis,
  members: Readonly<Record<string, WrittenMember>>,
  beginning = "gateway:",
): Promise<void> {
  const [leasesKey, membersKey] = [`${beginning}leases`, `${beginning}members`];
  const [seconds, rest] = await redis.time();
  const nowMicros = Number(seconds) * 1_000_000 + Number(rest);
  const [lead = ""] = Object.keys(members);
  const commands = redis.multi().del(leasesKey, membersKey)
    .hset(leasesKey, "lead", `9 ${lead}`);
  for (const [id, { agoMs = 0, ttlMs = 10_000, shards = [] }] of Object.entries(members)) {
    const card = JSON.stringify({ replica: id.slice(2), version: "0.1.0", ttl: ttlMs, share: null });
    commands.hset(membersKey, id, `${nowMicros - agoMs * 1_000} ${card}`);
    for (const shard of shards) commands.hset(leasesKey, shard, `${nowMicros} ${id}`);
  }
  await commands.hset(`${beginning}fleet`, "version", nowMicros).exec();
}

/** A change from 16 shards to 32, in bank b, as it is planned. */
export function reshardPlan(changes: Readonly<Record<string, unknown>> = {}): string {
  const plan = { id: "r-1", from: 16, to: 32, bank: "b", phase: "rehearsing", began_at: 1_764_500_000_000 };
  return JSON.stringify({ ...plan, reason: null, ...changes });
}

/** How far a process is with it. */
export function reshardReport(replica: string, changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    replica,
    ready: 8,
    obstacle: null,
    told: false,
    seen: false,
    ended: false,
    ...changes,
  });
}

/** Writes a change from 16 shards to 32 in which alpha and beta take part, and a part of which is ready. */
export async function writeReshard(
  redis: Redis,
  changes: Readonly<Record<string, unknown>> = {},
  alpha: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await redis.multi().del("gateway:reshard").hset("gateway:reshard", {
    plan: reshardPlan(changes),
    "report:m-beta": reshardReport("beta", { ready: 12 }),
    "report:m-alpha": reshardReport("alpha", { obstacle: "3 events wait in the spool", ...alpha }),
  }).exec();
}

export async function writeStatuses(redis: Redis, entries: readonly StatusEntry[]): Promise<void> {
  await redis.set("gateway_statuses", JSON.stringify(entries));
}

/** Writes what one gateway called `alpha` would have written. */
export async function writeFleet(
  redis: Redis,
  entries: readonly StatusEntry[],
  changes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await writeStatuses(redis, entries);
  await redis.mset("gateway_shards", entries.length, "gateway_started", STARTED, "gateway:started", STARTED);
  await redis.hset("gateway:replicas", "alpha", replicaEntry(entries.length, changes));
}

/** Fields of one second in `gateway:history:<replica>`. */
export function secondFields(changes: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries({
    events: "100",
    confirmed: "99",
    delay_p50: "1.25",
    delay_p99: "8",
    latency_p50: "40",
    latency_p90: "80",
    latency_max: "120",
    unconfirmed: "12",
    unconfirmed_bytes: "9000",
    spooled: "0",
    spooled_bytes: "0",
    connected: "16",
    returned: "0",
    ...changes,
  }).flat();
}
