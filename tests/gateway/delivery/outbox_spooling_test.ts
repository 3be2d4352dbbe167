/** The outbox with a spool: what goes to disk, when, and how it comes back. */
import assert from "node:assert/strict";
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import type { TraceOutcome } from "../../../gateway/delivery/tracing.ts";
import { SpoolLostError } from "../../../gateway/delivery/spool.ts";
import { MemoryDisk } from "../../fakes/memory_spool.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { POINT } from "./outbox_rig.ts";
import { SpoolingRig } from "./spooling_rig.ts";

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
  assert.deepEqual(rig.spool.disk.points.get(0), { ...POINT, sequence: 3, lastEventAtMs });
  assert.deepEqual(rig.durable, ["0 a 3"]);
  assert.deepEqual(rig.published, [], "durable is not published");
  assert.deepEqual(rig.outbox.spooled, { events: 3, bytes: 1_500, maxBytes: 1_000_000 });
  rig.publisher.confirmAll();
  await rig.pass(50);
  assert.deepEqual(rig.spooledSequences, []);
  assert.deepEqual(rig.spoolUse, [0, 0]);
  assert.deepEqual(rig.handedOver, [1, 2, 3], "written beside, not instead");
});

Deno.test("Outbox keeps no memory of others with an event that is safe in the spool and still waits for the broker", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 5_000 });
  const block = crypto.getRandomValues(new Uint8Array(32 * 1024));
  const memoryOfNewest = () => rig.publisher.unconfirmed.map(({ body }) => body.buffer.byteLength);
  rig.publisher.open();
  // The second is past the part of the bound from which all goes to the spool, at once.
  [1, 2].forEach((sequence) => rig.accept(sequence, { body: block.subarray(0, 1_000) }));
  await rig.pass(300);
  assert.deepEqual(rig.spooledSequences, [1, 2]);
  rig.publisher.drop();
  rig.publisher.open();
  assert.deepEqual(
    memoryOfNewest(),
    [block.length, block.length],
    "most are confirmed before it is worth a copy",
  );
  await rig.pass(500);
  rig.publisher.drop();
  rig.publisher.open();
  assert.deepEqual(memoryOfNewest(), [1_000, 1_000]);
});

Deno.test("Outbox keeps no memory of others with an event that waits for a spool that hangs", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 5_000 });
  const block = crypto.getRandomValues(new Uint8Array(32 * 1024));
  rig.spool.hold();
  // The third comes while the first two are being written.
  [1, 2].forEach((sequence) => rig.accept(sequence, { body: block.subarray(0, 1_000) }));
  await rig.pass(25);
  rig.accept(3, { body: block.subarray(0, 1_000) });
  await rig.pass(800);
  rig.spool.release();
  await rig.pass(100);
  const bodies = [...rig.spool.disk.events.values()].map(({ body }) => body);
  assert.deepEqual(bodies, Array(3).fill(block.slice(0, 1_000)));
  assert.equal(bodies.at(-1)?.buffer.byteLength, 1_000);
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
  rig.spool.hold();
  rig.acceptAll(1, 4);
  await rig.pass(1_000);
  assert.equal(rig.spool.waiting, 1);
  rig.accept(5);
  rig.publisher.open();
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4, 5]);
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 5");
  rig.spool.release();
  await rig.pass(100);
  assert.deepEqual(rig.spooledSequences, [], "what the write brought leaves again");
  assert.deepEqual(rig.spoolUse, [0, 0]);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4, 5]);
});

Deno.test("Outbox tries a refused write again each second, and calls the shard full meanwhile", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000 });
  rig.spool.refuse(new Error("database or disk is full"));
  rig.acceptAll(1, 60);
  await rig.pass(2_500);
  assert.deepEqual(rig.room, []);
  rig.accept(61);
  assert.deepEqual(rig.room, ["full 0"]);
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
  assert.deepEqual(rig.spoolUse, [0, 0]);
});

Deno.test("Outbox sends every shard that delivers past two fifths of the bound to the spool at once, and no other", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000 });
  rig.publisher.open();
  rig.accept(1, { shard: 1, session: "b" });
  rig.acceptAll(1, 39);
  await rig.pass(50);
  assert.deepEqual(rig.spool.writes, []);
  rig.accept(40);
  rig.accept(1, { shard: 2, session: "c" });
  await rig.pass(50);
  const shards = [...rig.spool.disk.events.values()].map(({ shard }) => shard);
  assert.deepEqual(new Set(shards), new Set([0, 2]));
  assert.deepEqual(rig.room, []);
});

Deno.test("Outbox holds no more than the bound however much comes while the broker confirms nothing", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000, spoolMaxBytes: 100_000_000 });
  rig.publisher.open();
  for (let sequence = 1; sequence <= 3_000; sequence += 1) {
    rig.accept(sequence, { shard: sequence % 3 });
    if (sequence % 5 === 0) await rig.pass(25);
    assert(rig.outbox.unconfirmedBytes <= 100_000, `${rig.outbox.unconfirmedBytes} bytes at ${sequence}`);
  }
  assert.deepEqual(rig.room, []);
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
  await rig.pass(25);
  rig.publisher.confirmAll();
  await rig.pass(50);
  assert.deepEqual(rig.spoolUse, [0, 0]);
});

Deno.test("Outbox.pass() is said to be durable though the disk refused at first and nothing else comes", async () => {
  const rig = await SpoolingRig.open();
  rig.accept(1);
  await rig.pass(1_000);
  rig.spool.refuse(new Error("disk is full"));
  rig.outbox.notePoint(1, { ...POINT, sessionId: "b" });
  rig.outbox.pass(0, "a", 2);
  await rig.pass(50);
  rig.spool.refuse(null);
  await rig.pass(1_000);
  assert.deepEqual(rig.durable, ["0 a 1", "1 b 0", "0 a 2"]);
});

Deno.test("Outbox writes no point for a session that is not to be resumed", async () => {
  const rig = await SpoolingRig.open();
  rig.accept(1, { session: "lost" });
  await rig.pass(1_000);
  assert.deepEqual(rig.spooledSequences, [1]);
  assert.equal(rig.spool.disk.points.size, 0);
  assert.deepEqual(rig.durable, []);
});

Deno.test("Outbox.replacePoint() puts a session's point in the place of another one's, and nothing else", async () => {
  const rig = await SpoolingRig.open();
  rig.outbox.replacePoint(0, "a");
  await rig.pass(1_000);
  assert.equal(rig.spool.disk.points.size, 0);
  rig.outbox.notePoint(0, { ...POINT, sessionId: "before", sequence: 5, startedAtMs: 9_000 });
  rig.outbox.notePoint(1, { ...POINT, sequence: 5 });
  await rig.pass(1_000);
  rig.outbox.replacePoint(0, "a");
  rig.outbox.replacePoint(1, "a");
  await rig.pass(1_000);
  const points = [...rig.spool.disk.points].map(([shard, point]) => [shard, point.sessionId, point.sequence]);
  assert.deepEqual(points, [[0, "a", 0], [1, "a", 5]]);
});

Deno.test("Outbox.notePoint() keeps a point that is further than what the spool has, and no other", async () => {
  const rig = await SpoolingRig.open();
  rig.outbox.notePoint(0, { ...POINT, sequence: 5 });
  await rig.pass(50);
  assert.equal(rig.spool.disk.points.get(0)?.sequence, 5);
  assert.deepEqual(rig.durable, ["0 a 5"]);
  rig.spool.hold();
  rig.acceptAll(6, 9);
  await rig.pass(1_000);
  // The write that covers up to 9 is under way.
  rig.outbox.notePoint(0, { ...POINT, sequence: 6 });
  rig.spool.release();
  await rig.pass(100);
  assert.equal(rig.spool.disk.points.get(0)?.sequence, 9);
  rig.spool.refuse(new Error("full"));
  rig.outbox.notePoint(0, { ...POINT, sessionId: "b", sequence: 1 });
  await rig.pass(50);
  rig.spool.refuse(null);
  await rig.pass(1_000);
  assert.equal(rig.spool.disk.points.get(0)?.sessionId, "b", "tried again");
});

/** Has the broker refuse event 1 twice and confirm event 2; what is refused next is refused for good. */
async function refusedTwice(rig: SpoolingRig, first: Partial<OutgoingEvent> = {}): Promise<void> {
  rig.publisher.open();
  rig.accept(1, first);
  rig.accept(2);
  rig.publisher.refuseNext();
  rig.publisher.confirmNext();
  await rig.pass(1_000);
  rig.publisher.refuseNext();
  await rig.pass(2_000);
}

Deno.test("Outbox sets a refused event aside in the spool before it is told", async () => {
  const rig = await SpoolingRig.open();
  await refusedTwice(rig);
  rig.spool.hold();
  rig.publisher.refuseNext();
  await rig.pass(50);
  assert.deepEqual(rig.givenUpSequences, []);
  rig.spool.release();
  await rig.pass(50);
  assert.deepEqual(rig.givenUpSequences, [1]);
  assert.deepEqual(rig.spool.disk.quarantined.map(({ sequence }) => sequence), [1]);
  const quarantined = rig.observed.filter(({ kind }) => kind === "event.quarantined");
  assert.deepEqual(quarantined.map((seen) => "kept" in seen && seen.kept), [true]);
  assert.deepEqual(rig.spooledSequences, [1], "not before its gap is told");
  rig.outbox.letGo(0, "a", 1);
  await rig.pass(50);
  assert.deepEqual(rig.published, ["0 a 2"]);
  assert.deepEqual(rig.spooledSequences, []);
  assert.deepEqual(rig.spoolUse, [0, 0]);
});

Deno.test("Outbox holds nothing up for an event that is being set aside, and does not publish that any more", async () => {
  const rig = await SpoolingRig.open();
  await refusedTwice(rig);
  rig.accept(3);
  rig.spool.hold();
  rig.publisher.refuseNext();
  await rig.pass(4_000);
  assert.deepEqual(rig.handedOver, [1, 2, 1, 1, 3]);
  rig.publisher.drop();
  rig.publisher.open();
  assert.deepEqual(rig.handedOver, [1, 2, 1, 1, 3, 3]);
  rig.publisher.confirmAll();
  rig.spool.release();
  await rig.pass(50);
  rig.outbox.letGo(0, "a", 1);
  await rig.pass(50);
  assert.deepEqual(rig.published, ["0 a 3"]);
  assert.deepEqual(rig.spoolUse, [0, 0]);
});

Deno.test("Outbox tells of a refused event that the spool does not take, and does not wait for the disk", async () => {
  const rig = await SpoolingRig.open();
  await refusedTwice(rig);
  rig.spool.refuse(new Error("disk is full"));
  rig.publisher.refuseNext();
  await rig.pass(50);
  assert.deepEqual(rig.givenUpSequences, [1]);
  const quarantined = rig.observed.filter(({ kind }) => kind === "event.quarantined");
  assert.deepEqual(quarantined.map((seen) => "kept" in seen && seen.kept), [false]);
  rig.spool.refuse(null);
  await rig.pass(2_000);
  assert.deepEqual(rig.givenUpSequences, [1], "told once");
});

Deno.test("Outbox gives up a hole that cannot be read after thirty tries, once all before it is confirmed", async () => {
  // A page is 6,250 bytes: twelve events.
  const rig = await SpoolingRig.open({ maxBytes: 100_000 });
  rig.acceptAll(1, 20);
  await rig.pass(1_000);
  rig.spool.hold();
  rig.publisher.open();
  rig.spool.releaseNext();
  await microtasksDone();
  rig.spool.refuseToRead(new Error("malformed"));
  rig.spool.release();
  await rig.pass(40_000);
  assert.deepEqual(rig.unreadable, [], "the first events are not confirmed");
  rig.publisher.confirmAll();
  await rig.pass(1_000);
  assert.deepEqual(rig.unreadable, [0]);
  const [unreadable] = rig.observed.filter(({ kind }) => kind === "spool.unreadable");
  assert.deepEqual(unreadable, { kind: "spool.unreadable", shard: 0, events: 8, error: "malformed" });
  rig.accept(21);
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 21");
  await rig.pass(50);
  assert.deepEqual(rig.spoolUse, [0, 0]);
  assert.deepEqual(rig.spooledSequences, []);
});

Deno.test("Outbox counts the tries to read a hole anew after each page", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000 });
  rig.acceptAll(1, 20);
  await rig.pass(1_000);
  rig.spool.refuseToRead(new Error("busy"));
  rig.publisher.open();
  await rig.pass(28_500);
  rig.spool.refuseToRead(null);
  rig.spool.hold();
  await rig.pass(500);
  rig.spool.releaseNext();
  await microtasksDone();
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 12");
  rig.spool.refuseToRead(new Error("busy"));
  rig.spool.release();
  await rig.pass(28_500);
  assert.deepEqual(rig.unreadable, []);
  await rig.pass(1_000);
  assert.deepEqual(rig.unreadable, [0]);
});

Deno.test("Outbox passes over damaged events, tells of them, and counts them as gone", async () => {
  const rig = await SpoolingRig.open();
  rig.acceptAll(1, 5);
  await rig.pass(1_000);
  for (const position of [2, 3]) rig.spool.disk.unreadable.add(position);
  rig.publisher.open();
  await rig.pass(25);
  rig.publisher.confirmAll();
  await rig.pass(50);
  assert.deepEqual(rig.handedOver, [1, 4, 5]);
  assert.deepEqual(rig.unreadable, [0]);
  const [unreadable] = rig.observed.filter(({ kind }) => kind === "spool.unreadable");
  assert.deepEqual(unreadable, { kind: "spool.unreadable", shard: 0, events: 2, error: "damaged" });
  assert.deepEqual(rig.spooledSequences, []);
  assert.deepEqual(rig.spoolUse, [0, 0]);
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
  rig.accept(2);
  await rig.pass(1_000);
  rig.acceptAll(3, 50);
  await rig.pass(1_000);
  assert.equal(rig.spooledSequences.length, 50);
  assert.equal(rig.outbox.unconfirmedEvents, 2, "nothing is read back before");
  await rig.pass(6_000);
  rig.publisher.confirmAll();
  await rig.pass(100);
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 50");
});

// What is written.

Deno.test("Outbox writes 2,500 events or 4 MiB at a time, and a larger event alone", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000_000, spoolMaxBytes: 100_000_000 });
  rig.acceptAll(1, 2_501);
  await rig.pass(1_000);
  const mebibyte = 1024 * 1024;
  for (const [index, mebibytes] of [2, 2, 1, 5, 1].entries()) {
    rig.accept(2_502 + index, { body: new Uint8Array(mebibytes * mebibyte) });
  }
  await rig.pass(200);
  assert.deepEqual(rig.spool.writes.map(({ events }) => events.length), [2_500, 1, 2, 1, 1, 1]);
  assert.deepEqual(rig.kinds("spool.full"), []);
});

Deno.test("Outbox lets shards take turns in writing, and goes on where one was cut", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000_000, spoolMaxBytes: 100_000_000 });
  rig.acceptAll(1, 2_600);
  rig.acceptAll(1, 2_600, { shard: 1, session: "b" });
  await rig.pass(1_000);
  const written = rig.spool.writes.map(({ events }) => {
    const [first] = events;
    return [first?.event.shard, first?.event.sequence, events.length];
  });
  assert.deepEqual(written, [[0, 1, 2_500], [1, 1, 2_500], [0, 2_501, 200]]);
  assert.deepEqual(rig.durable, ["0 a 2500", "1 b 2500", "0 a 2600", "1 b 2600"]);
});

Deno.test("Outbox gives places on from what an earlier process gave, though nothing of it is left", async () => {
  const disk = new MemoryDisk();
  disk.lastPosition = 7;
  const rig = await SpoolingRig.open({ disk });
  rig.acceptAll(1, 2);
  await rig.pass(1_000);
  assert.deepEqual([...disk.events.keys()], [8, 9]);
});

Deno.test("Outbox goes on without a disk that hangs, once all before it is confirmed", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.spool.hold();
  rig.acceptAll(1, 2);
  await rig.pass(1_000);
  rig.accept(3);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.handedOver, [1, 2]);
  rig.publisher.confirmNext();
  rig.accept(4);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4]);
  assert.deepEqual(rig.kinds("spool.used", "spool.emptied"), ["spool.used", "spool.emptied"]);
  rig.spool.release();
  await rig.pass(50);
});

Deno.test("Outbox keeps on disk what waits, though something behind it is confirmed while it is written", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.spool.hold();
  rig.acceptAll(1, 2);
  await rig.pass(1_000);
  rig.publisher.confirmNext(1);
  rig.spool.release();
  await rig.pass(50);
  assert.deepEqual(rig.spooledSequences, [1, 2]);
  rig.publisher.confirmNext();
  await rig.pass(50);
  assert.deepEqual(rig.spoolUse, [0, 0]);
});

Deno.test("Outbox publishes from memory again directly after a write where nothing is in its way", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.accept(1);
  await rig.pass(1_000);
  assert.deepEqual(rig.spooledSequences, [1]);
  rig.accept(2);
  assert.deepEqual(rig.handedOver, [1, 2]);
});

Deno.test("Outbox keeps what is written on disk while memory is short, though the broker is there", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000 });
  rig.publisher.open();
  rig.acceptAll(1, 50);
  await rig.pass(25);
  assert.equal(rig.outbox.unconfirmedEvents, 41, "those beyond two fifths of the bound are on disk only");
  rig.accept(51);
  assert.equal(rig.handedOver.length, 41);
});

// What is read back.

/** A disk on which an earlier process has left events 1 to `last` of these shards. */
async function diskWith(shards: readonly number[], last: number, body?: Uint8Array): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const before = await SpoolingRig.open({ disk, maxBytes: 100_000_000 });
  for (const shard of shards) before.acceptAll(1, last, body === undefined ? { shard } : { shard, body });
  await before.pass(1_000);
  before.spool.crash();
  return disk;
}

Deno.test("Outbox publishes nothing of what an earlier process left that is of use to nobody, and moves over it", async () => {
  const disk = new MemoryDisk();
  const before = await SpoolingRig.open({ disk });
  const types = ["TYPING_START", "MESSAGE_CREATE", "TYPING_START", "TYPING_START"];
  for (const [index, type] of types.entries()) before.accept(index + 1, { type });
  await before.pass(1_000);
  before.spool.crash();
  const rig = await SpoolingRig.open({ disk });
  rig.unheeded.add("TYPING_START");
  rig.publisher.open();
  await rig.pass(25);
  assert.deepEqual(rig.handedOver, [2]);
  assert.deepEqual(rig.published, ["0 a 1"]);
  rig.publisher.confirmAll();
  await rig.pass(25);
  assert.deepEqual(rig.published, ["0 a 1", "0 a 4"]);
  assert.deepEqual(rig.spoolUse, [0, 0]);
  assert.deepEqual(
    rig.observed.filter(({ kind }) => kind === "event.filtered"),
    new Array(3).fill({ kind: "event.filtered", shard: 0, type: "TYPING_START" }),
  );
  assert.equal(rig.delaysMs.length, 1);
});

Deno.test("Outbox goes on with what comes where all that an earlier process left is of use to nobody", async () => {
  const rig = await SpoolingRig.open({ disk: await diskWith([0, 1], 300, new Uint8Array(1_000)) });
  rig.unheeded.add("MESSAGE_CREATE");
  rig.publisher.open();
  await rig.pass(1_000);
  assert.deepEqual(rig.handedOver, []);
  assert.deepEqual(rig.spoolUse, [0, 0]);
  assert.deepEqual(rig.kinds("spool.used", "spool.emptied"), ["spool.emptied"]);
  rig.accept(301, { type: "GUILD_CREATE" });
  await rig.pass(1_000);
  assert.deepEqual(rig.kinds("spool.used", "spool.emptied"), [
    "spool.emptied",
    "spool.used",
    "spool.emptied",
  ]);
});

Deno.test("Outbox says that the spool is emptied once what an earlier process left is published", async () => {
  const rig = await SpoolingRig.open({ disk: await diskWith([0, 1], 3) });
  rig.publisher.open();
  await rig.pass(25);
  assert.deepEqual(rig.kinds("spool.used", "spool.emptied"), ["spool.emptied"]);
  rig.accept(4);
  assert.equal(rig.handedOver.length, 7);
});

Deno.test("Outbox lets shards take turns in reading back", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000, disk: await diskWith([0, 1], 100) });
  rig.publisher.open();
  await rig.pass(25);
  const shards = rig.publisher.published.map(({ shard }) => shard);
  // A page is twelve events.
  assert.deepEqual(shards.slice(0, 24), [...Array<number>(12).fill(0), ...Array<number>(12).fill(1)]);
});

Deno.test("Outbox reads back no more than a quarter of the bound holds, however small the events are", async () => {
  const disk = await diskWith([0], 200, new Uint8Array(1));
  const rig = await SpoolingRig.open({ maxBytes: 100_000, disk });
  rig.publisher.open();
  await rig.pass(25);
  // Each costs 501 bytes: 49 fit, and one more is taken because they do not fill it.
  assert.equal(rig.outbox.unconfirmedEvents, 50);
  for (let count = 0; count < 10; count += 1) {
    rig.publisher.confirmAll();
    await rig.pass(25);
  }
  assert.deepEqual(rig.handedOver, Array.from({ length: 200 }, (_, index) => index + 1));
});

Deno.test("Outbox reads back an event that is larger than a quarter of the bound", async () => {
  const disk = await diskWith([0], 2, new Uint8Array(60_000));
  const rig = await SpoolingRig.open({ maxBytes: 100_000, disk });
  rig.publisher.open();
  await rig.pass(25);
  assert.deepEqual(rig.handedOver, [1]);
  rig.publisher.confirmAll();
  await rig.pass(25);
  assert.deepEqual(rig.handedOver, [1, 2]);
});

Deno.test("Outbox calls no shard full over what was read back, and says there is room in spite of it", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000, disk: await diskWith([1], 100) });
  rig.publisher.open();
  await rig.pass(25);
  const readBack = rig.handedOver.length;
  assert.equal(rig.outbox.unconfirmedBytes, 26_000);
  rig.acceptAll(1, 60);
  assert.deepEqual(rig.room, []);
  rig.accept(61);
  assert.deepEqual(rig.room, ["full 0"]);
  for (let count = 0; count < 11; count += 1) rig.publisher.confirmNext(readBack);
  assert.deepEqual(rig.room, ["full 0", "room"]);
});

Deno.test("Outbox reads on when a pause is over", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000, disk: await diskWith([0], 13) });
  rig.spool.hold();
  rig.publisher.open();
  rig.spool.releaseNext();
  await microtasksDone();
  assert.equal(rig.handedOver.length, 12);
  // The second page is on its way, and comes when the lane is paused.
  for (let count = 0; count < 3; count += 1) rig.publisher.refuseNext();
  rig.spool.release();
  await rig.pass(25);
  assert.equal(rig.handedOver.length, 12);
  await rig.pass(1_000);
  while (rig.publisher.unconfirmed.length > 0) {
    rig.publisher.confirmAll();
    await rig.pass(25);
  }
  assert.deepEqual(rig.handedOver.slice(12), [1, 2, 3, 13]);
  assert.equal(rig.published.at(-1), "0 a 13");
});

Deno.test("Outbox reads back what is left when a pause ends with nothing in memory", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.accept(1);
  rig.publisher.refuseNext();
  rig.acceptAll(2, 5);
  // The broker goes, and the shard's memory with it; the pause is over when it has come back.
  rig.publisher.drop();
  await rig.pass(900);
  assert.equal(rig.outbox.unconfirmedEvents, 0);
  rig.publisher.open();
  await rig.pass(25);
  assert.deepEqual(rig.handedOver, [1]);
  await rig.pass(100);
  assert.deepEqual(rig.handedOver, [1, 1, 2, 3, 4, 5]);
});

Deno.test("Outbox goes on with a shard that was being probed when the broker went, and whose memory went to disk", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.accept(1);
  rig.publisher.refuseNext();
  await rig.pass(1_000);
  rig.publisher.drop();
  rig.accept(2);
  await rig.pass(1_000);
  assert.equal(rig.outbox.unconfirmedEvents, 0);
  rig.publisher.open();
  await rig.pass(1_000);
  while (rig.publisher.unconfirmed.length > 0) {
    rig.publisher.confirmAll();
    await rig.pass(25);
  }
  assert.equal(rig.published.at(-1), "0 a 2");
});

Deno.test("Outbox loses nothing where memory goes to disk while a page is being read", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000, disk: await diskWith([0], 30) });
  rig.publisher.open();
  await rig.pass(25);
  rig.accept(31);
  rig.spool.hold();
  await rig.pass(25);
  for (let count = 0; count < 2; count += 1) rig.publisher.confirmNext();
  assert.equal(rig.spool.waiting, 2, "the write of 31, and behind it the next page");
  rig.publisher.drop();
  rig.spool.release();
  await rig.pass(25);
  rig.publisher.open();
  for (let count = 0; count < 5; count += 1) {
    await rig.pass(25);
    rig.publisher.confirmAll();
  }
  await rig.pass(50);
  const confirmed = new Set(rig.publisher.confirmed.map(({ sequence }) => sequence));
  assert.deepEqual(
    [...confirmed].sort((one, other) => one - other),
    Array.from({ length: 31 }, (_, index) => index + 1),
  );
  assert.deepEqual(rig.spoolUse, [0, 0]);
});

Deno.test("Outbox loses nothing that waits before an event confirmed early when the broker goes", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.acceptAll(1, 2);
  rig.publisher.confirmNext(1);
  rig.publisher.drop();
  await rig.pass(1_000);
  rig.publisher.open();
  await rig.pass(25);
  rig.publisher.confirmAll();
  rig.accept(3);
  rig.publisher.confirmAll();
  await rig.pass(50);
  assert.deepEqual(rig.publisher.confirmed.map(({ sequence }) => sequence), [2, 1, 3]);
  assert.deepEqual(rig.spoolUse, [0, 0]);
});

Deno.test("Outbox writes what is in memory again where the spool is lost, and tells of the rest", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 100_000 });
  rig.publisher.open();
  rig.acceptAll(1, 45);
  await rig.pass(25);
  assert.equal(rig.outbox.unconfirmedEvents, 41);
  rig.spool.disk.clear();
  rig.spool.refuse(new SpoolLostError("moved aside"));
  rig.accept(46);
  await rig.pass(50);
  rig.spool.refuse(null);
  await rig.pass(1_100);
  assert.deepEqual(rig.unreadable, [0]);
  const [unreadable] = rig.observed.filter(({ kind }) => kind === "spool.unreadable");
  assert(unreadable?.kind === "spool.unreadable");
  assert.equal(unreadable.events, 4);
  assert.deepEqual(rig.spoolUse, [42, 21_000]);
  rig.publisher.confirmAll();
  for (let count = 0; count < 4; count += 1) {
    await rig.pass(25);
    rig.publisher.confirmAll();
  }
  await rig.pass(50);
  assert.deepEqual(rig.handedOver.slice(-2), [41, 46]);
  assert.deepEqual(rig.spoolUse, [0, 0]);
  assert.equal(rig.published.at(-1), "0 a 46");
});

Deno.test("Outbox.secured() waits until what a lost spool held is written again, or confirmed", async () => {
  for (const isConfirmed of [false, true]) {
    const rig = await SpoolingRig.open();
    rig.publisher.open();
    rig.acceptAll(1, 3);
    await rig.pass(1_000);
    await rig.outbox.secured();
    rig.spool.disk.clear();
    rig.spool.refuse(new SpoolLostError("moved aside"));
    rig.outbox.notePoint(1, { ...POINT, sequence: 4 });
    await rig.pass(50);
    let isSecured = false;
    rig.outbox.secured().then(() => isSecured = true);
    if (isConfirmed) rig.publisher.confirmAll();
    await rig.pass(100);
    assert.equal(isSecured, false);
    rig.spool.refuse(null);
    await rig.pass(1_000);
    assert.equal(isSecured, true);
    assert.deepEqual(rig.spooledSequences, isConfirmed ? [] : [1, 2, 3]);
  }
});

Deno.test("Outbox.stop() has nothing written any more", async () => {
  const rig = await SpoolingRig.open();
  rig.accept(1);
  rig.outbox.notePoint(0, POINT);
  rig.outbox.stop();
  rig.accept(2);
  rig.clock.assertIdle();
  await rig.pass(1_000);
  assert.deepEqual(rig.spool.writes, []);
});

// Points.

Deno.test("Outbox writes a noted point again where the spool that had it is lost", async () => {
  const rig = await SpoolingRig.open();
  rig.outbox.notePoint(0, { ...POINT, sequence: 5 });
  await rig.pass(50);
  rig.spool.disk.clear();
  rig.spool.refuse(new SpoolLostError("moved aside"));
  rig.outbox.notePoint(0, { ...POINT, sequence: 6 });
  await rig.pass(50);
  rig.spool.refuse(null);
  rig.outbox.notePoint(0, { ...POINT, sequence: 5 });
  await rig.pass(1_000);
  assert.equal(rig.spool.disk.points.get(0)?.sequence, 5);
});

Deno.test("Outbox writes no noted point that an earlier process's is as far as", async () => {
  const disk = new MemoryDisk();
  disk.points.set(0, { ...POINT, sequence: 5 });
  const rig = await SpoolingRig.open({ disk });
  rig.outbox.notePoint(0, { ...POINT, sequence: 5 });
  await rig.pass(50);
  assert.deepEqual(rig.spool.writes, []);
  rig.outbox.notePoint(0, { ...POINT, sequence: 6 });
  await rig.pass(50);
  assert.equal(disk.points.get(0)?.sequence, 6);
});

Deno.test("Outbox keeps the newer of two noted points where the older was refused", async () => {
  const rig = await SpoolingRig.open();
  rig.spool.hold();
  rig.outbox.notePoint(0, { ...POINT, sequence: 5 });
  rig.outbox.notePoint(1, { ...POINT, sequence: 2 });
  await rig.pass(25);
  rig.outbox.notePoint(0, { ...POINT, sequence: 9 });
  rig.spool.refuse(new Error("disk is full"));
  rig.spool.release();
  await rig.pass(25);
  rig.spool.refuse(null);
  await rig.pass(1_000);
  assert.deepEqual([rig.spool.disk.points.get(0)?.sequence, rig.spool.disk.points.get(1)?.sequence], [9, 2]);
});

Deno.test("Outbox.secured() waits for points that were noted, also while they are written", async () => {
  const rig = await SpoolingRig.open();
  rig.outbox.notePoint(0, { ...POINT, sequence: 5 });
  let secured = 0;
  const early = rig.outbox.secured().then(() => secured += 1);
  await microtasksDone();
  assert.equal(secured, 0);
  rig.spool.hold();
  await rig.pass(25);
  assert.equal(rig.spool.waiting, 1);
  const late = rig.outbox.secured().then(() => secured += 1);
  await microtasksDone();
  assert.equal(secured, 0);
  rig.spool.release();
  await Promise.all([early, late]);
});

Deno.test("Outbox.secured() resolves where only points waited that say nothing new", async () => {
  const rig = await SpoolingRig.open();
  rig.outbox.notePoint(0, { ...POINT, sequence: 5 });
  await rig.pass(50);
  rig.outbox.notePoint(0, { ...POINT, sequence: 4 });
  let isSecured = false;
  rig.outbox.secured().then(() => isSecured = true);
  await rig.pass(50);
  assert.equal(isSecured, true);
  assert.equal(rig.spool.writes.length, 1);
});

Deno.test("Outbox ends the trace of an event when it is confirmed, refused for good, or on disk alone, and once", async () => {
  const rig = await SpoolingRig.open();
  const ends: string[] = [];
  const traced = (name: string) => ({
    trace: { traceparent: "", end: (outcome: TraceOutcome) => ends.push(`${name} ${outcome}`) },
  });
  await refusedTwice(rig, traced("first"));
  rig.publisher.refuseNext();
  await rig.pass(4_000);
  rig.outbox.letGo(0, "a", 1);
  assert.deepEqual(ends, ["first refused"]);
  rig.accept(3, traced("third"));
  rig.publisher.confirmAll();
  assert.deepEqual(ends, ["first refused", "third confirmed"]);
  rig.publisher.drop();
  rig.accept(4);
  await rig.pass(1_000);
  rig.accept(5, traced("fifth"));
  await rig.pass(100);
  assert.deepEqual(ends, ["first refused", "third confirmed", "fifth spooled"]);
  rig.publisher.open();
  await rig.pass(100);
  rig.publisher.confirmAll();
  await rig.pass(100);
  assert.deepEqual(rig.spoolUse, [0, 0]);
  assert.equal(ends.length, 3);
});
