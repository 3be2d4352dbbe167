import assert from "node:assert/strict";
import { fleetFigures } from "../../../dashboard/fleet/fleet_figures.ts";
import type { CellState, FleetSnapshot } from "../../../dashboard/fleet/fleet_snapshot.ts";

const NO_HISTORY = { newestOf: () => null };

function latencyOf(...shards: readonly (readonly [state: CellState, latencyMs: number | null])[]) {
  const snapshot: FleetSnapshot = {
    atMs: 0,
    source: "shardline",
    startedAtMs: null,
    total: shards.length,
    shards: shards.map(([state, latencyMs], shard) => {
      return { shard, state, latencyMs, lastAckAtMs: null, session: null };
    }),
    replicas: [],
    unheld: { ranges: [], count: 0, longestMs: 0 },
    sums: { unconfirmed: { events: 0, bytes: 0 }, spool: null, identify: null, recommended: null },
    heardAgoMs: null,
    problems: [],
  };
  return fleetFigures(snapshot, NO_HISTORY).latency;
}

Deno.test("fleetFigures() spreads the latencies of connected shards, and counts those that have none yet", () => {
  const spread = latencyOf(
    ["connected", 1],
    ["connected", null],
    ["connected", 24],
    ["connected", 60],
    ["connected", null],
    ["connected", 4_000],
    ["resuming", 900],
    ["disconnected", null],
  );
  assert.deepEqual(spread, {
    p50Ms: 60,
    p90Ms: 4_000,
    maxMs: 4_000,
    bars: [2, 0, 1, 0, 0, 0, 0, 0, 0, 1],
    unmeasured: 2,
  });
  assert.equal(latencyOf(["connected", null]), null);
});
