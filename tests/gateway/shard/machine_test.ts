import assert from "node:assert/strict";
import fc from "fast-check";
import { closeCode, knownCloseCodes } from "../../../gateway/protocol/close_codes.ts";
import type { ShardInput } from "../../../gateway/shard/machine.ts";
import { fresh, HEARTBEAT_MS, MachineRig, RESUME_URL, SESSION, stored } from "./machine_rig.ts";

// The lifecycle, row by row (Discord gateway docs, Connections).

Deno.test("ShardMachine without a session asks for a turn before it connects", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh });
  assert.deepEqual(rig.effects.map((effect) => effect.kind), ["turn_request", "observe"]);
  assert.equal(rig.status, "Disconnected");
  rig.put({ kind: "turn" });
  assert.deepEqual(rig.targets, ["main"]);
  assert.equal(rig.status, "Handshaking");
});

Deno.test("ShardMachine with a stored session connects to its resume URL at once, without a turn", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored });
  assert.deepEqual(rig.targets, [RESUME_URL]);
  assert.equal(rig.of("turn_request").length, 0);
});

Deno.test("ShardMachine resumes a session without a resume URL on the main one", () => {
  const session = { sessionId: SESSION, sequence: 40, resumeGatewayUrl: null };
  assert.deepEqual(new MachineRig().put({ kind: "start", start: { ...fresh, session } }).targets, ["main"]);
});

Deno.test("ShardMachine identifies on HELLO and says that its turn is used", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({
    kind: "opened",
  });
  assert.deepEqual(rig.sent, []);
  rig.hello();
  assert.deepEqual(rig.sent, ["IDENTIFY"]);
  assert.equal(rig.of("turn_used").length, 1);
  assert.equal(rig.status, "Identifying");
});

Deno.test("ShardMachine resumes on HELLO from the stored sequence", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored }).put({ kind: "opened" }).hello();
  assert.deepEqual(rig.sent, [`RESUME ${SESSION} 40`]);
  assert.equal(rig.of("turn_used").length, 0);
  assert.equal(rig.status, "Resuming");
});

Deno.test("ShardMachine starts a session with READY and delivers it", () => {
  const guilds = [{ id: "41771983423143937", unavailable: true }];
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({
    kind: "opened",
  })
    .hello().ready({ session_id: SESSION, resume_gateway_url: RESUME_URL, guilds });
  assert.deepEqual(rig.of("session_started"), [{
    kind: "session_started",
    sessionId: SESSION,
    resumeGatewayUrl: RESUME_URL,
    resumable: true,
    guildIds: [41771983423143937n],
  }]);
  assert.deepEqual(rig.delivered, [1]);
  assert.equal(rig.status, "Connected");
});

Deno.test("ShardMachine hands replayed dispatches on and is connected with RESUMED", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored }).put({ kind: "opened" }).hello();
  assert.deepEqual(rig.dispatch(41).delivered, [41]);
  assert.equal(rig.status, "Resuming");
  assert.deepEqual(rig.dispatch(42, "RESUMED").delivered, [42]);
  assert.equal(rig.status, "Connected");
  assert.deepEqual(rig.dispatch(43).delivered, [43]);
});

Deno.test("ShardMachine answers op 1 with op 1 at once, carrying the stored sequence", () => {
  const rig = new MachineRig().identified();
  assert.deepEqual(rig.say({ op: 1, d: null }).sent, ["HEARTBEAT null"]);
  rig.put({ kind: "stored", sessionId: SESSION, sequence: 1, isShared: true });
  assert.deepEqual(rig.dispatch(2).say({ op: 1, d: null }).sent, ["HEARTBEAT 1"]);
});

Deno.test("ShardMachine takes no stored sequence of another session, nor a step back", () => {
  const rig = new MachineRig().resumed();
  rig.put({ kind: "stored", sessionId: "another", sequence: 90, isShared: true });
  rig.put({ kind: "stored", sessionId: SESSION, sequence: 39, isShared: true });
  assert.deepEqual(rig.say({ op: 1, d: null }).sent, ["HEARTBEAT 40"]);
});

Deno.test("ShardMachine tells Discord in heartbeats of nothing that this process alone has stored, and resumes from it", () => {
  const rig = new MachineRig().resumed().dispatch(41).dispatch(42);
  rig.put({ kind: "stored", sessionId: SESSION, sequence: 41, isShared: true });
  rig.put({ kind: "stored", sessionId: SESSION, sequence: 42, isShared: false });
  assert.deepEqual(rig.say({ op: 1, d: null }).sent, ["HEARTBEAT 41"]);
  rig.ended(1006).reconnect().put({ kind: "opened" }).hello();
  assert.deepEqual(rig.sent, [`RESUME ${SESSION} 42`]);
});

Deno.test("ShardMachine obeys op 7 by leaving resumably and resuming without a pause", () => {
  const rig = new MachineRig().identified().say({ op: 7, d: null });
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [4000]);
  assert.deepEqual(rig.targets, [RESUME_URL]);
});

/** A shard that has said nothing yet, because it does not know whether its turn still stands. */
function confirmingRig(): MachineRig {
  const rig = new MachineRig();
  rig.turnsAreConfirmed = false;
  rig.put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({ kind: "opened" }).hello();
  assert.deepEqual(rig.effects.map(({ kind }) => kind).filter((kind) => kind !== "observe"), [
    "turn_confirm",
  ]);
  return rig;
}

Deno.test("ShardMachine sends IDENTIFY only on a turn that is confirmed", () => {
  const rig = confirmingRig();
  assert.equal(rig.status, "Handshaking");
  rig.pass(1_000).put({ kind: "turn_confirmed" });
  assert.deepEqual(rig.sent, ["IDENTIFY"]);
  assert.equal(rig.of("turn_used").length, 1);
  assert.equal(rig.status, "Identifying");
  assert.deepEqual(rig.put({ kind: "turn_confirmed" }).effects, [], "once");
});

Deno.test("ShardMachine sends heartbeats while it does not know whether its turn stands", () => {
  const rig = confirmingRig().pass(HEARTBEAT_MS / 2);
  assert.deepEqual(rig.sent, ["HEARTBEAT null"]);
  rig.put({ kind: "turn_confirmed" });
  assert.deepEqual(rig.sent, ["IDENTIFY"]);
});

Deno.test("ShardMachine leaves without an IDENTIFY where its turn is lost, and asks for another", () => {
  const rig = confirmingRig().put({ kind: "turn_lost" });
  assert.deepEqual(rig.of("leave").map(({ reason }) => reason), ["the turn to identify is lost"]);
  assert.equal(rig.of("turn_return").length, 1);
  assert.deepEqual(rig.put({ kind: "turn_confirmed" }).sent, []);
  assert.equal(rig.pass(60_000).of("turn_request").length, 1);
  assert.equal(rig.history.filter((effect) => effect.kind === "send").length, 0);
});

Deno.test("ShardMachine gives back the turn that it asked about where the connection ends or it stops", () => {
  const inputs: ShardInput[] = [
    { kind: "ended", end: { code: 1006, reason: "", cause: "peer" } },
    { kind: "park" },
    { kind: "stop" },
  ];
  for (const input of inputs) {
    const rig = confirmingRig().put(input);
    assert.equal(rig.of("turn_return").length, 1, input.kind);
    assert.deepEqual(rig.put({ kind: "turn_confirmed" }).sent, [], input.kind);
  }
});

Deno.test("ShardMachine obeys op 7 instead of HELLO, and gives its turn back", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({
    kind: "opened",
  })
    .say({ t: null, s: null, op: 7, d: null });
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [4000]);
  assert.deepEqual(rig.effects.map((effect) => effect.kind).filter((kind) => kind.startsWith("turn")), [
    "turn_return",
    "turn_request",
  ]);
});

Deno.test("ShardMachine pauses longer and longer where op 7 comes on every connection before HELLO", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored });
  const pausesMs: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const beforeMs = rig.nowMs;
    rig.put({ kind: "opened" }).say({ op: 7, d: null }).reconnect();
    pausesMs.push(rig.nowMs - beforeMs);
  }
  assert.deepEqual(pausesMs, [0, 1_500, 3_000, 6_000, 12_000]);
});

Deno.test("ShardMachine resumes again after op 9 true, once", () => {
  const rig = new MachineRig().identified().say({ op: 9, d: true });
  assert.equal(rig.of("session_lost").length, 0);
  rig.reconnect();
  assert.deepEqual(rig.targets, [RESUME_URL]);
  rig.put({ kind: "opened" }).hello().say({ op: 9, d: true });
  assert.equal(rig.of("session_lost").length, 1);
});

Deno.test("ShardMachine counts op 9 true apart from close codes that leave one more chance", () => {
  const rig = new MachineRig().identified().ended(4009).reconnect().put({ kind: "opened" }).hello();
  rig.say({ op: 9, d: true });
  assert.equal(rig.of("session_lost").length, 0, "Discord has just said that it can be resumed");
  rig.reconnect().put({ kind: "opened" }).hello().say({ op: 9, d: true });
  assert.equal(rig.of("session_lost").length, 1);
});

Deno.test("ShardMachine gets its chances back with RESUMED", () => {
  const rig = new MachineRig().identified().say({ op: 9, d: true }).reconnect().put({ kind: "opened" })
    .hello();
  rig.dispatch(2, "RESUMED").say({ op: 9, d: true });
  assert.equal(rig.of("session_lost").length, 0);
});

Deno.test("ShardMachine gives the session up on op 9 false, waits one to five seconds and asks for a turn", () => {
  for (const [dice, pauseMs] of [[0, 1_000], [0.999, 4_996]] as const) {
    const rig = new MachineRig().identified();
    rig.dice = dice;
    rig.say({ op: 9, d: false });
    assert.equal(rig.of("session_lost").length, 1);
    assert.deepEqual(rig.pass(pauseMs - 1).of("turn_request"), []);
    assert.equal(rig.pass(1).of("turn_request").length, 1);
  }
});

Deno.test("ShardMachine identifies again after op 9 to an IDENTIFY", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({
    kind: "opened",
  })
    .hello().say({ op: 9, d: false }).pass(5_000);
  assert.equal(rig.of("turn_request").length, 1);
});

Deno.test("ShardMachine waits longer and longer where every IDENTIFY is answered with op 9", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh });
  const pausesMs: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    rig.put({ kind: "turn" }).put({ kind: "opened" }).hello().say({ op: 9, d: false });
    const beforeMs = rig.nowMs;
    rig.pass((rig.machine.nextDeadlineMs() ?? NaN) - rig.nowMs);
    assert.equal(rig.of("turn_request").length, 1);
    pausesMs.push(rig.nowMs - beforeMs);
  }
  assert.deepEqual(pausesMs, [3_000, 3_000, 3_000, 6_000, 12_000, 24_000, 45_000, 45_000]);
});

Deno.test("ShardMachine takes no command after stop", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored });
  rig.submit({ expiresAtMs: 5_000 });
  rig.put({ kind: "stop" });
  rig.submit({ expiresAtMs: 6_000 });
  assert.deepEqual(rig.effects, []);
  assert.equal(rig.machine.nextDeadlineMs(), null);
});

Deno.test("ShardMachine says of a session that it gives up when its last dispatch came, and why", () => {
  const rig = new MachineRig().identified().pass(700).dispatch(2).pass(300).say({ op: 9, d: false });
  assert.deepEqual(rig.of("session_lost"), [
    { kind: "session_lost", sessionId: SESSION, sinceMs: 700, reason: "invalid_session" },
  ]);
});

Deno.test("ShardMachine takes no replayed dispatch for the last before a gap, because it is older than it comes", () => {
  const rig = new MachineRig().identified().pass(700).dispatch(2).pass(100).ended(1006).pass(60_000);
  rig.put({ kind: "opened" }).hello().dispatch(3).say({ op: 9, d: false });
  assert.deepEqual(rig.of("session_lost").map(({ sinceMs }) => sinceMs), [700]);
  const resumed = new MachineRig().pass(5_000).resumed().pass(100).say({ op: 9, d: false });
  assert.deepEqual(resumed.of("session_lost").map(({ sinceMs }) => sinceMs), [5_000]);
});

Deno.test("ShardMachine says of a stored session that nothing of it has come, where Discord refuses it", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored }).put({ kind: "opened" }).hello();
  rig.say({ op: 9, d: false });
  assert.deepEqual(rig.of("session_lost").map(({ sinceMs }) => sinceMs), [null]);
});

Deno.test("ShardMachine leaves resumably on stop, and connects no more", () => {
  const rig = new MachineRig().identified().put({ kind: "stop" });
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [4000]);
  assert.equal(rig.status, "Disconnected");
  assert.equal(rig.machine.nextDeadlineMs(), null);
  assert.deepEqual(rig.put({ kind: "turn" }).targets, []);
  assert.deepEqual(rig.put({ kind: "restart", mode: "resume" }).targets, []);
});

// Close codes, row by row.

Deno.test("ShardMachine resumes, resumes once, identifies or stops as the row of each close code says", () => {
  for (const code of [...knownCloseCodes(), 4006, 4999, 3000]) {
    const { next } = closeCode(code);
    const rig = new MachineRig().identified().ended(code);
    const lost = rig.of("session_lost").length === 1;
    const fatal = rig.of("fatal").map((effect) => effect.code);
    if (next === "stop") {
      assert.deepEqual(fatal, [code]);
      assert.equal(rig.machine.nextDeadlineMs(), null, `${code} leaves nothing to wait for`);
      continue;
    }
    assert.deepEqual(fatal, [], `${code}`);
    assert.equal(lost, next === "identify", `${code}`);
    rig.reconnect();
    if (next === "identify") {
      assert.equal(rig.of("turn_request").length, 1, `${code}`);
      continue;
    }
    assert.deepEqual(rig.targets, [RESUME_URL], `${code}`);
    rig.put({ kind: "opened" }).hello();
    assert.deepEqual(rig.sent, [`RESUME ${SESSION} 0`], `${code}`);
    rig.ended(code);
    assert.equal(rig.of("session_lost").length, next === "resume_once" ? 1 : 0, `${code} a second time`);
  }
});

Deno.test("closeCode() has the documented reading of every documented code", () => {
  const expected = {
    resume: [1001, 1005, 1006, 4000, 4001, 4002, 4005, 4008],
    resume_once: [1000, 4003, 4009],
    identify: [4007],
    stop: [4004, 4010, 4011, 4012, 4013, 4014],
  };
  for (const [next, codes] of Object.entries(expected)) {
    for (const code of codes) assert.equal(closeCode(code).next, next, `${code}`);
  }
  assert.equal(closeCode(4242).next, "resume");
});

Deno.test("ShardMachine sends twenty frames less each time Discord has closed for sending too much", () => {
  const rig = new MachineRig().identified();
  let burst = 0;
  for (let index = 0; index < 500; index += 1) {
    rig.submit();
    burst += rig.sent.length;
  }
  for (let sequence = 2; sequence < 4; sequence += 1) {
    rig.ended(4008).reconnect().put({ kind: "opened" }).hello().dispatch(sequence, "RESUMED");
    // RESUME takes the place that IDENTIFY had.
    assert.equal(rig.sent.length, burst - 20 * (sequence - 1));
  }
});

Deno.test("ShardMachine takes a step back towards the full limit for each hour that a connection stands", () => {
  const rig = new MachineRig().identified();
  let sequence = 1;
  const closed = () => rig.ended(4008).reconnect().put({ kind: "opened" }).hello();
  const resumed = () => rig.dispatch(sequence += 1, "RESUMED");
  /** Frames that go at once on the next connection. */
  const burst = () => {
    rig.ended(1006).reconnect().put({ kind: "opened" }).hello();
    for (let index = 0; index < 200; index += 1) rig.submit({ expiresAtMs: rig.nowMs + 1 });
    const sent = resumed().sent.length;
    rig.pass(1);
    return sent;
  };
  const full = burst();
  for (let count = 0; count < 2; count += 1) {
    closed();
    resumed();
  }
  assert.equal(burst(), full - 40);
  rig.passAlive(3_599_000);
  assert.equal(burst(), full - 40, "not quite an hour, and the next connection begins anew");
  rig.put({ kind: "park" }).pass(2 * 3_600_000).put({ kind: "unpark" }).reconnect().put({ kind: "opened" })
    .hello();
  resumed();
  assert.equal(burst(), full - 40, "a shard that is away shows nothing");
  rig.passAlive(3_600_000);
  assert.equal(burst(), full - 20);
  rig.passAlive(9 * 3_600_000);
  assert.equal(burst(), full);
});

Deno.test("ShardMachine remembers a hundred frames of penalty at the most", () => {
  const rig = new MachineRig().identified();
  for (let sequence = 2; sequence < 50; sequence += 1) {
    rig.ended(4008).reconnect().put({ kind: "opened" }).hello().dispatch(sequence, "RESUMED");
  }
  rig.passAlive(5 * 3_600_000).ended(1006).reconnect().put({ kind: "opened" }).hello();
  for (let index = 0; index < 200; index += 1) rig.submit();
  assert.equal(rig.dispatch(50, "RESUMED").sent.length, 116);
});

// Connecting that fails never ends a session.

Deno.test("ShardMachine tries the resume URL three times, then the main one and it in turn, for ever", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored });
  const targets = [...rig.targets];
  for (let round = 0; round < 9; round += 1) {
    rig.ended(1006, "refused").reconnect();
    targets.push(...rig.targets);
  }
  const own = RESUME_URL;
  assert.deepEqual(targets, [own, own, own, "main", own, "main", own, "main", own, "main"]);
  assert.equal(rig.history.some((effect) => effect.kind === "session_lost"), false);
});

Deno.test("ShardMachine keeps the session through a thousand sockets lost before RESUMED", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored });
  for (let round = 0; round < 1_000; round += 1) {
    rig.put({ kind: "opened" }).hello().ended(1006).reconnect();
  }
  rig.put({ kind: "opened" }).hello();
  assert.deepEqual(rig.sent, [`RESUME ${SESSION} 40`]);
});

Deno.test("ShardMachine pauses up to a minute between attempts and starts anew after RESUMED", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored });
  rig.dice = 0.999_999;
  const pauseMs = () => {
    const beforeMs = rig.nowMs;
    rig.ended(1006, "refused").reconnect();
    return Math.round(rig.nowMs - beforeMs);
  };
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(pauseMs), [
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    32_000,
    60_000,
    60_000,
    60_000,
  ]);
  rig.put({ kind: "opened" }).hello().dispatch(41, "RESUMED");
  assert(pauseMs() <= 500);
});

Deno.test("ShardMachine gives a failed connection's turn back and asks for another", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).ended(
    1006,
    "refused",
  );
  assert.equal(rig.of("turn_return").length, 1);
  assert.equal(rig.pass(60_000).of("turn_request").length, 1);
});

Deno.test("ShardMachine leaves a socket that does not open, says no HELLO, or gives no answer", () => {
  const opening = new MachineRig().put({ kind: "start", start: stored }).pass(20_000);
  assert.equal(opening.of("leave").length, 1);
  const greeting = new MachineRig().put({ kind: "start", start: stored }).put({ kind: "opened" }).pass(
    20_000,
  );
  assert.equal(greeting.of("leave").length, 1);
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({
    kind: "opened",
  })
    .hello();
  for (let beat = 0; beat < 4; beat += 1) {
    rig.pass(HEARTBEAT_MS).acknowledge();
    assert.deepEqual(rig.of("leave"), [], "a slow READY is no dead socket");
  }
  assert.equal(rig.pass(HEARTBEAT_MS).of("leave").length, 1);
});

Deno.test("ShardMachine waits on for RESUMED while the replay makes progress", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored }).put({ kind: "opened" }).hello();
  for (let sequence = 41; sequence < 60; sequence += 1) {
    rig.pass(HEARTBEAT_MS).acknowledge().dispatch(sequence);
    assert.equal(rig.status, "Resuming");
  }
});

Deno.test("ShardMachine pauses longer after an IDENTIFY that was not answered", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({
    kind: "opened",
  })
    .hello().ended(1006);
  assert.deepEqual(rig.pass(1_999).of("turn_request"), []);
  assert.equal(rig.pass(4_000).of("turn_request").length, 1);
});

// Heartbeats.

Deno.test("ShardMachine sends its first beat after a random part of the interval, then one an interval", () => {
  const rig = new MachineRig();
  rig.dice = 0.25;
  rig.put({ kind: "start", start: stored }).put({ kind: "opened" }).hello(40_000);
  assert.deepEqual(rig.pass(9_999).sent, []);
  assert.deepEqual(rig.pass(1).sent, ["HEARTBEAT 40"]);
  rig.acknowledge();
  assert.deepEqual(rig.pass(39_999).sent, []);
  assert.deepEqual(rig.pass(1).sent, ["HEARTBEAT 40"]);
});

Deno.test("ShardMachine measures latency from each beat to its own ACK", () => {
  const rig = new MachineRig().resumed().pass(HEARTBEAT_MS / 2);
  rig.nowMs += 5;
  rig.say({ op: 1, d: null });
  rig.nowMs += 20;
  rig.acknowledge();
  const latencies = () =>
    rig.history.flatMap((effect) =>
      effect.kind === "observe" && effect.observation.kind === "shard.acknowledged"
        ? [effect.observation.latencyMs]
        : []
    );
  assert.deepEqual(latencies(), [25]);
  rig.acknowledge();
  assert.deepEqual(latencies(), [25, 20]);
  rig.acknowledge();
  assert.deepEqual(latencies(), [25, 20], "an ACK too many measures nothing");
});

Deno.test("ShardMachine leaves a zombie resumably and resumes at once", () => {
  const rig = new MachineRig().resumed().pass(HEARTBEAT_MS / 2);
  rig.dispatch(42);
  rig.pass(HEARTBEAT_MS);
  assert(rig.observed("shard.zombie"));
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [4000]);
  assert.deepEqual(rig.targets, [RESUME_URL]);
});

Deno.test("ShardMachine is not fooled into a zombie by a beat that the server asked for, nor kept from seeing one", () => {
  const alive = new MachineRig().resumed().pass(HEARTBEAT_MS / 2).acknowledge();
  alive.pass(HEARTBEAT_MS - 1).say({ op: 1, d: null });
  assert.equal(alive.pass(1).observed("shard.zombie"), false);
  const dead = new MachineRig().resumed().pass(HEARTBEAT_MS / 2);
  dead.say({ op: 1, d: null });
  assert(dead.pass(HEARTBEAT_MS).observed("shard.zombie"));
});

Deno.test("ShardMachine takes timers and ACKs of an old connection for nothing", () => {
  const rig = new MachineRig().resumed().say({ op: 7, d: null });
  assert.deepEqual(rig.acknowledge().effects, []);
  assert.deepEqual(rig.put({ kind: "opened" }).sent, []);
  assert.equal(rig.machine.nextDeadlineMs(), rig.nowMs + 20_000, "only HELLO is waited for");
});

// Silence.

const MINUTE_MS = 60_000;
const SILENCE_MIN_MS = 10 * MINUTE_MS;

function silent(rig: MachineRig): [silentMs: number, usualMs: number][] {
  return rig.allObserved("shard.silent").map(({ silentMs, usualMs }) => [silentMs, usualMs]);
}

function resumedAgain(rig: MachineRig, sequence: number): MachineRig {
  return rig.reconnect().put({ kind: "opened" }).hello().dispatch(sequence, "RESUMED");
}

Deno.test("ShardMachine leaves a shard resumably that is silent though it is alive, and resumes", () => {
  const rig = new MachineRig({ silenceMinMs: SILENCE_MIN_MS }).resumed();
  assert.deepEqual(rig.passAlive(SILENCE_MIN_MS - 1).of("leave"), []);
  rig.passAlive(1);
  assert.deepEqual(silent(rig), [[SILENCE_MIN_MS, 0]]);
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [4000]);
  assert.deepEqual(rig.of("session_lost"), []);
  assert.deepEqual(rig.pass(500).targets, [RESUME_URL]);
});

Deno.test("ShardMachine suspects no silence where it was told not to", () => {
  const rig = new MachineRig().resumed().passAlive(10 * 3_600_000);
  assert.deepEqual([silent(rig), rig.of("leave")], [[], []]);
});

Deno.test("ShardMachine waits three times as long after each false alarm", () => {
  const rig = new MachineRig({ silenceMinMs: SILENCE_MIN_MS }).identified();
  for (const [sequence, minutes] of [[2, 10], [3, 30], [4, 90]] as const) {
    resumedAgain(rig.passAlive(minutes * MINUTE_MS), sequence);
  }
  const minutes = silent(rig).map((times) => times.map((ms) => ms / MINUTE_MS));
  assert.deepEqual(minutes, [[10, 0], [30, 10], [90, 30]]);
});

Deno.test("ShardMachine learns nothing from a silence that Discord had something to say in", () => {
  const rig = new MachineRig({ silenceMinMs: SILENCE_MIN_MS }).identified().passAlive(SILENCE_MIN_MS);
  rig.reconnect().put({ kind: "opened" }).hello().dispatch(2).ended(1006);
  resumedAgain(rig, 3).passAlive(SILENCE_MIN_MS);
  assert.deepEqual(silent(rig), [[SILENCE_MIN_MS, 0], [SILENCE_MIN_MS, 0]]);
});

Deno.test("ShardMachine takes no time without a connection for silence", () => {
  const rig = new MachineRig({ silenceMinMs: SILENCE_MIN_MS }).identified().dispatch(2).pass(1);
  rig.put({ kind: "park" });
  assert.equal(rig.machine.nextDeadlineMs(), null);
  rig.pass(SILENCE_MIN_MS - 1).put({ kind: "unpark" }).reconnect().put({ kind: "opened" }).hello();
  rig.dispatch(3).dispatch(4, "RESUMED").passAlive(SILENCE_MIN_MS);
  assert.deepEqual(silent(rig), [[SILENCE_MIN_MS, 0]]);
});

Deno.test("ShardMachine forgets a silence with the session that it was in", () => {
  const rig = new MachineRig({ silenceMinMs: SILENCE_MIN_MS }).identified().passAlive(SILENCE_MIN_MS);
  rig.reconnect().put({ kind: "opened" }).hello().say({ op: 9, d: false }).pass(5_000).put({ kind: "turn" });
  rig.put({ kind: "opened" }).hello().ready({ session_id: "another", guilds: [] }).passAlive(SILENCE_MIN_MS);
  assert.deepEqual(silent(rig), [[SILENCE_MIN_MS, 0], [SILENCE_MIN_MS, 0]]);
});

Deno.test("ShardMachine leaves a session alone that nobody can resume, however silent", () => {
  const rig = new MachineRig({ silenceMinMs: SILENCE_MIN_MS }).put({ kind: "start", start: fresh });
  rig.put({ kind: "turn" }).put({ kind: "opened" }).hello().ready({}).passAlive(3_600_000);
  assert.deepEqual(rig.of("leave"), []);
});

Deno.test("ShardMachine moves no deadline for a dispatch, and suspects a silence on the millisecond", () => {
  const minMs = 1_000;
  const pauses = fc.array(fc.oneof(fc.nat(900), fc.nat(5_000)), { maxLength: 40 });
  fc.assert(
    fc.property(pauses, (pausesMs) => {
      const rig = new MachineRig({ silenceMinMs: minMs }).resumed();
      let sequence = 41;
      let usualMs = 0;
      for (const [index, pauseMs] of pausesMs.entries()) {
        const suspectMs = Math.max(minMs, 3 * usualMs);
        if (pauseMs >= suspectMs) {
          rig.passAlive(suspectMs);
          assert.deepEqual(silent(rig), [[suspectMs, usualMs]]);
          return;
        }
        rig.passAlive(pauseMs);
        assert.deepEqual(silent(rig), []);
        const before = rig.machine.nextDeadlineMs();
        rig.dispatch(sequence += 1);
        assert.equal(rig.machine.nextDeadlineMs(), before);
        // What follows on RESUMED is no pause.
        if (index > 0) usualMs = Math.max(usualMs, pauseMs);
      }
    }),
  );
});

// Sequences.

Deno.test("ShardMachine resumes from what is stored and drops what it has received already", () => {
  const rig = new MachineRig().resumed().dispatch(42).dispatch(43).dispatch(44);
  rig.put({ kind: "stored", sessionId: SESSION, sequence: 42, isShared: true }).ended(1006).reconnect().put({
    kind: "opened",
  })
    .hello();
  assert.deepEqual(rig.sent, [`RESUME ${SESSION} 42`]);
  assert.deepEqual(rig.dispatch(43).delivered, []);
  assert(rig.observed("event.dropped"));
  assert.deepEqual(rig.dispatch(44).delivered, []);
  assert.deepEqual(rig.dispatch(45).delivered, [45]);
  assert.deepEqual(rig.dispatch(46, "RESUMED").delivered, [46]);
});

Deno.test("ShardMachine moves the sequence over a dispatch without a name", () => {
  const rig = new MachineRig().resumed().dispatch(42, null);
  assert.deepEqual(rig.delivered, []);
  assert.deepEqual(rig.of("pass"), [{ kind: "pass", sessionId: SESSION, sequence: 42 }]);
});

Deno.test("ShardMachine drops dispatches before READY, which belong to no session", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({
    kind: "opened",
  })
    .hello().dispatch(5);
  assert.deepEqual(rig.delivered, []);
  assert(rig.observed("event.dropped"));
});

Deno.test("ShardMachine goes on with a READY without fields, though nobody can resume it", () => {
  const rig = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "turn" }).put({
    kind: "opened",
  })
    .hello().ready({});
  const [session] = rig.of("session_started");
  assert.equal(session?.resumable, false);
  assert.deepEqual(rig.delivered, [1]);
  assert.equal(rig.status, "Connected");
  rig.ended(1006).reconnect();
  assert.equal(rig.of("turn_request").length, 1, "a session without an id cannot be resumed");
});

Deno.test("ShardMachine hands on the READY that a session resumed from its beginning replays", () => {
  const session = { sessionId: SESSION, sequence: 0, resumeGatewayUrl: RESUME_URL };
  const rig = new MachineRig().put({ kind: "start", start: { ...fresh, session } }).put({ kind: "opened" })
    .hello();
  assert.deepEqual(rig.ready().delivered, [1]);
  assert.deepEqual(rig.of("session_started"), []);
  assert.deepEqual(rig.dispatch(2, "RESUMED").delivered, [2]);
});

// What cannot be read.

Deno.test("ShardMachine reconnects once for an unreadable frame, then skips it", () => {
  const rig = new MachineRig().resumed().bytes("{");
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [4000]);
  rig.reconnect().put({ kind: "opened" }).hello().bytes("{");
  assert.deepEqual(rig.of("leave"), []);
  assert(rig.observed("frame.unreadable"));
  assert.deepEqual(rig.dispatch(42).delivered, [42]);
  assert.equal(rig.bytes("{").of("leave").length, 1, "another place, another chance");
});

Deno.test("ShardMachine takes the head that was read beforehand, also where it could not be", () => {
  const rig = new MachineRig().resumed();
  const bytes = new Uint8Array();
  const head = { opcode: 0, sequence: 42, type: "GUILD_CREATE", dataStart: 0 };
  assert.deepEqual(rig.put({ kind: "payload", bytes, head }).delivered, [42]);
  assert.equal(rig.of("deliver")[0]?.head, head);
  rig.put({ kind: "payload", bytes: new TextEncoder().encode('{"op":11}'), head: null });
  assert(rig.observed("frame.unreadable"));
});

Deno.test("ShardMachine passes over opcodes that it does not know", () => {
  const rig = new MachineRig().resumed().say({ op: 99, d: {} });
  assert.deepEqual(rig.of("leave"), []);
  assert(rig.observed("opcode.unknown"));
});

Deno.test("ShardMachine reconnects for a HELLO without a usable interval", () => {
  for (const interval of [null, "41250", 0, -1, 1e-300, 1e300, {}]) {
    const rig = new MachineRig().put({ kind: "start", start: stored }).put({ kind: "opened" }).hello(
      interval,
    );
    assert.equal(rig.of("leave").length, 1, JSON.stringify(interval));
    assert.deepEqual(rig.sent, []);
  }
});

Deno.test("ShardMachine resumes after a stream that could not be decompressed", () => {
  const rig = new MachineRig().resumed().ended(1006, "ruined");
  assert(rig.observed("frame.ruined"));
  assert.deepEqual(rig.reconnect().targets, [RESUME_URL]);
});

// Commands.

Deno.test("ShardMachine holds commands until it is connected, and over a resume, in order", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored });
  rig.submit({ text: "first" });
  rig.submit({ text: "second" });
  assert.deepEqual(rig.put({ kind: "opened" }).hello().sent, [`RESUME ${SESSION} 40`]);
  assert.deepEqual(rig.dispatch(41, "RESUMED").sent, ["first", "second"]);
  assert.equal(rig.of("command_sent").length, 2);
  rig.ended(1006);
  rig.submit({ text: "third" });
  assert.deepEqual(rig.sent, []);
  rig.reconnect().put({ kind: "opened" }).hello().dispatch(42, "RESUMED");
  assert.deepEqual(rig.sent, ["third"]);
});

Deno.test("ShardMachine spends what the limit leaves at once, then waits, and always has room for beats", () => {
  const rig = new MachineRig().resumed().pass(HEARTBEAT_MS / 2).acknowledge();
  rig.pass(10_000);
  const sentAtMs: number[] = [];
  const note = () => sentAtMs.push(...rig.sent.map(() => rig.nowMs));
  for (let index = 0; index < 300; index += 1) {
    rig.submit({ text: String(index) });
    note();
  }
  const atOnce = sentAtMs.length;
  assert(atOnce >= 110 && atOnce < 118, `${atOnce} at once`);
  for (let second = 0; second < 300; second += 1) {
    rig.pass(1_000);
    note();
    if (rig.sent.some((text) => text.startsWith("HEARTBEAT"))) rig.acknowledge();
  }
  const frames = rig.history.flatMap((effect) => effect.kind === "send" ? [effect.text] : []);
  const commands = frames.filter((text) => /^\d+$/.test(text));
  assert.deepEqual(commands, Array.from({ length: 300 }, (_, index) => String(index)));
  for (const [index, atMs] of sentAtMs.entries()) {
    const within = sentAtMs.filter((other, at) => at >= index && other < atMs + 60_000).length;
    assert(within <= 120, `${within} frames within a minute`);
  }
});

Deno.test("ShardMachine keeps the newest of the presences past five in 20 s, without holding up others", () => {
  const rig = new MachineRig().resumed();
  const presence = (text: string) => rig.submit({ opcode: 3, text, presence: text });
  for (const text of ["1", "2", "3", "4", "5"]) presence(text);
  presence("6");
  assert.deepEqual(rig.sent, []);
  rig.submit({ text: "voice" });
  assert.deepEqual(rig.sent, ["voice"]);
  presence("7");
  assert.equal(rig.of("command_sent").length, 1, "the sixth gave way to the seventh");
  assert.deepEqual(rig.pass(22_000).sent.filter((text) => /^\d/.test(text)), ["7"]);
});

Deno.test("ShardMachine counts presences on, over a reconnect", () => {
  const rig = new MachineRig().resumed();
  const presence = (text: string) => rig.submit({ opcode: 3, text, presence: text });
  for (const text of ["1", "2", "3", "4", "5"]) presence(text);
  rig.ended(1006).reconnect().put({ kind: "opened" }).hello().dispatch(42, "RESUMED");
  presence("6");
  assert.deepEqual(rig.sent, []);
  assert.deepEqual(rig.pass(22_000).sent.filter((text) => /^\d/.test(text)), ["6"]);
});

Deno.test("ShardMachine lets a command expire that could not be sent in time", () => {
  const rig = new MachineRig().put({ kind: "start", start: stored });
  rig.submit({ expiresAtMs: 5_000 });
  assert.deepEqual(rig.pass(4_999).of("command_expired"), []);
  assert.equal(rig.pass(1).of("command_expired").length, 1);
  assert.deepEqual(rig.put({ kind: "opened" }).hello().dispatch(41, "RESUMED").sent, []);
});

Deno.test("ShardMachine sends no command that the broker will deliver again", () => {
  let current = true;
  const rig = new MachineRig().put({ kind: "start", start: stored });
  rig.submit({ isCurrent: () => current });
  current = false;
  rig.put({ kind: "opened" }).hello().dispatch(41, "RESUMED");
  assert.deepEqual(rig.sent, []);
  assert.deepEqual(rig.of("command_sent"), []);
});

// Presence.

Deno.test("ShardMachine sends the last presence of a bot again after a fresh IDENTIFY, not after a resume", () => {
  const rig = new MachineRig().identified();
  rig.submit({ opcode: 3, text: "dnd", presence: "dnd" });
  assert.deepEqual(rig.of("presence_kept"), [{ kind: "presence_kept", presence: "dnd" }]);
  rig.ended(1006).reconnect().put({ kind: "opened" }).hello();
  assert.deepEqual(rig.dispatch(2, "RESUMED").sent, []);
  rig.say({ op: 9, d: false }).pass(5_000).put({ kind: "turn" }).put({ kind: "opened" }).hello();
  assert.deepEqual(rig.ready({ session_id: "another", guilds: [] }).sent, ["PRESENCE dnd"]);
});

Deno.test("ShardMachine sends the presence that an earlier process kept after a fresh IDENTIFY", () => {
  assert.deepEqual(new MachineRig().identified({ ...fresh, presence: "idle" }).sent, ["PRESENCE idle"]);
});

Deno.test("ShardMachine forgets a presence that Discord refuses, so that it ends no further session", () => {
  for (const code of [4001, 4002]) {
    const rig = new MachineRig().identified();
    rig.submit({ opcode: 3, text: "bad", presence: "bad" });
    rig.ended(code);
    assert.deepEqual(rig.of("presence_kept"), [{ kind: "presence_kept", presence: null }]);
    rig.reconnect().put({ kind: "opened" }).hello().say({ op: 9, d: false }).pass(5_000).put({
      kind: "turn",
    });
    rig.put({ kind: "opened" }).hello().ready({ session_id: "another", guilds: [] });
    assert.deepEqual(rig.sent, []);
  }
  const stored = new MachineRig().identified({ ...fresh, presence: "bad" }).ended(4002);
  assert.deepEqual(stored.of("presence_kept"), [{ kind: "presence_kept", presence: null }]);
  const innocent = new MachineRig().identified().ended(4002);
  assert.deepEqual(innocent.of("presence_kept"), []);
});

Deno.test("ShardMachine sends changed presence settings after RESUMED, over what a bot had set", () => {
  const rig = new MachineRig().resumed({ ...stored, presence: "idle", presenceOutdated: true });
  assert.deepEqual(rig.sent, ["PRESENCE configured"]);
  assert.deepEqual(rig.of("presence_kept"), [{ kind: "presence_kept", presence: null }]);
  assert.equal(rig.of("presence_configured").length, 1);
  rig.ended(1006).reconnect().put({ kind: "opened" }).hello();
  assert.deepEqual(rig.dispatch(42, "RESUMED").sent, [], "once");
});

// What an operator asks for.

Deno.test("ShardMachine restarts by resuming at once", () => {
  const rig = new MachineRig().resumed().put({ kind: "restart", mode: "resume" });
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [4000]);
  assert.deepEqual(rig.targets, [RESUME_URL]);
});

Deno.test("ShardMachine restarts with a fresh session when its turn has come, and until then goes on", () => {
  const rig = new MachineRig().resumed().put({ kind: "restart", mode: "identify" });
  assert.deepEqual(rig.effects, [{ kind: "turn_request" }]);
  assert.deepEqual(rig.dispatch(42).delivered, [42]);
  rig.put({ kind: "turn" });
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [1000]);
  assert.equal(rig.of("turn_return").length, 0);
  assert.deepEqual(rig.targets, ["main"]);
  assert.deepEqual(rig.of("session_lost").map(({ reason }) => reason), ["restart_requested"]);
});

Deno.test("ShardMachine asks for its turn again where the connection is lost while it waits for it", () => {
  const rig = new MachineRig().resumed().put({ kind: "restart", mode: "identify" }).ended(1006);
  assert.equal(rig.of("turn_return").length, 1);
  rig.reconnect().put({ kind: "opened" }).hello().dispatch(42, "RESUMED");
  assert.equal(rig.of("turn_request").length, 1);
});

Deno.test("ShardMachine replaces a session whose intents changed, only after it has resumed it", () => {
  const rig = new MachineRig().put({ kind: "start", start: { ...stored, replace: "intents_changed" } });
  assert.deepEqual(rig.targets, [RESUME_URL]);
  rig.put({ kind: "opened" }).hello().dispatch(41, "RESUMED");
  assert.equal(rig.of("turn_request").length, 1);
  rig.put({ kind: "turn" });
  assert.deepEqual(rig.of("session_lost").map(({ reason }) => reason), ["intents_changed"]);
});

Deno.test("ShardMachine returns a turn that it no longer wants", () => {
  assert.equal(new MachineRig().resumed().put({ kind: "turn" }).of("turn_return").length, 1);
});

Deno.test("ShardMachine is parked resumably, in any state, and resumes when there is room", () => {
  const rig = new MachineRig().resumed().put({ kind: "park" });
  assert.deepEqual(rig.of("leave").map((effect) => effect.code), [4000]);
  assert.equal(rig.status, "Disconnected");
  assert.deepEqual(rig.pass(3_600_000).effects, []);
  assert.deepEqual(rig.put({ kind: "park" }).effects, []);
  assert.deepEqual(rig.put({ kind: "unpark" }).reconnect().targets, [RESUME_URL]);
  const waiting = new MachineRig().resumed().ended(4008).put({ kind: "park" });
  assert.deepEqual(waiting.pass(3_600_000).targets, []);
  assert.deepEqual(waiting.put({ kind: "unpark" }).reconnect().targets, [RESUME_URL]);
  const queued = new MachineRig().put({ kind: "start", start: fresh }).put({ kind: "park" });
  assert.equal(queued.of("turn_return").length, 1);
});

Deno.test("ShardMachine says for how long it was parked", () => {
  const rig = new MachineRig().resumed().put({ kind: "park" }).pass(90_000).put({ kind: "unpark" });
  assert.deepEqual(rig.allObserved("shard.unparked"), [
    { kind: "shard.unparked", shard: 3, parkedMs: 90_000 },
  ]);
});

Deno.test("ShardMachine blames the parking for a session that Discord refuses on the first resume after it", () => {
  const back = (rig: MachineRig) =>
    rig.put({ kind: "park" }).pass(300_000).put({ kind: "unpark" }).reconnect().put({ kind: "opened" })
      .hello();
  const reasons = (rig: MachineRig) => rig.of("session_lost").map(({ reason }) => reason);
  const refused = back(new MachineRig().resumed()).say({ op: 9, d: false });
  assert.deepEqual(reasons(refused), ["expired_while_parked"]);
  const cut = back(new MachineRig().resumed()).ended(1006).reconnect().put({ kind: "opened" }).hello();
  assert.deepEqual(reasons(cut.say({ op: 9, d: false })), ["expired_while_parked"]);
  const later = back(new MachineRig().resumed()).dispatch(42, "RESUMED").say({ op: 9, d: false });
  assert.deepEqual(reasons(later), ["invalid_session"]);
});

Deno.test("ShardMachine is withdrawn resumably, in any state, and resumes at once when it may", () => {
  const withdraw = { kind: "withdraw", reason: "not ours" } as const;
  const rig = new MachineRig().resumed().put(withdraw);
  assert.deepEqual(rig.of("leave"), [{ kind: "leave", code: 4000, reason: "not ours" }]);
  assert.equal(rig.status, "Disconnected");
  assert.equal(rig.machine.nextDeadlineMs(), null);
  for (const input of [withdraw, { kind: "park" }, { kind: "unpark" }] as const) {
    assert.deepEqual(rig.put(input).effects, []);
  }
  rig.put({ kind: "restart", mode: "resume" });
  assert.deepEqual(rig.pass(3_600_000).targets, []);
  assert.deepEqual(rig.put({ kind: "return" }).targets, [RESUME_URL]);
  assert.deepEqual(rig.put({ kind: "return" }).effects, []);
  const waiting = new MachineRig().resumed().ended(4008).put(withdraw);
  assert.deepEqual(waiting.pass(3_600_000).targets, []);
  const queued = new MachineRig().put({ kind: "start", start: fresh }).put(withdraw);
  assert.equal(queued.of("turn_return").length, 1);
  assert.equal(queued.put({ kind: "turn" }).of("turn_return").length, 1);
  assert.equal(queued.put({ kind: "return" }).of("turn_request").length, 1);
});

Deno.test("ShardMachine is no longer parked once it is withdrawn", () => {
  const rig = new MachineRig().resumed().put({ kind: "park" }).pass(5_000);
  rig.put({ kind: "withdraw", reason: "not ours" });
  assert.deepEqual(rig.allObserved("shard.unparked").map(({ parkedMs }) => parkedMs), [5_000]);
  assert.deepEqual(rig.put({ kind: "unpark" }).effects, []);
  assert.deepEqual(rig.put({ kind: "return" }).targets, [RESUME_URL]);
});

Deno.test("ShardMachine comes back later and later where it is parked again at once", () => {
  const rig = new MachineRig().resumed();
  const pauseMs = () => {
    rig.put({ kind: "park" }).put({ kind: "unpark" });
    const beforeMs = rig.nowMs;
    rig.reconnect().put({ kind: "opened" }).hello().dispatch(41, "RESUMED");
    return rig.nowMs - beforeMs;
  };
  assert.deepEqual([pauseMs(), pauseMs(), pauseMs(), pauseMs()], [250, 750, 1_500, 3_000]);
  rig.nowMs += 61_000;
  assert.equal(pauseMs(), 250);
});
