import assert from "node:assert/strict";
import type { LostSession } from "../../gateway/resume/points.ts";
import { MemoryDisk, MemorySpool } from "../fakes/memory_spool.ts";
import { microtasksDone } from "../fakes/microtasks.ts";
import { gatewayBot, ServiceRig, storedPoint } from "./service_rig.ts";

const STARTED_AT_MS = Date.UTC(2025, 11, 31);
const LAST_EVENT_AT_MS = STARTED_AT_MS + 3_600_000;
const BODY = new TextEncoder().encode("{}");

/** Token of the bot whose user id this is. */
function tokenOf(bot: string): string {
  return `${btoa(bot)}.x.y`;
}

function rigWithSpool(environment: Record<string, string> = {}): { rig: ServiceRig; disk: MemoryDisk } {
  const disk = new MemoryDisk();
  return { rig: new ServiceRig(environment, { spool: new MemorySpool(disk) }), disk };
}

/** Leaves events of a session on disk, as a process that found no broker would have. */
function leaveEvents(disk: MemoryDisk, shard: number, session: string, sequences: readonly number[]): void {
  for (const sequence of sequences) {
    disk.lastPosition += 1;
    const receivedAtMs = LAST_EVENT_AT_MS;
    disk.events.set(disk.lastPosition, {
      shard,
      session,
      sequence,
      type: "MESSAGE_CREATE",
      body: BODY,
      receivedAtMs,
      partition: null,
      trace: null,
    });
  }
}

/**
 * Leaves session `old-0` of the only shard: the store knows it up to 40, the spool holds 41 to 43 and a point there.
 */
function leaveHalfPublished(rig: ServiceRig, disk: MemoryDisk): void {
  const times = { startedAtMs: STARTED_AT_MS, lastEventAtMs: LAST_EVENT_AT_MS };
  rig.leftSessions(1, times);
  disk.total = 1;
  disk.points.set(0, { ...storedPoint(rig, "old-0", { ...times, sequence: 43 }), lost: [] });
  leaveEvents(disk, 0, "old-0", [41, 42, 43]);
}

/** What the broker was given, as `session sequence`. */
function published(rig: ServiceRig): string[] {
  return rig.publisher.published.map(({ session, sequence }) => `${session} ${sequence}`);
}

function gaps(rig: ServiceRig): (string | number | null)[][] {
  return rig.of("shard.gap").map(({ oldSession, newSession, lastSequence, reason }) => [
    oldSession,
    newSession,
    lastSequence,
    reason,
  ]);
}

/** Starts without a broker and goes on for as long as resumes take. */
async function startedWithoutBroker(rig: ServiceRig): Promise<{ readonly started: Promise<void> }> {
  const started = rig.service.start();
  for (let count = 0; count < 20; count += 1) await rig.pass(1);
  return { started };
}

// Starting with a spool.

Deno.test("GatewayService publishes what is in the spool first, and resumes behind it", async () => {
  const { rig, disk } = rigWithSpool();
  leaveHalfPublished(rig, disk);
  await rig.connected(1);
  assert.deepEqual(rig.greetings, ["resume old-0 43"]);
  assert.deepEqual(rig.of("spool.opened"), [{ kind: "spool.opened", shards: 1, events: 3, bytes: 6 }]);
  assert.deepEqual(rig.of("spool.late"), []);
  await rig.settle();
  assert.deepEqual(published(rig), ["old-0 41", "old-0 42", "old-0 43", "old-0 44"]);
  assert.equal(rig.points.shards.get(0)?.point?.sequence, 44);
  assert.equal(disk.events.size, 0);
  assert.deepEqual(gaps(rig), []);
  await rig.stopped();
});

Deno.test("GatewayService publishes nothing from the spool that is not wanted, once no state cache is to get it", async () => {
  const unwanted = { SHARDS_TOTAL: "1", EVENTS_DENY: "CHANNEL_*" };
  const { rig, disk } = rigWithSpool({ ...unwanted, STATE_ENABLED: "true" });
  await rig.connected(1);
  rig.publisher.confirmAll();
  await rig.pass(100);
  rig.publisher.drop();
  const { latest } = rig.transport;
  for (const type of ["CHANNEL_UPDATE", "MESSAGE_CREATE", "CHANNEL_UPDATE"]) latest.dispatch(type);
  await rig.pass(1_000);
  await rig.stopped();
  assert.deepEqual([...disk.events.values()].map(({ type }) => type), [
    "CHANNEL_UPDATE",
    "MESSAGE_CREATE",
    "CHANNEL_UPDATE",
  ]);
  const next = rig.next(unwanted);
  await next.connected(1);
  const typesOf = () => next.publisher.published.map(({ type }) => type);
  while (!typesOf().includes("MESSAGE_CREATE")) await next.pass(25);
  await next.settle();
  await next.settle();
  assert.deepEqual(typesOf(), ["MESSAGE_CREATE", "RESUMED"]);
  assert.deepEqual(next.of("event.filtered").map(({ type }) => type), ["CHANNEL_UPDATE", "CHANNEL_UPDATE"]);
  assert.equal(disk.events.size, 0);
  await next.stopped();
});

Deno.test("GatewayService says nothing of an empty spool", async () => {
  const { rig, disk } = rigWithSpool();
  await rig.connected(2);
  assert.deepEqual(rig.of("spool.opened"), []);
  assert.deepEqual(rig.service.spooled, { events: 0, bytes: 0, maxBytes: 4 * 1024 ** 3 });
  assert.equal(disk.total, 2);
  await rig.stopped();
});

Deno.test("GatewayService resumes without waiting for the broker where a spool keeps what comes meanwhile", async () => {
  const { rig, disk } = rigWithSpool();
  rig.leftSessions(2);
  await startedWithoutBroker(rig);
  assert.deepEqual(rig.greetings, ["resume old-0 40", "resume old-1 40"]);
  await rig.pass(1_000);
  await rig.pass(100);
  assert.deepEqual([...disk.events.values()].map(({ type }) => type), ["RESUMED", "RESUMED"]);
  await rig.stopped();
});

Deno.test("GatewayService waits for the broker where there is nothing to resume, or no spool to keep what comes", async () => {
  const unusable = rigWithSpool();
  unusable.disk.user = new MemorySpool();
  const waiting: [string, ServiceRig][] = [
    ["nothing", rigWithSpool().rig],
    ["no session", rigWithSpool().rig.left(2, [])],
    ["RESUME=false", rigWithSpool({ RESUME: "false" }).rig.leftSessions(2)],
    ["no spool", new ServiceRig().leftSessions(2)],
    ["unusable spool", unusable.rig.leftSessions(2)],
  ];
  for (const [why, rig] of waiting) {
    const { started } = await startedWithoutBroker(rig);
    await rig.pass(3_600_000);
    assert.deepEqual(rig.transport.connections, [], why);
    rig.publisher.open();
    for (let count = 0; count < 20; count += 1) await rig.pass(1);
    await started;
    assert.deepEqual(rig.connectedShards, [0, 1], why);
    await rig.stopped();
  }
});

Deno.test("GatewayService warns of a spool that cannot be used, and runs without", async () => {
  const { rig, disk } = rigWithSpool();
  const other = new MemorySpool();
  disk.user = other;
  leaveHalfPublished(rig, disk);
  await rig.connected(1);
  assert.deepEqual(rig.of("service.warning").map(({ message }) => message), [
    "Running without a spool: another process uses it",
  ]);
  assert.equal(rig.service.spooled, null);
  assert.deepEqual(rig.greetings, ["resume old-0 40"]);
  await rig.settle();
  assert.deepEqual(published(rig), ["old-0 41"]);
  await rig.stopped();
  assert.equal(disk.user, other, "the other still has it");
});

Deno.test("GatewayService says that a spool refuses the new reign, and uses it all the same", async () => {
  const { rig, disk } = rigWithSpool();
  leaveHalfPublished(rig, disk);
  assert(rig.spool !== null);
  rig.spool.begin = () => Promise.reject(new Error("disk full"));
  await rig.connected(1);
  assert.deepEqual(rig.of("spool.refused"), [{ kind: "spool.refused", error: "disk full" }]);
  assert.deepEqual(rig.greetings, ["resume old-0 43"]);
  await rig.settle();
  assert.deepEqual(published(rig), ["old-0 41", "old-0 42", "old-0 43", "old-0 44"]);
  await rig.stopped();
});

Deno.test("GatewayService takes the total from the spool where the store knows none", async () => {
  const { rig, disk } = rigWithSpool();
  disk.total = 3;
  for (const shard of [0, 1, 2]) {
    disk.points.set(shard, {
      ...storedPoint(rig, `old-${shard}`, { startedAtMs: STARTED_AT_MS }),
      lost: [],
    });
  }
  await rig.connected(3);
  assert.deepEqual(rig.greetings, ["resume old-0 40", "resume old-1 40", "resume old-2 40"]);
  assert.equal(rig.points.total, 3);
  await rig.stopped();
});

Deno.test("GatewayService takes no points from the spool where no session is resumed, and publishes its events", async () => {
  const otherTotal = rigWithSpool({ SHARDS_TOTAL: "2" });
  const disabled = rigWithSpool({ SHARDS_TOTAL: "1", RESUME: "false" });
  const otherBot = rigWithSpool({ SHARDS_TOTAL: "1", BOT_TOKEN: tokenOf("1") });
  otherBot.rig.points.bot = "2";
  const reasons = [
    [otherTotal, "total_changed"],
    [disabled, "resume_disabled"],
    [otherBot, "bot_changed"],
  ] as const;
  for (const [{ rig, disk }, reason] of reasons) {
    leaveHalfPublished(rig, disk);
    await rig.started();
    assert.equal(rig.greetings[0]?.split(" ")[0], "identify", reason);
    assert.deepEqual([...disk.points.keys()], [], reason);
    await rig.settle();
    await rig.settle();
    assert.deepEqual(published(rig).filter((event) => event.startsWith("old-0")), [
      "old-0 41",
      "old-0 42",
      "old-0 43",
    ]);
    const ofShard = rig.publisher.published.filter(({ shard }) => shard === 0);
    assert.equal(ofShard[3]?.type, "READY", reason);
    assert.deepEqual(gaps(rig), [["old-0", "session-1", 43, reason]]);
    await rig.stopped();

    const next = await rig.next({ SHARDS_TOTAL: `${rig.points.total}` }).started();
    assert.equal(next.greetings[0], "resume session-1 1", "what was given up is not taken up again");
    await next.stopped();
  }
});

Deno.test("GatewayService has the spool forget points only once the store has written down what is lost", async () => {
  const { rig, disk } = rigWithSpool({ RESUME: "false" });
  leaveHalfPublished(rig, disk);
  rig.points.hold();
  const started = rig.service.start();
  rig.publisher.open();
  await rig.asked();
  rig.points.releaseNext();
  await rig.asked();
  assert.deepEqual([rig.points.waiting, disk.points.size], [1, 1], "the store has not taken the reign");
  rig.points.release();
  await rig.done(started);
  assert.deepEqual(rig.points.shards.get(0)?.lost.map(({ sessionId }) => sessionId), ["old-0"]);
  assert.equal(disk.points.size, 0);
  await rig.stopped();
});

Deno.test("GatewayService has the spool forget the points of another total, though the store has changed it before", async () => {
  const { rig, disk } = rigWithSpool({ SHARDS_TOTAL: "1" });
  // The process that changed it died before the spool had heard of it.
  disk.total = 3;
  disk.points.set(2, { ...storedPoint(rig, "old-2", { startedAtMs: STARTED_AT_MS }), lost: [] });
  rig.left(1, []);
  await rig.started();
  assert.deepEqual([...disk.points.keys()], []);
  assert.equal(disk.total, 1);
  await rig.stopped();
});

Deno.test("GatewayService has the spool forget its points where another service wrote last", async () => {
  const { rig, disk } = rigWithSpool();
  rig.points.foreign = true;
  leaveHalfPublished(rig, disk);
  rig.left(1, [[0, { point: storedPoint(rig, "theirs", { intents: null, configuredPresence: null }) }]]);
  await rig.connected(1);
  assert.deepEqual(rig.greetings, ["resume theirs 40"]);
  assert.deepEqual([...disk.points.keys()], []);
  await rig.settle();
  assert.deepEqual(published(rig), ["old-0 41", "old-0 42", "old-0 43", "theirs 41"]);
  await rig.stopped();
});

Deno.test("GatewayService says how much it publishes late, of shards that have gone on elsewhere", async () => {
  const { rig, disk } = rigWithSpool();
  rig.left(2, [
    [0, { point: storedPoint(rig, "later", { startedAtMs: LAST_EVENT_AT_MS }) }],
    [1, { point: storedPoint(rig, "old-1", { startedAtMs: STARTED_AT_MS }) }],
  ]);
  disk.total = 2;
  for (const shard of [0, 1]) {
    const point = storedPoint(rig, `old-${shard}`, { startedAtMs: STARTED_AT_MS, sequence: 42 });
    disk.points.set(shard, { ...point, lost: [] });
    leaveEvents(disk, shard, `old-${shard}`, [41, 42]);
  }
  await rig.connected(2);
  assert.deepEqual(rig.greetings, ["resume later 40", "resume old-1 42"]);
  assert.deepEqual(rig.of("spool.opened"), [{ kind: "spool.opened", shards: 2, events: 4, bytes: 8 }]);
  assert.deepEqual(rig.of("spool.late"), [{ kind: "spool.late", shard: 0, events: 2 }]);
  await rig.settle();
  assert.deepEqual(
    published(rig).sort(),
    ["later 41", "old-0 41", "old-0 42", "old-1 41", "old-1 42", "old-1 43"],
  );
  await rig.stopped();
});

// Gaps.

Deno.test("GatewayService tells of a session in whose place the spool knows a later one, once", async () => {
  const times = [[STARTED_AT_MS + 1, STARTED_AT_MS + 1], [null, LAST_EVENT_AT_MS - 1]] as const;
  for (const [lastEventAtMs, sinceMs] of times) {
    const { rig, disk } = rigWithSpool();
    rig.leftSessions(1, { startedAtMs: STARTED_AT_MS, lastEventAtMs });
    disk.total = 1;
    disk.points.set(0, {
      ...storedPoint(rig, "later", { startedAtMs: LAST_EVENT_AT_MS, sequence: 7 }),
      lost: [],
    });
    await startedWithoutBroker(rig);
    const lost = [{ sessionId: "old-0", sequence: 40, sinceMs, reason: "superseded" }];
    assert.deepEqual(rig.greetings, ["resume later 7"]);
    assert.deepEqual(rig.points.shards.get(0)?.lost, lost);

    rig.spool?.crash();
    const next = await rig.next().connected(1);
    assert.deepEqual(next.greetings.map((greeting) => greeting.split(" ")[1]), ["later"], "it stands, still");
    assert.deepEqual(next.points.shards.get(0)?.lost, lost);
    await next.settle();
    assert.deepEqual(gaps(next), [["old-0", "later", 40, "superseded"]]);
    await next.settle();
    assert.deepEqual(next.points.shards.get(0)?.lost, []);
    await next.stopped();
  }
});

Deno.test("GatewayService begins the gap of a session that is given up at the start with the last event known of it", async () => {
  for (const lastEventAtMs of [LAST_EVENT_AT_MS, null]) {
    const rig = new ServiceRig({ RESUME: "false" }).leftSessions(1, { lastEventAtMs });
    await rig.started();
    const { startedAtMs } = rig.points;
    await rig.pass(1_000);
    await rig.settle();
    assert.deepEqual(rig.of("shard.gap").map(({ fromMs }) => fromMs), [lastEventAtMs ?? startedAtMs]);
    await rig.stopped();
  }
});

Deno.test("GatewayService tells of a gap where the spool was damaged, and goes on with the sessions", async () => {
  const { rig, disk } = rigWithSpool();
  leaveHalfPublished(rig, disk);
  disk.damage();
  await rig.connected(1);
  assert.deepEqual(rig.of("spool.moved_aside"), [
    { kind: "spool.moved_aside", to: "aside/1", problem: "it is damaged" },
  ]);
  assert.deepEqual(rig.greetings, ["resume old-0 40"]);
  assert.deepEqual(rig.points.shards.get(0)?.lost.map(({ reason }) => reason), ["spool_damaged"]);
  await rig.settle();
  assert.deepEqual(gaps(rig), [["old-0", "old-0", 40, "spool_damaged"]]);
  await rig.stopped();
});

Deno.test("GatewayService moves the spool of another bot aside, and misses nothing of its own", async () => {
  const { rig, disk } = rigWithSpool({ BOT_TOKEN: tokenOf("1") });
  leaveHalfPublished(rig, disk);
  disk.bot = "2";
  await rig.connected(1);
  assert.equal(rig.of("spool.moved_aside").length, 1);
  await rig.settle();
  assert.deepEqual(published(rig), ["old-0 41"]);
  assert.deepEqual(gaps(rig), []);
  await rig.stopped();
});

Deno.test("GatewayService tells of a gap where events in the spool cannot be read, or are not there", async () => {
  const breaks: [string, (disk: MemoryDisk, spool: MemorySpool) => void][] = [
    ["unreadable", (_disk, spool) => spool.refuseToRead(new Error("I/O error"))],
    ["missing", (disk) => disk.events.clear()],
  ];
  for (const [why, breakIt] of breaks) {
    const { rig, disk } = rigWithSpool();
    leaveHalfPublished(rig, disk);
    await startedWithoutBroker(rig);
    assert(rig.spool !== null);
    breakIt(disk, rig.spool);
    rig.publisher.open();
    for (let tries = 0; rig.of("spool.unreadable").length === 0; tries += 1) {
      assert(tries < 60, `${why}: tried for ever`);
      await rig.pass(1_000);
    }
    assert.deepEqual(rig.of("spool.unreadable").map(({ shard, events }) => [shard, events]), [[0, 4]], why);
    rig.spool.refuseToRead(null);
    rig.transport.latest.dispatch("MESSAGE_CREATE");
    await rig.settle();
    assert.deepEqual(gaps(rig), [["old-0", "old-0", 40, "spool_damaged"]], why);
    assert.deepEqual(published(rig), ["old-0 45"], why);
    await rig.stopped();
  }
});

Deno.test("GatewayService takes nothing over from another bot, and tells of what that one lost", async () => {
  const left = (token: string, bot: string | null) => {
    const rig = new ServiceRig({ BOT_TOKEN: token });
    rig.left(1, [[0, { point: storedPoint(rig, "old-0"), presence: '{"status":"idle"}' }]]);
    rig.points.bot = bot;
    return rig;
  };
  const rig = left(tokenOf("1"), "2");
  rig.gatewayBot = gatewayBot({ shards: 1 });
  await rig.connected(1);
  assert.deepEqual(rig.greetings, ["identify 0 of 1"]);
  assert.deepEqual(rig.transport.latest.sentWith(3), []);
  await rig.settle();
  assert.deepEqual(gaps(rig), [["old-0", "session-1", 40, "bot_changed"]]);
  assert.equal(rig.points.bot, "1");
  await rig.stopped();

  for (const [token, bot] of [[tokenOf("1"), "1"], [tokenOf("1"), null], ["token", "2"]] as const) {
    const same = await left(token, bot).connected(1);
    assert.deepEqual(same.greetings, ["resume old-0 40"], `${token} after ${bot}`);
    await same.stopped();
  }
});

Deno.test("GatewayService keeps each loss of a shard that is gone until it is told, and tells it again after a death", async () => {
  const older: LostSession = {
    sessionId: "older-1",
    sequence: 40,
    sinceMs: STARTED_AT_MS,
    reason: "total_changed",
  };
  const rig = new ServiceRig({ SHARDS_TOTAL: "1" });
  rig.left(2, [[1, { point: storedPoint(rig, "old-1"), lost: [older] }]]);
  const lostSessions = () => rig.points.shards.get(1)?.lost.map(({ sessionId }) => sessionId);
  const both = [["older-1", null, 40, "total_changed"], ["old-1", null, 40, "total_changed"]];
  rig.notices.hold();
  await rig.started();
  assert.deepEqual(gaps(rig), both);
  await rig.pass(1_000);
  assert.deepEqual(lostSessions(), ["older-1", "old-1"]);

  const next = rig.next({ SHARDS_TOTAL: "1" });
  next.notices.hold();
  await next.started();
  assert.deepEqual(gaps(next), both, "the news was not confirmed");
  next.notices.confirmNext();
  await next.pass(100);
  assert.deepEqual(lostSessions(), ["old-1"]);
  next.notices.confirmNext();
  await next.pass(100);
  assert.deepEqual(lostSessions(), []);
  await next.stopped();
});

Deno.test("GatewayService keeps both losses of one session of a shard that is gone", async () => {
  const { rig, disk } = rigWithSpool({ SHARDS_TOTAL: "1" });
  rig.leftSessions(2);
  disk.damage();
  rig.notices.hold();
  await rig.started();
  const reasons = () => rig.points.shards.get(1)?.lost.map(({ reason }) => reason);
  assert.deepEqual(reasons(), ["spool_damaged", "total_changed"]);
  rig.notices.confirmNext();
  await rig.pass(100);
  assert.deepEqual(reasons(), ["total_changed"]);
  rig.notices.confirmNext();
  await rig.pass(100);
  assert.deepEqual(reasons(), []);
  await rig.stopped();
});

Deno.test("GatewayService stores what is lost of shards that other processes run, and leaves it to them to tell", async () => {
  const range = { SHARDS_TOTAL: "2", SHARDS_END: "0", RESUME: "false" };
  const rig = await new ServiceRig(range).leftSessions(2).connected(1);
  await rig.settle();
  assert.deepEqual(gaps(rig), [["old-0", "session-1", 40, "resume_disabled"]]);
  assert.deepEqual(rig.points.shards.get(1)?.lost.map(({ reason }) => reason), ["resume_disabled"]);
  await rig.stopped();
});

Deno.test("GatewayService leaves it to other processes what is lost of their shards while sessions are resumed", async () => {
  const told: LostSession = {
    sessionId: "older-1",
    sequence: 9,
    sinceMs: STARTED_AT_MS,
    reason: "invalid_session",
  };
  const rig = new ServiceRig({ SHARDS_TOTAL: "2", SHARDS_END: "0" });
  rig.left(2, [[0, { point: storedPoint(rig, "old-0") }], [1, { lost: [told] }]]);
  rig.points.hold();
  const started = rig.service.start();
  rig.publisher.open();
  await rig.asked();
  rig.points.releaseNext();
  await rig.asked();
  rig.left(2, [[1, { lost: [] }]]);
  rig.points.release();
  await rig.done(started);
  assert.deepEqual(rig.points.shards.get(1)?.lost, [], "told meanwhile");
  await rig.stopped();
});

Deno.test("GatewayService keeps each loss of a shard that it runs until it is told", async () => {
  const { rig, disk } = rigWithSpool({ SHARDS_TOTAL: "1", RESUME: "false" });
  rig.leftSessions(1);
  disk.damage();
  await rig.connected(1);
  rig.notices.hold();
  await rig.settle();
  const reasons = () => rig.points.shards.get(0)?.lost.map(({ reason }) => reason);
  assert.deepEqual(reasons(), ["spool_damaged", "resume_disabled"]);
  rig.notices.confirmNext();
  await rig.pass(100);
  assert.deepEqual(reasons(), ["resume_disabled"]);
  rig.notices.release();
  await rig.pass(100);
  assert.deepEqual(reasons(), []);
  await rig.stopped();
});

Deno.test("GatewayService tells of events of a shard that is gone which cannot be read from the spool", async () => {
  for (const knowsSession of [true, false]) {
    const { rig, disk } = rigWithSpool({ SHARDS_TOTAL: "1" });
    rig.left(2, knowsSession ? [[1, { point: storedPoint(rig, "old-1") }]] : []);
    leaveEvents(disk, 1, "old-1", [41, 42]);
    rig.spool?.refuseToRead(new Error("I/O error"));
    await rig.started();
    rig.notices.hold();
    for (let tries = 0; rig.of("spool.unreadable").length === 0; tries += 1) {
      assert(tries < 60, "tried for ever");
      await rig.pass(1_000);
    }
    await rig.pass(100);
    const damaged = ["old-1", null, 40, "spool_damaged"];
    assert.deepEqual(gaps(rig).at(-1), damaged);
    assert.deepEqual(rig.points.shards.get(1)?.lost.map(({ reason }) => reason), ["spool_damaged"]);
    rig.notices.release();
    await rig.pass(100);
    assert.deepEqual(rig.points.shards.get(1)?.lost, []);
    await rig.stopped();
  }
});

// Events that the broker refuses for good.

/** Has the broker refuse these events, as `session sequence`, each time they come, until they are given up. */
async function refuseForGood(rig: ServiceRig, refused: readonly string[]): Promise<void> {
  for (let seconds = 0; rig.of("event.quarantined").length < refused.length; seconds += 1) {
    assert(seconds < 120, "never given up");
    rig.transport.latest.dispatch("TYPING_START");
    await microtasksDone();
    while (rig.publisher.unconfirmed.length > 0) {
      const [next] = rig.publisher.unconfirmed;
      if (refused.includes(`${next?.session} ${next?.sequence}`)) rig.publisher.refuseNext();
      else rig.publisher.confirmNext();
    }
    await rig.pass(1_000);
  }
}

Deno.test("GatewayService keeps a refused event as lost until its gap is told, and tells it again after a death", async () => {
  for (const spool of [undefined, new MemorySpool()]) {
    const rig = new ServiceRig({ SHARDS_TOTAL: "2" }, spool === undefined ? {} : { spool });
    await rig.connected(2);
    await rig.settle();
    rig.notices.hold();
    rig.transport.connections[0]?.dispatch("MESSAGE_CREATE");
    await refuseForGood(rig, ["session-1 2"]);
    assert.deepEqual(rig.of("event.quarantined").map(({ kept }) => kept), [spool !== undefined]);
    const gap = ["session-1", "session-1", 1, "event_refused"];
    assert.deepEqual(gaps(rig), [gap]);
    // The point moves over it when the loss is stored.
    await rig.pass(100);
    await rig.pass(100);
    const { point, lost } = rig.points.shards.get(0) ?? {};
    assert.deepEqual([point?.sequence, lost?.map(({ sequence, type }) => [sequence, type])], [
      2,
      [[1, "MESSAGE_CREATE"]],
    ]);

    spool?.crash();
    const next = await rig.next({ SHARDS_TOTAL: "2" }).connected(2);
    await next.settle();
    assert.deepEqual(gaps(next), [gap], "the news was not confirmed");
    await next.settle();
    assert.deepEqual(next.points.shards.get(0)?.lost, []);
    await next.stopped();
  }
});

Deno.test("GatewayService tells of each refused event of a shard that is gone", async () => {
  const { rig, disk } = rigWithSpool({ SHARDS_TOTAL: "1" });
  rig.left(2, []);
  leaveEvents(disk, 1, "old-1", [41, 42, 43]);
  await rig.connected(1);
  rig.notices.hold();
  await refuseForGood(rig, ["old-1 41", "old-1 42"]);
  await rig.pass(100);
  const lost = { sessionId: "old-1", sequence: 40, sinceMs: LAST_EVENT_AT_MS, reason: "event_refused" };
  const first = { ...lost, type: "MESSAGE_CREATE" };
  const second = { ...first, sequence: 41 };
  assert.deepEqual(rig.points.shards.get(1)?.lost, [first, second]);
  assert.deepEqual(gaps(rig), [
    ["old-1", null, 40, "event_refused"],
    ["old-1", null, 41, "event_refused"],
  ]);
  assert.deepEqual(rig.of("shard.gap").map(({ sequence, type }) => [sequence, type]), [
    [41, "MESSAGE_CREATE"],
    [42, "MESSAGE_CREATE"],
  ]);
  rig.notices.confirmNext();
  await rig.pass(100);
  assert.deepEqual(rig.points.shards.get(1)?.lost, [second]);
  rig.notices.release();
  await rig.pass(100);
  assert.deepEqual(rig.points.shards.get(1)?.lost, []);
  await rig.stopped();
});

// Stopping with a spool.

Deno.test("GatewayService.stop() leaves in the spool what the broker does not confirm, for the next process", async () => {
  const { rig } = rigWithSpool({ SHARDS_TOTAL: "1" });
  await rig.connected(1);
  await rig.settle();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  await rig.stopped();
  assert.deepEqual(rig.of("service.late"), []);
  rig.clock.assertIdle();

  const next = await rig.next({ SHARDS_TOTAL: "1" }).connected(1);
  assert.deepEqual(next.greetings, ["resume session-1 2"]);
  await next.settle();
  assert.deepEqual(published(next), ["session-1 2", "session-1 3"]);
  await next.stopped();
});

Deno.test("GatewayService.stop() leaves in the spool what the store does not take, before it lets go of both", async () => {
  const { rig, disk } = rigWithSpool({ SHARDS_TOTAL: "1" });
  await rig.connected(1);
  await rig.settle();
  rig.points.hold();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.publisher.confirmAll();
  await rig.pass(100);
  assert.equal(disk.points.size, 0);
  assert(rig.spool !== null);
  const { spool } = rig;
  const close = spool.close.bind(spool);
  let leftAtClose: number | undefined;
  spool.close = () => {
    leftAtClose = disk.points.get(0)?.sequence;
    return close();
  };
  await rig.stopped();
  assert.equal(leftAtClose, 2);
  assert.equal(disk.user, null, "the next process can have it");
  assert.deepEqual(rig.of("service.late").map(({ phase }) => phase), ["remember"]);
  rig.clock.assertIdle();
});

Deno.test("GatewayService.stop() gives a spool that hangs half a second after the store", async () => {
  const { rig } = rigWithSpool({ SHARDS_TOTAL: "1" });
  await rig.connected(1);
  await rig.settle();
  rig.points.hold();
  rig.spool?.hold();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.publisher.confirmAll();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  assert((await rig.stopped()) < 10_000);
  assert.deepEqual(rig.of("service.late").map(({ phase }) => phase), [
    "drain",
    "remember",
    "settle",
    "disconnect",
  ]);
});

Deno.test("GatewayService.stop() publishes nothing more that is still read from the spool", async () => {
  const { rig, disk } = rigWithSpool();
  leaveHalfPublished(rig, disk);
  await startedWithoutBroker(rig);
  await rig.pass(1_000);
  await rig.pass(100);
  assert(rig.spool !== null);
  rig.spool.hold();
  rig.publisher.open();
  assert.equal(rig.spool.waiting, 1, "the first page is being read");
  const stopped = rig.stopped();
  await rig.pass(500);
  assert.equal(rig.publisher.isClosed, true);
  rig.spool.release();
  await stopped;
  assert.deepEqual(published(rig), []);
  assert.equal(disk.events.size, 4, "left for the next process");
});
