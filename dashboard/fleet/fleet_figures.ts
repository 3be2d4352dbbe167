/**
 * The figures of the fleet: what is left of a snapshot when its shards are counted. Plain data, for pages and for the
 * messages that keep them live.
 *
 * @module
 */
import { CELL_STATES, type CellState, type FleetReplica, type FleetSnapshot } from "./fleet_snapshot.ts";

/** Where one bar of the spread of latencies ends and the next begins, in milliseconds. */
export const LATENCY_EDGES_MS = [25, 50, 75, 100, 150, 200, 300, 500, 1_000] as const;

export interface FleetFigures {
  readonly atMs: number;
  readonly source: FleetSnapshot["source"];
  readonly startedAtMs: number | null;
  readonly heardAgoMs: number | null;
  readonly total: number;
  readonly counts: Readonly<Record<CellState, number>>;
  readonly sums: FleetSnapshot["sums"];
  /** Null where no connected shard has one. */
  readonly latency: LatencySpread | null;
  readonly replicas: readonly ReplicaFigures[];
  readonly problems: readonly string[];
}

/** Of the connected shards that have had a heartbeat acknowledged. */
export interface LatencySpread {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly maxMs: number;
  /** How many shards lie below each of {@link LATENCY_EDGES_MS} and not below the one before it; last, the rest. */
  readonly bars: readonly number[];
  /** Connected shards that have had no heartbeat acknowledged yet. */
  readonly unmeasured: number;
}

export interface ReplicaFigures extends
  Pick<
    FleetReplica,
    | "name"
    | "version"
    | "heardAgoMs"
    | "isStopped"
    | "isCurrent"
    | "shards"
    | "shardCount"
    | "hasBroker"
    | "unconfirmed"
  > {
  readonly spooled: number | null;
}

export function fleetFigures(snapshot: FleetSnapshot): FleetFigures {
  const counts = Object.fromEntries(CELL_STATES.map((state) => [state, 0])) as Record<CellState, number>;
  for (const { state } of snapshot.shards) counts[state] += 1;
  const { atMs, source, startedAtMs, heardAgoMs, sums, problems } = snapshot;
  return {
    atMs,
    source,
    startedAtMs,
    heardAgoMs,
    total: snapshot.shards.length,
    counts,
    sums,
    latency: latencySpread(snapshot),
    replicas: snapshot.replicas.map(replicaFigures),
    problems,
  };
}

function latencySpread({ shards }: FleetSnapshot): LatencySpread | null {
  const latencies = new Float64Array(shards.length);
  let [count, unmeasured] = [0, 0];
  for (const { state, latencyMs } of shards) {
    if (state !== "connected") continue;
    if (latencyMs === null) unmeasured += 1;
    else latencies[count++] = latencyMs;
  }
  if (count === 0) return null;
  const sorted = latencies.subarray(0, count).sort();
  const at = (share: number) => sorted[Math.min(count - 1, Math.floor(count * share))] ?? 0;
  const bars = new Array<number>(LATENCY_EDGES_MS.length + 1).fill(0);
  let bar = 0;
  for (const latencyMs of sorted) {
    while (latencyMs >= (LATENCY_EDGES_MS[bar] ?? Infinity)) bar += 1;
    bars[bar] = (bars[bar] ?? 0) + 1;
  }
  return { p50Ms: at(0.5), p90Ms: at(0.9), maxMs: at(1), bars, unmeasured };
}

/** As many ranges of shards as a row has room for. */
const RANGES_SHOWN = 4;

function replicaFigures(replica: FleetReplica): ReplicaFigures {
  const {
    name,
    version,
    heardAgoMs,
    isStopped,
    isCurrent,
    shards,
    shardCount,
    hasBroker,
    unconfirmed,
    spool,
  } = replica;
  return {
    name,
    version,
    heardAgoMs,
    isStopped,
    isCurrent,
    shards: shards.slice(0, RANGES_SHOWN),
    shardCount,
    hasBroker,
    unconfirmed,
    spooled: spool?.events ?? null,
  };
}
