import assert from "node:assert/strict";
import { fleetFigures, type NewestSeconds } from "../../../dashboard/fleet/fleet_figures.ts";
import type { CellState, FleetReplica, FleetSnapshot } from "../../../dashboard/fleet/fleet_snapshot.ts";
import type { HistoryPoint } from "../../../dashboard/fleet/history_reader.ts";

const NO_HISTORY = { newestOf: () => null };

function snapshotOf(changes: Partial<FleetSnapshot>): FleetSnapshot {
  return {
    atMs: 0,
    source: "shardline",
    startedAtMs: null,
    total: 4,
    shards: [],
    replicas: [],
    unheld: { ranges: [], count: 0, longestMs: 0 },
    reshard: null,
    sums: { unconfirmed: { events: 0, bytes: 0 }, spool: null, identify: null, recommended: null },
    heardAgoMs: null,
    problems: [],
    ...changes,
  };
}

function latencyOf(...shards: readonly (readonly [state: CellState, latencyMs: number | null])[]) {
  const snapshot = snapshotOf({
    shards: shards.map(([state, latencyMs], shard) => {
      return { shard, state, latencyMs, lastAckAtMs: null, session: null };
    }),
  });
  return fleetFigures(snapshot, NO_HISTORY).latency;
}

const REPLICA: FleetReplica = {
  name: "alpha",
  field: "alpha",
  version: "0.1.0",
  startedAtMs: 0,
  heardAgoMs: 400,
  isStopped: false,
  isCurrent: true,
  shards: [[0, 3]],
  shardCount: 4,
  total: 4,
  recommended: null,
  waiting: [],
  parked: [],
  identify: null,
  hasBroker: true,
  unconfirmed: { events: 0, bytes: 0 },
  spool: null,
  fleet: { member: "m", isLead: false, isDraining: false, holds: true },
};

function shown(changes: Partial<FleetReplica>, history: NewestSeconds = NO_HISTORY) {
  const [replica] = fleetFigures(snapshotOf({ replicas: [{ ...REPLICA, ...changes }] }), history).replicas;
  assert(replica !== undefined);
  return replica;
}

Deno.test("fleetFigures() says what a replica is doing", () => {
  const part = { member: "m", isLead: false, isDraining: false, holds: true };
  const nothing = { shards: [], shardCount: 0 };
  const states = [
    {},
    { fleet: null },
    nothing,
    { ...nothing, total: null },
    { ...nothing, fleet: { ...part, holds: false } },
    { fleet: { ...part, holds: false } },
    { fleet: { ...part, isDraining: true } },
    { ...nothing, fleet: { ...part, isDraining: true } },
    { heardAgoMs: 5_001, fleet: { ...part, isDraining: true } },
    { isStopped: true, heardAgoMs: 60_000 },
  ].map((changes) => shown(changes).state);
  assert.deepEqual(states, [
    "running",
    "running",
    "running",
    "starting",
    "starting",
    "lapsed",
    "draining",
    "drained",
    "silent",
    "stopped",
  ]);
});

Deno.test("fleetFigures() tells what a replica carries while it speaks", () => {
  const second = { events: 512, confirmed: 509 } as HistoryPoint;
  const history = { newestOf: (field: string) => field === "alpha" ? second : null };
  const rates = (changes: Partial<FleetReplica>) => {
    const { eventsPerSecond, confirmedPerSecond } = shown(changes, history);
    return [eventsPerSecond, confirmedPerSecond];
  };
  assert.deepEqual(rates({}), [512, 509]);
  assert.deepEqual(rates({ field: "beta" }), [null, null]);
  assert.deepEqual(rates({ heardAgoMs: 20_000 }), [null, null]);
});

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
