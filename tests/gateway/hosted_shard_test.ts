import assert from "node:assert/strict";
import { CommandDispatcher } from "../../gateway/commands/dispatcher.ts";
import { EventChoice } from "../../gateway/delivery/event_choice.ts";
import type { EventTracer } from "../../gateway/delivery/tracing.ts";
import { Partitions } from "../../gateway/delivery/partitions.ts";
import type { OutgoingEvent } from "../../gateway/delivery/publisher.ts";
import type { GuildNames } from "../../gateway/guild_names.ts";
import { HostedShard, type ShardLegacy } from "../../gateway/hosted_shard.ts";
import { IdentifyBudget } from "../../gateway/identify/budget.ts";
import { IdentifyQueue } from "../../gateway/identify/queue.ts";
import type { Observation } from "../../gateway/observation.ts";
import { gatewayConnectionUrl } from "../../gateway/protocol/gateway_url.ts";
import { PointKeeper } from "../../gateway/resume/keeper.ts";
import type { LostSession, ResumePoint, StoredShard } from "../../gateway/resume/points.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { HEARTBEAT_INTERVAL_MS, MemoryTransport } from "../fakes/memory_transport.ts";
import { MemoryNotices } from "../fakes/memory_notices.ts";
import { MemoryResumePoints } from "../fakes/memory_resume_points.ts";
import { microtasksDone } from "../fakes/microtasks.ts";
import { fresh } from "./shard/machine_rig.ts";

const SHARD = 3;
const INTENTS = 513;

const STARTED_AT_MS = Date.UTC(2025, 11, 31);
const LAST_EVENT_AT_MS = STARTED_AT_MS + 3_600_000;

const storedPoint: ResumePoint = {
  sessionId: "old",
  sequence: 40,
  resumeGatewayUrl: "wss://resume.example",
  intents: INTENTS,
  configuredPresence: "online",
  startedAtMs: STARTED_AT_MS,
  lastEventAtMs: LAST_EVENT_AT_MS,
};

const lostBefore: LostSession = {
  sessionId: "older",
  sequence: 9,
  sinceMs: STARTED_AT_MS - 1_000,
  reason: "invalid_session",
};

class MemoryGuildNames implements GuildNames {
  readonly names = new Map<bigint, string>();

  keep(guild: bigint, name: string): void {
    this.names.set(guild, name);
  }

  take(guild: bigint): Promise<string | null> {
    const name = this.names.get(guild) ?? null;
    this.names.delete(guild);
    return Promise.resolve(name);
  }
}

/** The lane of one shard: what the test confirms has been published. */
class MemoryLane {
  readonly accepted: OutgoingEvent[] = [];
  readonly waiting: { readonly session: string; readonly sequence: number }[] = [];
  /** Events that the shard's sequence need not wait for any longer, as `session sequence`. */
  readonly letGone: string[] = [];
  readonly #published: (session: string, sequence: number) => void;

  constructor(published: (session: string, sequence: number) => void) {
    this.#published = published;
  }

  accept(event: OutgoingEvent): void {
    this.accepted.push(event);
    this.waiting.push(event);
  }

  pass(_shard: number, session: string, sequence: number): void {
    this.waiting.push({ session, sequence });
  }

  letGo(_shard: number, session: string, sequence: number): void {
    this.letGone.push(`${session} ${sequence}`);
  }

  confirmNext(): void {
    const next = this.waiting.shift();
    assert(next !== undefined, "nothing waits");
    this.#published(next.session, next.sequence);
  }

  confirmAll(): void {
    while (this.waiting.length > 0) this.confirmNext();
  }
}

class HostedRig {
  readonly clock = new ManualClock();
  readonly transport = new MemoryTransport({ answering: true });
  readonly lane = new MemoryLane((session, sequence) =>
    this.shard.published(session, sequence, this.clock.epochMs)
  );
  readonly store = new MemoryResumePoints();
  readonly observed: Observation[] = [];
  readonly fatal: number[] = [];
  readonly shard: HostedShard;
  readonly #legacy: ShardLegacy & { readonly presence: string | null };
  /** Called with every observation. */
  onObserved: (observation: Observation) => void = () => {};

  constructor(
    options: {
      left?: Partial<ShardLegacy & { presence: string | null }>;
      guildNames?: GuildNames;
      deny?: readonly string[];
      kept?: readonly string[];
      tracer?: EventTracer;
      partitions?: Partitions;
    } = {},
  ) {
    this.#legacy = { point: null, presence: null, guilds: null, lost: [], ...options.left };
    const { clock } = this;
    const observe = (observation: Observation) => {
      this.observed.push(observation);
      this.onObserved(observation);
    };
    const keeper = new PointKeeper({
      points: this.store,
      clock,
      observe,
      stored: (_shard, { sessionId, sequence }) => this.shard.stored(sessionId, sequence, { isShared: true }),
      lossesStored: (_shard, lost) => this.shard.lossesStored(lost),
      refused: () => {},
      fenced: () => {},
    });
    const limit = { total: 1_000, remaining: 1_000, resetAfterMs: 86_400_000, maxConcurrency: 1 };
    const gateway = { url: "wss://gateway.example", shards: 1, sessionStartLimit: limit };
    const budget = new IdentifyBudget({
      clock,
      dice: () => 0.5,
      observe,
      read: () => Promise.resolve(gateway),
    });
    const eventChoice = new EventChoice(["*"], options.deny ?? []);
    const shards = new Map<number, HostedShard>();
    const dispatcher = new CommandDispatcher({
      clock,
      observe,
      notices: new MemoryNotices(),
      refused: () => {},
      reshard: () => assert.fail("nobody asks for another number of shards"),
      ttlMs: 600_000,
      shards,
      total: () => SHARD + 1,
    });
    this.shard = new HostedShard(
      {
        shard: SHARD,
        dice: () => 0.5,
        identifyFrame: () => '{"op":2,"d":{}}',
        resumeFrame: (session_id, seq) => JSON.stringify({ op: 6, d: { session_id, seq } }),
        heartbeatFrame: (sequence) => JSON.stringify({ op: 1, d: sequence }),
        presenceFrame: (presence) => `{"op":3,"d":"${presence}"}`,
        configuredPresence: "dnd",
        silenceMinMs: null,
      },
      {
        clock,
        observe,
        transport: this.transport,
        eventWay: this.lane,
        keeper,
        identifyQueue: new IdentifyQueue({
          clock,
          budget,
          spacingMs: 6_000,
          concurrency: null,
          shared: () => null,
        }),
        commands: dispatcher,
        partitions: options.partitions ?? null,
        isHeeded: (type) => eventChoice.isWanted(type) || options.kept?.includes(type) === true,
        eventChoice,
        guildNames: options.guildNames ?? null,
        tracer: options.tracer ?? null,
        intents: INTENTS,
        configuredPresence: "dnd",
        checkLease: () => {},
        connectionUrl: (url) =>
          gatewayConnectionUrl(url, { apiVersion: 10, compression: "none", plainAllowed: false }),
        mainUrl: () => "wss://gateway.example",
        fatal: (code) => this.fatal.push(code),
      },
      this.#legacy,
    );
    shards.set(SHARD, this.shard);
  }

  /** Starts the shard, on its stored session where it has one, and waits until it is connected. */
  async connected(presenceOutdated = false): Promise<this> {
    const { point, presence } = this.#legacy;
    this.shard.start({ ...fresh, session: point, presence, presenceOutdated });
    await this.pass(0);
    assert(this.observed.some((seen) => seen.kind === "shard.status" && seen.status === "Connected"));
    return this;
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await microtasksDone();
  }

  /** Lets the broker confirm and the store acknowledge everything. */
  async settle(): Promise<void> {
    this.lane.confirmAll();
    await this.pass(100);
  }

  /** Discord refuses the session, and begins another. */
  async replaceSession(): Promise<void> {
    this.transport.latest.say({ op: 9, d: false });
    await this.pass(5_000);
    await this.pass(6_000);
  }

  get stored(): StoredShard | undefined {
    return this.store.shards.get(SHARD);
  }

  of<Kind extends Observation["kind"]>(kind: Kind): Extract<Observation, { kind: Kind }>[] {
    return this.observed.filter((seen): seen is Extract<Observation, { kind: Kind }> => seen.kind === kind);
  }
}

Deno.test("HostedShard publishes each dispatch with the bytes that came, and what its properties are made from", async () => {
  const rig = await new HostedRig().connected();
  const text = '{"s": 2, "d": {"id": 900719925474099312345}, "t": "MESSAGE_CREATE", "op": 0}';
  rig.clock.advance(7);
  rig.transport.latest.bytes(new TextEncoder().encode(text));
  const event = rig.lane.accepted.at(-1);
  assert(event !== undefined);
  const { body, ...properties } = event;
  assert.equal(new TextDecoder().decode(body), text);
  assert.deepEqual(properties, {
    shard: SHARD,
    session: "session-1",
    sequence: 2,
    type: "MESSAGE_CREATE",
    receivedAtMs: rig.clock.wallMs(),
    partition: null,
    trace: null,
  });
  assert.deepEqual(rig.of("event.received").at(-1), {
    kind: "event.received",
    shard: SHARD,
    type: "MESSAGE_CREATE",
    bytes: text.length,
  });
});

Deno.test("HostedShard publishes nothing that is not wanted, and moves over it in its turn", async () => {
  const rig = await new HostedRig({ deny: ["READY", "TYPING_*"] }).connected();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.transport.latest.dispatch("TYPING_START");
  assert.deepEqual(rig.lane.accepted.map(({ type }) => type), ["MESSAGE_CREATE"]);
  assert.deepEqual(rig.lane.waiting.map(({ sequence }) => sequence), [1, 2, 3]);
  assert.deepEqual(
    rig.of("event.filtered").map(({ type }) => type),
    ["READY", "TYPING_START"],
  );
  assert.equal(rig.of("event.received").length, 3, "what came is counted, wanted or not");
  await rig.settle();
  assert.equal(rig.stored?.point?.sequence, 3);
});

Deno.test("HostedShard hands on what the state cache heeds, though nobody wants it published", async () => {
  const rig = await new HostedRig({ deny: ["CHANNEL_*", "TYPING_*"], kept: ["CHANNEL_UPDATE"] }).connected();
  rig.transport.latest.dispatch("CHANNEL_UPDATE");
  rig.transport.latest.dispatch("CHANNEL_INFO");
  rig.transport.latest.dispatch("TYPING_START");
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  assert.deepEqual(rig.lane.accepted.map(({ type }) => type), ["READY", "CHANNEL_UPDATE", "MESSAGE_CREATE"]);
  assert.deepEqual(rig.lane.waiting.map(({ sequence }) => sequence), [1, 2, 3, 4, 5]);
  const filtered = rig.of("event.filtered").map(({ type }) => type);
  assert.deepEqual(filtered, ["CHANNEL_INFO", "TYPING_START"], "the outbox tells of what it is handed");
});

Deno.test("HostedShard traces what is published, not what the state cache alone gets", async () => {
  const begun: string[] = [];
  const trace = { traceparent: "00-1-2-01", end: () => {} };
  const tracer = {
    begin: ({ type }: { readonly type: string }) => {
      begun.push(type);
      return trace;
    },
  };
  const rig = await new HostedRig({ deny: ["CHANNEL_*"], kept: ["CHANNEL_UPDATE"], tracer }).connected();
  rig.transport.latest.dispatch("CHANNEL_UPDATE");
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  assert.deepEqual(begun, ["READY", "MESSAGE_CREATE"]);
  assert.deepEqual(rig.lane.accepted.map((event) => event.trace), [trace, null, trace]);
});

Deno.test("HostedShard knows its guilds, whether or not their events are wanted", async () => {
  const rig = await new HostedRig({ deny: ["GUILD_*"] }).connected();
  rig.transport.latest.dispatch("GUILD_CREATE", { id: "77", name: "A" });
  assert.deepEqual(rig.of("guild.joined").map(({ guild }) => guild), ["77"]);
  assert.equal(rig.shard.guildCount, 1);
});

Deno.test("HostedShard keeps a new session from its first moment on, and its sequence only as it is published", async () => {
  const rig = await new HostedRig().connected();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  await rig.pass(100);
  const point = {
    sessionId: "session-1",
    sequence: 0,
    resumeGatewayUrl: "wss://resume.example/session-1",
    intents: INTENTS,
    configuredPresence: "dnd",
    startedAtMs: rig.clock.epochMs,
    lastEventAtMs: rig.clock.epochMs,
  };
  assert.deepEqual(rig.stored?.point, point);
  rig.lane.confirmNext();
  await rig.pass(100);
  assert.deepEqual(rig.stored?.point, { ...point, sequence: 1 });
  rig.lane.confirmNext();
  await rig.pass(100);
  assert.deepEqual(rig.stored?.point, { ...point, sequence: 2 });
});

Deno.test("HostedShard writes a new session at once, however lately something else was written", async () => {
  const rig = new HostedRig({ left: { lost: [lostBefore] } });
  rig.transport.answering = false;
  rig.shard.start(fresh);
  await rig.pass(0);
  rig.transport.latest.greet();
  assert.equal(rig.store.writes.length, 1, "what was lost before");
  rig.transport.latest.ready("a");
  await rig.pass(0);
  assert.equal(rig.stored?.point?.sessionId, "a");
});

Deno.test("HostedShard beats with what is stored, not with what is only published", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  rig.store.hold();
  rig.lane.confirmAll();
  const beat = async () => {
    await rig.pass(HEARTBEAT_INTERVAL_MS);
    return rig.transport.latest.sentWith(1).at(-1)?.d;
  };
  assert.equal(await beat(), 40);
  rig.store.release();
  await microtasksDone();
  assert.equal(await beat(), 41);
});

Deno.test("HostedShard moves a stored session on", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  assert.deepEqual(rig.transport.latest.sent[0], { op: 6, d: { session_id: "old", seq: 40 } });
  await rig.settle();
  assert.deepEqual(rig.stored?.point, {
    ...storedPoint,
    sequence: 41,
    lastEventAtMs: rig.clock.epochMs,
  });
});

Deno.test("HostedShard does not let what an old session still had on its way move the new one", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.transport.latest.say({ op: 9, d: false });
  await rig.pass(10_000);
  assert.equal(rig.lane.waiting.length, 3, "two of the old session, READY of the new one");
  rig.lane.confirmNext();
  rig.lane.confirmNext();
  await rig.pass(100);
  assert.deepEqual([rig.stored?.point?.sessionId, rig.stored?.point?.sequence], ["session-2", 0]);
});

Deno.test("HostedShard forgets the point of a lost session at once", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  await rig.settle();
  rig.transport.latest.say({ op: 9, d: false });
  await rig.pass(100);
  assert.equal(rig.stored?.point, null);
});

Deno.test("HostedShard keeps no point of a session that nobody can resume", async () => {
  const rig = new HostedRig({ left: { point: storedPoint } });
  rig.transport.answering = false;
  rig.shard.start(fresh);
  await rig.pass(0);
  rig.transport.latest.greet().ready("unnamed", { session_id: undefined });
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  assert.deepEqual(rig.lane.accepted.map(({ type }) => type), ["READY", "MESSAGE_CREATE"]);
  await rig.settle();
  assert.equal(rig.stored?.point, null);
});

Deno.test("HostedShard says where a session is to be resumed from, and of no other session", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  await rig.settle();
  assert.equal(rig.shard.pointOf("old")?.sequence, 41);
  assert.equal(rig.shard.pointOf("another"), null);
  await rig.replaceSession();
  assert.equal(rig.shard.pointOf("old"), null);
  assert.equal(rig.shard.pointOf("session-2")?.sequence, 0);

  const unnamed = new HostedRig();
  unnamed.transport.answering = false;
  unnamed.shard.start(fresh);
  await unnamed.pass(0);
  unnamed.transport.latest.greet().ready("unnamed", { session_id: undefined });
  const [ready] = unnamed.lane.accepted;
  assert(ready !== undefined);
  assert.equal(unnamed.shard.pointOf(ready.session), null);
});

Deno.test("HostedShard resumes from what is durable further on, and keeps what is published", async () => {
  const rig = new HostedRig({ left: { point: storedPoint } });
  rig.shard.start({ ...fresh, session: { ...storedPoint, sequence: 60 } });
  await rig.pass(0);
  assert.deepEqual(rig.transport.latest.sentWith(6).map(({ d }) => d), [{ session_id: "old", seq: 60 }]);
  rig.shard.published("old", 45, rig.clock.wallMs());
  rig.shard.published("old", 44, rig.clock.wallMs());
  await rig.pass(100);
  assert.equal(rig.stored?.point?.sequence, 45);
  rig.shard.stored("old", 61, { isShared: true });
  await rig.pass(HEARTBEAT_INTERVAL_MS);
  assert.equal(rig.transport.latest.sentWith(1).at(-1)?.d, 61, "the store is behind the spool");
});

// Gaps.

Deno.test("HostedShard names a gap once the session after it is published, behind all that came of the one before", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  await rig.pass(1_000);
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  const fromMs = rig.clock.wallMs();
  await rig.pass(500);
  rig.lane.confirmNext();
  rig.transport.latest.say({ op: 9, d: false });
  rig.lane.confirmNext();
  await rig.pass(3_000);
  await rig.pass(0);
  const toMs = rig.clock.wallMs();
  await rig.pass(10_000);
  rig.lane.confirmNext();
  assert.deepEqual(rig.of("shard.gap"), [], "READY is not published yet");
  rig.lane.confirmNext();
  assert.deepEqual(rig.of("shard.gap"), [{
    kind: "shard.gap",
    shard: SHARD,
    oldSession: "old",
    newSession: "session-2",
    lastSequence: 43,
    fromMs,
    toMs,
    reason: "invalid_session",
  }]);
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  await rig.settle();
  assert.equal(rig.of("shard.gap").length, 1, "once");
});

Deno.test("HostedShard begins the gap of a session that came to nothing here with its READY", async () => {
  const rig = new HostedRig({ left: { point: storedPoint } });
  rig.transport.answering = false;
  rig.shard.start({ ...fresh, session: storedPoint });
  rig.transport.latest.greet();
  rig.transport.answering = true;
  await rig.replaceSession();
  await rig.settle();
  assert.deepEqual(rig.of("shard.gap").map(({ oldSession, fromMs }) => [oldSession, fromMs]), [
    ["old", LAST_EVENT_AT_MS],
  ]);
});

Deno.test("HostedShard stores a lost session in one write with the end of its point, and until its gap is told", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  await rig.pass(100);
  rig.transport.latest.say({ op: 9, d: false });
  await rig.pass(100);
  const lost = { sessionId: "old", sequence: 40, sinceMs: rig.clock.epochMs, reason: "invalid_session" };
  assert.deepEqual(rig.store.writes.at(-1)?.get(SHARD), { point: null, lost: [lost] });
  await rig.pass(10_000);
  rig.lane.confirmNext();
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost, [{ ...lost, sequence: 41 }], "its tail was still on the way");
  rig.shard.gapTold({ oldSession: "old", lastSequence: 41, reason: "invalid_session" });
  await rig.settle();
  assert.deepEqual(
    rig.stored?.lost,
    [{ ...lost, sequence: 42 }],
    "nobody can have told it before it was named",
  );
  rig.shard.gapTold({ oldSession: "old", lastSequence: 42, reason: "invalid_session" });
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost, []);
});

Deno.test("HostedShard names several gaps in a row, each once and in order, and stores the oldest not told", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  await rig.replaceSession();
  await rig.replaceSession();
  const named = () => rig.of("shard.gap").map(({ oldSession, newSession }) => `${oldSession} ${newSession}`);
  rig.lane.confirmNext();
  assert.deepEqual(named(), []);
  rig.lane.confirmNext();
  assert.deepEqual(named(), ["old session-2"]);
  await rig.settle();
  assert.deepEqual(named(), ["old session-2", "session-2 session-3"]);
  const [first, second] = rig.of("shard.gap");
  assert.deepEqual([second?.lastSequence, rig.stored?.lost[0]?.sessionId], [1, "old"]);
  assert(first !== undefined && second !== undefined && first.toMs <= second.fromMs);
  rig.shard.gapTold(first);
  await rig.pass(100);
  assert.equal(rig.stored?.lost[0]?.sessionId, "session-2");
  rig.shard.gapTold(second);
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost, []);
});

Deno.test("HostedShard names all gaps with the first of a session, also where those in between published nothing", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint, lost: [lostBefore] } }).connected();
  await rig.replaceSession();
  rig.onObserved = (seen) => seen.kind === "shard.gap" && rig.shard.gapTold(seen);
  rig.shard.published("session-2", 1, rig.clock.wallMs());
  assert.deepEqual(rig.of("shard.gap").map(({ oldSession }) => oldSession), ["older", "old"]);
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost, [], "told on the spot");
});

Deno.test("HostedShard goes on with what an earlier process had lost and not told", async () => {
  const rig = await new HostedRig({ left: { lost: [lostBefore] } }).connected();
  rig.shard.published("older", 12, rig.clock.wallMs());
  rig.shard.published("older", 11, rig.clock.wallMs());
  rig.shard.published("older still", 7, rig.clock.wallMs());
  await rig.pass(100);
  assert.deepEqual(rig.of("shard.gap"), []);
  assert.deepEqual(rig.stored?.lost, [{ ...lostBefore, sequence: 12 }]);
  await rig.settle();
  assert.deepEqual(rig.of("shard.gap"), [{
    kind: "shard.gap",
    shard: SHARD,
    oldSession: "older",
    newSession: "session-1",
    lastSequence: 12,
    fromMs: lostBefore.sinceMs,
    toMs: rig.clock.epochMs,
    reason: "invalid_session",
  }]);
});

Deno.test("HostedShard names no gap that ends before it begins, where another machine's clock is ahead", async () => {
  const ahead = { ...lostBefore, sinceMs: lostBefore.sinceMs + 86_400_000_000 };
  const rig = await new HostedRig({ left: { lost: [ahead] } }).connected();
  await rig.settle();
  const { epochMs } = rig.clock;
  assert.deepEqual(rig.of("shard.gap").map(({ fromMs, toMs }) => [fromMs, toMs]), [[epochMs, epochMs]]);
});

Deno.test("HostedShard stores what was found to be lost at the start before it has a session", async () => {
  const lost = { ...lostBefore, reason: "total_changed" } as const;
  const rig = new HostedRig({ left: { lost: [lost] } });
  rig.transport.answering = false;
  rig.shard.start(fresh);
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost, [lost]);
});

Deno.test("HostedShard names the gap of a damaged spool with whatever is published next, of whichever session", async () => {
  const damaged = { ...lostBefore, sessionId: "old", reason: "spool_damaged" } as const;
  for (const next of ["old", "left over"]) {
    const rig = await new HostedRig({ left: { point: storedPoint, lost: [damaged] } }).connected();
    await rig.pass(1_000);
    rig.shard.published(next, 50, rig.clock.wallMs());
    assert.deepEqual(rig.of("shard.gap"), [{
      kind: "shard.gap",
      shard: SHARD,
      oldSession: "old",
      newSession: next,
      lastSequence: damaged.sequence,
      fromMs: damaged.sinceMs,
      toMs: rig.clock.wallMs(),
      reason: "spool_damaged",
    }]);
  }
});

Deno.test("HostedShard names what the spool cannot give back any more before the end of the session it was in", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  rig.lane.confirmNext();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  await rig.replaceSession();
  rig.shard.spoolDamaged();
  rig.shard.spoolDamaged();
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost, [
    { sessionId: "old", sequence: 41, sinceMs: STARTED_AT_MS, reason: "spool_damaged" },
    { sessionId: "old", sequence: 41, sinceMs: rig.clock.epochMs, reason: "invalid_session" },
  ]);
  rig.lane.confirmAll();
  assert.deepEqual(rig.of("shard.gap").map(({ reason, lastSequence }) => [reason, lastSequence]), [
    ["spool_damaged", 41],
    ["invalid_session", 42],
  ]);
  const [damaged, ended] = rig.of("shard.gap");
  assert(damaged !== undefined && ended !== undefined);
  rig.shard.gapTold(ended);
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost.map(({ reason }) => reason), ["spool_damaged"], "each is told by itself");
  rig.shard.gapTold(damaged);
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost, []);
});

Deno.test("HostedShard names an event that the broker refuses at once, and stores it before the point moves over it", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint, lost: [lostBefore] } }).connected();
  await rig.settle();
  rig.transport.latest.dispatch("TYPING_START");
  const refused = rig.lane.accepted.at(-1);
  assert(refused !== undefined);
  await rig.pass(1_000);
  rig.shard.eventRefused(refused);
  const gap = rig.of("shard.gap").at(-1);
  assert.deepEqual(gap, {
    kind: "shard.gap",
    shard: SHARD,
    oldSession: "old",
    newSession: "old",
    lastSequence: 41,
    fromMs: refused.receivedAtMs,
    toMs: rig.clock.wallMs(),
    reason: "event_refused",
    sequence: 42,
    type: "TYPING_START",
  });
  rig.store.hold();
  await rig.settle();
  rig.store.releaseNext();
  const loss = {
    sessionId: "old",
    sequence: 41,
    sinceMs: refused.receivedAtMs,
    reason: "event_refused",
    type: "TYPING_START",
  };
  assert.deepEqual([rig.stored?.point?.sequence, rig.stored?.lost], [42, [lostBefore, loss]]);
  rig.store.release();
  await rig.replaceSession();
  await rig.settle();
  assert.equal(rig.of("shard.gap").length, 3, "once each");
  rig.shard.gapTold(gap);
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost.map(({ reason }) => reason), ["invalid_session", "invalid_session"]);
});

Deno.test("HostedShard keeps refused events apart from each other, and before the loss of their session", async () => {
  const rig = await new HostedRig({ left: { lost: [lostBefore] } }).connected();
  for (const sequence of [7, 8]) {
    rig.shard.eventRefused({
      shard: SHARD,
      session: "older",
      sequence,
      type: "TYPING_START",
      body: new Uint8Array(),
      receivedAtMs: STARTED_AT_MS,
      partition: null,
      trace: null,
    });
  }
  const lost = () => rig.stored?.lost.map(({ sequence, reason }) => [sequence, reason]);
  await rig.pass(100);
  assert.deepEqual(lost(), [[6, "event_refused"], [7, "event_refused"], [9, "invalid_session"]]);
  rig.shard.gapTold({ oldSession: "older", lastSequence: 7, reason: "event_refused" });
  await rig.pass(100);
  assert.deepEqual(lost(), [[6, "event_refused"], [9, "invalid_session"]]);
});

Deno.test("HostedShard names a refused event again that an earlier process could not tell of", async () => {
  const lost = { sessionId: "older", sequence: 9, sinceMs: STARTED_AT_MS, reason: "event_refused" } as const;
  const rig = await new HostedRig({ left: { lost: [{ ...lost, type: "TYPING_START" }] } }).connected();
  await rig.pass(1_000);
  await rig.settle();
  assert.deepEqual(rig.of("shard.gap"), [{
    kind: "shard.gap",
    shard: SHARD,
    oldSession: "older",
    newSession: "older",
    lastSequence: 9,
    fromMs: STARTED_AT_MS,
    toMs: rig.clock.wallMs() - 100,
    reason: "event_refused",
    sequence: 10,
    type: "TYPING_START",
  }]);
});

Deno.test("HostedShard begins what the spool cannot give back with a loss of an earlier process that is not settled", async () => {
  const rig = new HostedRig({ left: { point: storedPoint, lost: [lostBefore] } });
  rig.shard.spoolDamaged();
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost, [{ ...lostBefore, reason: "spool_damaged" }, lostBefore]);
  rig.shard.published("old", 41, rig.clock.wallMs());
  rig.shard.gapTold({ oldSession: "older", lastSequence: 9, reason: "invalid_session" });
  await rig.pass(100);
  assert.deepEqual(rig.stored?.lost.map(({ reason }) => reason), ["spool_damaged"]);
});

Deno.test("HostedShard names what the spool cannot give back of the session that there is", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  rig.shard.spoolDamaged();
  rig.shard.published("old", 60, rig.clock.wallMs());
  assert.deepEqual(rig.of("shard.gap").map(({ oldSession, lastSequence }) => [oldSession, lastSequence]), [
    ["old", 40],
  ]);

  const without = new HostedRig();
  without.shard.spoolDamaged();
  without.shard.published("left over", 60, without.clock.wallMs());
  assert.deepEqual(without.of("shard.gap"), [], "nothing is known of what is missing");
});

Deno.test("HostedShard names the gap behind a session that nobody could resume", async () => {
  const rig = new HostedRig();
  rig.transport.answering = false;
  rig.shard.start(fresh);
  await rig.pass(0);
  rig.transport.latest.greet().ready("unnamed", { session_id: undefined });
  rig.lane.confirmAll();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.transport.answering = true;
  rig.transport.latest.end(1006);
  await rig.pass(10_000);
  await rig.settle();
  assert.deepEqual(rig.of("shard.gap").map(({ reason, lastSequence }) => [reason, lastSequence]), [
    ["not_resumable", 2],
  ]);
});

Deno.test("HostedShard refuses to give up a session that it was not started with", async () => {
  const rig = new HostedRig();
  rig.transport.answering = false;
  rig.shard.start({ ...fresh, session: storedPoint });
  rig.transport.latest.greet();
  assert.throws(() => rig.transport.latest.say({ op: 9, d: false }), /gave up session old/);
  await rig.shard.stop();
});

Deno.test("HostedShard takes a session that another service began to have its settings", async () => {
  const foreign = { ...storedPoint, intents: null, configuredPresence: null };
  const rig = await new HostedRig({ left: { point: foreign } }).connected();
  rig.lane.confirmAll();
  await rig.settle();
  assert.deepEqual([rig.stored?.point?.intents, rig.stored?.point?.configuredPresence], [INTENTS, "dnd"]);
});

Deno.test("HostedShard keeps the presence of a bot, and forgets it for changed settings", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  rig.shard.submit({
    opcode: 3,
    text: '{"op":3,"d":"idle"}',
    presence: '"idle"',
    expiresAtMs: Infinity,
    isCurrent: () => true,
  });
  await rig.settle();
  assert.deepEqual([rig.stored?.presence, rig.stored?.point?.configuredPresence], ['"idle"', "online"]);

  const changed = await new HostedRig({ left: { point: storedPoint, presence: '"idle"' } }).connected(true);
  await changed.settle();
  assert.deepEqual([changed.stored?.presence, changed.stored?.point?.configuredPresence], [null, "dnd"]);
});

Deno.test("HostedShard counts only guilds as joined that neither READY nor the kept list names", async () => {
  const rig = new HostedRig();
  rig.transport.answering = false;
  rig.shard.start(fresh);
  await rig.pass(0);
  rig.transport.latest.greet().ready("a", { guilds: [{ id: "10", unavailable: true }] });
  const create = (id: string, name: string) => rig.transport.latest.dispatch("GUILD_CREATE", { id, name });
  create("10", "Known");
  create("11", "New");
  create("11", "New");
  assert.deepEqual(rig.of("guild.joined"), [
    { kind: "guild.joined", shard: SHARD, guild: "11", name: "New" },
  ]);
  await rig.settle();
  assert.deepEqual(rig.stored?.guilds, [10n, 11n]);

  const resumed = await new HostedRig({ left: { point: storedPoint, guilds: [10n, 11n] } }).connected();
  resumed.transport.latest.dispatch("GUILD_CREATE", { id: "11", name: "New" });
  assert.deepEqual(resumed.of("guild.joined"), []);
});

Deno.test("HostedShard counts a guild as left only where it is gone, not where it is away", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint, guilds: [10n, 11n] } }).connected();
  const remove = (data: unknown) => rig.transport.latest.dispatch("GUILD_DELETE", data);
  remove({ id: "10", unavailable: true });
  rig.transport.latest.dispatch("GUILD_CREATE", { id: "10" });
  assert.deepEqual([...rig.of("guild.left"), ...rig.of("guild.joined")], []);
  remove({ id: "10" });
  remove({ id: "11", unavailable: false });
  remove({});
  remove({ id: "12" });
  assert.deepEqual(rig.of("guild.left").map(({ guild }) => guild), ["10", "11", "12"]);
  await rig.settle();
  assert.deepEqual(rig.stored?.guilds, []);
});

Deno.test("HostedShard names a guild that was left where somebody keeps names", async () => {
  const guildNames = new MemoryGuildNames();
  const rig = await new HostedRig({ left: { point: storedPoint, guilds: [10n] }, guildNames }).connected();
  rig.transport.latest.dispatch("GUILD_CREATE", { id: "10", name: "Known" });
  rig.transport.latest.dispatch("GUILD_CREATE", { id: "11", name: "Before" });
  rig.transport.latest.dispatch("GUILD_UPDATE", { id: "11", name: "Renamed" });
  rig.transport.latest.dispatch("GUILD_UPDATE", { id: "11" });
  for (const id of ["10", "11", "12"]) rig.transport.latest.dispatch("GUILD_DELETE", { id });
  await microtasksDone();
  assert.deepEqual(rig.of("guild.left").map(({ guild, name }) => [guild, name]), [
    ["10", "Known"],
    ["11", "Renamed"],
    ["12", null],
  ]);
});

Deno.test("HostedShard publishes a GUILD_CREATE that it cannot read, and counts nothing", async () => {
  const rig = await new HostedRig().connected();
  for (const data of [{}, { id: "x" }, { id: {} }, [], null, 7]) {
    rig.transport.latest.dispatch("GUILD_CREATE", data);
  }
  assert.deepEqual(rig.of("guild.joined"), []);
  assert.equal(rig.lane.accepted.filter(({ type }) => type === "GUILD_CREATE").length, 6);
});

Deno.test("HostedShard moves the sequence over a dispatch that nobody gets", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  await rig.settle();
  rig.transport.latest.say({ op: 0, t: null, s: 42, d: {} });
  await rig.settle();
  assert.equal(rig.lane.accepted.length, 1, "RESUMED alone");
  assert.equal(rig.stored?.point?.sequence, 42);
});

Deno.test("HostedShard gives its turn back and takes another, and passes a fatal code on", async () => {
  const rig = new HostedRig();
  rig.transport.answering = false;
  rig.shard.start(fresh);
  await rig.pass(0);
  rig.transport.latest.end(1006, "refused");
  await rig.pass(1_000);
  assert.equal(rig.transport.connections.length, 2, "another turn at once: none was used");
  rig.transport.latest.greet();
  rig.transport.latest.end(4014);
  assert.deepEqual(rig.fatal, [4014]);
});

Deno.test("HostedShard lets a refused event go once it is stored as lost, and tells its gap at once", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  const refused = rig.lane.accepted.at(-1);
  assert(refused !== undefined);
  rig.store.hold();
  rig.shard.eventRefused(refused);
  assert.deepEqual(
    rig.of("shard.gap").map(({ oldSession, newSession, sequence, type }) => [
      oldSession,
      newSession,
      sequence,
      type,
    ]),
    [["old", "old", 42, "MESSAGE_CREATE"]],
  );
  await rig.pass(100);
  assert.deepEqual(rig.lane.letGone, []);
  rig.store.release();
  await rig.pass(100);
  assert.deepEqual(rig.lane.letGone, ["old 42"]);
});

Deno.test("HostedShard lets a refused event go once its gap is told, where the store takes nothing", async () => {
  const rig = await new HostedRig({ left: { point: storedPoint } }).connected();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  const refused = rig.lane.accepted.at(-1);
  assert(refused !== undefined);
  rig.store.hold();
  rig.shard.eventRefused(refused);
  rig.shard.gapTold({ oldSession: "old", lastSequence: 41, reason: "event_refused" });
  assert.deepEqual(rig.lane.letGone, ["old 42"]);
});
