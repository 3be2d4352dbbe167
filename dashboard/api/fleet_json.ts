/**
 * The fleet as endpoints tell of it: in the spelling of the wire contract, with times `…_at` in milliseconds since the
 * epoch. What is null is not known.
 *
 * @module
 */
import type { FleetFigures, ReplicaState } from "../fleet/fleet_figures.ts";
import {
  type CellState,
  type FleetShard,
  type FleetSnapshot,
  isGatewayAway,
} from "../fleet/fleet_snapshot.ts";
import type { ReshardPhase } from "../resharding/reshard.ts";
import type { HistoryPoint } from "../fleet/history_reader.ts";

export interface FleetJson {
  readonly at: number;
  readonly source: FleetSnapshot["source"];
  readonly started_at: number | null;
  readonly heard_ago_ms: number | null;
  /** It was there, and is silent. */
  readonly away: boolean;
  readonly total: number;
  readonly recommended: number | null;
  readonly counts: Readonly<Record<CellState, number>>;
  /** The newest second that every replica has told of. */
  readonly second: SecondJson | null;
  readonly latency: { readonly p50_ms: number; readonly p90_ms: number; readonly max_ms: number } | null;
  readonly unconfirmed: BacklogJson;
  readonly spool: (BacklogJson & { readonly max_bytes: number }) | null;
  readonly identify:
    | { readonly remaining: number; readonly total: number; readonly resets_at: number }
    | null;
  readonly replicas: readonly ReplicaJson[];
  readonly unheld: UnheldJson;
  /** That is under way, or was the last; null where there was none. */
  readonly reshard: ReshardJson | null;
  readonly problems: readonly string[];
}

export interface BacklogJson {
  readonly events: number;
  readonly bytes: number;
}

/** Shards that nobody holds. */
export interface UnheldJson {
  /** Inclusive; the first of them where there are many. */
  readonly shards: readonly (readonly [first: number, last: number])[];
  readonly count: number;
  /** Of the one that was left first, at least. */
  readonly longest_ms: number;
}

/** A change of the number of shards. */
export interface ReshardJson {
  readonly phase: ReshardPhase;
  readonly from: number;
  readonly to: number;
  readonly began_at: number;
  /** How it is, as sentences. */
  readonly text: string;
  readonly under_way: boolean;
  /** New shards that are connected. */
  readonly ready: number;
  readonly replicas: readonly {
    readonly name: string;
    readonly ready: number;
    /** As a phrase; null: nothing. */
    readonly waits_for: string | null;
  }[];
}

export interface ReplicaJson {
  readonly name: string;
  readonly state: ReplicaState;
  /** Whether it shares its shards with others. */
  readonly shared: boolean;
  readonly lead: boolean;
  readonly version: string;
  readonly started_at: number;
  readonly heard_ago_ms: number;
  readonly stopped: boolean;
  readonly current: boolean;
  /** Inclusive; the first of them where there are many. */
  readonly shards: readonly (readonly [first: number, last: number])[];
  readonly shard_count: number;
  readonly broker: boolean;
  readonly unconfirmed: BacklogJson;
  readonly spooled: number | null;
  readonly events: number | null;
  readonly confirmed: number | null;
}

/** One second of the fleet. */
export interface SecondJson {
  readonly at: number;
  readonly events: number | null;
  readonly confirmed: number | null;
  readonly delay_p50_ms: number | null;
  readonly delay_p99_ms: number | null;
  readonly latency_p50_ms: number | null;
  readonly latency_p90_ms: number | null;
  readonly latency_max_ms: number | null;
  readonly unconfirmed: number | null;
  readonly unconfirmed_bytes: number | null;
  readonly spooled: number | null;
  readonly spooled_bytes: number | null;
  readonly connected: number | null;
  readonly returned: number | null;
}

export interface ShardJson {
  readonly shard: number;
  readonly status: CellState;
  readonly latency_ms: number | null;
  readonly last_ack_at: number | null;
  /** Shortened. */
  readonly session: string | null;
}

export function fleetJson(figures: FleetFigures, newest: HistoryPoint | undefined): FleetJson {
  const { sums, latency } = figures;
  return {
    at: figures.atMs,
    source: figures.source,
    started_at: figures.startedAtMs,
    heard_ago_ms: figures.heardAgoMs,
    away: isGatewayAway(figures),
    total: figures.total,
    recommended: sums.recommended,
    counts: figures.counts,
    second: newest === undefined ? null : secondJson(newest),
    latency: latency && { p50_ms: latency.p50Ms, p90_ms: latency.p90Ms, max_ms: latency.maxMs },
    unconfirmed: sums.unconfirmed,
    spool: sums.spool && {
      events: sums.spool.events,
      bytes: sums.spool.bytes,
      max_bytes: sums.spool.maxBytes,
    },
    identify: sums.identify && {
      remaining: sums.identify.remaining,
      total: sums.identify.total,
      resets_at: sums.identify.resetsAtMs,
    },
    replicas: figures.replicas.map((replica) => ({
      name: replica.name,
      state: replica.state,
      shared: replica.isShared,
      lead: replica.isLead,
      version: replica.version,
      started_at: replica.startedAtMs,
      heard_ago_ms: replica.heardAgoMs,
      stopped: replica.isStopped,
      current: replica.isCurrent,
      shards: replica.shards,
      shard_count: replica.shardCount,
      broker: replica.hasBroker,
      unconfirmed: replica.unconfirmed,
      spooled: replica.spooled,
      events: replica.eventsPerSecond,
      confirmed: replica.confirmedPerSecond,
    })),
    unheld: {
      shards: figures.unheld.ranges,
      count: figures.unheld.count,
      longest_ms: figures.unheld.longestMs,
    },
    reshard: figures.reshard && {
      phase: figures.reshard.phase,
      from: figures.reshard.from,
      to: figures.reshard.to,
      began_at: figures.reshard.beganAtMs,
      text: figures.reshard.text,
      under_way: figures.reshard.isUnderWay,
      ready: figures.reshard.ready,
      replicas: figures.reshard.replicas.map(({ name, ready, waitsFor }) => ({
        name,
        ready,
        waits_for: waitsFor,
      })),
    },
    problems: figures.problems,
  };
}

export function secondJson(point: HistoryPoint): SecondJson {
  return {
    at: point.second * 1_000,
    events: point.events,
    confirmed: point.confirmed,
    delay_p50_ms: point.delayP50Ms,
    delay_p99_ms: point.delayP99Ms,
    latency_p50_ms: point.latencyP50Ms,
    latency_p90_ms: point.latencyP90Ms,
    latency_max_ms: point.latencyMaxMs,
    unconfirmed: point.unconfirmed,
    unconfirmed_bytes: point.unconfirmedBytes,
    spooled: point.spooled,
    spooled_bytes: point.spooledBytes,
    connected: point.connected,
    returned: point.returned,
  };
}

export function shardJson({ shard, state, latencyMs, lastAckAtMs, session }: FleetShard): ShardJson {
  return { shard, status: state, latency_ms: latencyMs, last_ack_at: lastAckAtMs, session };
}
