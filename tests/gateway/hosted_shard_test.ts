import assert from "node:assert/strict";
import { CommandDispatcher } from "../../gateway/commands/dispatcher.ts";
import { Outbox } from "../../gateway/delivery/outbox.ts";
import type { GuildNames } from "../../gateway/guild_names.ts";
import { HostedShard } from "../../gateway/hosted_shard.ts";
import { IdentifyBudget } from "../../gateway/identify/budget.ts";
import { IdentifyQueue } from "../../gateway/identify/queue.ts";
import type { Observation } from "../../gateway/observation.ts";
import { gatewayConnectionUrl } from "../../gateway/protocol/gateway_url.ts";
import { PointKeeper } from "../../gateway/resume/keeper.ts";
import type { ResumePoint, StoredShard } from "../../gateway/resume/points.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { HEARTBEAT_INTERVAL_MS, MemoryTransport } from "../fakes/memory_transport.ts";
import { MemoryNotices } from "../fakes/memory_notices.ts";
import { MemoryPublisher } from "../fakes/memory_publisher.ts";
import { MemoryResumePoints } from "../fakes/memory_resume_points.ts";
import { microtasksDone } from "../fakes/microtasks.ts";
import { fresh } from "./shard/machine_rig.ts";

const SHARD = 3;
const INTENTS = 513;

const storedPoint: ResumePoint = {
  sessionId: "old",
  sequence: 40,
  resumeGatewayUrl: "wss://resume.example",
  intents: INTENTS,
  configuredPresence: "online",
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

class HostedRig {
  readonly clock = new ManualClock();
  readonly transport = new MemoryTransport({ answering: true });
  readonly publisher = new MemoryPublisher();
  readonly store = new MemoryResumePoints();
  readonly observed: Observation[] = [];
  readonly fatal: number[] = [];
  readonly shard: HostedShard;
  readonly #stored: StoredShard | undefined;

  constructor(options: { stored?: Partial<StoredShard>; guildNames?: GuildNames } = {}) {
    this.#stored = options.stored && { point: null, presence: null, guilds: null, ...options.stored };
    const { clock } = this;
    const observe = (observation: Observation) => void this.observed.push(observation);
    const outbox = new Outbox({
      publisher: this.publisher,
      clock,
      maxBytes: 1_000_000,
      events: {
        published: (_shard, session, sequence) => this.shard.published(session, sequence),
        full: () => {},
        room: () => {},
        confirmed: () => {},
      },
    });
    this.publisher.start({ opened: () => outbox.opened(), closed: () => outbox.closed() });
    this.publisher.open();
    const keeper = new PointKeeper({
      points: this.store,
      clock,
      observe,
      stored: (_shard, point) => this.shard.stored(point),
    });
    const limit = { total: 1_000, remaining: 1_000, resetAfterMs: 86_400_000, maxConcurrency: 1 };
    const gateway = { url: "wss://gateway.example", shards: 1, sessionStartLimit: limit };
    const budget = new IdentifyBudget({
      clock,
      dice: () => 0.5,
      observe,
      read: () => Promise.resolve(gateway),
    });
    const shards = new Map<number, HostedShard>();
    const dispatcher = new CommandDispatcher({
      clock,
      observe,
      notices: new MemoryNotices(),
      ttlMs: 600_000,
      shards,
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
      },
      {
        clock,
        observe,
        transport: this.transport,
        outbox,
        keeper,
        identifyQueue: new IdentifyQueue({ clock, budget, spacingMs: 6_000, concurrency: null }),
        dispatcher,
        guildNames: options.guildNames ?? null,
        intents: INTENTS,
        configuredPresence: "dnd",
        connectionUrl: (url) =>
          gatewayConnectionUrl(url, { apiVersion: 10, compression: "none", plainAllowed: false }),
        mainUrl: () => "wss://gateway.example",
        fatal: (code) => this.fatal.push(code),
      },
      this.#stored,
    );
    shards.set(SHARD, this.shard);
  }

  /** Starts the shard, on its stored session where it has one, and waits until it is connected. */
  async connected(presenceOutdated = false): Promise<this> {
    this.shard.start({ ...fresh, session: this.#stored?.point ?? null, presenceOutdated });
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
    this.publisher.confirmAll();
    await this.pass(100);
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
  const event = rig.publisher.published.at(-1);
  assert(event !== undefined);
  const { body, ...properties } = event;
  assert.equal(new TextDecoder().decode(body), text);
  assert.deepEqual(properties, {
    shard: SHARD,
    session: "session-1",
    sequence: 2,
    type: "MESSAGE_CREATE",
    receivedAtMs: rig.clock.wallMs(),
  });
  assert.deepEqual(rig.of("event.received").at(-1), {
    kind: "event.received",
    shard: SHARD,
    type: "MESSAGE_CREATE",
    bytes: text.length,
  });
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
  };
  assert.deepEqual(rig.stored?.point, point);
  rig.publisher.confirmNext(1);
  await rig.pass(100);
  assert.deepEqual(rig.stored?.point, point, "the first is not confirmed yet");
  rig.publisher.confirmNext();
  await rig.pass(100);
  assert.deepEqual(rig.stored?.point, { ...point, sequence: 2 });
});

Deno.test("HostedShard beats with what is stored, not with what is only published", async () => {
  const rig = await new HostedRig({ stored: { point: storedPoint } }).connected();
  rig.store.hold();
  rig.publisher.confirmAll();
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
  const rig = await new HostedRig({ stored: { point: storedPoint } }).connected();
  assert.deepEqual(rig.transport.latest.sent[0], { op: 6, d: { session_id: "old", seq: 40 } });
  await rig.settle();
  assert.deepEqual(rig.stored?.point, { ...storedPoint, sequence: 41 });
});

Deno.test("HostedShard does not let what an old session still had on its way move the new one", async () => {
  const rig = await new HostedRig({ stored: { point: storedPoint } }).connected();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.transport.latest.say({ op: 9, d: false });
  await rig.pass(10_000);
  assert.equal(rig.publisher.unconfirmed.length, 3, "two of the old session, READY of the new one");
  rig.publisher.confirmNext();
  rig.publisher.confirmNext();
  await rig.pass(100);
  assert.deepEqual([rig.stored?.point?.sessionId, rig.stored?.point?.sequence], ["session-2", 0]);
});

Deno.test("HostedShard forgets the point of a lost session at once", async () => {
  const rig = await new HostedRig({ stored: { point: storedPoint } }).connected();
  await rig.settle();
  rig.transport.latest.say({ op: 9, d: false });
  await rig.pass(100);
  assert.equal(rig.stored?.point, null);
});

Deno.test("HostedShard keeps no point of a session that nobody can resume", async () => {
  const rig = new HostedRig({ stored: { point: storedPoint } });
  rig.transport.answering = false;
  rig.shard.start(fresh);
  await rig.pass(0);
  rig.transport.latest.greet().ready("unnamed", { session_id: undefined });
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  assert.deepEqual(rig.publisher.published.map(({ type }) => type), ["READY", "MESSAGE_CREATE"]);
  await rig.settle();
  assert.equal(rig.stored?.point, null);
});

Deno.test("HostedShard names a gap in wall time, behind what is published of the old session", async () => {
  const rig = await new HostedRig({ stored: { point: storedPoint } }).connected();
  await rig.pass(1_000);
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  const fromMs = rig.clock.wallMs();
  await rig.pass(500);
  rig.publisher.confirmNext();
  rig.transport.latest.say({ op: 9, d: false });
  rig.publisher.confirmNext();
  await rig.pass(3_000);
  await rig.pass(0);
  assert.deepEqual(rig.of("shard.gap"), [{
    kind: "shard.gap",
    shard: SHARD,
    oldSession: "old",
    newSession: "session-2",
    lastSequence: 42,
    fromMs,
    toMs: fromMs + 3_500,
    reason: "invalid_session",
  }]);
});

Deno.test("HostedShard takes a session that another service began to have its settings", async () => {
  const foreign = { ...storedPoint, intents: null, configuredPresence: null };
  const rig = await new HostedRig({ stored: { point: foreign } }).connected();
  rig.publisher.confirmAll();
  await rig.settle();
  assert.deepEqual([rig.stored?.point?.intents, rig.stored?.point?.configuredPresence], [INTENTS, "dnd"]);
});

Deno.test("HostedShard keeps the presence of a bot, and forgets it for changed settings", async () => {
  const rig = await new HostedRig({ stored: { point: storedPoint } }).connected();
  rig.shard.submit({
    opcode: 3,
    text: '{"op":3,"d":"idle"}',
    presence: '"idle"',
    expiresAtMs: Infinity,
    isCurrent: () => true,
  });
  await rig.settle();
  assert.deepEqual([rig.stored?.presence, rig.stored?.point?.configuredPresence], ['"idle"', "online"]);

  const changed = await new HostedRig({ stored: { point: storedPoint, presence: '"idle"' } }).connected(true);
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

  const resumed = await new HostedRig({ stored: { point: storedPoint, guilds: [10n, 11n] } }).connected();
  resumed.transport.latest.dispatch("GUILD_CREATE", { id: "11", name: "New" });
  assert.deepEqual(resumed.of("guild.joined"), []);
});

Deno.test("HostedShard counts a guild as left only where it is gone, not where it is away", async () => {
  const rig = await new HostedRig({ stored: { point: storedPoint, guilds: [10n, 11n] } }).connected();
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
  const rig = await new HostedRig({ stored: { point: storedPoint, guilds: [10n] }, guildNames }).connected();
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
  assert.equal(rig.publisher.published.filter(({ type }) => type === "GUILD_CREATE").length, 6);
});

Deno.test("HostedShard moves the sequence over a dispatch that nobody gets", async () => {
  const rig = await new HostedRig({ stored: { point: storedPoint } }).connected();
  await rig.settle();
  rig.transport.latest.say({ op: 0, t: null, s: 42, d: {} });
  await rig.pass(100);
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
