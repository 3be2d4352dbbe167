import assert from "node:assert/strict";
import fc from "fast-check";
import { buffersOf, packEvents, unpackEvents } from "../../../../gateway/adapters/spool/packed_events.ts";
import type { SpooledEvent } from "../../../../gateway/delivery/spool.ts";
import { spooled } from "../../../contracts/spool_contract.ts";

const OPTIONS = { noNullPrototype: true } as const;

const ANY_EVENTS: fc.Arbitrary<SpooledEvent[]> = fc.array(fc.record({
  position: fc.maxSafeNat(),
  event: fc.record({
    shard: fc.nat(65_535),
    session: fc.constantFrom("a", "b", ""),
    sequence: fc.maxSafeNat(),
    type: fc.string({ unit: "binary" }),
    body: fc.uint8Array().map((bytes) => bytes.subarray(1)),
    receivedAtMs: fc.maxSafeNat(),
    partition: fc.constant(null),
    trace: fc.constant(null),
  }, OPTIONS),
}, OPTIONS));

Deno.test("unpackEvents() gives back what packEvents() was given, whatever it is", () => {
  fc.assert(fc.property(ANY_EVENTS, (events) => {
    const packed = packEvents(events);
    const there = structuredClone(packed, { transfer: buffersOf(packed) });
    assert.deepEqual(unpackEvents(there), events);
  }));
});

Deno.test("packEvents() takes the bytes of a body alone, and leaves the owner's", () => {
  const whole = new Uint8Array(1_000_000).fill(7);
  const packed = packEvents([
    spooled(1, { body: whole.subarray(10, 20) }),
    spooled(2, { body: whole.subarray(0, 5) }),
  ]);
  assert.equal(packed.bodies.buffer.byteLength, 15);
  structuredClone(packed, { transfer: buffersOf(packed) });
  assert.equal(whole.length, 1_000_000);
  assert.deepEqual(packed.texts, ["5e55", "MESSAGE_CREATE"]);
});
