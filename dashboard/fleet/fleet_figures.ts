/**
 * The figures of the fleet: what is left of a snapshot when its shards are counted. Plain data, for pages and for the
 * messages that keep them live.
 *
 * @module
 */
import {
  CELL_STATES,
  type CellState,
  type FleetReplica,
  type FleetSnapshot,
  isGatewayAway,
  type UnheldShards,
} from "./fleet_snapshot.ts";
import { canBeAbandoned, isUnderWay, type Reshard, reshardText } from "../resharding/reshard.ts";
import type { HistoryPoint } from "./history_reader.ts";

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
  /** The first ranges of them. */
  readonly unheld: UnheldShards;
  readonly reshard: ReshardFigures | null;
  readonly problems: readonly string[];
}

export interface ReshardFigures extends Omit<Reshard, "id" | "reason"> {
  /** How it is, as sentences. */
  readonly text: string;
  readonly isUnderWay: boolean;
  readonly canBeAbandoned: boolean;
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

/**
 * What a replica is doing. `lapsed`: it could not renew its leases, so it has left its shards; `drained`: an operator has
 * taken all its shards from it; `silent`: it has not been heard for longer than a gateway may be.
 */
export const REPLICA_STATES = [
  "starting",
  "running",
  "draining",
  "drained",
  "lapsed",
  "silent",
  "stopped",
] as const;

export type ReplicaState = (typeof REPLICA_STATES)[number];

export interface ReplicaFigures extends
  Pick<
    FleetReplica,
    | "name"
    | "version"
    | "startedAtMs"
    | "heardAgoMs"
    | "isStopped"
    | "isCurrent"
    | "shards"
    | "shardCount"
    | "hasBroker"
    | "unconfirmed"
  > {
  readonly state: ReplicaState;
  /** Whether it shares its shards with others, and can be drained. */
  readonly isShared: boolean;
  readonly isLead: boolean;
  readonly spooled: number | null;
  /** In its newest second; null where that is not known, or is the past. */
  readonly eventsPerSecond: number | null;
  readonly confirmedPerSecond: number | null;
}

/** Where the newest second of each replica is found: the history as it was read with the snapshot. */
export interface NewestSeconds {
  newestOf(field: string): HistoryPoint | null;
}

export function fleetFigures(snapshot: FleetSnapshot, history: NewestSeconds): FleetFigures {
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
    replicas: snapshot.replicas.map((replica) => replicaFigures(replica, history.newestOf(replica.field))),
    unheld: { ...snapshot.unheld, ranges: snapshot.unheld.ranges.slice(0, RANGES_SHOWN) },
    reshard: snapshot.reshard && reshardFigures(snapshot.reshard),
    problems,
  };
}

function reshardFigures(reshard: Reshard): ReshardFigures {
  const { id: _, reason: _reason, ...figures } = reshard;
  return {
    ...figures,
    text: reshardText(reshard),
    isUnderWay: isUnderWay(reshard),
    canBeAbandoned: canBeAbandoned(reshard),
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

function replicaFigures(replica: FleetReplica, newest: HistoryPoint | null): ReplicaFigures {
  const { fleet, spool, shards } = replica;
  const state = stateOf(replica);
  const isSpeaking = state !== "silent" && state !== "stopped";
  return {
    name: replica.name,
    version: replica.version,
    startedAtMs: replica.startedAtMs,
    heardAgoMs: replica.heardAgoMs,
    isStopped: replica.isStopped,
    isCurrent: replica.isCurrent,
    state,
    isShared: fleet !== null,
    isLead: fleet?.isLead === true,
    shards: shards.slice(0, RANGES_SHOWN),
    shardCount: replica.shardCount,
    hasBroker: replica.hasBroker,
    unconfirmed: replica.unconfirmed,
    spooled: spool?.events ?? null,
    eventsPerSecond: isSpeaking ? newest?.events ?? null : null,
    confirmedPerSecond: isSpeaking ? newest?.confirmed ?? null : null,
  };
}

function stateOf(replica: FleetReplica): ReplicaState {
  const { fleet, shardCount, total } = replica;
  if (replica.isStopped) return "stopped";
  if (isGatewayAway(replica)) return "silent";
  if (total === null) return "starting";
  if (fleet === null) return "running";
  if (!fleet.holds) return shardCount === 0 ? "starting" : "lapsed";
  if (fleet.isDraining) return shardCount === 0 ? "drained" : "draining";
  return "running";
}
