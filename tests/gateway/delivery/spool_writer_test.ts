import assert from "node:assert/strict";
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import { type SpooledEvent, type SpooledPoint, SpoolLostError } from "../../../gateway/delivery/spool.ts";
import { type SpoolSource, SpoolWriter, type Taken } from "../../../gateway/delivery/spool_writer.ts";
import type { Observation } from "../../../gateway/observation.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemorySpool } from "../../fakes/memory_spool.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

const POINT: SpooledPoint = {
  sessionId: "a",
  sequence: 3,
  resumeGatewayUrl: null,
  intents: 1,
  configuredPresence: null,
  startedAtMs: 7,
  lastEventAtMs: null,
  lost: [],
};

/** Gives events in the order they were handed to it, again those of a write that was refused. */
class ScriptedSource implements SpoolSource {
  readonly points = new Map<number, SpooledPoint>();
  readonly quarantined: OutgoingEvent[] = [];
  /** Most events that one take gives. */
  most = Infinity;
  /** The place and the room that each take was told. */
  readonly takes: { readonly lastPosition: number; readonly roomBytes: number }[] = [];
  /** What it was told of each write. */
  readonly outcomes: ("written" | "notWritten" | "lost")[] = [];
  readonly #waiting: OutgoingEvent[] = [];
  #underway: OutgoingEvent[] = [];

  add(...events: OutgoingEvent[]): void {
    this.#waiting.push(...events);
  }

  take(lastPosition: number, _enough: { events: number; bytes: number }, roomBytes: number): Taken {
    this.takes.push({ lastPosition, roomBytes });
    const events: SpooledEvent[] = [];
    let bytes = 0;
    for (const event of this.#waiting) {
      bytes += event.body.length;
      if (bytes > roomBytes || events.length >= this.most) break;
      events.push({ position: lastPosition + events.length + 1, event });
    }
    this.#underway = this.#waiting.splice(0, events.length);
    const points = new Map(this.points);
    this.points.clear();
    return {
      events,
      points,
      quarantined: this.quarantined.splice(0),
      lastPosition: lastPosition + events.length,
      isCut: this.#waiting.length > 0,
    };
  }

  written(): void {
    this.outcomes.push("written");
    this.#underway = [];
  }

  notWritten(): void {
    this.outcomes.push("notWritten");
    this.#waiting.unshift(...this.#underway.splice(0));
  }

  lost(): void {
    this.outcomes.push("lost");
  }
}

class WriterRig {
  readonly clock = new ManualClock();
  readonly spool = new MemorySpool();
  readonly source = new ScriptedSource();
  readonly observed: Observation[] = [];
  readonly writer: SpoolWriter;

  constructor(maxBytes = 1_000_000) {
    this.writer = new SpoolWriter({
      spool: this.spool,
      maxBytes,
      source: this.source,
      clock: this.clock,
      observe: (observation) => this.observed.push(observation),
    });
  }

  /** Turns the clock on in steps of a millisecond, so that promises run in between. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(0);
    for (let passedMs = 0; passedMs < ms; passedMs += 1) {
      await microtasksDone();
      this.clock.advance(1);
    }
    await microtasksDone();
  }

  /** Has events of 10 bytes each written. */
  async write(count: number): Promise<void> {
    for (let sequence = 1; sequence <= count; sequence += 1) this.source.add(outgoing(sequence));
    this.writer.ask();
    await this.pass(25);
  }

  /** What each write held: places of events, and places confirmed by shard. */
  get writes(): { events: number[]; confirmed: [number, number][] }[] {
    return this.spool.writes.map(({ events, confirmed }) => ({
      events: events.map(({ position }) => position),
      confirmed: [...confirmed],
    }));
  }

  get held(): { events: number; bytes: number } {
    return { events: this.writer.events, bytes: this.writer.bytes };
  }

  kinds(...kinds: Observation["kind"][]): Observation["kind"][] {
    return this.observed.map(({ kind }) => kind).filter((kind) => kinds.includes(kind));
  }
}

function outgoing(sequence: number, fields: Partial<OutgoingEvent> = {}): OutgoingEvent {
  return {
    shard: 0,
    session: "a",
    sequence,
    type: "MESSAGE_CREATE",
    body: new Uint8Array(10),
    receivedAtMs: 0,
    partition: null,
    trace: null,
    ...fields,
  };
}

// What is written, and when.

Deno.test("SpoolWriter counts events and bytes over everything written, passed and left by an earlier process", async () => {
  const rig = new WriterRig();
  rig.writer.restore({ events: 4, bytes: 400, lastPosition: 20 });
  await rig.write(3);
  assert.deepEqual(rig.held, { events: 7, bytes: 430 });
  rig.writer.pass(0, 22, 2, 20);
  rig.writer.pass(5, 18, 3, 350);
  rig.source.add(outgoing(4, { body: new Uint8Array(1_000) }));
  rig.writer.ask();
  await rig.pass(25);
  assert.deepEqual(rig.writes, [
    { events: [21, 22, 23], confirmed: [] },
    { events: [24], confirmed: [[0, 22], [5, 18]] },
  ]);
  assert.deepEqual(rig.held, { events: 3, bytes: 1_060 });
  assert.deepEqual(rig.source.takes.map(({ lastPosition }) => lastPosition), [20, 23]);
  assert.deepEqual(rig.source.takes.map(({ roomBytes }) => roomBytes), [999_600, 999_570]);
});

Deno.test("SpoolWriter writes points and quarantined events that come alone, and nothing where there is nothing", async () => {
  const rig = new WriterRig();
  rig.writer.ask();
  await rig.pass(50);
  assert.deepEqual([rig.spool.writes, rig.source.outcomes], [[], []]);
  rig.source.points.set(0, POINT);
  rig.writer.ask();
  await rig.pass(50);
  assert.deepEqual(rig.spool.disk.points.get(0), POINT);
  rig.source.quarantined.push(outgoing(1));
  rig.writer.ask();
  await rig.pass(50);
  assert.deepEqual(rig.spool.disk.quarantined, [outgoing(1)]);
  assert.deepEqual(rig.source.outcomes, ["written", "written"]);
  assert.deepEqual(rig.observed, [], "only events are told of");
});

Deno.test("SpoolWriter confirms the highest place of a shard's passes, and counts all of them", async () => {
  const rig = new WriterRig();
  await rig.write(5);
  rig.writer.pass(0, 2, 2, 20);
  rig.writer.pass(0, 4, 1, 10);
  rig.writer.pass(0, 3, 1, 10);
  await rig.pass(25);
  assert.deepEqual(rig.writes.at(-1), { events: [], confirmed: [[0, 4]] });
  assert.deepEqual(rig.held, { events: 1, bytes: 10 });
});

Deno.test("SpoolWriter confirms what is passed during a write with the next one", async () => {
  const rig = new WriterRig();
  await rig.write(2);
  rig.spool.hold();
  rig.writer.pass(0, 1, 1, 10);
  await rig.pass(1);
  rig.writer.pass(0, 2, 1, 10);
  rig.spool.release();
  await rig.pass(25);
  assert.deepEqual(rig.writes.slice(1).map(({ confirmed }) => confirmed), [[[0, 1]], [[0, 2]]]);
  assert.deepEqual(rig.held, { events: 0, bytes: 0 });
});

Deno.test("SpoolWriter lets 25 ms go by between the starts of two writes, and no more after a longer one", async () => {
  const rig = new WriterRig();
  const ask = () => {
    rig.source.add(outgoing(1));
    rig.writer.ask();
  };
  const writesAt: [number, number][] = [];
  const note = () => writesAt.push([rig.clock.nowMs(), rig.spool.writes.length]);
  rig.spool.hold();
  ask();
  await rig.pass(0);
  note();
  ask();
  await rig.pass(20);
  rig.spool.releaseNext();
  await rig.pass(4);
  note();
  await rig.pass(1);
  note();
  ask();
  await rig.pass(60);
  note();
  rig.spool.releaseNext();
  await microtasksDone();
  await rig.pass(0);
  note();
  assert.deepEqual(writesAt, [[0, 1], [24, 1], [25, 2], [85, 2], [85, 3]]);
  rig.spool.release();
  await rig.pass(0);
  assert.deepEqual(
    rig.observed.map((seen) => seen.kind === "spool.written" && [seen.events, seen.tookMs]),
    [[1, 20], [1, 60], [1, 0]],
  );
});

Deno.test("SpoolWriter takes the rest by itself where a take was cut", async () => {
  const rig = new WriterRig();
  rig.source.most = 2;
  await rig.write(5);
  await rig.pass(50);
  assert.deepEqual(rig.writes.map(({ events }) => events), [[1, 2], [3, 4], [5]]);
  await rig.pass(1_000);
  assert.equal(rig.source.takes.length, 3);
  rig.clock.assertIdle();
});

// Refused.

Deno.test("SpoolWriter tries again a second after a refusal, and gives the same events new places", async () => {
  const rig = new WriterRig();
  rig.spool.refuse(new Error("disk is full"));
  await rig.write(2);
  await rig.pass(974);
  assert.deepEqual(rig.writes.length, 1);
  rig.spool.refuse(null);
  await rig.pass(1);
  assert.deepEqual(rig.writes.map(({ events }) => events), [[1, 2], [3, 4]]);
  assert.deepEqual(rig.source.outcomes, ["notWritten", "written"]);
  assert.deepEqual(rig.held, { events: 2, bytes: 20 });
  assert.deepEqual(rig.observed.map((seen) => seen.kind === "spool.refused" ? seen.error : seen.kind), [
    "disk is full",
    "spool.written",
  ]);
});

Deno.test("SpoolWriter first writes alone what is confirmed after a refusal: a full disk lets go, and takes nothing", async () => {
  const rig = new WriterRig();
  await rig.write(2);
  rig.spool.refuse(new Error("disk is full"));
  await rig.write(1);
  rig.writer.pass(0, 1, 1, 10);
  await rig.pass(975);
  const refused = rig.source.takes.length;
  rig.spool.refuse(null);
  await rig.pass(1_025);
  assert.deepEqual(rig.writes.slice(2), [
    { events: [], confirmed: [[0, 1]] },
    { events: [], confirmed: [[0, 1]] },
    { events: [4], confirmed: [] },
  ]);
  assert.equal(rig.source.takes.length, refused + 1, "what is not written is not taken");
  rig.source.add(outgoing(9));
  rig.writer.pass(0, 2, 1, 10);
  await rig.pass(25);
  assert.deepEqual(rig.writes.at(-1), { events: [5], confirmed: [[0, 2]] }, "together again after a success");
});

Deno.test("SpoolWriter keeps the passes of a refused write, with those that came meanwhile", async () => {
  const rig = new WriterRig();
  await rig.write(5);
  rig.spool.hold();
  rig.writer.pass(0, 1, 1, 10);
  rig.writer.pass(7, 9, 1, 10);
  await rig.pass(1);
  assert.equal(rig.spool.waiting, 1);
  rig.writer.pass(0, 3, 2, 20);
  rig.spool.refuse(new Error("disk is full"));
  rig.spool.release();
  await rig.pass(0);
  assert.deepEqual(rig.held, { events: 5, bytes: 50 }, "nothing has left");
  rig.spool.refuse(null);
  await rig.pass(1_000);
  const last = rig.spool.writes.at(-1);
  assert.deepEqual(last?.confirmed, new Map([[0, 3], [7, 9]]));
  assert.deepEqual(rig.held, { events: 1, bytes: 10 });
  rig.writer.pass(0, 4, 1, 10);
  await rig.pass(25);
  assert.deepEqual(rig.held, { events: 0, bytes: 0 }, "each was counted once");
});

Deno.test("SpoolWriter forgets what it counted where the spool is lost, and writes again what was being written", async () => {
  const rig = new WriterRig(50);
  await rig.write(6);
  await rig.pass(25);
  assert.deepEqual(rig.kinds("spool.full"), ["spool.full"]);
  rig.spool.refuse(new SpoolLostError("moved aside"));
  rig.spool.hold();
  rig.writer.pass(0, 1, 1, 10);
  await rig.pass(1);
  rig.writer.pass(0, 2, 1, 10);
  rig.spool.release();
  await rig.pass(0);
  assert.deepEqual(rig.held, { events: 0, bytes: 0 });
  assert.deepEqual(rig.source.outcomes, ["written", "notWritten", "lost"]);
  rig.spool.refuse(null);
  await rig.pass(1_000);
  assert.deepEqual(rig.writes.at(-1), { events: [6], confirmed: [] }, "there is nothing to pass, and room");
  assert.deepEqual(rig.kinds("spool.full", "spool.room"), ["spool.full", "spool.room"]);
  assert.deepEqual(rig.held, { events: 1, bytes: 10 });
});

Deno.test("SpoolWriter.stop() has nothing written any more, neither what waits nor what comes after a write", async () => {
  const rig = new WriterRig();
  rig.source.add(outgoing(1));
  rig.writer.ask();
  rig.writer.stop();
  rig.clock.assertIdle();
  rig.writer.ask();
  rig.writer.pass(0, 1, 1, 10);
  await rig.pass(50);
  assert.deepEqual(rig.spool.writes, []);

  const writing = new WriterRig();
  writing.spool.hold();
  await writing.write(1);
  writing.writer.ask();
  writing.writer.stop();
  writing.spool.release();
  await writing.pass(50);
  assert.equal(writing.spool.writes.length, 1);
  writing.clock.assertIdle();
});

// Full.

Deno.test("SpoolWriter says once that it is full, and takes nothing more until a tenth has left", async () => {
  const rig = new WriterRig(1_005);
  await rig.write(103);
  assert.deepEqual(rig.held, { events: 100, bytes: 1_000 });
  await rig.pass(25);
  assert.deepEqual(rig.kinds("spool.full", "spool.room"), ["spool.full"]);
  assert.deepEqual(rig.observed.at(-1), { kind: "spool.full", bytes: 1_000, maxBytes: 1_005 });
  rig.writer.ask();
  await rig.pass(25);
  rig.writer.pass(0, 9, 9, 90);
  await rig.pass(50);
  assert.deepEqual(rig.held, { events: 91, bytes: 910 });
  assert.equal(rig.source.takes.at(-1)?.roomBytes, 0);
  assert.deepEqual(rig.kinds("spool.full", "spool.room"), ["spool.full"]);
  rig.writer.pass(0, 10, 1, 10);
  await rig.pass(50);
  assert.deepEqual(rig.held, { events: 93, bytes: 930 });
  assert.deepEqual(rig.kinds("spool.full", "spool.room"), ["spool.full", "spool.room"]);
  await rig.write(8);
  await rig.pass(25);
  assert.deepEqual(rig.kinds("spool.full", "spool.room"), ["spool.full", "spool.room", "spool.full"]);
});

Deno.test("SpoolWriter asks for nothing while it is full, until something has left", async () => {
  const rig = new WriterRig(50);
  await rig.write(6);
  await rig.pass(25);
  rig.source.points.set(0, POINT);
  rig.writer.ask();
  const takes = rig.source.takes.length;
  await rig.pass(1_000);
  assert.equal(rig.spool.disk.points.size, 1, "what needs no room is written");
  assert.equal(rig.source.takes.length, takes + 1);
  rig.clock.assertIdle();
  rig.writer.pass(0, 1, 1, 10);
  await rig.pass(50);
  assert.deepEqual(rig.writes.map(({ events }) => events), [[1, 2, 3, 4, 5], [], [], [6]]);
});

Deno.test("SpoolWriter is full for an event larger than its room, and writes it once enough has left", async () => {
  const rig = new WriterRig(100);
  await rig.write(2);
  rig.source.add(outgoing(3, { body: new Uint8Array(90) }), outgoing(4));
  rig.writer.ask();
  await rig.pass(50);
  assert.deepEqual(rig.kinds("spool.full", "spool.room"), ["spool.full"]);
  assert.deepEqual(rig.held, { events: 2, bytes: 20 });
  rig.writer.pass(0, 2, 2, 20);
  await rig.pass(50);
  assert.deepEqual(rig.kinds("spool.full", "spool.room"), ["spool.full", "spool.room"]);
  assert.deepEqual(rig.held, { events: 2, bytes: 100 });
});
