import assert from "node:assert/strict";
import { FiguresGatherer, type KnownFigures } from "../../../gateway/figures/gatherer.ts";
import type { ShardState } from "../../../gateway/figures/watched_shard.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";

const CONNECTED: ShardState = {
  status: "Connected",
  sinceMs: 0,
  waitingForTurn: false,
  parked: false,
  acknowledged: true,
  latencyMs: 40,
};

class GathererRig {
  readonly clock = new ManualClock();
  readonly states = new Map<number, ShardState>();
  known: Omit<KnownFigures, "states"> = {
    total: null,
    recommended: null,
    brokerConnected: false,
    unconfirmed: { events: 0, bytes: 0 },
    spooled: null,
    fleet: null,
  };
  readonly gatherer: FiguresGatherer;

  constructor(states: Record<number, Partial<ShardState>> = {}) {
    for (const [shard, state] of Object.entries(states)) {
      this.states.set(Number(shard), { ...CONNECTED, ...state });
    }
    this.gatherer = new FiguresGatherer({
      clock: this.clock,
      known: () => ({ ...this.known, states: this.states }),
      progressOf: () => ({
        sequenceReceived: 1,
        sequencePublished: 1,
        sequenceStored: 1,
        guildCount: 1,
        resumeGatewayUrl: null,
      }),
      replicaName: "one",
      version: "1.2.3",
      holdsSecret: (text) => text.includes("token"),
    });
  }

  take({ stopped = false } = {}) {
    this.clock.advance(1_000);
    return this.gatherer.take({ stopped });
  }
}

Deno.test("FiguresGatherer.take() tells of the process before anything is known", () => {
  const rig = new GathererRig();
  const { replica, second, ...rest } = rig.take();
  assert.deepEqual(replica, {
    name: "one",
    version: "1.2.3",
    startedAtMs: rig.clock.epochMs,
    heardAtMs: rig.clock.epochMs + 1_000,
    stopped: false,
    shards: [],
    total: null,
    recommended: null,
    waiting: [],
    parked: [],
    identify: null,
    broker: false,
    unconfirmed: { events: 0, bytes: 0 },
    spool: null,
    fleet: null,
  });
  assert.deepEqual(second, {
    events: 0,
    confirmed: 0,
    delayP50Ms: null,
    delayP99Ms: null,
    latencyP50Ms: null,
    latencyP90Ms: null,
    latencyMaxMs: null,
    unconfirmedEvents: 0,
    unconfirmedBytes: 0,
    spooledEvents: null,
    spooledBytes: null,
    connected: 0,
    returned: 0,
  });
  assert.deepEqual(rest, { details: new Map(), life: [], latencies: [], rejected: [] });
});

Deno.test("FiguresGatherer.take() tells what the service knows", () => {
  const away = { status: "Disconnected" } as const;
  const rig = new GathererRig({
    0: {},
    1: { ...away, waitingForTurn: true },
    2: { ...away, waitingForTurn: true },
    3: {},
    5: { ...away, parked: true },
  });
  rig.known = {
    total: 6,
    recommended: 8,
    brokerConnected: true,
    unconfirmed: { events: 12, bytes: 9_000 },
    spooled: { events: 3, bytes: 700, maxBytes: 4_096 },
    fleet: { member: "9a3f", isDraining: true, holds: true },
  };
  rig.gatherer.observe({ kind: "identify.budget", remaining: 987, total: 1_000, resetsInMs: 60_000.4 });
  const { replica, second, details } = rig.take();
  const { shards, waiting, parked, identify, total, recommended, broker, unconfirmed, spool, fleet } =
    replica;
  assert.deepEqual({ shards, waiting, parked }, {
    shards: [[0, 3], [5, 5]],
    waiting: [[1, 2]],
    parked: [[5, 5]],
  });
  assert.deepEqual(identify, { remaining: 987, total: 1_000, resetsAtMs: rig.clock.epochMs + 60_000 });
  assert.deepEqual({ total, recommended, broker }, { total: 6, recommended: 8, broker: true });
  assert.deepEqual(
    [unconfirmed, spool, fleet],
    [rig.known.unconfirmed, rig.known.spooled, rig.known.fleet],
  );
  assert.deepEqual(
    [second?.unconfirmedEvents, second?.unconfirmedBytes, second?.spooledEvents, second?.spooledBytes],
    [12, 9_000, 3, 700],
  );
  assert.equal(second?.connected, 2);
  assert.deepEqual([...details.keys()], [0, 1, 2, 3, 5]);
});

Deno.test("FiguresGatherer.take() counts events, confirmations and delays of the time since it was last called", () => {
  const rig = new GathererRig({ 0: {} });
  const receive = (count: number) => {
    for (let number = 0; number < count; number++) {
      rig.gatherer.observe({ kind: "event.received", shard: 0, type: "MESSAGE_CREATE", bytes: 9 });
    }
  };
  const counted = () => {
    const { second } = rig.take();
    return [second?.events, second?.confirmed, second?.delayP50Ms, second?.delayP99Ms];
  };
  receive(3);
  for (const delayMs of [1, 2, 3, 50]) rig.gatherer.confirmed(delayMs);
  assert.deepEqual(counted(), [3, 4, 2, 50]);
  receive(1);
  assert.deepEqual(counted(), [1, 0, null, null]);
  receive(7);
  rig.gatherer.confirmed(9);
  rig.gatherer.skip();
  receive(2);
  assert.deepEqual(counted(), [2, 0, null, null], "a second that was not written is over");
});

Deno.test("FiguresGatherer.take() counts how often shards came back since it was last called, and tells of each", () => {
  const rig = new GathererRig({ 0: {} });
  const resume = (shard: number) => {
    rig.gatherer.observe({ kind: "shard.disconnected", shard, code: 4000, reason: "", by: "discord" });
    rig.gatherer.observe({ kind: "shard.resuming", shard, session: "0123456789abcdef", sequence: 1 });
    rig.gatherer.observe({ kind: "shard.resumed", shard, replayed: 0 });
  };
  resume(0);
  resume(1);
  resume(0);
  rig.gatherer.observe({
    kind: "shard.ready",
    shard: 2,
    session: "0123456789abcdef",
    guilds: 1,
    resumable: true,
  });
  const { second, life } = rig.take();
  assert.deepEqual([second?.returned, life.length], [4, 10]);
  assert.equal(rig.take().second?.returned, 0);
  resume(0);
  rig.gatherer.skip();
  assert.equal(rig.take().second?.returned, 0, "a second that was not written is over");
});

Deno.test("FiguresGatherer.take() spreads the latencies of connected shards whose heartbeat was acknowledged", () => {
  const rig = new GathererRig(Object.fromEntries(
    Array.from({ length: 10 }, (_, shard) => [shard, { latencyMs: 10 + shard }]),
  ));
  rig.states.set(20, { ...CONNECTED, acknowledged: false, latencyMs: 0 });
  rig.states.set(21, { ...CONNECTED, status: "Resuming", latencyMs: 900 });
  const spread = () => {
    const { second } = rig.take();
    return [second?.latencyP50Ms, second?.latencyP90Ms, second?.latencyMaxMs, second?.connected];
  };
  assert.deepEqual(spread(), [14, 18, 19, 11]);
  assert.deepEqual(spread(), [14, 18, 19, 11], "they are those of now, not of the second");
  rig.states.clear();
  assert.deepEqual(spread(), [null, null, null, 0]);
});

Deno.test("FiguresGatherer.take() tells once what happened to shards, and when", () => {
  const rig = new GathererRig();
  rig.clock.advance(250);
  const atMs = rig.clock.wallMs();
  rig.gatherer.observe({ kind: "shard.zombie", shard: 3 });
  rig.gatherer.observe({ kind: "shard.acknowledged", shard: 4, latencyMs: 41.7 });
  rig.gatherer.observe({ kind: "shard.status", shard: 3, status: "Resuming", waitingForTurn: false });
  const { life, latencies } = rig.take();
  assert.deepEqual(life, [{ shard: 3, atMs, kind: "zombie", data: {} }]);
  assert.deepEqual(latencies, [{ shard: 4, atMs, latencyMs: 41.7 }]);
  const next = rig.take();
  assert.deepEqual([next.life, next.latencies], [[], []]);
});

Deno.test("FiguresGatherer keeps the newest 10,000 of what waits, and gives 2,000 at a time, the last time all", () => {
  const rig = new GathererRig();
  for (let attempt = 0; attempt < 10_500; attempt++) {
    rig.gatherer.observe({ kind: "shard.connecting", shard: 0, host: "discord", attempt });
  }
  const first = rig.take().life;
  assert.deepEqual([first.length, first[0]?.data["attempt"]], [2_000, 500]);
  const next = rig.take().life;
  assert.deepEqual([next.length, next[0]?.data["attempt"]], [2_000, 2_500]);
  const { life, replica, second } = rig.take({ stopped: true });
  assert.deepEqual([life.length, life.at(-1)?.data["attempt"]], [6_000, 10_499]);
  assert.deepEqual([replica.stopped, second], [true, null]);
});

Deno.test("FiguresGatherer.take() tells of refused commands, with a body that is a text and short", () => {
  const rig = new GathererRig();
  const atMs = rig.clock.wallMs();
  const encoder = new TextEncoder();
  const bodies = [
    encoder.encode('{"é":1}'),
    encoder.encode("\ufeff{}"),
    new Uint8Array([0x7b, 0xff]),
    encoder.encode("x".repeat(16 * 1024)),
    encoder.encode("x".repeat(16 * 1024 + 1)),
    encoder.encode('{"op":2,"d":{"token":""}}'),
    new Uint8Array(),
  ];
  for (const body of bodies) rig.gatherer.rejected(body, "not_json", "The command is not JSON");
  const { rejected } = rig.take();
  assert.deepEqual(rejected[0], {
    atMs,
    reason: "not_json",
    message: "The command is not JSON",
    bytes: 8,
    body: '{"é":1}',
  });
  assert.deepEqual(rejected.map(({ bytes }) => bytes), bodies.map(({ length }) => length));
  assert.deepEqual(rejected.map(({ body }) => body), [
    '{"é":1}',
    "\ufeff{}",
    null,
    "x".repeat(16 * 1024),
    null,
    null,
    "",
  ]);
  assert.deepEqual(rig.take().rejected, []);
});

Deno.test("FiguresGatherer keeps the newest 200 refused commands", () => {
  const rig = new GathererRig();
  for (let number = 0; number < 250; number++) {
    rig.gatherer.rejected(new TextEncoder().encode(String(number)), "not_json", "");
  }
  const bodies = rig.take().rejected.map(({ body }) => body);
  assert.deepEqual([bodies.length, bodies[0], bodies.at(-1)], [200, "50", "249"]);
});

Deno.test("FiguresGatherer has every shard say again what may have been lost with the store, or on the way", () => {
  const rig = new GathererRig({ 0: {}, 1: {} });
  assert.equal(rig.take().details.size, 2);
  assert.equal(rig.take().details.size, 0);
  rig.gatherer.observe({ kind: "redis.connected", address: "127.0.0.1:6379" });
  assert.equal(rig.take().details.size, 2);
  rig.gatherer.notWritten();
  assert.equal(rig.take().details.size, 2);
});
