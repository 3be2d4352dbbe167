import assert from "node:assert/strict";
import { type Entry, Lane, newEntry } from "../../../gateway/delivery/lane.ts";
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import type { SpooledEvent } from "../../../gateway/delivery/spool.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";

const clock = new ManualClock();

/** An event whose body has as many bytes as its sequence says. */
function outgoing(sequence: number, session = "a"): OutgoingEvent {
  return {
    shard: 0,
    session,
    sequence,
    type: "MESSAGE_CREATE",
    body: new Uint8Array(sequence),
    receivedAtMs: clock.wallMs(),
    partition: null,
    trace: null,
  };
}

function eventEntry(sequence: number, fields: Partial<Entry> = {}): Entry {
  const event = outgoing(sequence);
  return Object.assign(newEntry(event, event, clock), fields);
}

/** A dispatch that only takes its place in the order. */
function passEntry(sequence: number, fields: Partial<Entry> = {}): Entry {
  return Object.assign(newEntry(null, { session: "a", sequence }, clock), fields);
}

function spooled(...positions: number[]): SpooledEvent[] {
  return positions.map((position) => ({ position, event: outgoing(position) }));
}

/** What the spool has of a lane, each event at the place of its sequence. */
function restored(first: number, last: number): Lane {
  const lane = new Lane(0);
  let bytes = 0;
  for (let sequence = first; sequence <= last; sequence += 1) bytes += sequence;
  lane.restore({
    events: last - first + 1,
    bytes,
    firstPosition: first,
    lastPosition: last,
    firstSession: "a",
    firstSequence: first,
  });
  return lane;
}

function sequences(entries: Iterable<Entry>): number[] {
  return [...entries].map(({ sequence }) => sequence);
}

Deno.test("newEntry() counts an event's age from its receipt, however long ago that was", () => {
  const clock = new ManualClock();
  clock.advance(60_000);
  const event = { ...outgoing(7, "b"), receivedAtMs: clock.wallMs() - 90_000 };
  const entry = newEntry(event, event, clock);
  assert.deepEqual([entry.acceptedAtMs, entry.receivedAtMs], [-30_000, clock.wallMs() - 90_000]);
  assert.deepEqual([entry.sessionId, entry.sequence, entry.bodyBytes, entry.isEvent], ["b", 7, 7, true]);
  const pass = newEntry(null, { session: "b", sequence: 8 }, clock);
  assert.deepEqual([pass.acceptedAtMs, pass.receivedAtMs], [60_000, clock.wallMs()]);
  assert.deepEqual([pass.sequence, pass.bodyBytes, pass.isEvent], [8, 0, false]);
});

Deno.test("Lane keeps the order: what is in memory first, then what was read of the hole, then the tail", () => {
  const lane = new Lane(0);
  for (const sequence of [1, 2]) lane.add(eventEntry(sequence, { position: sequence }));
  lane.isSpooling = true;
  for (const sequence of [3, 4]) lane.add(eventEntry(sequence, { position: sequence }));
  lane.add(eventEntry(5));
  assert.deepEqual(sequences(lane.unsettled()), [1, 2], "the tail waits for what is before it");
  lane.sink(4);
  assert.deepEqual([lane.hasHole, lane.readPosition], [true, 2]);
  lane.fill(spooled(3), 3, clock);
  assert.deepEqual([lane.hasHole, lane.readPosition], [true, 3]);
  lane.fill(spooled(4), 4, clock);
  assert.equal(lane.hasHole, false);
  lane.join();
  lane.add(eventEntry(6));
  assert.deepEqual(sequences(lane.unsettled()), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(sequences(lane.unplaced()), [5, 6]);
});

Deno.test("Lane.unplaced() gives what has no place, of the front and of the tail, and nothing that is settled", () => {
  const lane = new Lane(0);
  lane.add(eventEntry(1, { position: 1 }));
  lane.add(eventEntry(2, { event: null }));
  lane.add(eventEntry(3));
  lane.isSpooling = true;
  lane.add(eventEntry(4, { position: 2 }));
  lane.add(passEntry(5));
  lane.add(eventEntry(6));
  assert.deepEqual(sequences(lane.unplaced()), [3, 5, 6]);
  assert.deepEqual(sequences(lane.held()), [1, 2, 3, 4, 5, 6]);
});

// The head.

Deno.test("Lane.advance() moves over what is settled, and tells of the events that are in the spool", () => {
  const lane = new Lane(0);
  const entries = [
    eventEntry(1, { position: 1, isSpooled: true }),
    passEntry(2, { position: 2, isSpooled: true }),
    eventEntry(3, { position: 3 }),
    eventEntry(4),
    eventEntry(5, { position: 4, isSpooled: true }),
  ];
  for (const entry of entries) lane.add(entry);
  for (const entry of entries.slice(0, 4)) entry.event = null;
  const passed: number[] = [];
  const reached = lane.advance(({ position }) => passed.push(position));
  assert.deepEqual(passed, [1], "no pass, and nothing that is not written yet");
  assert.equal(lane.passedPosition, 3);
  assert.deepEqual(reached.map(({ sequence }) => sequence), [4]);
  assert.deepEqual(sequences(lane.unsettled()), [5]);
  assert.deepEqual(lane.advance(() => assert.fail("nothing more is settled")), []);
});

Deno.test("Lane.advance() says how far each session has come", () => {
  const lane = new Lane(0);
  for (const [session, sequence] of [["a", 8], ["a", 9], ["b", 1], ["b", 2]] as const) {
    lane.add(newEntry(null, { session, sequence }, clock));
  }
  const reached = lane.advance(() => {});
  assert.deepEqual(reached.map(({ sessionId, sequence }) => [sessionId, sequence]), [["a", 9], ["b", 2]]);
  assert.equal(lane.frontLength, 0);
});

// The hole.

Deno.test("Lane.sink() lets go of the tail's beginning, up to the place that was written", () => {
  const lane = new Lane(0);
  lane.isSpooling = true;
  lane.add(eventEntry(1, { position: 5 }));
  lane.add(passEntry(2, { position: 6 }));
  lane.add(eventEntry(3, { position: 7 }));
  lane.add(eventEntry(4));
  assert.deepEqual(sequences(lane.sink(6)), [1, 2]);
  assert.deepEqual(sequences(lane.held()), [3, 4]);
  assert.deepEqual(sequences(lane.sink(9)), [3], "what has no place stays");
  assert.deepEqual(lane.skipHole(), { position: 7, events: 2, bytes: 4 });
});

Deno.test("Lane.sink() makes no hole of dispatches that nobody gets", () => {
  const lane = new Lane(0);
  lane.isSpooling = true;
  lane.add(passEntry(1, { position: 1 }));
  assert.deepEqual(sequences(lane.sink(1)), [1]);
  assert.equal(lane.hasHole, false);
});

Deno.test("Lane.sink() begins a new hole behind what is in memory, and only lengthens one that is not read yet", () => {
  const lane = restored(1, 2);
  lane.fill(spooled(1, 2), 2, clock);
  lane.join();
  // In memory, and in the spool as well.
  lane.add(eventEntry(5, { position: 5, isSpooled: true }));
  lane.isSpooling = true;
  lane.add(eventEntry(8, { position: 8 }));
  lane.sink(8);
  assert.equal(lane.readPosition, 7, "5 is not read again");
  lane.add(eventEntry(12, { position: 12 }));
  lane.sink(12);
  assert.equal(lane.readPosition, 7);
  assert.deepEqual(lane.skipHole(), { position: 12, events: 2, bytes: 20 });
});

Deno.test("Lane.fill() passes over what a write under way has brought, because that is still in the tail", () => {
  const lane = new Lane(0);
  lane.isSpooling = true;
  for (const sequence of [1, 2, 3]) lane.add(eventEntry(sequence, { position: sequence }));
  lane.sink(2);
  assert.deepEqual(sequences(lane.fill(spooled(1, 2, 3), 3, clock)), [1, 2]);
  assert.deepEqual([lane.hasHole, lane.readPosition], [false, 2]);
  lane.join();
  assert.deepEqual(sequences(lane.unsettled()), [1, 2, 3]);
});

Deno.test("Lane.fill() takes what was read for spooled, drained, and as old as it is", () => {
  const lane = restored(4, 4);
  const clock = new ManualClock();
  clock.advance(70_000);
  const event = { ...outgoing(4), receivedAtMs: clock.wallMs() - 100_000 };
  const [entry] = lane.fill([{ position: 4, event }], 4, clock);
  assert.deepEqual(
    [entry?.position, entry?.isSpooled, entry?.isDrained, entry?.acceptedAtMs],
    [4, true, true, -30_000],
  );
});

Deno.test("Lane counts what is in its hole through all that happens to it", () => {
  const lane = restored(10, 14);
  lane.fill(spooled(10, 11), 11, clock);
  lane.add(eventEntry(20, { position: 20 }));
  lane.add(passEntry(21, { position: 21 }));
  lane.add(eventEntry(22, { position: 22 }));
  lane.sink(22);
  assert.equal(lane.hasHole, true);
  lane.fill(spooled(12), 12, clock);
  assert.deepEqual(lane.skipHole(), { position: 22, events: 4, bytes: 13 + 14 + 20 + 22 });
  assert.equal(lane.hasHole, false);
  assert.deepEqual([lane.skipHole().events, lane.skipHole().bytes], [0, 0]);
  lane.add(eventEntry(30, { position: 30 }));
  lane.sink(30);
  assert.deepEqual(lane.skipHole(), { position: 30, events: 1, bytes: 30 });
});

Deno.test("Lane.fill() moves the hole's beginning over places that hold nothing", () => {
  const lane = restored(1, 9);
  assert.deepEqual(sequences(lane.fill(spooled(2), 5, clock)), [2]);
  assert.equal(lane.readPosition, 5);
  assert.deepEqual(lane.fill([], 9, clock), []);
  assert.equal(lane.hasHole, false);
});

// The front.

function front(...entries: Entry[]): Lane {
  const lane = new Lane(0);
  for (const entry of entries) lane.add(entry);
  lane.isSpooling = true;
  return lane;
}

function inSpool(sequence: number, fields: Partial<Entry> = {}): Entry {
  return eventEntry(sequence, { position: sequence, isSpooled: true, ...fields });
}

Deno.test("Lane.sinkFront() lets a front go that is in the spool, so that it is read again in its order", () => {
  const lane = front(inSpool(3), inSpool(4));
  lane.add(eventEntry(6, { position: 6 }));
  lane.sink(6);
  assert.deepEqual(sequences(lane.sinkFront()), [3, 4]);
  assert.deepEqual([lane.frontLength, lane.readPosition], [0, 2]);
  lane.fill(spooled(3, 4, 6), 6, clock);
  assert.deepEqual(sequences(lane.unsettled()), [3, 4, 6]);
  assert.deepEqual(lane.skipHole(), { position: 6, events: 0, bytes: 0 });
});

Deno.test("Lane.sinkFront() makes a hole where there was none, and counts what is in it", () => {
  const lane = front(inSpool(3), inSpool(4));
  lane.sinkFront();
  assert.equal(lane.hasHole, true);
  assert.deepEqual(lane.skipHole(), { position: 4, events: 2, bytes: 7 });
});

Deno.test("Lane.sinkFront() keeps a front of which anything is in memory only, or given up", () => {
  for (const kept of [eventEntry(4), eventEntry(4, { position: 4 }), inSpool(4, { isGivenUp: true })]) {
    const lane = front(inSpool(3), kept);
    assert.deepEqual(lane.sinkFront(), []);
    assert.deepEqual(sequences(lane.unsettled()), [3, 4]);
    assert.equal(lane.hasHole, false);
  }
});

Deno.test("Lane.sinkFront() loses nothing that waits before an event that was confirmed and never spooled", () => {
  const confirmed = eventEntry(4);
  const lane = front(inSpool(3), confirmed, inSpool(5));
  confirmed.event = null;
  assert.deepEqual(sequences(lane.sinkFront()), [3, 5]);
  assert.deepEqual([lane.hasHole, lane.readPosition], [true, 2]);
  assert.deepEqual(lane.skipHole(), { position: 5, events: 2, bytes: 8 }, "4 is not in the spool");
});

Deno.test("Lane.sinkFront() keeps a front whose end is confirmed and was never spooled: it is reached already", () => {
  const confirmed = eventEntry(4);
  const lane = front(inSpool(3), confirmed);
  confirmed.event = null;
  assert.deepEqual(lane.sinkFront(), []);
  assert.equal(lane.hasHole, false);
});

Deno.test("Lane holds one entry for dispatches in a row that nobody gets, however many, and reaches the last of them", () => {
  for (const isSpooling of [false, true]) {
    const lane = new Lane(0);
    lane.isSpooling = isSpooling;
    const first = eventEntry(1);
    lane.add(first);
    for (let sequence = 2; sequence <= 1_000; sequence++) lane.addPassed(passEntry(sequence));
    lane.add(eventEntry(1_001));
    lane.addPassed(passEntry(1_002));
    assert.deepEqual(sequences(lane.held()), [1, 1_000, 1_001, 1_002]);
    lane.join();
    first.event = null;
    assert.deepEqual(lane.advance(() => {}).map(({ sequence }) => sequence), [1_000]);
  }
});

Deno.test("Lane makes no one entry of dispatches of two sessions, nor of one that the spool has a place for", () => {
  const lane = new Lane(0);
  lane.isSpooling = true;
  lane.addPassed(passEntry(1, { position: 7 }));
  lane.addPassed(passEntry(2));
  lane.addPassed(passEntry(1, { sessionId: "b" }));
  assert.deepEqual(sequences(lane.held()), [1, 2, 1]);
});
