/**
 * The counter `gateway_events{type,shard}`, rendered by hand.
 *
 * With its types times shards it is the one family that makes the text long: for 30 types and 1,024 shards
 * prom-client needs 35 to 60 ms on the event loop, this some 3 ms.
 *
 * @module
 */
import type { EventCounts } from "../figures/event_counts.ts";

const HEAD =
  "# HELP gateway_events Events received through the Discord gateway\n# TYPE gateway_events counter\n";

/** The family in Prometheus's text format 0.0.4, with a line break at the end. */
export function eventCountsText(counts: EventCounts): string {
  const beforeShards = new Map<string, string>();
  const lines: string[] = [];
  counts.each((type, shard, count) => {
    let beforeShard = beforeShards.get(type);
    if (beforeShard === undefined) {
      beforeShard = `gateway_events{type="${escapeLabelValue(type)}",shard="`;
      beforeShards.set(type, beforeShard);
    }
    lines.push(`${beforeShard}${shard}"} ${count}\n`);
  });
  return HEAD + lines.join("");
}

function escapeLabelValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
