import assert from "node:assert/strict";
import type { Observation } from "../../../gateway/observation.ts";
import { gatewayConnectionUrl } from "../../../gateway/protocol/gateway_url.ts";
import { Opcode } from "../../../gateway/protocol/opcodes.ts";
import { ShardDriver, type ShardHost } from "../../../gateway/shard/driver.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { HEARTBEAT_INTERVAL_MS, MemoryTransport } from "../../fakes/memory_transport.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { fresh, SESSION, stored } from "./machine_rig.ts";

const MAIN_URL = "wss://gateway.example";

class DriverRig {
  readonly clock = new ManualClock();
  readonly transport = new MemoryTransport();
  readonly observed: Observation[] = [];
  /** What the host was asked for, in order, with the last word of each that matters. */
  readonly calls: string[] = [];
  readonly driver: ShardDriver;
  mainUrl: string | Promise<string> = MAIN_URL;
  grantTurn: () => void = () => assert.fail("nobody asked for a turn");
  /** What is answered to a shard that asks whether its turn still stands. */
  confirmTurn = (answered: (isStillOurs: boolean) => void) => answered(true);
  onDeliver = () => {};
  /** The lease is no more, as is found out when somebody asks. */
  isLeaseGone = false;

  constructor() {
    const host: ShardHost = {
      checkLease: () => {
        if (this.isLeaseGone) this.driver.withdraw("lease not renewed");
      },
      deliver: ({ type, sequence }) => {
        this.calls.push(`deliver ${type} ${sequence}`);
        this.onDeliver();
      },
      pass: (_session, sequence) => this.calls.push(`pass ${sequence}`),
      sessionStarted: ({ sessionId }) => this.calls.push(`sessionStarted ${sessionId}`),
      sessionLost: ({ sessionId, reason }) => this.calls.push(`sessionLost ${sessionId} ${reason}`),
      presenceKept: (presence) => this.calls.push(`presenceKept ${presence}`),
      presenceConfigured: () => this.calls.push("presenceConfigured"),
      commandSent: ({ text }) => this.calls.push(`commandSent ${text}`),
      commandExpired: ({ text }) => this.calls.push(`commandExpired ${text}`),
      requestTurn: (granted) => {
        this.calls.push("requestTurn");
        this.grantTurn = () => granted({ confirm: (answered) => this.confirmTurn(answered) });
      },
      turnUsed: () => this.calls.push("turnUsed"),
      returnTurn: () => this.calls.push("returnTurn"),
      mainUrl: () => this.mainUrl,
      fatal: (code) => this.calls.push(`fatal ${code}`),
    };
    this.driver = new ShardDriver({
      machine: {
        shard: 3,
        dice: () => 0.5,
        identifyFrame: () => '{"op":2,"d":{}}',
        resumeFrame: (session_id, seq) => JSON.stringify({ op: 6, d: { session_id, seq } }),
        heartbeatFrame: (sequence) => JSON.stringify({ op: 1, d: sequence }),
        presenceFrame: (presence) => JSON.stringify({ op: 3, d: { status: presence } }),
        configuredPresence: "online",
        silenceMinMs: 3_600_000,
      },
      transport: this.transport,
      clock: this.clock,
      host,
      observe: (observation) => this.observed.push(observation),
      connectionUrl: (url) =>
        gatewayConnectionUrl(url, { apiVersion: 10, compression: "none", plainAllowed: false }),
    });
  }

  /** From a stored session to RESUMED, whose sequence is 41. */
  resumed(): this {
    this.driver.start(stored);
    this.transport.latest.greet().resume(SESSION, 40);
    return this;
  }

  command(text: string, fields: { presence?: string; expiresAtMs?: number } = {}): void {
    const { presence = null, expiresAtMs = Infinity } = fields;
    this.driver.submit({ opcode: 4, text, presence, expiresAtMs, isCurrent: () => true });
  }

  get hosts(): string[] {
    return this.transport.connections.map(({ url }) => url.host);
  }
}

Deno.test("ShardDriver connects, identifies on its turn, and hands everything to its host in order", () => {
  const rig = new DriverRig();
  rig.driver.start(fresh);
  assert.deepEqual(rig.hosts, []);
  rig.grantTurn();
  assert.equal(rig.transport.latest.url.href, "wss://gateway.example/?v=10&encoding=json");
  rig.transport.latest.greet().ready(SESSION);
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.transport.latest.say({ op: 0, t: null, s: 3, d: {} });
  assert.deepEqual(rig.calls, [
    "requestTurn",
    "turnUsed",
    `sessionStarted ${SESSION}`,
    "deliver READY 1",
    "deliver MESSAGE_CREATE 2",
    "pass 3",
  ]);
});

Deno.test("ShardDriver identifies when its turn is confirmed, and not before", () => {
  const rig = new DriverRig();
  let answer: (isStillOurs: boolean) => void = () => assert.fail("nobody asked");
  rig.confirmTurn = (answered) => answer = answered;
  rig.driver.start(fresh);
  rig.grantTurn();
  rig.transport.latest.greet();
  assert.deepEqual([rig.transport.latest.sent, rig.calls], [[], ["requestTurn"]]);
  answer(true);
  assert.deepEqual(rig.transport.latest.sent, [{ op: 2, d: {} }]);
  assert.deepEqual(rig.calls, ["requestTurn", "turnUsed"]);
});

Deno.test("ShardDriver neither connects, resumes nor identifies once its lease is gone", () => {
  const resuming = new DriverRig();
  resuming.driver.start(stored);
  resuming.transport.latest.open();
  resuming.isLeaseGone = true;
  resuming.transport.latest.hello();
  assert.deepEqual(resuming.transport.latest.sent, []);
  assert.deepEqual(resuming.transport.latest.left, { code: 4000, reason: "lease not renewed" });

  const identifying = new DriverRig();
  let answer: (isStillOurs: boolean) => void = () => assert.fail("nobody asked");
  identifying.confirmTurn = (answered) => answer = answered;
  identifying.driver.start(fresh);
  identifying.grantTurn();
  identifying.transport.latest.greet();
  identifying.isLeaseGone = true;
  answer(true);
  assert.deepEqual(identifying.transport.latest.sent, []);
  assert.deepEqual(identifying.calls, ["requestTurn", "returnTurn"]);

  const reconnecting = new DriverRig();
  reconnecting.driver.start(stored);
  reconnecting.transport.latest.end(1006, "refused");
  reconnecting.isLeaseGone = true;
  reconnecting.clock.advance(60_000);
  assert.equal(reconnecting.hosts.length, 1);
});

Deno.test("ShardDriver does not replace a session for which its turn comes once its lease is gone", () => {
  const rig = new DriverRig();
  rig.driver.start({ ...stored, replace: "intents_changed" });
  rig.transport.latest.greet().resume(SESSION, 40);
  rig.isLeaseGone = true;
  rig.grantTurn();
  assert.deepEqual(rig.transport.latest.left, { code: 4000, reason: "lease not renewed" });
  assert(!rig.calls.some((call) => call.startsWith("sessionLost")));
});

Deno.test("ShardDriver hears nothing of a turn that is confirmed after its connection was left", () => {
  const rig = new DriverRig();
  const answers: ((isStillOurs: boolean) => void)[] = [];
  rig.confirmTurn = (answered) => answers.push(answered);
  rig.driver.start(fresh);
  rig.grantTurn();
  rig.transport.latest.greet();
  rig.driver.restart("resume");
  rig.transport.latest.say({ op: 7, d: null });
  assert.deepEqual(rig.calls, ["requestTurn", "returnTurn", "requestTurn"]);
  rig.grantTurn();
  rig.transport.latest.greet();
  const [first, second] = answers;
  first?.(true);
  first?.(false);
  assert.deepEqual([rig.transport.latest.sent, rig.transport.latest.left], [[], null]);
  second?.(true);
  assert.deepEqual(rig.transport.latest.sent, [{ op: 2, d: {} }]);
});

Deno.test("ShardDriver resumes on the URL of the session, with the same parameters", () => {
  const rig = new DriverRig().resumed();
  assert.equal(rig.transport.latest.url.href, "wss://resume.example/?v=10&encoding=json");
  assert.deepEqual(rig.transport.latest.sent, [{ op: 6, d: { session_id: SESSION, seq: 40 } }]);
  assert.deepEqual(rig.calls, ["deliver RESUMED 41"]);
});

Deno.test("ShardDriver observes where it connects, without what the URL asks for", () => {
  const rig = new DriverRig();
  rig.driver.start(stored);
  const connecting = rig.observed.filter(({ kind }) => kind === "shard.connecting");
  assert.deepEqual(connecting, [{ kind: "shard.connecting", shard: 3, host: "resume.example", attempt: 1 }]);
});

Deno.test("ShardDriver takes the main URL where the session's own is none", () => {
  for (const resumeGatewayUrl of ["", "not a url", "https://resume.example"]) {
    const session = { sessionId: SESSION, sequence: 40, resumeGatewayUrl };
    const rig = new DriverRig();
    rig.driver.start({ ...fresh, session });
    assert.deepEqual(rig.hosts, ["gateway.example"], resumeGatewayUrl);
  }
});

Deno.test("ShardDriver waits for the main URL where there is none yet", async () => {
  const rig = new DriverRig();
  const { promise, resolve } = Promise.withResolvers<string>();
  rig.mainUrl = promise;
  rig.driver.start(fresh);
  rig.grantTurn();
  await microtasksDone();
  assert.deepEqual(rig.hosts, []);
  resolve(MAIN_URL);
  await microtasksDone();
  assert.deepEqual(rig.hosts, ["gateway.example"]);
});

Deno.test("ShardDriver opens no connection for a main URL that came after the shard went on or stopped", async () => {
  const rig = new DriverRig();
  const first = Promise.withResolvers<string>();
  rig.mainUrl = first.promise;
  rig.driver.start(fresh);
  rig.grantTurn();
  rig.clock.advance(20_000);
  assert.deepEqual(rig.calls, ["requestTurn", "returnTurn"], "that took too long to open");
  rig.clock.advance(1_000);
  rig.mainUrl = MAIN_URL;
  rig.grantTurn();
  first.resolve("wss://late.example");
  await microtasksDone();
  assert.deepEqual(rig.hosts, ["gateway.example"]);

  const stopped = new DriverRig();
  const never = Promise.withResolvers<string>();
  stopped.mainUrl = never.promise;
  stopped.driver.start(fresh);
  stopped.grantTurn();
  await stopped.driver.stop();
  never.resolve(MAIN_URL);
  await microtasksDone();
  assert.deepEqual(stopped.hosts, []);
});

Deno.test("ShardDriver pauses and tries again where Discord gives a gateway URL that is none", () => {
  const rig = new DriverRig();
  rig.mainUrl = "https://discord.com/";
  rig.driver.start(fresh);
  rig.grantTurn();
  assert.deepEqual(rig.hosts, []);
  assert.deepEqual(rig.calls, ["requestTurn", "returnTurn"]);
  assert.deepEqual(rig.observed.filter(({ kind }) => kind === "shard.disconnected"), [{
    kind: "shard.disconnected",
    shard: 3,
    code: 1006,
    reason: "Discord gave a gateway URL that is none",
    by: "network",
  }]);
  rig.mainUrl = MAIN_URL;
  rig.clock.advance(1_000);
  rig.grantTurn();
  assert.deepEqual(rig.hosts, ["gateway.example"]);
});

Deno.test("ShardDriver hears nothing more of a socket that it has left", () => {
  const rig = new DriverRig().resumed();
  const old = rig.transport.latest;
  rig.driver.restart("resume");
  assert.deepEqual(old.left?.code, 4000);
  assert.equal(rig.transport.connections.length, 2);
  const before = rig.calls.length;
  old.dispatch("MESSAGE_CREATE");
  old.open();
  old.say({ op: 9, d: false });
  old.end(4004);
  assert.deepEqual(rig.calls.slice(before), []);
  const next = rig.transport.latest;
  assert.equal(next.left, null);
  next.greet().resume(SESSION, 40);
  assert.deepEqual(rig.calls.slice(before), [], "41 was handed on before");
  next.dispatch("MESSAGE_CREATE");
  assert.deepEqual(rig.calls.slice(before), ["deliver MESSAGE_CREATE 42"]);
});

Deno.test("ShardDriver sends nothing on a connection that has ended", () => {
  const rig = new DriverRig().resumed();
  rig.transport.latest.end(1006);
  rig.command("later");
  rig.clock.advance(250);
  assert.equal(rig.transport.connections.length, 2);
  rig.driver.restart("resume");
  assert.equal(rig.transport.connections[0]?.left, null, "what has ended need not be left");
});

Deno.test("ShardDriver does what inputs cause on the spot only after what is under way", () => {
  const rig = new DriverRig();
  rig.driver.start(stored);
  rig.command('{"op":4,"d":{}}');
  rig.onDeliver = () => rig.driver.park();
  rig.transport.latest.greet().resume(SESSION, 40);
  assert.deepEqual(rig.calls, ["deliver RESUMED 41", 'commandSent {"op":4,"d":{}}']);
  assert.deepEqual(rig.transport.latest.sent.map(({ op }) => op), [6, 4], "sent before it was parked");
  assert.equal(rig.transport.latest.left?.code, 4000);
  rig.clock.advance(3_600_000);
  assert.equal(rig.transport.connections.length, 1);
  rig.driver.unpark();
  rig.clock.advance(500);
  assert.equal(rig.transport.connections.length, 2);
});

Deno.test("ShardDriver goes on after a host that throws", () => {
  const rig = new DriverRig().resumed();
  rig.onDeliver = () => {
    throw new Error("broken host");
  };
  assert.throws(() => rig.transport.latest.dispatch("MESSAGE_CREATE"), /broken host/);
  rig.onDeliver = () => {};
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  assert.equal(rig.calls.at(-1), "deliver MESSAGE_CREATE 43");
});

Deno.test("ShardDriver touches no timer for an event", () => {
  const rig = new DriverRig().resumed();
  const before = rig.clock.deadlinesMs;
  rig.clock.schedule = () => assert.fail("a timer was set");
  for (let count = 0; count < 100; count += 1) rig.transport.latest.dispatch("MESSAGE_CREATE");
  assert.deepEqual(rig.clock.deadlinesMs, before);
});

Deno.test("ShardDriver beats with the stored sequence, on one timer at a time", () => {
  const rig = new DriverRig().resumed();
  const { latest } = rig.transport;
  for (let count = 0; count < 100; count += 1) latest.dispatch("MESSAGE_CREATE");
  rig.driver.stored(SESSION, 77, { isShared: true });
  for (let beat = 0; beat < 4; beat += 1) {
    rig.clock.advance(HEARTBEAT_INTERVAL_MS);
    latest.say({ op: 11, d: null });
    assert.equal(rig.clock.deadlinesMs.length, 1);
  }
  assert.deepEqual(latest.sentWith(Opcode.Heartbeat), Array(4).fill({ op: 1, d: 77 }));
});

Deno.test("ShardDriver brings its timer forward for a nearer deadline", () => {
  const rig = new DriverRig().resumed();
  rig.transport.latest.end(4008);
  const [reconnectAtMs] = rig.clock.deadlinesMs;
  rig.command("soon", { expiresAtMs: 10 });
  assert.deepEqual(rig.clock.deadlinesMs, [10]);
  rig.clock.advance(10);
  assert.equal(rig.calls.at(-1), "commandExpired soon");
  assert.deepEqual(rig.clock.deadlinesMs, [reconnectAtMs]);
});

Deno.test("ShardDriver tells of commands, presences and lost sessions", () => {
  const rig = new DriverRig().resumed();
  rig.command('{"op":3,"d":{}}', { presence: "idle" });
  rig.transport.latest.say({ op: 9, d: false });
  rig.clock.advance(5_000);
  rig.grantTurn();
  rig.transport.latest.greet().ready("another");
  assert.deepEqual(rig.calls.slice(1), [
    "presenceKept idle",
    'commandSent {"op":3,"d":{}}',
    `sessionLost ${SESSION} invalid_session`,
    "requestTurn",
    "turnUsed",
    "sessionStarted another",
    "deliver READY 1",
  ]);
  const configured = new DriverRig();
  configured.driver.start({ ...stored, presenceOutdated: true });
  configured.transport.latest.greet().resume(SESSION, 40);
  assert.deepEqual(configured.calls.slice(1), ["presenceKept null", "presenceConfigured"]);
});

Deno.test("ShardDriver tells of a close code that only an operator can help with, and waits for nothing more", async () => {
  const rig = new DriverRig().resumed();
  rig.transport.latest.end(4004);
  assert.equal(rig.calls.at(-1), "fatal 4004");
  await rig.driver.stop();
  rig.clock.assertIdle();
});

Deno.test("ShardDriver.stop() leaves resumably, resolves when the close is out, and leaves no timer", async () => {
  const rig = new DriverRig().resumed();
  await rig.driver.stop();
  assert.equal(rig.transport.latest.left?.code, 4000);
  rig.clock.assertIdle();
  await rig.driver.stop();
  rig.driver.restart("resume");
  rig.driver.unpark();
  rig.command("too late", { expiresAtMs: 5 });
  rig.clock.assertIdle();
  assert.equal(rig.transport.connections.length, 1);
});

Deno.test("ShardDriver connects for a fresh session only once the end of the old one is through", async () => {
  const rig = new DriverRig().resumed();
  rig.transport.hangsOnLeave = true;
  rig.driver.restart("identify");
  rig.grantTurn();
  await microtasksDone();
  assert.equal(rig.transport.connections.length, 1);
  assert.equal(rig.transport.latest.left?.code, 1000);
  rig.transport.latest.goodbye();
  await microtasksDone();
  assert.deepEqual(rig.hosts, ["resume.example", "gateway.example"]);
});

Deno.test("ShardDriver resumes without waiting for the goodbye of the connection that it left", () => {
  const rig = new DriverRig().resumed();
  rig.transport.hangsOnLeave = true;
  rig.driver.restart("resume");
  assert.equal(rig.transport.connections.length, 2);
});

Deno.test("ShardDriver.stop() waits for every connection that is being left", async () => {
  const rig = new DriverRig().resumed();
  rig.transport.hangsOnLeave = true;
  rig.driver.restart("resume");
  rig.transport.hangsOnLeave = false;
  let isStopped = false;
  rig.driver.stop().then(() => isStopped = true);
  await microtasksDone();
  assert.equal(isStopped, false);
});

Deno.test("ShardDriver.stop() before start() resolves, and start() connects no more", async () => {
  const rig = new DriverRig();
  await rig.driver.stop();
  rig.driver.start(stored);
  assert.deepEqual(rig.hosts, []);
  rig.clock.assertIdle();
});
