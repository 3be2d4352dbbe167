/**
 * One shard as endpoints tell of it, in the spelling of `fleet_json.ts`.
 *
 * @module
 */
import type { FleetSnapshot } from "../fleet/fleet_snapshot.ts";
import type { ShardSnapshot } from "../shard/shard_reader.ts";
import { type ShardJson, shardJson } from "./fleet_json.ts";

/** What is null is not known; the three sequences are null without a session, too. */
export interface ShardDetailsJson extends ShardJson {
  readonly source: FleetSnapshot["source"];
  /** When the gateway told of what follows. */
  readonly details_at: number | null;
  /** When it took on its status. */
  readonly since_at: number | null;
  readonly received: number | null;
  readonly published: number | null;
  readonly stored: number | null;
  readonly host: string | null;
  readonly guilds: number | null;
  readonly events_per_second: number | null;
  /** By event type, the most frequent first. */
  readonly rates: Readonly<Record<string, number>>;
  /** The newest first. */
  readonly life: readonly { readonly at: number; readonly text: string }[];
  /** Of acknowledged heartbeats, the oldest first. */
  readonly latencies: readonly { readonly at: number; readonly latency_ms: number }[];
}

export function shardDetailsJson(
  { fleet, shard, details, life, latencies }: ShardSnapshot,
): ShardDetailsJson {
  return {
    ...shardJson(shard),
    source: fleet.source,
    details_at: details?.atMs ?? null,
    since_at: details?.sinceMs ?? null,
    received: details?.received ?? null,
    published: details?.published ?? null,
    stored: details?.stored ?? null,
    host: details?.host ?? null,
    guilds: details?.guilds ?? null,
    events_per_second: details?.eventsPerSecond ?? null,
    rates: Object.fromEntries((details?.rates ?? []).map(({ type, perSecond }) => [type, perSecond])),
    life: life.map(({ atMs, text }) => ({ at: atMs, text })),
    latencies: latencies.map(({ atMs, latencyMs }) => ({ at: atMs, latency_ms: latencyMs })),
  };
}
