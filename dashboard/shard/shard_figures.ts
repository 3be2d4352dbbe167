/**
 * The figures of one shard: plain data, for its page and for the messages that keep it live.
 *
 * @module
 */
import type { CellState, FleetSnapshot } from "../fleet/fleet_snapshot.ts";
import type { EventRate, ShardSnapshot } from "./shard_reader.ts";

/** Times are milliseconds since the epoch. Null: not known, or none. */
export interface ShardFigures {
  readonly atMs: number;
  readonly source: FleetSnapshot["source"];
  readonly heardAgoMs: number | null;
  readonly state: CellState;
  /** Since when it has its status. */
  readonly sinceMs: number | null;
  readonly latencyMs: number | null;
  readonly lastAckAtMs: number | null;
  /** Shortened. */
  readonly session: string | null;
  readonly received: number | null;
  readonly published: number | null;
  readonly stored: number | null;
  readonly host: string | null;
  readonly guilds: number | null;
  readonly eventsPerSecond: number | null;
  readonly rates: readonly EventRate[];
}

export function shardFigures({ fleet, shard, details }: ShardSnapshot): ShardFigures {
  const { atMs, source, heardAgoMs } = fleet;
  const { state, latencyMs, lastAckAtMs, session } = shard;
  return {
    atMs,
    source,
    heardAgoMs,
    state,
    sinceMs: details?.sinceMs ?? null,
    latencyMs,
    lastAckAtMs,
    session,
    received: details?.received ?? null,
    published: details?.published ?? null,
    stored: details?.stored ?? null,
    host: details?.host ?? null,
    guilds: details?.guilds ?? null,
    eventsPerSecond: details?.eventsPerSecond ?? null,
    rates: details?.rates ?? [],
  };
}
