/**
 * The counter `gateway_events{type,shard}`, rendered by hand.
 *
 * With its types times shards it is the one family that makes the text long: for 30 types and 1,024 shards
 * prom-client needs 35 to 60 ms on the event loop, this some 3 ms, and those not in one turn.
 *
 * @module
 */
import type { CountedEvents } from "../figures/event_counts.ts";
import { nextTurn } from "./turns.ts";

const HEAD =
  "# HELP gateway_events Events received through the Discord gateway\n# TYPE gateway_events counter\n";

/** So many lines, about, are rendered in one turn of the event loop: some hundred microseconds. */
const TURN_LINES = 4_096;

/** The family in Prometheus's text format 0.0.4, with a line break at the end. */
export async function eventCountsText(counts: CountedEvents): Promise<string> {
  const beforeShards = new Map<string, string>();
  const lines = [HEAD];
  let turnEnd = TURN_LINES;
  for (const shard of [...counts.shards()]) {
    counts.eachOf(shard, (type, count) => {
      let beforeShard = beforeShards.get(type);
      if (beforeShard === undefined) {
        beforeShard = `gateway_events{type="${escapeLabelValue(type)}",shard="`;
        beforeShards.set(type, beforeShard);
      }
      lines.push(`${beforeShard}${shard}"} ${count}\n`);
    });
    if (lines.length < turnEnd) continue;
    turnEnd = lines.length + TURN_LINES;
    await nextTurn();
  }
  return lines.join("");
}

function escapeLabelValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
