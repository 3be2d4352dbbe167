import assert from "node:assert/strict";
import { missingForReadiness, Status } from "../../gateway/status.ts";
import { ManualClock } from "../fakes/manual_clock.ts";

function statusOf(...shards: number[]) {
  const clock = new ManualClock();
  const status = new Status(clock);
  status.assign(shards);
  status.takeChanged();
  return { clock, status };
}

Deno.test("Status.assign() begins each shard Disconnected, without session, as of now", () => {
  const clock = new ManualClock();
  const status = new Status(clock);
  status.assign([1, 0]);

  const fresh = { status: "Disconnected", latencyMs: 0, lastAckAtMs: clock.wallMs(), session: "" };
  assert.deepEqual(status.takeChanged(), [{ shard: 1, ...fresh }, { shard: 0, ...fresh }]);
  assert.deepEqual(status.snapshot().shards.map(({ shard }) => shard), [0, 1]);
  assert.equal(status.snapshot().counts.Disconnected, 2);
});

Deno.test("Status.assign() keeps the shards named again and forgets the others", () => {
  const { status } = statusOf(0, 1);
  status.observe({ kind: "shard.status", shard: 0, status: "Connected", waitingForTurn: false });
  status.observe({ kind: "shard.status", shard: 1, status: "Connected", waitingForTurn: false });
  status.assign([0, 2]);

  assert.deepEqual(status.snapshot().shards.map(({ shard, status }) => [shard, status]), [
    [0, "Connected"],
    [2, "Disconnected"],
  ]);
  assert.deepEqual(status.takeChanged().map(({ shard }) => shard), [0, 2]);
});

Deno.test("Status.observe() passes over a shard that is not of this process", () => {
  const { status } = statusOf(0);
  status.observe({ kind: "shard.status", shard: 7, status: "Connected", waitingForTurn: false });
  status.observe({ kind: "shard.acknowledged", shard: 7, latencyMs: 12 });

  assert.deepEqual(status.snapshot().shards.map(({ shard }) => shard), [0]);
  assert.deepEqual(status.takeChanged(), []);
});

Deno.test("Status.snapshot() says since when a shard has its status", () => {
  const { clock, status } = statusOf(0);
  clock.advance(1_000);
  status.observe({ kind: "shard.status", shard: 0, status: "Handshaking", waitingForTurn: false });
  const changedAtMs = clock.wallMs();
  clock.advance(1_000);
  status.observe({ kind: "shard.status", shard: 0, status: "Handshaking", waitingForTurn: false });

  const shard = status.snapshot().shards[0];
  assert.equal(shard?.status, "Handshaking");
  assert.equal(shard?.sinceMs, changedAtMs);
});

Deno.test("Status.snapshot() counts the shards by status", () => {
  const { status } = statusOf(0, 1, 2);
  status.observe({ kind: "shard.status", shard: 0, status: "Connected", waitingForTurn: false });
  status.observe({ kind: "shard.status", shard: 1, status: "Resuming", waitingForTurn: false });

  assert.deepEqual(status.snapshot().counts, {
    Connected: 1,
    Disconnected: 1,
    Handshaking: 0,
    Identifying: 0,
    Resuming: 1,
  });
});

Deno.test("Status.snapshot() is frozen and later observations leave it alone", () => {
  const { status } = statusOf(0);
  const before = status.snapshot();
  status.observe({ kind: "shard.status", shard: 0, status: "Connected", waitingForTurn: false });

  assert.equal(before.shards[0]?.status, "Disconnected");
  assert.equal(before.counts.Disconnected, 1);
  for (const part of [before, before.shards, before.shards[0], before.counts]) {
    assert.ok(Object.isFrozen(part));
  }
});

Deno.test("Status.takeChanged() gives time of connecting and latency 0 until the first acknowledgement", () => {
  const { clock, status } = statusOf(0);
  status.observe({ kind: "shard.acknowledged", shard: 0, latencyMs: 41.6 });
  assert.equal(status.takeChanged()[0]?.latencyMs, 42);
  status.observe({ kind: "shard.acknowledged", shard: 0, latencyMs: 0.2 });
  assert.equal(status.takeChanged()[0]?.latencyMs, 1, "0 says that there was none");

  clock.advance(500);
  status.observe({ kind: "shard.connecting", shard: 0, host: "gateway.discord.gg", attempt: 1 });
  const [connecting] = status.takeChanged();
  assert.equal(connecting?.latencyMs, 0);
  assert.equal(connecting?.lastAckAtMs, clock.wallMs());

  clock.advance(500);
  status.observe({ kind: "shard.acknowledged", shard: 0, latencyMs: 30 });
  const [acknowledged] = status.takeChanged();
  assert.equal(acknowledged?.latencyMs, 30);
  assert.equal(acknowledged?.lastAckAtMs, clock.wallMs());
});

Deno.test("Status.takeChanged() follows the session through resume, READY and identify", () => {
  const { status } = statusOf(0);
  const session = () => status.takeChanged()[0]?.session;

  status.observe({ kind: "shard.resuming", shard: 0, session: "old", sequence: 7 });
  assert.equal(session(), "old");
  status.observe({ kind: "shard.ready", shard: 0, session: "new", guilds: 2, resumable: true });
  assert.equal(session(), "new");
  status.observe({ kind: "shard.identifying", shard: 0 });
  assert.equal(session(), "");
});

Deno.test("Status.takeChanged() gives only what moved since the last call, and once", () => {
  const { status } = statusOf(0, 1, 2);
  status.observe({ kind: "shard.acknowledged", shard: 1, latencyMs: 5 });
  status.observe({ kind: "shard.acknowledged", shard: 1, latencyMs: 6 });
  status.observe({ kind: "shard.status", shard: 2, status: "Disconnected", waitingForTurn: true });

  assert.deepEqual(status.takeChanged().map(({ shard, latencyMs }) => [shard, latencyMs]), [[1, 6]]);
  assert.deepEqual(status.takeChanged(), []);
});

Deno.test("Status.putBack() makes entries that were not written count as moved, as they are now", () => {
  const { status } = statusOf(0, 1);
  status.observe({ kind: "shard.acknowledged", shard: 0, latencyMs: 5 });
  status.observe({ kind: "shard.acknowledged", shard: 1, latencyMs: 5 });
  const entries = status.takeChanged();
  status.observe({ kind: "shard.acknowledged", shard: 0, latencyMs: 9 });
  status.assign([0]);
  status.putBack(entries);

  assert.deepEqual(status.takeChanged().map(({ shard, latencyMs }) => [shard, latencyMs]), [[0, 9]]);
});

Deno.test("Status.snapshot() tells which shards are parked", () => {
  const { status } = statusOf(0, 1);
  status.observe({ kind: "shard.parked", shard: 1 });
  assert.deepEqual(status.snapshot().shards.map(({ parked }) => parked), [false, true]);
  status.observe({ kind: "shard.unparked", shard: 1, parkedMs: 5_000 });
  assert.deepEqual(status.snapshot().shards.map(({ parked }) => parked), [false, false]);
});

function readyStatusOf(...shards: number[]) {
  const { clock, status } = statusOf(...shards);
  status.observe({ kind: "broker.connected", address: "broker:5672", purpose: "publishing" });
  status.observe({ kind: "broker.connected", address: "broker:5672", purpose: "consuming" });
  status.observe({ kind: "redis.connected", address: "redis:6379" });
  return { clock, status, missing: () => missingForReadiness(status.snapshot()) };
}

Deno.test("missingForReadiness() names the broker unless both connections to it are open", () => {
  const { status, missing } = readyStatusOf();
  assert.deepEqual(missing(), []);
  for (const purpose of ["publishing", "consuming"] as const) {
    status.observe({ kind: "broker.lost", address: "broker:5672", purpose, error: "reset" });
    assert.deepEqual(missing(), ["broker"]);
    status.observe({ kind: "broker.connected", address: "broker:5672", purpose });
    assert.deepEqual(missing(), []);
  }
});

Deno.test("missingForReadiness() names Redis while it is lost", () => {
  const { status, missing } = readyStatusOf();
  status.observe({ kind: "redis.lost", address: "redis:6379", error: "reset" });
  assert.deepEqual(missing(), ["redis"]);
  status.observe({ kind: "redis.connected", address: "redis:6379" });
  assert.deepEqual(missing(), []);
});

Deno.test("missingForReadiness() names everything before anything has connected", () => {
  assert.deepEqual(missingForReadiness(new Status(new ManualClock()).snapshot()), ["broker", "redis"]);
});

Deno.test("missingForReadiness() names a shard away for over 60 s, whatever it tried in between", () => {
  const { clock, status, missing } = readyStatusOf(0, 1);
  status.observe({ kind: "shard.status", shard: 0, status: "Connected", waitingForTurn: false });
  clock.advance(30_000);
  status.observe({ kind: "shard.status", shard: 1, status: "Handshaking", waitingForTurn: false });
  clock.advance(30_000);
  assert.deepEqual(missing(), []);
  clock.advance(1);
  assert.deepEqual(missing(), ["shard 1"]);
  status.observe({ kind: "shard.status", shard: 1, status: "Connected", waitingForTurn: false });
  assert.deepEqual(missing(), []);
});

Deno.test("missingForReadiness() begins anew when a connected shard is lost", () => {
  const { clock, status, missing } = readyStatusOf(0);
  status.observe({ kind: "shard.status", shard: 0, status: "Connected", waitingForTurn: false });
  clock.advance(500_000);
  status.observe({ kind: "shard.status", shard: 0, status: "Disconnected", waitingForTurn: false });
  clock.advance(60_000);
  assert.deepEqual(missing(), []);
  clock.advance(1);
  assert.deepEqual(missing(), ["shard 0"]);
});

Deno.test("missingForReadiness() lets a shard wait for its turn to identify for as long as it takes", () => {
  const { clock, status, missing } = readyStatusOf(0);
  status.observe({ kind: "shard.status", shard: 0, status: "Disconnected", waitingForTurn: true });
  clock.advance(3_600_000);
  assert.deepEqual(missing(), []);
  status.observe({ kind: "shard.status", shard: 0, status: "Handshaking", waitingForTurn: false });
  clock.advance(60_001);
  assert.deepEqual(missing(), ["shard 0"]);
});

Deno.test("Status.states are in the order of the ids, however the shards were named", () => {
  const { status } = statusOf(4, 2);
  status.assign([2, 3, 4]);
  assert.deepEqual([...status.states.keys()], [2, 3, 4]);
});

Deno.test("Status.states tell a heartbeat acknowledged within no time from none, until the next connection", () => {
  const { status } = statusOf(0);
  const acknowledged = () => status.states.get(0)?.acknowledged;
  assert.equal(acknowledged(), false);
  status.observe({ kind: "shard.acknowledged", shard: 0, latencyMs: 0.2 });
  assert.equal(acknowledged(), true);
  status.observe({ kind: "shard.connecting", shard: 0, host: "gateway.discord.gg", attempt: 1 });
  assert.equal(acknowledged(), false);
});
