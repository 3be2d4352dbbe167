/**
 * A fleet of shards as whoever watches the service sees it, all of them connected.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import { Status } from "../../gateway/status.ts";
import { sessionOf } from "./events.ts";

/** What Discord's busiest bots have a thousand times over. */
export const FLEET = 1_024;

export function connectedStatus(clock: Clock, shards: number): Status {
  const status = new Status(clock);
  status.assign(shardIds(shards));
  for (const shard of shardIds(shards)) {
    status.observe({ kind: "shard.ready", shard, session: sessionOf(shard), guilds: 1_000, resumable: true });
    status.observe({ kind: "shard.status", shard, status: "Connected", waitingForTurn: false });
    status.observe({ kind: "shard.acknowledged", shard, latencyMs: latencyMs(shard) });
  }
  return status;
}

export function shardIds(shards: number): number[] {
  return Array.from({ length: shards }, (_, shard) => shard);
}

/** Made up, and another for each shard. */
export function latencyMs(shard: number): number {
  return 20 + shard % 90;
}

/** As in a name: `1,024 shards`. */
export function shardsText(shards: number): string {
  return `${shards.toLocaleString("en")} shards`;
}
