import assert from "node:assert/strict";
import fc from "fast-check";
import type {
  OutgoingEvent,
  Publisher,
  PublisherEvents,
  PublishOutcome,
} from "../../../gateway/delivery/publisher.ts";
import { EVENT_BYTES, OutboxRig, OVERHEAD_BYTES } from "./outbox_rig.ts";

Deno.test("Outbox.accept() hands events over as they come while the broker is there", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  rig.accept(2);
  rig.accept(1, { shard: 7, session: "z" });
  assert.deepEqual(rig.publisher.published.map((event) => `${event.shard} ${event.sequence}`), [
    "0 1",
    "0 2",
    "7 1",
  ]);
  assert.equal(rig.outbox.unconfirmedEvents, 3);
  assert.equal(rig.outbox.unconfirmedBytes, 3 * EVENT_BYTES);
});

Deno.test("Outbox.accept() keeps events while the broker is away, for the next opening, in order", () => {
  const rig = new OutboxRig();
  rig.acceptAll(1, 3);
  assert.deepEqual(rig.handedOver, []);
  rig.publisher.open();
  assert.deepEqual(rig.handedOver, [1, 2, 3]);
});

Deno.test("Outbox says a sequence is published only once everything before it is confirmed", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 4);
  rig.publisher.confirmNext(2);
  rig.publisher.confirmNext(1);
  assert.deepEqual(rig.published, []);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.published, ["0 a 3"]);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.published, ["0 a 3", "0 a 4"]);
});

Deno.test("Outbox lets no shard wait for another's confirmations", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  rig.accept(5, { shard: 1, session: "b" });
  rig.publisher.confirmNext(1);
  assert.deepEqual(rig.published, ["1 b 5"]);
});

Deno.test("Outbox publishes everything unconfirmed again after the broker was away, in order, and no more", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 4);
  rig.publisher.confirmNext(1);
  rig.publisher.confirmNext();
  rig.publisher.drop();
  rig.accept(5);
  rig.publisher.open();
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4, 3, 4, 5]);
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 5");
  assert.equal(rig.outbox.unconfirmedEvents, 0);
});

/** A broker whose answers the test keeps, so that it may call them too late, or at once. */
class LatePublisher implements Publisher {
  /** Calls each confirm one event. */
  readonly confirmations: (() => void)[] = [];
  /** Calls each refuse one event. */
  readonly refusals: (() => void)[] = [];
  onPublish = (_index: number) => {};
  #events: PublisherEvents | null = null;

  get events(): PublisherEvents {
    assert(this.#events !== null);
    return this.#events;
  }

  start(events: PublisherEvents): void {
    this.#events = events;
  }

  publish(_event: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void {
    this.confirmations.push(() => settled("confirmed"));
    this.refusals.push(() => settled("refused"));
    this.onPublish(this.confirmations.length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

Deno.test("Outbox takes a confirmation of an earlier opening for nothing", () => {
  const publisher = new LatePublisher();
  const rig = new OutboxRig(1_000_000, publisher);
  publisher.events.opened();
  rig.accept(1);
  publisher.events.closed(null);
  publisher.confirmations[0]?.();
  publisher.events.opened();
  publisher.confirmations[0]?.();
  assert.deepEqual(rig.published, []);
  assert.equal(rig.outbox.unconfirmedEvents, 1);
  publisher.confirmations[1]?.();
  publisher.confirmations[1]?.();
  assert.deepEqual(rig.published, ["0 a 1"]);
  assert.equal(rig.outbox.unconfirmedEvents, 0);
});

Deno.test("Outbox starts over where the broker goes and comes while everything is published again", () => {
  const publisher = new LatePublisher();
  const rig = new OutboxRig(1_000_000, publisher);
  rig.acceptAll(1, 3);
  publisher.onPublish = (index) => {
    if (index !== 2) return;
    publisher.events.closed(null);
    publisher.events.opened();
  };
  publisher.events.opened();
  assert.equal(publisher.confirmations.length, 5, "two of the first opening, three of the second");
});

Deno.test("Outbox publishes nothing more where the broker goes, or refuses, while everything is published again", () => {
  for (const isRefused of [false, true]) {
    const publisher = new LatePublisher();
    const rig = new OutboxRig(1_000_000, publisher);
    rig.acceptAll(1, 3);
    publisher.onPublish = (index) => {
      if (index !== 2) return;
      if (isRefused) publisher.refusals[1]?.();
      else publisher.events.closed(null);
    };
    publisher.events.opened();
    assert.equal(publisher.confirmations.length, 2);
  }
});

Deno.test("Outbox publishes a long lane again whole, also to a broker that confirms on the spot", () => {
  const publisher = new LatePublisher();
  const rig = new OutboxRig(10_000_000, publisher);
  rig.acceptAll(1, 5_000);
  publisher.onPublish = (index) => publisher.confirmations[index - 1]?.();
  publisher.events.opened();
  assert.equal(publisher.confirmations.length, 5_000);
});

Deno.test("Outbox goes on in order in a lane that is never empty, however many events have left it", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  for (let sequence = 2; sequence <= 5_000; sequence += 1) {
    rig.accept(sequence);
    rig.publisher.confirmNext();
    assert.equal(rig.published.at(-1), `0 a ${sequence - 1}`);
  }
  assert.equal(rig.published.length, 4_999);
});

Deno.test("Outbox keeps the sessions of one lane apart", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(98);
  rig.accept(99);
  rig.accept(1, { session: "b" });
  rig.accept(2, { session: "b" });
  rig.publisher.confirmNext(2);
  rig.publisher.confirmNext(1);
  assert.deepEqual(rig.published, []);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.published, ["0 a 99", "0 b 1"]);
});

Deno.test("Outbox.pass() moves the published sequence in its turn", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.outbox.pass(0, "a", 1);
  assert.deepEqual(rig.published, ["0 a 1"]);
  rig.accept(2);
  rig.outbox.pass(0, "a", 3);
  rig.accept(4);
  assert.deepEqual(rig.published, ["0 a 1"]);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.published, ["0 a 1", "0 a 3"]);
  assert.equal(rig.outbox.unconfirmedEvents, 1);
});

// Room. Each event counts for 1,000 bytes.

Deno.test("Outbox calls a shard full that holds more than its share of most of the bound, and no other", () => {
  const rig = new OutboxRig(100_000);
  rig.accept(1, { shard: 4 });
  rig.acceptAll(1, 59);
  assert.deepEqual(rig.room, []);
  rig.accept(60);
  rig.accept(2, { shard: 4 });
  assert.deepEqual(rig.room, ["full 0"]);
});

Deno.test("Outbox calls every shard full that delivers once the bound is reached, whatever its share", () => {
  const rig = new OutboxRig(100_000);
  rig.acceptAll(1, 75);
  rig.room.length = 0;
  rig.accept(1, { shard: 4 });
  rig.accept(1, { shard: 5 });
  assert.deepEqual(rig.room, ["full 4", "full 5"]);
});

Deno.test("Outbox says once that there is room again, when half of the bound is free", () => {
  const rig = new OutboxRig(100_000);
  rig.publisher.open();
  rig.acceptAll(1, 61);
  assert.deepEqual(rig.room, ["full 0"]);
  for (let left = 61; left > 51; left -= 1) rig.publisher.confirmNext();
  assert.deepEqual(rig.room, ["full 0"]);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.room, ["full 0", "room"]);
  rig.publisher.confirmAll();
  assert.deepEqual(rig.room, ["full 0", "room"]);
});

Deno.test("Outbox takes an event larger than the whole bound, and has room again once it is confirmed", () => {
  const rig = new OutboxRig(1_000);
  rig.publisher.open();
  rig.accept(1, { body: new Uint8Array(5_000) });
  assert.deepEqual(rig.room, ["full 0"]);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.room, ["full 0", "room"]);
});

Deno.test("Outbox.secured() resolves once nothing waits for a confirmation", async () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  await rig.outbox.secured();
  rig.accept(1);
  rig.accept(2);
  let isSecured = false;
  const secured = rig.outbox.secured().then(() => isSecured = true);
  rig.publisher.confirmNext();
  await Promise.resolve();
  assert.equal(isSecured, false);
  rig.publisher.confirmNext();
  await secured;
});

// Refusals.

Deno.test("Outbox publishes a refused event again alone after a pause, and then what came after it, in order", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 4);
  rig.publisher.refuseNext(1);
  rig.accept(5);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4], "nothing overtakes it anew");
  rig.publisher.confirmNext();
  rig.publisher.refuseNext();
  rig.publisher.confirmNext();
  rig.clock.advance(999);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4]);
  rig.clock.advance(1);
  rig.accept(6);
  assert.deepEqual(rig.handedOver.slice(4), [2], "the others wait until it is through");
  rig.publisher.confirmNext();
  assert.deepEqual(rig.handedOver.slice(4), [2, 3, 5, 6], "4 was confirmed");
  rig.publisher.confirmAll();
  assert.equal(rig.published.at(-1), "0 a 6");
  rig.accept(7);
  assert.equal(rig.handedOver.at(-1), 7, "nothing waits any more");
  rig.publisher.confirmAll();
  rig.clock.advance(1_000);
  rig.clock.assertIdle();
});

Deno.test("Outbox probes with an older event that is still on its way, and does not publish it twice", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 2);
  rig.publisher.refuseNext(1);
  rig.clock.advance(1_000);
  assert.deepEqual(rig.handedOver, [1, 2]);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.handedOver, [1, 2, 2]);
});

Deno.test("Outbox probes until the oldest is confirmed, whatever else is", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 2);
  rig.publisher.refuseNext();
  rig.clock.advance(1_000);
  rig.publisher.confirmNext();
  rig.accept(3);
  assert.deepEqual(rig.handedOver, [1, 2, 1]);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.handedOver, [1, 2, 1, 3]);
});

Deno.test("Outbox publishes the oldest alone to a broker that comes back while a shard is probed", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 3);
  rig.publisher.refuseNext();
  rig.clock.advance(1_000);
  rig.publisher.drop();
  rig.publisher.open();
  assert.deepEqual(rig.handedOver, [1, 2, 3, 1, 1]);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.handedOver, [1, 2, 3, 1, 1, 2, 3]);
});

Deno.test("Outbox goes on where the pause ends while the broker is away, or with nothing left to publish", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 2);
  rig.publisher.refuseNext();
  rig.publisher.drop();
  rig.clock.advance(1_000);
  rig.publisher.open();
  rig.publisher.confirmAll();
  assert.deepEqual(rig.handedOver, [1, 2, 1, 2]);
  rig.accept(3);
  rig.publisher.refuseNext();
  rig.publisher.drop();
  rig.publisher.open();
  assert.deepEqual(rig.handedOver, [1, 2, 1, 2, 3], "a new opening does not end the pause");
  rig.clock.advance(1_000);
  assert.deepEqual(rig.handedOver, [1, 2, 1, 2, 3, 3]);
});

Deno.test("Outbox lets no shard wait for another's refusal", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  rig.publisher.refuseNext();
  rig.accept(1, { shard: 1, session: "b" });
  rig.publisher.confirmAll();
  assert.deepEqual(rig.published, ["1 b 1"]);
});

Deno.test("Outbox pauses twice as long after each refusal in a row, at most 30 s, and never gives up while none pass", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  const pausesMs: number[] = [];
  for (let count = 0; count < 8; count += 1) {
    const startedAtMs = rig.clock.nowMs();
    const times = rig.handedOver.length;
    rig.publisher.refuseNext();
    for (let ms = 0; ms <= 30_000 && rig.handedOver.length === times; ms += 1) rig.clock.advance(1);
    pausesMs.push(rig.clock.nowMs() - startedAtMs);
  }
  assert.deepEqual(pausesMs, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.deepEqual(rig.givenUp, []);
  rig.publisher.confirmNext();
  assert.deepEqual(rig.published, ["0 a 1"]);
  rig.accept(2);
  rig.publisher.refuseNext();
  rig.clock.advance(999);
  assert.equal(rig.handedOver.filter((sequence) => sequence === 2).length, 1);
  rig.clock.advance(1);
  assert.equal(
    rig.handedOver.filter((sequence) => sequence === 2).length,
    2,
    "a second again after a success",
  );
});

Deno.test("Outbox pauses once for all that is refused together", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 3);
  for (let count = 0; count < 3; count += 1) rig.publisher.refuseNext();
  rig.clock.advance(999);
  assert.deepEqual(rig.handedOver, [1, 2, 3]);
  rig.clock.advance(1);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 1]);
  rig.publisher.refuseNext();
  rig.clock.advance(1_999);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 1]);
  rig.clock.advance(1);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 1, 1, 2, 3], "the last try is with all others");
});

Deno.test("Outbox keeps no memory of others with an event that waits, and changes none of its bytes", () => {
  const rig = new OutboxRig();
  const block = crypto.getRandomValues(new Uint8Array(32 * 1024));
  const bodies = [block.subarray(0, 800), block.subarray(800, 1_600), block.subarray(0, 30_000)];
  bodies.forEach((body, index) => rig.accept(index + 1, { body }));
  rig.clock.advance(500);
  rig.publisher.open();
  const sent = rig.publisher.published;
  assert.deepEqual(sent.map(({ body }) => body), bodies);
  assert.deepEqual(
    sent.map(({ body }) => body.buffer.byteLength),
    [800, 800, block.length],
    "most of it is its own",
  );
});

/** Has the broker refuse the first event three times while it confirms the second. */
function refusedForGood(rig: OutboxRig): void {
  rig.publisher.open();
  rig.accept(1);
  rig.accept(2);
  rig.publisher.refuseNext();
  rig.publisher.confirmNext();
  rig.clock.advance(1_000);
  rig.publisher.refuseNext();
  rig.clock.advance(2_000);
  assert.deepEqual(rig.givenUp, []);
  rig.publisher.refuseNext();
}

Deno.test("Outbox gives an event up that is refused three times while others pass, and goes on once told", () => {
  const rig = new OutboxRig();
  refusedForGood(rig);
  assert.deepEqual(rig.givenUpSequences, [1]);
  assert.deepEqual(rig.observed, [{
    kind: "event.quarantined",
    shard: 0,
    type: "MESSAGE_CREATE",
    session: "a",
    sequence: 1,
    bytes: EVENT_BYTES - OVERHEAD_BYTES,
    kept: false,
  }]);
  rig.accept(3);
  rig.clock.advance(60_000);
  assert.deepEqual(rig.handedOver, [1, 2, 1, 1, 3], "it is not published any more");
  rig.publisher.confirmAll();
  assert.deepEqual(rig.published, []);
  rig.outbox.letGo(0, "a", 1);
  assert.deepEqual(rig.published, ["0 a 3"]);
  rig.outbox.letGo(0, "a", 1);
  assert.deepEqual(rig.published, ["0 a 3"], "letting go twice is nothing");
  assert.equal(rig.outbox.unconfirmedEvents, 0);
});

Deno.test("Outbox moves over an event that was filtered in its turn, and tells of it once", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  rig.accept(2, { type: "TYPING_START" });
  rig.publisher.filterNext(1);
  const told = [{ kind: "event.filtered", shard: 0, type: "TYPING_START" }];
  assert.deepEqual(rig.observed, told);
  assert.equal(rig.outbox.unconfirmedEvents, 1);
  for (const pauseMs of [1_000, 2_000, 4_000]) {
    rig.publisher.refuseNext();
    rig.clock.advance(pauseMs);
  }
  rig.publisher.drop();
  rig.publisher.open();
  rig.publisher.confirmNext();
  assert.deepEqual(rig.handedOver, [1, 2, 1, 1, 1, 1]);
  assert.deepEqual(rig.published, ["0 a 2"]);
  assert.deepEqual(rig.delaysMs, [7_000], "no time of publishing but the first event's");
  assert.deepEqual(rig.observed, told);
});

Deno.test("Outbox gives no event up that is refused while others are filtered", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  rig.accept(2);
  rig.publisher.refuseNext();
  rig.publisher.filterNext();
  for (const pauseMs of [1_000, 2_000]) {
    rig.clock.advance(pauseMs);
    rig.publisher.refuseNext();
  }
  assert.deepEqual(rig.givenUp, []);
});

Deno.test("Outbox.letGo() lets go of the event of this shard and session alone", () => {
  const rig = new OutboxRig();
  refusedForGood(rig);
  rig.outbox.letGo(1, "a", 1);
  rig.outbox.letGo(0, "b", 1);
  rig.outbox.letGo(0, "a", 2);
  assert.deepEqual(rig.published, []);
  rig.outbox.letGo(0, "a", 1);
  assert.deepEqual(rig.published, ["0 a 2"]);
});

Deno.test("Outbox takes an event for refused that was on its way when the channel closed over its size", () => {
  const rig = new OutboxRig();
  rig.accept(1, { body: new Uint8Array(20) });
  rig.accept(2, { body: new Uint8Array(21) });
  for (let count = 1; count <= 3; count += 1) {
    assert.deepEqual(rig.givenUp, []);
    rig.publisher.open();
    rig.publisher.drop({ bodyMaxBytes: 20 });
  }
  assert.deepEqual(rig.givenUpSequences, [2]);
  rig.accept(6, { body: new Uint8Array(21) });
  rig.publisher.open();
  rig.publisher.drop(null);
  rig.publisher.open();
  assert.deepEqual(
    rig.givenUpSequences,
    [2],
    "not refused for its size: just on its way",
  );
});

Deno.test("Outbox tells once of an event that came twice and is refused for good, and goes on behind both", () => {
  const rig = new OutboxRig();
  for (let copy = 1; copy <= 2; copy += 1) {
    rig.accept(1, { body: new Uint8Array(20) });
    rig.accept(2, { body: new Uint8Array(21) });
  }
  rig.accept(3, { body: new Uint8Array(20) });
  for (let count = 1; count <= 3; count += 1) {
    rig.publisher.open();
    rig.publisher.drop({ bodyMaxBytes: 20 });
  }
  assert.deepEqual(rig.givenUpSequences, [2]);
  rig.publisher.open();
  rig.publisher.confirmAll();
  assert.deepEqual(rig.published, ["0 a 1"]);
  rig.outbox.letGo(0, "a", 2);
  assert.equal(rig.published.at(-1), "0 a 3");
  assert.equal(rig.outbox.unconfirmedEvents, 0);
});

Deno.test("Outbox takes an event for refused by its size only where it was on its way", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  rig.publisher.refuseNext();
  rig.accept(2, { body: new Uint8Array(1_000) });
  for (let count = 0; count < 4; count += 1) {
    rig.publisher.drop({ bodyMaxBytes: 900 });
    rig.publisher.open();
  }
  assert.deepEqual(rig.handedOver, [1], "the second waited behind the first");
  assert.deepEqual(rig.givenUp, []);
});

Deno.test("Outbox tells how long each event waited for its confirmation", () => {
  const rig = new OutboxRig();
  rig.accept(1);
  rig.clock.advance(30);
  rig.accept(2);
  rig.publisher.open();
  rig.clock.advance(12);
  rig.publisher.confirmAll();
  assert.deepEqual(rig.delaysMs, [42, 12]);
});

Deno.test("Outbox.stop() has nothing published any more, and takes no confirmation", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.accept(1);
  rig.outbox.stop();
  rig.accept(2);
  rig.publisher.confirmAll();
  assert.deepEqual(rig.handedOver, [1]);
  assert.deepEqual(rig.published, []);
});

// Against a model: one list per shard, of which the confirmed beginning is published.

type Step =
  | { kind: "accept"; shard: number; bytes: number }
  | { kind: "pass"; shard: number }
  | { kind: "newSession"; shard: number }
  | { kind: "confirm"; at: number }
  | { kind: "open" }
  | { kind: "close" };

const shard = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("accept"), shard, bytes: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass"), shard }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("newSession"), shard }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("confirm"), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("open") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close") }) },
);

interface Modelled {
  readonly id: string;
  readonly bytes: number;
  settled: boolean;
}

Deno.test("Outbox keeps order, loses nothing and runs ahead of no confirmation, whatever the broker does", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const rig = new OutboxRig();
    const { publisher, outbox } = rig;
    const lanes = new Map<number, Modelled[]>([0, 1, 2].map((shard) => [shard, []]));
    const laneOf = (shard: number) => lanes.get(shard) ?? [];
    const sessions = [0, 0, 0];
    const waiting = () => [...lanes.values()].flat().filter(({ settled }) => !settled);
    const idOf = (event: OutgoingEvent) => `${event.shard} ${event.session} ${event.sequence}`;
    const nextId = (shard: number) => `${shard} s${sessions[shard]} ${laneOf(shard).length + 1}`;

    for (const step of steps) {
      const handedOverBefore = publisher.published.length;
      switch (step.kind) {
        case "accept": {
          const id = nextId(step.shard);
          laneOf(step.shard).push({ id, bytes: step.bytes, settled: false });
          rig.accept(laneOf(step.shard).length, {
            shard: step.shard,
            session: `s${sessions[step.shard]}`,
            body: new Uint8Array(step.bytes),
          });
          assert.deepEqual(
            publisher.published.slice(handedOverBefore).map(idOf),
            publisher.isOpen ? [id] : [],
          );
          break;
        }
        case "pass":
          laneOf(step.shard).push({ id: nextId(step.shard), bytes: 0, settled: true });
          outbox.pass(step.shard, `s${sessions[step.shard]}`, laneOf(step.shard).length);
          break;
        case "newSession":
          sessions[step.shard] = (sessions[step.shard] ?? 0) + 1;
          break;
        case "confirm": {
          const { length } = publisher.unconfirmed;
          if (length === 0) break;
          publisher.confirmNext(step.at % length);
          const confirmed = publisher.confirmed.at(-1);
          const modelled = waiting().find(({ id }) => confirmed !== undefined && id === idOf(confirmed));
          assert(modelled !== undefined, "confirmed what was waiting");
          modelled.settled = true;
          break;
        }
        case "open":
          if (publisher.isOpen) break;
          publisher.open();
          for (const [shard, lane] of lanes) {
            const again = publisher.published.slice(handedOverBefore).filter((event) =>
              event.shard === shard
            );
            assert.deepEqual(again.map(idOf), lane.filter(({ settled }) => !settled).map(({ id }) => id));
          }
          break;
        case "close":
          if (publisher.isOpen) publisher.drop();
      }
      const bytes = waiting().reduce((sum, event) => sum + event.bytes + OVERHEAD_BYTES, 0);
      assert.equal(outbox.unconfirmedBytes, bytes);
      assert.equal(outbox.unconfirmedEvents, waiting().length);

      for (const [shard, lane] of lanes) {
        const firstOpen = lane.findIndex(({ settled }) => !settled);
        const last = lane[(firstOpen === -1 ? lane.length : firstOpen) - 1];
        const said = rig.published.filter((id) => id.startsWith(`${shard} `));
        assert.equal(said.at(-1), last?.id, "published up to the first that waits");
        for (const id of said) assert(lane.some((event) => event.id === id && event.settled));
        assert.deepEqual([...said].sort((one, other) => sequenceOf(one) - sequenceOf(other)), said);
        assert.equal(new Set(said).size, said.length);
      }
    }
  }));
});

function sequenceOf(id: string): number {
  return Number(id.split(" ")[2]);
}
