/** The outbox with a spool: what goes to disk, when, and how it comes back. */
import assert from "node:assert/strict";
import { Outbox } from "../../../gateway/delivery/outbox.ts";
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import type { Observation } from "../../../gateway/observation.ts";
import type { ResumePoint } from "../../../gateway/resume/points.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryPublisher } from "../../fakes/memory_publisher.ts";
import { MemoryDisk, MemorySpool } from "../../fakes/memory_spool.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

const POINT: Omit<ResumePoint, "sessionId"> = {
  sequence: 0,
  resumeGatewayUrl: null,
  intents: 1,
  configuredPresence: null,
  startedAtMs: 7,
  lastEventAtMs: null,
};

/** Each event counts for 1,000 bytes of the bound. */
const BODY = new Uint8Array(500);

interface RigOptions {
  readonly maxBytes?: number;
  readonly spoolMaxBytes?: number;
  readonly disk?: MemoryDisk;
}

class SpoolingRig {
  readonly clock = new ManualClock();
  readonly publisher = new MemoryPublisher();
  readonly spool: MemorySpool;
  readonly outbox: Outbox;
  readonly published: string[] = [];
  readonly durable: string[] = [];
  readonly full: number[] = [];
  readonly observed: Observation[] = [];
  readonly givenUp: number[] = [];
  readonly unreadable: number[] = [];
  readonly delaysMs: number[] = [];

  static async open(options: RigOptions = {}): Promise<SpoolingRig> {
    const rig = new SpoolingRig(options);
    const opening = await rig.spool.open({ bot: null });
    assert(opening.kind === "ready");
    await rig.spool.begin({ total: 1, keepPoints: true });
    rig.outbox.useSpool(rig.spool, options.spoolMaxBytes ?? 1_000_000, opening.contents);
    return rig;
  }

  private constructor({ maxBytes = 1_000_000, disk = new MemoryDisk() }: RigOptions) {
    this.spool = new MemorySpool(disk);
    this.outbox = new Outbox({
      publisher: this.publisher,
      clock: this.clock,
      observe: (observation) => this.observed.push(observation),
      maxBytes,
      events: {
        published: (shard, session, sequence) => this.published.push(`${shard} ${session} ${sequence}`),
        durable: (shard, session, sequence) => this.durable.push(`${shard} ${session} ${sequence}`),
        pointOf: (_shard, sessionId) => sessionId === "lost" ? null : { sessionId, ...POINT },
        unreadable: (shard) => this.unreadable.push(shard),
        givenUp: ({ sequence }) => this.givenUp.push(sequence),
        full: (shard) => this.full.push(shard),
        room: () => {},
        confirmed: (delayMs) => this.delaysMs.push(delayMs),
      },
    });
    this.publisher.start({
      opened: () => this.outbox.opened(),
      closed: (refusal) => this.outbox.closed(refusal),
    });
  }

  accept(sequence: number, fields: Partial<OutgoingEvent> = {}): void {
    this.outbox.accept({
      shard: 0,
      session: "a",
      sequence,
      type: "MESSAGE_CREATE",
      body: BODY,
      receivedAtMs: this.clock.wallMs(),
      ...fields,
    });
  }

  acceptAll(first: number, last: number, fields: Partial<OutgoingEvent> = {}): void {
    for (let sequence = first; sequence <= last; sequence += 1) this.accept(sequence, fields);
  }

  /** Turns the clock on in small steps, so that promises run in between. */
  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 25) {
      await microtasksDone();
      this.clock.advance(Math.min(25, ms - passedMs));
    }
    await microtasksDone();
  }

  get spooledSequences(): number[] {
    return [...this.spool.disk.events.values()].map(({ sequence }) => sequence);
  }

  get handedOver(): number[] {
    return this.publisher.published.map(({ sequence }) => sequence);
  }

  kinds(...kinds: Observation["kind"][]): Observation["kind"][] {
    return this.observed.map(({ kind }) => kind).filter((kind) => kinds.includes(kind));
  }
}

Deno.test("Outbox writes nothing to the spool while the broker confirms in time", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  for (let sequence = 1; sequence <= 20; sequence += 1) {
    rig.accept(sequence);
    await rig.pass(400);
    rig.publisher.confirmAll();
  }
  assert.deepEqual(rig.spool.writes, []);
  assert.deepEqual(rig.kinds("spool.used"), []);
});

Deno.test("Outbox writes to the spool what is not confirmed within a second, with its point, and says it is durable", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.acceptAll(1, 3);
  await rig.pass(400);
  assert.deepEqual(rig.spooledSequences, []);
  await rig.pass(600);
  assert.deepEqual(rig.spooledSequences, [1, 2, 3]);
  const lastEventAtMs = rig.clock.epochMs;
  assert.deepEqual(rig.spool.disk.points.get(0), { sessionId: "a", ...POINT, sequence: 3, lastEventAtMs });
  assert.deepEqual(rig.durable, ["0 a 3"]);
  assert.deepEqual(rig.published, [], "durable is not published");
  assert.deepEqual(rig.outbox.spooled, { events: 3, bytes: 1_500, maxBytes: 1_000_000 });
  rig.publisher.confirmAll();
  await rig.pass(50);
  assert.deepEqual(rig.spooledSequences, []);
  assert.deepEqual([rig.outbox.spooled?.events, rig.outbox.spooled?.bytes], [0, 0]);
  assert.deepEqual(rig.handedOver, [1, 2, 3], "written beside, not instead");
});

Deno.test("Outbox lets memory go while the broker is away, and drains the spool in order when it is back", async () => {
  const rig = await SpoolingRig.open();
  rig.acceptAll(1, 5);
  await rig.pass(1_000);
  rig.acceptAll(6, 2_000);
  await rig.pass(100);
  assert.equal(rig.spooledSequences.length, 2_000);
  assert(rig.outbox.unconfirmedEvents <= 5, "only what came before the spool was used is in memory");
  rig.publisher.open();
  for (let count = 0; rig.outbox.spooled?.events !== 0; count += 1) {
    assert(count < 1_000, "the spool is never drained");
    await rig.pass(25);
    rig.publisher.confirmAll();
    if (count === 1) rig.accept(2_001);
  }
  rig.accept(2_002);
  rig.publisher.confirmAll();
  assert.deepEqual(rig.handedOver, Array.from({ length: rig.handedOver.length }, (_, index) => index + 1));
  assert.equal(rig.published.at(-1), `0 a ${rig.handedOver.length}`);
  assert.deepEqual(rig.kinds("spool.used", "spool.emptied"), ["spool.used", "spool.emptied"]);
  assert.deepEqual(rig.spooledSequences, []);
});

Deno.test("Outbox drains what an earlier process left before everything new, and tells how long it waited", async () => {
  const disk = new MemoryDisk();
  const before = await SpoolingRig.open({ disk });
  before.acceptAll(1, 3);
  before.accept(1, { session: "b" });
  await before.pass(1_000);
  before.spool.crash();

  const rig = await SpoolingRig.open({ disk });
  rig.clock.advance(61_000);
  rig.accept(2, { session: "b" });
  rig.publisher.open();
  await rig.pass(100);
  rig.publisher.confirmAll();
  assert.deepEqual(rig.publisher.published.map(({ session, sequence }) => `${session} ${sequence}`), [
    "a 1",
    "a 2",
    "a 3",
    "b 1",
    "b 2",
  ]);
  assert.deepEqual(rig.published, ["0 a 1", "0 a 2", "0 a 3", "0 b 1", "0 b 2"]);
  assert.equal(rig.delaysMs[0], 61_100);
  await rig.pass(50);
  assert.equal(disk.events.size, 0);
});

Deno.test("Outbox publishes what is in a write under way when the broker comes back, once", async () => {
  const rig = await SpoolingRig.open();
  rig.accept(1);
  await rig.pass(1_000);
  rig.spool.hold();
  rig.acceptAll(2, 4);
  await rig.pass(50);
  assert.equal(rig.spool.waiting, 1);
  rig.accept(5);
  rig.publisher.open();
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4, 5]);
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 5");
  rig.spool.release();
  await rig.pass(100);
  assert.deepEqual(rig.spooledSequences, [], "what the write brought leaves again");
  assert.deepEqual([rig.outbox.spooled?.events, rig.outbox.spooled?.bytes], [0, 0]);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4, 5]);
});

Deno.test("Outbox tries a refused write again each second, and calls the shard full meanwhile", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000 });
  rig.spool.refuse(new Error("database or disk is full"));
  rig.acceptAll(1, 60);
  await rig.pass(2_500);
  assert.deepEqual(rig.full, []);
  rig.accept(61);
  assert.deepEqual(rig.full, [0]);
  assert.equal(rig.kinds("spool.refused").length, 3);
  assert.deepEqual(rig.durable, []);
  rig.spool.refuse(null);
  await rig.pass(1_000);
  assert.equal(rig.spooledSequences.length, 61);
  assert.deepEqual(rig.spooledSequences, Array.from({ length: 61 }, (_, index) => index + 1));
  assert.deepEqual(rig.durable, ["0 a 61"]);
});

Deno.test("Outbox says once that the spool is full, writes no more than its bound, and goes on when it has room", async () => {
  const rig = await SpoolingRig.open({ spoolMaxBytes: 5_200 });
  rig.acceptAll(1, 5);
  await rig.pass(1_000);
  rig.acceptAll(6, 15);
  await rig.pass(5_000);
  assert.equal(rig.outbox.spooled?.bytes, 5_000);
  assert.deepEqual(rig.kinds("spool.full", "spool.room"), ["spool.full"]);
  rig.publisher.open();
  for (let count = 0; count < 20; count += 1) {
    await rig.pass(50);
    rig.publisher.confirmAll();
  }
  assert.deepEqual(rig.kinds("spool.full", "spool.room").slice(0, 2), ["spool.full", "spool.room"]);
  assert.deepEqual(rig.handedOver, Array.from({ length: 15 }, (_, index) => index + 1));
  assert.deepEqual([rig.outbox.spooled?.events, rig.outbox.spooled?.bytes], [0, 0]);
});

Deno.test("Outbox sends a shard above its share to the spool at once, and no other", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000 });
  rig.publisher.open();
  rig.accept(1, { shard: 1, session: "b" });
  rig.acceptAll(1, 45);
  await rig.pass(50);
  assert.deepEqual(new Set([...rig.spool.disk.events.values()].map(({ shard }) => shard)), new Set([0]));
  assert.deepEqual(rig.full, []);
});

Deno.test("Outbox holds no more than the bound however much comes while the broker confirms nothing", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000, spoolMaxBytes: 100_000_000 });
  rig.publisher.open();
  for (let sequence = 1; sequence <= 3_000; sequence += 1) {
    rig.accept(sequence, { shard: sequence % 3 });
    if (sequence % 5 === 0) await rig.pass(25);
    assert(rig.outbox.unconfirmedBytes <= 100_000, `${rig.outbox.unconfirmedBytes} bytes at ${sequence}`);
  }
  assert.deepEqual(rig.full, []);
  for (let count = 0; rig.outbox.spooled?.events !== 0; count += 1) {
    assert(count < 1_000, "the spool is never drained");
    rig.publisher.confirmAll();
    await rig.pass(25);
    assert(rig.outbox.unconfirmedBytes <= 100_000, `${rig.outbox.unconfirmedBytes} while draining`);
  }
  for (const shard of [0, 1, 2]) {
    const sequences = rig.publisher.published.filter((event) => event.shard === shard)
      .map(({ sequence }) => sequence);
    assert.deepEqual(sequences, [...sequences].sort((one, other) => one - other));
    assert.equal(new Set(sequences).size, 1_000);
  }
});

Deno.test("Outbox.secured() resolves once everything is confirmed or in the spool", async () => {
  const rig = await SpoolingRig.open();
  rig.acceptAll(1, 3);
  let isSecured = false;
  const secured = rig.outbox.secured().then(() => isSecured = true);
  await rig.pass(300);
  assert.equal(isSecured, false);
  await rig.pass(700);
  await secured;
  await rig.outbox.secured();
});

Deno.test("Outbox.pass() moves the durable sequence in its turn, and leaves nothing in the spool", async () => {
  const rig = await SpoolingRig.open();
  rig.accept(1);
  await rig.pass(1_000);
  rig.outbox.pass(0, "a", 2);
  await rig.pass(50);
  assert.deepEqual(rig.durable, ["0 a 1", "0 a 2"]);
  rig.publisher.open();
  rig.publisher.confirmAll();
  await rig.pass(50);
  assert.deepEqual([rig.outbox.spooled?.events, rig.outbox.spooled?.bytes], [0, 0]);
});

Deno.test("Outbox writes no point for a session that is not to be resumed", async () => {
  const rig = await SpoolingRig.open();
  rig.accept(1, { session: "lost" });
  await rig.pass(1_000);
  assert.deepEqual(rig.spooledSequences, [1]);
  assert.equal(rig.spool.disk.points.size, 0);
  assert.deepEqual(rig.durable, []);
});

Deno.test("Outbox.notePoint() keeps a point that is further than what the spool has, and no other", async () => {
  const rig = await SpoolingRig.open();
  rig.outbox.notePoint(0, { sessionId: "a", ...POINT, sequence: 5 });
  await rig.pass(50);
  assert.equal(rig.spool.disk.points.get(0)?.sequence, 5);
  assert.deepEqual(rig.durable, ["0 a 5"]);
  rig.spool.hold();
  rig.acceptAll(6, 9);
  await rig.pass(1_000);
  // The write that covers up to 9 is under way.
  rig.outbox.notePoint(0, { sessionId: "a", ...POINT, sequence: 6 });
  rig.spool.release();
  await rig.pass(100);
  assert.equal(rig.spool.disk.points.get(0)?.sequence, 9);
  rig.spool.refuse(new Error("full"));
  rig.outbox.notePoint(0, { sessionId: "b", ...POINT, sequence: 1 });
  await rig.pass(50);
  rig.spool.refuse(null);
  await rig.pass(1_000);
  assert.equal(rig.spool.disk.points.get(0)?.sessionId, "b", "tried again");
});

Deno.test("Outbox sets a refused event aside in the spool before it is told", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.acceptAll(1, 2);
  rig.publisher.refuseNext();
  rig.publisher.confirmNext();
  await rig.pass(1_000);
  rig.publisher.refuseNext();
  await rig.pass(2_000);
  rig.spool.hold();
  rig.publisher.refuseNext();
  await rig.pass(50);
  assert.deepEqual(rig.givenUp, []);
  rig.spool.release();
  await rig.pass(50);
  assert.deepEqual(rig.givenUp, [1]);
  assert.deepEqual(rig.spool.disk.quarantined.map(({ sequence }) => sequence), [1]);
  assert.deepEqual(rig.spooledSequences, [1], "not before its gap is told");
  rig.outbox.letGo(0, "a", 1);
  await rig.pass(50);
  assert.deepEqual(rig.published, ["0 a 2"]);
  assert.deepEqual(rig.spooledSequences, []);
});

Deno.test("Outbox gives up a hole that cannot be read after three tries, once all before it is confirmed", async () => {
  const rig = await SpoolingRig.open();
  rig.accept(1);
  await rig.pass(1_000);
  rig.acceptAll(2, 9);
  await rig.pass(50);
  rig.spool.refuseToRead(new Error("malformed"));
  rig.publisher.open();
  await rig.pass(5_000);
  assert.deepEqual(rig.unreadable, [], "the first event is not confirmed");
  rig.publisher.confirmAll();
  await rig.pass(1_000);
  assert.deepEqual(rig.unreadable, [0]);
  const [unreadable] = rig.observed.filter(({ kind }) => kind === "spool.unreadable");
  assert.deepEqual(unreadable, { kind: "spool.unreadable", shard: 0, events: 8, error: "malformed" });
  rig.accept(10);
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 10");
  await rig.pass(50);
  assert.deepEqual([rig.outbox.spooled?.events, rig.outbox.spooled?.bytes], [0, 0]);
});

Deno.test("Outbox reads a hole again that could not be read once", async () => {
  const rig = await SpoolingRig.open();
  rig.accept(1);
  await rig.pass(1_000);
  rig.acceptAll(2, 3);
  await rig.pass(50);
  rig.spool.refuseToRead(new Error("busy"));
  rig.publisher.open();
  await rig.pass(500);
  rig.spool.refuseToRead(null);
  await rig.pass(1_000);
  rig.publisher.confirmAll();
  assert.deepEqual(rig.handedOver, [1, 2, 3]);
  assert.deepEqual(rig.unreadable, []);
});

Deno.test("Outbox keeps a paused lane's later events in the spool until the pause is over", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  for (let count = 0; count < 3; count += 1) {
    if (count === 0) rig.accept(1);
    rig.publisher.refuseNext();
    await rig.pass(1_000 * 2 ** count);
  }
  rig.publisher.refuseNext();
  rig.acceptAll(2, 50);
  await rig.pass(2_000);
  assert.equal(rig.spooledSequences.length, 50);
  await rig.pass(6_000);
  rig.publisher.confirmAll();
  await rig.pass(100);
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 50");
});
