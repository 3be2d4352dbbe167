import assert from "node:assert/strict";
import { DetailTurns } from "../../../gateway/figures/detail_turns.ts";
import { EventCounts } from "../../../gateway/figures/event_counts.ts";
import type { ShardProgress, ShardState } from "../../../gateway/figures/watched_shard.ts";

const STATE: ShardState = {
  status: "Connected",
  sinceMs: 5_000,
  waitingForTurn: false,
  parked: false,
  acknowledged: true,
  latencyMs: 40,
};
const PROGRESS: ShardProgress = {
  sequenceReceived: 12,
  sequencePublished: 11,
  sequenceStored: 10,
  guildCount: 3,
  resumeGatewayUrl: "wss://gateway-us-east1-b.discord.gg/?v=9",
};

class TurnsRig {
  readonly counts = new EventCounts();
  readonly turns = new DetailTurns(this.counts);
  readonly states = new Map<number, ShardState>();
  readonly progress = new Map<number, ShardProgress>();
  nowMs = 1_000;

  constructor(shards: number) {
    for (let shard = 0; shard < shards; shard++) this.change(shard, {});
  }

  change(shard: number, changes: Partial<ShardState & ShardProgress>): void {
    this.states.set(shard, { ...STATE, ...this.states.get(shard), ...changes });
    this.progress.set(shard, { ...PROGRESS, ...this.progress.get(shard), ...changes });
  }

  /** Events of one shard, each moving its sequence. */
  receive(shard: number, type: string, count: number): void {
    for (let number = 0; number < count; number++) this.counts.add(type, shard);
    const sequence = this.progress.get(shard)?.sequenceReceived ?? 0;
    this.change(shard, { sequenceReceived: sequence + count });
  }

  take(afterMs = 1_000) {
    this.nowMs += afterMs;
    const moment = { wallMs: 100_000 + this.nowMs, nowMs: this.nowMs };
    return this.turns.take(this.states, (shard) => this.progress.get(shard), moment);
  }
}

Deno.test("DetailTurns.take() says everything of a shard", () => {
  const rig = new TurnsRig(1);
  assert.deepEqual([...rig.take()], [[0, {
    atMs: 102_000,
    sinceMs: 5_000,
    received: 12,
    published: 11,
    stored: 10,
    guilds: 3,
    host: "gateway-us-east1-b.discord.gg",
    parked: false,
    waiting: false,
    eventsPerSecond: 0,
    rates: [],
  }]]);
});

Deno.test("DetailTurns.take() passes over shards that say nothing new", () => {
  const rig = new TurnsRig(4);
  assert.equal(rig.take().size, 4);
  assert.equal(rig.take().size, 0);
  rig.change(2, { latencyMs: 90 });
  assert.equal(rig.take().size, 0, "the latency is told elsewhere");
});

for (
  const change of [
    { sinceMs: 6_000 },
    { waitingForTurn: true },
    { parked: true },
    { sequenceReceived: null },
    { sequencePublished: 12 },
    { sequenceStored: 11 },
    { guildCount: 4 },
    { resumeGatewayUrl: null },
  ]
) {
  Deno.test(`DetailTurns.take() says again what has changed: ${JSON.stringify(change)}`, () => {
    const rig = new TurnsRig(3);
    rig.take();
    rig.change(1, change);
    assert.deepEqual([...rig.take().keys()], [1]);
    assert.equal(rig.take().size, 0);
  });
}

Deno.test("DetailTurns.take() tells the host of the URL there is, and none of what is no URL", () => {
  const rig = new TurnsRig(1);
  rig.take();
  const host = (resumeGatewayUrl: string | null) => {
    rig.change(0, { resumeGatewayUrl });
    return rig.take().get(0)?.host;
  };
  assert.equal(host("wss://other.discord.gg"), "other.discord.gg");
  assert.equal(host("no URL"), null);
  assert.equal(host(null), null);
});

Deno.test("DetailTurns.take() tells rates since the shard's last turn, and once more when they are over", () => {
  const rig = new TurnsRig(1);
  rig.take();
  rig.receive(0, "MESSAGE_CREATE", 9);
  rig.receive(0, "TYPING_START", 1);
  const busy = rig.take(4_000).get(0);
  assert.deepEqual([busy?.eventsPerSecond, busy?.rates], [2.5, [["MESSAGE_CREATE", 2.25], [
    "TYPING_START",
    0.25,
  ]]]);
  const quiet = rig.take().get(0);
  assert.deepEqual([quiet?.eventsPerSecond, quiet?.rates], [0, []]);
  assert.equal(rig.take().size, 0);
  rig.receive(0, "TYPING_START", 3);
  assert.equal(rig.take().get(0)?.eventsPerSecond, 3, "a turn without news is one");
});

Deno.test("DetailTurns.take() makes no rate of what came before the first turn, nor of less than a second", () => {
  const rig = new TurnsRig(1);
  rig.receive(0, "GUILD_CREATE", 5_000);
  assert.equal(rig.take().get(0)?.eventsPerSecond, 0);
  rig.receive(0, "TYPING_START", 3);
  assert.equal(rig.take(10).get(0)?.eventsPerSecond, 3);
});

Deno.test("DetailTurns.take() tells the 20 most frequent types, and none that is nothing", () => {
  const rig = new TurnsRig(1);
  rig.take();
  for (let type = 0; type < 30; type++) rig.receive(0, `TYPE_${type}`, type + 1);
  const rates = rig.take().get(0)?.rates ?? [];
  assert.equal(rates.length, 20);
  assert.deepEqual([rates[0], rates.at(-1)], [["TYPE_29", 30], ["TYPE_10", 11]]);
  rig.receive(0, "RARE", 1);
  const rare = rig.take(1_000_000).get(0);
  assert.deepEqual([rare?.eventsPerSecond, rare?.rates], [0, []]);
});

Deno.test("DetailTurns.take() gives 500 at a time, and every shard its turn", () => {
  const rig = new TurnsRig(1_200);
  assert.deepEqual([...rig.take().keys()], Array.from({ length: 500 }, (_, shard) => shard));
  // A loud shard does not come before those that have not had their turn.
  rig.receive(0, "TYPING_START", 1);
  assert.deepEqual([...rig.take().keys()], Array.from({ length: 500 }, (_, shard) => 500 + shard));
  const rest = [...rig.take().keys()];
  assert.deepEqual(rest, [...Array.from({ length: 200 }, (_, shard) => 1_000 + shard), 0]);
});

Deno.test("DetailTurns.repeatAll() has every shard say again what it said", () => {
  const rig = new TurnsRig(3);
  rig.take();
  rig.turns.repeatAll();
  assert.equal(rig.take().size, 3);
  assert.equal(rig.take().size, 0);
});
