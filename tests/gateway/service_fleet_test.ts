/** Several services as one fleet, or in each other's way. */
import assert from "node:assert/strict";
import type { Siblings } from "../../gateway/founding.ts";
import { LEAD_LEASE, shardLease } from "../../gateway/fleet/leases.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { MemoryBoard } from "../fakes/memory_board.ts";
import { MemoryCommandBroker } from "../fakes/memory_command_links.ts";
import { MemoryLeases } from "../fakes/memory_leases.ts";
import { MemoryResumePoints } from "../fakes/memory_resume_points.ts";
import { MemoryDisk, MemorySpool } from "../fakes/memory_spool.ts";
import { MemoryTransport } from "../fakes/memory_transport.ts";
import { microtasksDone } from "../fakes/microtasks.ts";
import { gatewayBot, type RigSurroundings, ServiceRig, storedPoint } from "./service_rig.ts";

const STEP_MS = 10;
const SHARED = { FLEET: "true", SHARDS_TOTAL: "6" };
/** Until a member may rely on its leases, has taken its share, and is certain of it. */
const JOINED_MS = 4_000;
const TTL_MS = 10_000;

/** Replicas on one store, before one Discord, each with a broker connection and a clock of its own. */
class Fleet {
  readonly #wall = new ManualClock();
  readonly leases = new MemoryLeases(() => this.#wall.wallMs());
  readonly points = new MemoryResumePoints();
  readonly transport = new MemoryTransport({ answering: true });
  readonly board = new MemoryBoard();
  readonly commandBroker = new MemoryCommandBroker();
  isBrokerSlow = false;
  /** What Discord recommends to whoever starts from now on. */
  recommended = 2;
  /** Those whose time goes on. */
  readonly living = new Set<ServiceRig>();

  start(
    environment: Record<string, string>,
    disk?: MemoryDisk,
    worker?: RigSurroundings["worker"],
  ): ServiceRig {
    const { leases, points, transport, board, commandBroker } = this;
    const clock = new ManualClock(this.#wall.wallMs());
    const surroundings = { leases, points, transport, board, commandBroker, clock };
    const rig = new ServiceRig(environment, {
      ...surroundings,
      ...(disk === undefined ? {} : { spool: new MemorySpool(disk) }),
      ...(worker === undefined ? {} : { worker }),
    });
    this.living.add(rig);
    rig.gatewayBot = gatewayBot({ shards: this.recommended });
    rig.service.observe({ kind: "redis.connected", address: "127.0.0.1:6379" });
    rig.service.start();
    rig.publisher.open();
    return rig;
  }

  async joined(count: number, environment: Record<string, string> = SHARED): Promise<ServiceRig[]> {
    const rigs = Array.from({ length: count }, () => this.start(environment));
    await this.pass(JOINED_MS);
    return rigs;
  }

  /** Nothing of it runs any more. */
  kill(rig: ServiceRig): void {
    this.living.delete(rig);
    rig.spool?.crash();
  }

  /** Every broker connection confirms at once what it is given, unless {@link isBrokerSlow}. */
  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
      this.#wall.advance(STEP_MS);
      for (const { clock } of this.living) clock.advance(STEP_MS);
      await microtasksDone();
      for (const { publisher } of this.living) {
        if (publisher.isOpen && !this.isBrokerSlow) publisher.confirmAll();
      }
      await microtasksDone();
    }
  }

  /** Stops it in order, and turns the clock until that is done. */
  async stop(rig: ServiceRig): Promise<number> {
    let isStopped = false;
    rig.service.stop().then(() => isStopped = true);
    let passedMs = 0;
    for (; !isStopped; passedMs += STEP_MS) {
      assert(passedMs < 20_000, "the stop hangs");
      await this.pass(STEP_MS);
    }
    this.living.delete(rig);
    return passedMs;
  }

  async stopAll(): Promise<void> {
    for (const rig of [...this.living]) await this.stop(rig);
  }

  /** Shards that run, each with how many replicas it runs on. */
  get runs(): number[] {
    return [...this.living].flatMap((rig) => rig.connectedShards).sort((one, other) => one - other);
  }
}

const ALL = [0, 1, 2, 3, 4, 5];

/** Another takes the shard, as one does that cannot hear of its holder, and is gone then. */
async function takenByAnother(fleet: Fleet, holder: ServiceRig, shard: number): Promise<void> {
  const card = { replica: "another", version: "1", ttlMs: 10_000, total: null, share: null };
  const { members } = await fleet.leases.renew("another", card);
  const holderBeat = members.get(holder.service.member)?.beat ?? null;
  const token = fleet.leases.tokenOf(shardLease(shard));
  await fleet.leases.take("another", new Map([[shardLease(shard), { token, holderBeat }]]));
}

Deno.test("GatewayService in a fleet shares the shards out, each to one replica", async () => {
  const fleet = new Fleet();
  const rigs = await fleet.joined(3);
  assert.deepEqual(fleet.runs, ALL);
  assert.deepEqual(rigs.map(({ connectedShards }) => connectedShards.length), [2, 2, 2]);
  assert.equal(fleet.points.total, 6);
  for (const rig of rigs) assert.deepEqual(rig.of("service.warning"), []);
  await fleet.stopAll();
});

Deno.test("GatewayService gives a newcomer its share: what it had published and stored is resumed from there", async () => {
  const fleet = new Fleet();
  const [first] = await fleet.joined(1);
  assert(first !== undefined);
  assert.deepEqual(fleet.runs, ALL);
  for (const connection of first.transport.standing) connection.dispatch("MESSAGE_CREATE");
  await fleet.pass(200);
  const connectionsBefore = fleet.transport.connections.length;
  const second = fleet.start(SHARED);
  await fleet.pass(JOINED_MS);
  assert.deepEqual(fleet.runs, ALL);
  assert.deepEqual(second.connectedShards, [3, 4, 5]);
  assert.deepEqual(
    first.of("shard.handed_over").map(({ shard, to, done }) => [shard, to, done]).sort(),
    [[3, "test", true], [4, "test", true], [5, "test", true]],
  );
  const greetings = second.greetings.slice(connectionsBefore);
  assert.deepEqual(greetings.map((greeting) => greeting.split(" ")[0]), ["resume", "resume", "resume"]);
  const types = new Set(second.publisher.published.map(({ type }) => type));
  assert.deepEqual([...types], ["RESUMED"], "nothing comes twice");
  await fleet.stopAll();
});

Deno.test("GatewayService hands a shard over once all of it is published, and written down", async () => {
  const fleet = new Fleet();
  const [first] = await fleet.joined(1);
  assert(first !== undefined);
  fleet.isBrokerSlow = true;
  const second = fleet.start(SHARED);
  // What comes last comes right before it is to hand over.
  while (first.connectedShards.length === ALL.length) {
    for (const connection of fleet.transport.standing) connection.dispatch("MESSAGE_CREATE");
    await fleet.pass(STEP_MS);
  }
  const holder = () => fleet.leases.holderOf(shardLease(3));
  await fleet.pass(500);
  assert.equal(holder(), first.service.member);
  fleet.points.hold();
  fleet.isBrokerSlow = false;
  await fleet.pass(500);
  assert.equal(holder(), first.service.member);
  fleet.points.release();
  await fleet.pass(200);
  assert.equal(holder(), second.service.member);
  await fleet.stopAll();
});

Deno.test("GatewayService gives a newcomer no more shards at a time than it can connect soon", async () => {
  const fleet = new Fleet();
  const many = { ...SHARED, SHARDS_TOTAL: "100" };
  const [first] = await fleet.joined(1, many);
  assert.equal(first?.connectedShards.length, 100);
  const connectionsBefore = fleet.transport.connections.length;
  fleet.transport.answering = false;
  const second = fleet.start(many);
  await fleet.pass(JOINED_MS);
  assert.equal(first.of("shard.handed_over").length, 24);
  fleet.transport.answering = true;
  for (const connection of fleet.transport.connections.slice(connectionsBefore)) connection.greet();
  await fleet.pass(JOINED_MS);
  assert.equal(second.connectedShards.length, 50);
  await fleet.stopAll();
});

Deno.test("GatewayService that is stopped hands its shards over before it leaves", async () => {
  const fleet = new Fleet();
  const [first, second] = await fleet.joined(2);
  assert(first !== undefined && second !== undefined);
  const left = first.connectedShards;
  const tookMs = await fleet.stop(first);
  assert(tookMs < 2_000, `${tookMs} ms`);
  assert.deepEqual(first.of("service.late"), []);
  await fleet.pass(500);
  assert.deepEqual(second.connectedShards, ALL);
  assert.deepEqual(first.of("shard.handed_over").map(({ shard }) => shard).sort(), left);
  assert.deepEqual([...fleet.leases.everything.members.keys()].length, 1);
  await fleet.stopAll();
});

Deno.test("GatewayService keeps what nobody has room for until it ends", async () => {
  const fleet = new Fleet();
  const [first, second] = await fleet.joined(2, { ...SHARED, SHARDS_MAX: "4" });
  assert(first !== undefined && second !== undefined);
  assert.deepEqual(fleet.runs, ALL);
  await fleet.stop(first);
  await fleet.pass(1_000);
  assert.equal(second.connectedShards.length, 4);
  assert.deepEqual(fleet.runs.length, 4);
  await fleet.stopAll();
});

Deno.test("GatewayService takes over from a replica that died, within the lease's time and two seconds", async () => {
  const fleet = new Fleet();
  const [first, second] = await fleet.joined(2);
  assert(first !== undefined && second !== undefined);
  const left = first.connectedShards;
  fleet.kill(first);
  await fleet.pass(TTL_MS);
  assert.equal(second.connectedShards.length, 3);
  const before = second.greetings.length;
  await fleet.pass(2_000);
  assert.deepEqual(second.connectedShards, ALL);
  const sessions = left.map((shard) => `resume ${fleet.points.shards.get(shard)?.point?.sessionId}`);
  const resumed = second.greetings.slice(before).map((greeting) => greeting.split(" ").slice(0, 2).join(" "));
  assert.deepEqual(resumed.toSorted(), sessions.toSorted());
  await fleet.stopAll();
});

Deno.test("GatewayService that restarts on its own folder takes its shards at once", async () => {
  const fleet = new Fleet();
  const disk = new MemoryDisk();
  const first = fleet.start(SHARED, disk);
  await fleet.pass(JOINED_MS);
  assert.deepEqual(fleet.runs, ALL);
  fleet.kill(first);
  const next = fleet.start(SHARED, disk);
  await fleet.pass(1_500);
  assert.deepEqual(next.connectedShards, ALL);
  await fleet.stopAll();
});

Deno.test("GatewayService goes on from what the store says where others had the shard, whatever its own folder says", async () => {
  const fleet = new Fleet();
  const [first] = await fleet.joined(1);
  assert(first !== undefined);
  const disk = new MemoryDisk();
  disk.total = 6;
  // Of a machine whose clock was ahead: later than all that the other began since.
  const startedAtMs = first.clock.wallMs() + 3_600_000;
  for (const shard of ALL) {
    disk.points.set(shard, { ...storedPoint(first, `stale-${shard}`, { startedAtMs }), lost: [] });
  }
  const second = fleet.start(SHARED, disk);
  await fleet.pass(JOINED_MS);
  assert.deepEqual(second.connectedShards, [3, 4, 5]);
  const greetings = second.greetings.slice(6).map((greeting) => greeting.split(" ").slice(0, 2).join(" "));
  const sessions = [3, 4, 5].map((shard) => `resume ${fleet.points.shards.get(shard)?.point?.sessionId}`);
  assert.deepEqual(greetings, sessions);
  assert(!sessions.join().includes("stale"));
  await fleet.stopAll();
});

Deno.test("GatewayService keeps the lease of a shard whose point only its folder has, for the next process there", async () => {
  const fleet = new Fleet();
  const rig = fleet.start(SHARED, new MemoryDisk());
  await fleet.pass(JOINED_MS);
  const [connection] = rig.transport.standing;
  assert(connection !== undefined);
  fleet.points.hold();
  connection.dispatch("MESSAGE_CREATE");
  await fleet.pass(STEP_MS);
  await fleet.stop(rig);
  const kept = ALL.filter((shard) => fleet.leases.holderOf(shardLease(shard)) !== null);
  assert.equal(kept.length, 1);
  const [shard = 0] = kept;
  assert.equal(rig.spool?.disk.points.get(shard)?.sequence, 2);
});

Deno.test("GatewayService goes on itself from what only its folder has, before it hands over what is another's share", async () => {
  const fleet = new Fleet();
  const disk = new MemoryDisk();
  const first = fleet.start(SHARED, disk);
  await fleet.pass(JOINED_MS);
  fleet.kill(first);
  const point = fleet.points.shards.get(5)?.point;
  assert(point);
  disk.total = 6;
  disk.points.set(5, { ...point, sequence: point.sequence + 3, lost: [] });
  const before = first.greetings.length;
  const second = fleet.start(SHARED);
  const next = fleet.start(SHARED, disk);
  await fleet.pass(JOINED_MS);
  assert.deepEqual([next.connectedShards, second.connectedShards], [[0, 1, 2], [3, 4, 5]]);
  const greetings = first.greetings.slice(before).filter((greeting) => greeting.includes(point.sessionId));
  const resume = `resume ${point.sessionId} ${point.sequence + 3}`;
  assert.deepEqual(greetings, [resume, resume], "whoever it goes to knows of what only the folder had");
  await fleet.stopAll();
});

Deno.test("GatewayService goes on from what only its folder has, though the process before it was stopped as it began", async () => {
  for (const environment of [{ SHARDS_TOTAL: "6" }, SHARED]) {
    const fleet = new Fleet();
    const disk = new MemoryDisk();
    const first = fleet.start(environment, disk);
    await fleet.pass(JOINED_MS);
    fleet.kill(first);
    const point = fleet.points.shards.get(5)?.point;
    assert(point);
    disk.total = 6;
    disk.points.set(5, { ...point, sequence: point.sequence + 3, lost: [] });
    const token = fleet.leases.tokenOf(shardLease(5));
    fleet.points.hold();
    const second = fleet.start(environment, disk);
    while (fleet.leases.tokenOf(shardLease(5)) === token) {
      fleet.points.releaseNext();
      await fleet.pass(STEP_MS);
    }
    await fleet.stop(second);
    assert.deepEqual(second.connectedShards, []);
    fleet.points.release();
    const before = first.greetings.length;
    fleet.start(environment, disk);
    await fleet.pass(JOINED_MS);
    const greetings = first.greetings.slice(before).filter((greeting) => greeting.includes(point.sessionId));
    assert.deepEqual(greetings, [`resume ${point.sessionId} ${point.sequence + 3}`]);
    await fleet.stopAll();
  }
});

Deno.test("GatewayService that has a shard again goes on from what it has in its folder, where others came less far", async () => {
  const fleet = new Fleet();
  const disk = new MemoryDisk();
  const rig = fleet.start(SHARED, disk);
  await fleet.pass(JOINED_MS);
  const point = fleet.points.shards.get(5)?.point;
  assert(point);
  rig.publisher.drop();
  for (const connection of fleet.transport.standing) connection.dispatch("MESSAGE_CREATE");
  await fleet.pass(1_000);
  assert.equal(disk.points.get(5)?.sequence, point.sequence + 1);
  await takenByAnother(fleet, rig, 5);
  await fleet.pass(1_500);
  assert.deepEqual(rig.connectedShards, [0, 1, 2, 3, 4]);
  const before = rig.greetings.length;
  await fleet.pass(TTL_MS + 5_000);
  assert.deepEqual(rig.connectedShards, ALL);
  assert.deepEqual(rig.greetings.slice(before), [`resume ${point.sessionId} ${point.sequence + 1}`]);
  rig.publisher.open();
  await fleet.pass(1_000);
  const published = rig.publisher.published.filter(({ shard }) => shard === 5).map(({ sequence }) =>
    sequence
  );
  assert.deepEqual(published, [1, 2, 3]);
  assert.equal(fleet.points.shards.get(5)?.point?.sequence, point.sequence + 2);
  await fleet.stopAll();
});

Deno.test("GatewayService that has a shard again writes down what it has published of it meanwhile", async () => {
  const fleet = new Fleet();
  const rig = fleet.start(SHARED, new MemoryDisk());
  await fleet.pass(JOINED_MS);
  const point = fleet.points.shards.get(5)?.point;
  assert(point);
  rig.publisher.drop();
  for (const connection of fleet.transport.standing) connection.dispatch("MESSAGE_CREATE");
  await fleet.pass(1_000);
  await takenByAnother(fleet, rig, 5);
  await fleet.pass(1_500);
  rig.publisher.open();
  await fleet.pass(1_000);
  assert.equal(fleet.points.shards.get(5)?.point?.sequence, point.sequence, "by then it runs elsewhere");
  fleet.isBrokerSlow = true;
  await fleet.pass(TTL_MS + 5_000);
  assert.deepEqual(rig.connectedShards, ALL);
  assert.equal(fleet.points.shards.get(5)?.point?.sequence, point.sequence + 1);
  fleet.isBrokerSlow = false;
  await fleet.stopAll();
});

Deno.test("GatewayService publishes nothing of what it took from the dead before it is certain, and all of it then", async () => {
  const fleet = new Fleet();
  const [first, second] = await fleet.joined(2);
  assert(first !== undefined && second !== undefined);
  const [shard = 0] = first.connectedShards;
  fleet.kill(first);
  while (!second.connectedShards.includes(shard)) await fleet.pass(STEP_MS);
  const before = second.publisher.published.length;
  second.transport.latest.dispatch("MESSAGE_CREATE");
  await fleet.pass(500);
  assert.equal(second.publisher.published.length, before);
  await fleet.pass(1_500);
  assert(second.publisher.published.length > before);
  await fleet.stopAll();
});

Deno.test("GatewayService keeps a shard away that it could not make certain of in time, until it is", async () => {
  const fleet = new Fleet();
  const [first, second] = await fleet.joined(2);
  assert(first !== undefined && second !== undefined);
  const [shard = 0] = first.connectedShards;
  fleet.kill(first);
  while (!second.connectedShards.includes(shard)) await fleet.pass(STEP_MS);
  fleet.leases.isAway = true;
  await fleet.pass(1_500);
  assert.deepEqual(second.connectedShards, ALL, "what is connected may stay so");
  const connections = fleet.transport.connections.length;
  fleet.transport.latest.end(4000);
  await fleet.pass(3_000);
  const [tried] = fleet.transport.connections.slice(connections);
  assert.deepEqual(tried?.sent ?? [], []);
  assert.equal(second.connectedShards.length, ALL.length - 1);
  fleet.leases.isAway = false;
  await fleet.pass(1_000);
  assert.deepEqual(second.connectedShards, ALL);
  await fleet.stopAll();
});

Deno.test("GatewayService brings back no shard that it is handing over, where its leases lapse and it has them again", async () => {
  const fleet = new Fleet();
  const [first] = await fleet.joined(1);
  assert(first !== undefined);
  for (const connection of fleet.transport.standing) connection.dispatch("MESSAGE_CREATE");
  fleet.points.hold();
  const second = fleet.start(SHARED);
  while (first.connectedShards.length === ALL.length) await fleet.pass(STEP_MS);
  assert.deepEqual(first.connectedShards, [0, 1, 2]);
  // As where its machine has slept: the other clock stood still.
  first.clock.epochMs += TTL_MS + 5_000;
  await fleet.pass(300);
  assert.deepEqual(first.connectedShards, []);
  while (first.of("leases.regained").length === 0) await fleet.pass(STEP_MS);
  await fleet.pass(100);
  assert.deepEqual(first.connectedShards, [0, 1, 2]);
  fleet.points.release();
  await fleet.pass(1_000);
  assert.deepEqual(second.connectedShards, [3, 4, 5]);
  await fleet.stopAll();
});

Deno.test("GatewayService that was asleep for too long publishes nothing more, and leaves what others took over", async () => {
  const fleet = new Fleet();
  const [first, second] = await fleet.joined(2);
  assert(first !== undefined && second !== undefined);
  const connections = first.transport.standing.filter(({ url }) => url !== undefined);
  fleet.living.delete(first);
  for (let sleptMs = 0; sleptMs < TTL_MS + 3_000; sleptMs += 1_000) {
    await fleet.pass(1_000);
    first.clock.sleep(1_000);
  }
  assert.deepEqual(second.connectedShards, ALL);
  const before = first.publisher.published.length;
  // Before any of its own timers: what the sockets still had.
  for (const connection of connections) connection.dispatch("MESSAGE_CREATE");
  await microtasksDone();
  assert.equal(first.publisher.published.length, before);
  assert.equal(first.of("leases.lapsed").length, 1);
  fleet.living.add(first);
  await fleet.pass(JOINED_MS);
  assert.equal(first.of("shards.lost").length, 1);
  assert.deepEqual(fleet.runs, ALL);
  assert.deepEqual([first.connectedShards.length, second.connectedShards.length], [3, 3]);
  await fleet.stopAll();
});

Deno.test("GatewayService in a fleet leaves its shards when Redis is away for too long, and resumes them afterwards", async () => {
  const fleet = new Fleet();
  const [first, second] = await fleet.joined(2);
  assert(first !== undefined && second !== undefined);
  const shares = [first.connectedShards, second.connectedShards];
  fleet.leases.isAway = true;
  await fleet.pass(TTL_MS - 500);
  assert.deepEqual(fleet.runs, ALL, "less than its time moves nothing");
  await fleet.pass(1_000);
  assert.deepEqual(fleet.runs, []);
  assert.deepEqual(first.transport.connections.at(0)?.left?.code, 4000);
  fleet.leases.isAway = false;
  await fleet.pass(3_000);
  assert.deepEqual([first.connectedShards, second.connectedShards], shares);
  await fleet.stopAll();
});

Deno.test("GatewayService has one replica found the fleet and compose what others read", async () => {
  const fleet = new Fleet();
  const rigs = await fleet.joined(3);
  const lead = fleet.leases.holderOf(LEAD_LEASE);
  assert(lead !== null);
  assert.equal(rigs.flatMap((rig) => rig.of("fleet.led")).length, 1);
  await fleet.pass(1_500);
  assert.deepEqual([...fleet.board.entries.keys()].sort(), ALL);
  const leading = rigs.find((rig) => rig.of("fleet.led").length > 0);
  assert(leading !== undefined);
  await fleet.stop(leading);
  await fleet.pass(1_000);
  assert.notEqual(fleet.leases.holderOf(LEAD_LEASE), null);
  assert.notEqual(fleet.leases.holderOf(LEAD_LEASE), lead);
  assert.deepEqual(fleet.runs, ALL);
  await fleet.stopAll();
});

Deno.test("GatewayService that leads while others run, and finds nobody's word of what, asks what they tell of themselves", async () => {
  const fleet = new Fleet();
  const [first] = await fleet.joined(1);
  assert(first !== undefined);
  // It stands still, and Redis has failed over and forgotten that it founded the fleet.
  fleet.living.delete(first);
  const { members, leases } = fleet.leases.everything;
  const others = new Map([...leases].filter(([name]) => name !== LEAD_LEASE));
  fleet.leases.restore({ members, leases: others, reign: null });
  fleet.points.total = null;
  const second = fleet.start({ FLEET: "true" });
  await fleet.pass(JOINED_MS);
  assert.deepEqual(second.of("fleet.joined").map(({ total }) => total), [6]);
  await fleet.stopAll();
});

Deno.test("GatewayService in a fleet carries out commands wherever their shards are, and after they have moved", async () => {
  const fleet = new Fleet();
  const [first] = await fleet.joined(2);
  assert(first !== undefined);
  const sent = () =>
    fleet.transport.connections.flatMap((connection) =>
      connection.sent.filter(({ op }) => op === 4).map(({ d }) => JSON.stringify(d))
    );
  const voice = (shard: number | "all", guild: number) =>
    fleet.commandBroker.send({ op: 0, shard, data: { op: 4, d: { guild_id: guild } } });
  for (const shard of ALL) voice(shard, shard);
  await fleet.pass(500);
  assert.deepEqual(sent().toSorted(), ALL.map((guild) => `{"guild_id":${guild}}`));
  await fleet.stop(first);
  voice("all", 7);
  await fleet.pass(3_000);
  assert.equal(sent().filter((d) => d.includes("7")).length, ALL.length);
  await fleet.stopAll();
});

Deno.test("GatewayService that is drained hands its shards over and takes none, until it is told otherwise", async () => {
  const fleet = new Fleet();
  const start = async (name: string) => {
    const rig = fleet.start({ ...SHARED, REPLICA_NAME: name });
    await fleet.pass(JOINED_MS);
    return rig;
  };
  const [first, second] = [await start("first"), await start("second")];
  const connectionsBefore = fleet.transport.connections.length;
  const drain = (isDrained: boolean) =>
    fleet.commandBroker.send({ op: 3, replica: "second", data: { drain: isDrained } });
  const told = (rig: ServiceRig) => rig.figures.asked.at(-1)?.replica.fleet;
  drain(true);
  await fleet.pass(2_000);
  assert.deepEqual([first.connectedShards, second.connectedShards], [ALL, []]);
  assert.deepEqual([told(first)?.isDraining, told(second)?.isDraining], [false, true]);
  const greetings = fleet.transport.connections.slice(connectionsBefore).length;
  assert.equal(greetings, 3, "each of its shards is resumed once");
  const third = await start("third");
  assert.deepEqual(second.connectedShards, []);
  assert.equal(third.connectedShards.length, 3);
  drain(false);
  await fleet.pass(2_000);
  assert.deepEqual([first, second, third].map(({ connectedShards }) => connectedShards.length), [2, 2, 2]);
  assert.deepEqual(second.of("fleet.drained").map(({ isDrained }) => isDrained), [true, false]);
  await fleet.stopAll();
});

Deno.test("GatewayService that is drained keeps what nobody has room for", async () => {
  const fleet = new Fleet();
  const first = fleet.start({ ...SHARED, REPLICA_NAME: "first", SHARDS_MAX: "4" });
  const second = fleet.start({ ...SHARED, REPLICA_NAME: "second" });
  await fleet.pass(JOINED_MS);
  fleet.commandBroker.send({ op: 3, replica: "second", data: { drain: true } });
  await fleet.pass(3_000);
  assert.deepEqual([first.connectedShards.length, second.connectedShards.length], [4, 2]);
  assert.deepEqual(fleet.runs, ALL);
  await fleet.stopAll();
});

Deno.test("GatewayService that leads tells how many shards nobody holds, and the others tell nothing", async () => {
  const fleet = new Fleet();
  const rigs = await fleet.joined(3, { ...SHARED, SHARDS_MAX: "2" });
  const told = () => [...fleet.living].map(({ service }) => service.unheldShards).sort();
  assert.deepEqual(told(), [0, 0, 0]);
  const led = (rig: ServiceRig) => rig.service.tokenOf(LEAD_LEASE) !== null;
  const [other] = rigs.filter((rig) => !led(rig));
  assert(other !== undefined);
  fleet.kill(other);
  await fleet.pass(TTL_MS + 2_000);
  assert.deepEqual(told(), [0, 2], "nobody has room for them");
  const [lead] = rigs.filter(led);
  assert(lead !== undefined);
  fleet.kill(lead);
  await fleet.pass(TTL_MS + 3_000);
  assert.deepEqual(told(), [4], "whoever leads now");
  await fleet.stopAll();
});

Deno.test("GatewayService follows the number of shards that its fleet runs, and says where its settings differ", async () => {
  const fleet = new Fleet();
  await fleet.joined(1);
  const other = fleet.start({ FLEET: "true", SHARDS_TOTAL: "4" });
  await fleet.pass(JOINED_MS);
  assert.equal(other.connectedShards.length, 3);
  assert.match(other.of("service.warning")[0]?.message ?? "", /runs 6 shards, so SHARDS_TOTAL, which is 4/);
  await fleet.stopAll();
});

Deno.test("GatewayService that is alone waits while another runs any of its shards, says whose they are, and takes over", async () => {
  const fleet = new Fleet();
  const first = fleet.start({ SHARDS_TOTAL: "4", SHARDS_END: "1" });
  const second = fleet.start({ SHARDS_TOTAL: "4", SHARDS_START: "2" });
  await fleet.pass(1_000);
  assert.deepEqual(fleet.runs, [0, 1, 2, 3], "ranges of their own are in nobody's way");
  const third = fleet.start({ SHARDS_TOTAL: "4", SHARDS_START: "1", SHARDS_END: "2" });
  await fleet.pass(30_000);
  assert.deepEqual(third.connectedShards, []);
  assert.deepEqual(third.of("shards.waiting"), [{ kind: "shards.waiting", holder: "test" }]);
  await fleet.stop(first);
  await fleet.pass(1_000);
  assert.deepEqual(third.connectedShards, [], "the other still runs one of them");
  await fleet.stop(second);
  await fleet.pass(1_000);
  assert.deepEqual(third.connectedShards, [1, 2]);
  await fleet.stopAll();
});

Deno.test("GatewayService that is alone goes on without Redis, and leaves what another took over meanwhile", async () => {
  const fleet = new Fleet();
  const first = fleet.start({ SHARDS_TOTAL: "2" });
  await fleet.pass(1_000);
  fleet.leases.isAway = true;
  await fleet.pass(60_000);
  assert.deepEqual(first.connectedShards, [0, 1]);
  first.transport.latest.dispatch("MESSAGE_CREATE");
  const published = first.publisher.published.length;
  assert(published > 0);
  fleet.leases.isAway = false;
  await fleet.pass(2_000);
  assert.deepEqual(first.connectedShards, [0, 1]);
  await takenByAnother(fleet, first, 0);
  await fleet.pass(1_500);
  assert.deepEqual(first.connectedShards, [1]);
  assert.deepEqual(first.of("shards.lost"), [{ kind: "shards.lost", shards: 1 }]);
  await fleet.stopAll();
});

/** A process that is alone, and its workers, each with a disk of its own. */
class Workers {
  readonly rigs: readonly ServiceRig[];
  readonly #start: (number: number) => ServiceRig;

  constructor(fleet: Fleet, disks: readonly MemoryDisk[], environment: Record<string, string> = {}) {
    let total: number | null = null;
    const siblings: Siblings = {
      begun: () => Promise.resolve({ total }),
      hasBegun: (begun) => total = begun,
    };
    const settings = { CLUSTERS: `${disks.length}`, SHARDS_TOTAL: "6", ...environment };
    this.#start = (number) => fleet.start(settings, disks[number - 1], { number, siblings });
    this.rigs = disks.map((_, at) => this.#start(at + 1));
  }

  /** The one of this number has died. */
  again(number: number): ServiceRig {
    return this.#start(number);
  }
}

function newDisks(count: number): MemoryDisk[] {
  return Array.from({ length: count }, () => new MemoryDisk());
}

Deno.test("GatewayService as one of several workers runs its slice of the process's shards", async () => {
  const fleet = new Fleet();
  const { rigs } = new Workers(fleet, newDisks(3), { SHARDS_START: "1" });
  await fleet.pass(1_000);
  assert.deepEqual(rigs.map(({ connectedShards }) => connectedShards), [[1], [2, 3], [4, 5]]);
  for (const rig of rigs) assert.deepEqual(rig.of("shards.waiting"), []);
  const notices = rigs.map((rig) => rig.of("service.notice").length);
  assert.deepEqual(notices, [2, 0, 0], "what is the same for all of them is said once");
  await fleet.stopAll();
});

for (const RESUME of ["true", "false"]) {
  Deno.test(`GatewayService as a worker that has died is replaced at once, and its siblings run on (RESUME=${RESUME})`, async () => {
    const fleet = new Fleet();
    const workers = new Workers(fleet, newDisks(2), { RESUME });
    const [first, second] = workers.rigs;
    assert(first !== undefined && second !== undefined);
    await fleet.pass(1_000);
    fleet.kill(second);
    const next = workers.again(2);
    await fleet.pass(1_000);
    assert.deepEqual([first.connectedShards, next.connectedShards], [[0, 1, 2], [3, 4, 5]]);
    assert.equal(next.of("shards.begun")[0]?.resuming, 3);
    assert.deepEqual(first.of("shard.disconnected"), []);
    await fleet.stopAll();
    assert.deepEqual([...fleet.points.shards.values()].filter(({ point }) => point !== null).length, 6);
  });
}

Deno.test("GatewayService as a worker begins no session anew that a sibling has begun, where none is to be resumed", async () => {
  const fleet = new Fleet();
  const disks = newDisks(2);
  const before = new Workers(fleet, disks);
  await fleet.pass(1_000);
  for (const rig of before.rigs) await fleet.stop(rig);
  const { rigs } = new Workers(fleet, disks, { RESUME: "false" });
  await fleet.pass(3_000);
  assert.deepEqual(fleet.runs, ALL);
  assert.deepEqual(rigs.map((rig) => rig.of("shards.begun").map(({ resuming }) => resuming)), [[0], [0]]);
  const gaps = rigs.flatMap((rig) => rig.of("shard.gap").map(({ shard, reason }) => `${shard} ${reason}`));
  assert.deepEqual(gaps.toSorted(), ALL.map((shard) => `${shard} resume_disabled`));
  await fleet.stopAll();
});

Deno.test("GatewayService as a worker runs as many shards as its siblings have begun, whatever Discord recommends by now", async () => {
  const fleet = new Fleet();
  // Nothing that is stored would tell: no session is resumed.
  const workers = new Workers(fleet, newDisks(2), { SHARDS_TOTAL: "", RESUME: "false" });
  await fleet.pass(1_000);
  const [first, second] = workers.rigs;
  assert(first !== undefined && second !== undefined);
  assert.deepEqual([first.connectedShards, second.connectedShards], [[0], [1]]);
  fleet.kill(second);
  fleet.recommended = 8;
  const next = workers.again(2);
  await fleet.pass(1_000);
  assert.deepEqual(next.connectedShards, [1]);
  await fleet.stopAll();
});

for (const [before, after] of [[3, 2], [2, 3], [1, 4], [4, 1]] as const) {
  Deno.test(`GatewayService with ${before} workers, killed, goes on with ${after}: every session is resumed`, async () => {
    const fleet = new Fleet();
    const disks = newDisks(4);
    const killed = new Workers(fleet, disks.slice(0, before));
    await fleet.pass(1_000);
    assert.deepEqual(fleet.runs, ALL);
    for (const rig of killed.rigs) fleet.kill(rig);
    const { rigs } = new Workers(fleet, disks.slice(0, after));
    await fleet.pass(TTL_MS + 3_000);
    assert.deepEqual(fleet.runs, ALL);
    const begun = rigs.flatMap((rig) => rig.of("shards.begun"));
    assert.equal(begun.reduce((sum, { resuming }) => sum + resuming, 0), ALL.length);
    await fleet.stopAll();
  });
}
