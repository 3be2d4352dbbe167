/**
 * Figures and faults as people read them.
 *
 * @module
 */

import type { DrawnKind, PlannedFault } from "./plan.ts";

export function grouped(count: number): string {
  return Math.round(count).toLocaleString("en");
}

/** `123 MB`, of a million bytes. */
export function megabytes(bytes: number): string {
  return `${grouped(bytes / 1e6)} MB`;
}

/** `1.3 s` */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** `12:05` */
export function clock(ms: number): string {
  const wholeSeconds = Math.floor(ms / 1_000);
  return `${String(Math.floor(wholeSeconds / 60)).padStart(2)}:${String(wholeSeconds % 60).padStart(2, "0")}`;
}

/** `RabbitMQ killed`, `gateway killed, replica 2`, `Discord: op 7, shard 3` */
export function faultWords({ kind, shard, replica }: PlannedFault<DrawnKind>): string {
  if (kind.victim !== "Discord") {
    return `${kind.victim} ${kind.name}${replica === null ? "" : `, replica ${replica + 1}`}`;
  }
  return `Discord: ${kind.name}, ${shard === null ? "all shards" : `shard ${shard}`}`;
}
