import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { EventFrames, type EventFramesOptions } from "../../../../gateway/adapters/rabbitmq/event_frames.ts";
import { Partitions } from "../../../../gateway/delivery/partitions.ts";
import type { OutgoingEvent } from "../../../../gateway/delivery/publisher.ts";
import type { EventTrace } from "../../../../gateway/delivery/tracing.ts";
import { outgoingEvent } from "../../../contracts/publisher_contract.ts";
import { type PublishedMessage, publishedMessages } from "./published_frames.ts";

/** A longer body goes out as it is. */
const COPIED_BODY_MAX_BYTES = 32 * 1024;
/** What a frame has besides its payload (AMQP 0-9-1, 2.3.5). */
const FRAME_OVERHEAD_BYTES = 8;
/** The smallest that a peer may ask for (AMQP 0-9-1, 1.2: frame-min-size). */
const FRAME_MIN_BYTES = 4_096;
/** What amqplib and RabbitMQ agree on where nothing is set. */
const FRAME_USUAL_BYTES = 131_072;
/** What amqplib says where neither side has a limit. */
const FRAME_UNLIMITED_BYTES = 0xffffffff;

const EMPTY = new Uint8Array();

/** Bodies are parts of it: no two long ones look alike, and each byte tells where it is from. */
const QUARRY = quarry(1024 * 1024);

function quarry(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let index = 0; index < length; index++) {
    state = Math.imul(state, 1_103_515_245) + 12_345 | 0; // a linear congruential generator (C99, 7.20.2.2)
    bytes[index] = state >>> 16;
  }
  return bytes;
}

function body(length: number, from = 0): Uint8Array {
  return QUARRY.subarray(from, from + length);
}

function options(changes: Partial<EventFramesOptions> = {}): EventFramesOptions {
  return {
    exchange: "gateway",
    channel: 1,
    frameMaxBytes: FRAME_USUAL_BYTES,
    mandatory: true,
    ttlMs: 86_400_000,
    isPersistent: () => true,
    partitions: null,
    ...changes,
  };
}

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

const anyType = fc.oneof(
  fc.constantFrom(
    "MESSAGE_CREATE",
    "TYPING_START",
    "X",
    "x".repeat(255),
    `${"é".repeat(127)}x`,
    "😀".repeat(63),
  ),
  fc.string({ unit: "binary", minLength: 1, maxLength: 255, size: "max" })
    .filter((text) => bytesOf(text) <= 255),
);
const anySession = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 200, size: "max" });
const anySequence = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(15).map((digits) => 10 ** digits),
  fc.nat(15).map((digits) => 10 ** digits - 1),
);
const anyReceiptMs = fc.oneof(
  fc.integer({ min: 0, max: Date.UTC(2501, 0) - 1 }),
  fc.constantFrom(2 ** 31, 2 ** 32).chain((seconds) =>
    fc.integer({ min: -1, max: 1 }).map((more) => seconds * 1_000 + more)
  ),
);

const anyOptions = fc.record({
  exchange: fc.constantFrom("gateway", "", "e".repeat(255), "é".repeat(127)),
  channel: fc.integer({ min: 1, max: 65_535 }),
  frameMaxBytes: fc.oneof(
    fc.constantFrom(FRAME_MIN_BYTES, FRAME_USUAL_BYTES, FRAME_UNLIMITED_BYTES),
    fc.constantFrom(-1, 0, 1).map((more) => COPIED_BODY_MAX_BYTES + FRAME_OVERHEAD_BYTES + more),
    fc.integer({ min: FRAME_MIN_BYTES, max: 2 * FRAME_USUAL_BYTES }),
  ),
  mandatory: fc.boolean(),
  ttlMs: fc.oneof(fc.constant(0), fc.nat()),
  isPersistent: fc.constantFrom(() => true, () => false, (type: string) => type.length % 2 === 0),
  partitions: fc.constantFrom(null, new Partitions(1_024)),
});

/** An event whose body is still to be cut: a failure prints it, and a body would fill the screen. */
type Draft = Omit<OutgoingEvent, "body"> & { readonly bodyBytes: number; readonly bodyFrom: number };

function eventsOf(drafts: readonly Draft[]): OutgoingEvent[] {
  return drafts.map(({ bodyBytes, bodyFrom, ...event }) => ({ ...event, body: body(bodyBytes, bodyFrom) }));
}

function anyBodyBytes(frameMaxBytes: number): fc.Arbitrary<number> {
  const isSmall = frameMaxBytes < FRAME_UNLIMITED_BYTES;
  const bodyFrameBytes = (isSmall ? frameMaxBytes : FRAME_USUAL_BYTES) - FRAME_OVERHEAD_BYTES;
  const around = (length: number) => fc.integer({ min: -2, max: 2 }).map((more) => length + more);
  return fc.oneof(
    { arbitrary: fc.constantFrom(0, 1), weight: 2 },
    { arbitrary: fc.nat(2_000), weight: 3 },
    { arbitrary: around(COPIED_BODY_MAX_BYTES), weight: 2 },
    { arbitrary: fc.constantFrom(1, 2, 3).chain((frames) => around(frames * bodyFrameBytes)), weight: 2 },
    // The most whole frames that a copied body fills, and a few bytes more.
    { arbitrary: around(Math.floor(COPIED_BODY_MAX_BYTES / bodyFrameBytes) * bodyFrameBytes + 2), weight: 1 },
  );
}

const hexDigits = (count: number) =>
  fc.array(fc.constantFrom(..."0123456789abcdef"), { minLength: count, maxLength: count }).map((digits) =>
    digits.join("")
  );

const anyTrace: fc.Arbitrary<EventTrace> = fc.tuple(hexDigits(32), hexDigits(16)).map(([trace, span]) => ({
  traceparent: `00-${trace}-${span}-01`,
  end: () => {},
}));

function anyBatch(frameMaxBytes: number): fc.Arbitrary<Draft[]> {
  const event = fc.record({
    shard: fc.nat(2 ** 31 - 1),
    session: anySession,
    sequence: anySequence,
    type: anyType,
    bodyBytes: anyBodyBytes(frameMaxBytes),
    bodyFrom: fc.nat(1_000),
    receivedAtMs: anyReceiptMs,
    partition: fc.option(fc.nat(1_023)),
    trace: fc.option(anyTrace),
  });
  return fc.array(event, { maxLength: 12, size: "max" });
}

/** Throws unless the pieces say these events, in this order, and nothing else. */
function assertSays(
  pieces: readonly Buffer[],
  events: readonly OutgoingEvent[],
  options: EventFramesOptions,
) {
  const messages = publishedMessages(Buffer.concat(pieces), options);
  assert.equal(messages.length, events.length);
  for (const [index, message] of messages.entries()) assertIs(message, events[index]!, options);
}

function assertIs(message: PublishedMessage, event: OutgoingEvent, options: EventFramesOptions) {
  const { exchange, frameMaxBytes, mandatory, ttlMs, isPersistent, partitions } = options;
  const { shard, session, sequence, type, receivedAtMs, partition, trace } = event;
  const { body, bodyFrameSizes, ...envelope } = message;
  assert.deepEqual(envelope, {
    exchange,
    routingKey: type,
    mandatory,
    properties: {
      contentType: "application/json",
      headers: {
        shard,
        // Nobody can read an owner out of these bodies.
        ...(partitions !== null && { partition: partition ?? 0 }),
        ...(trace !== null && { traceparent: trace.traceparent }),
      },
      deliveryMode: isPersistent(type) ? 2 : 1,
      ...(ttlMs > 0 ? { expiration: String(ttlMs) } : {}),
      messageId: `${session}:${sequence}`,
      timestamp: Math.floor(receivedAtMs / 1_000),
      type,
      appId: "shardline",
    },
  });
  assert.ok(body.equals(event.body), `another body than that of ${event.body.length} bytes`);
  const bodyFrameMaxBytes = frameMaxBytes - FRAME_OVERHEAD_BYTES;
  assert.equal(bodyFrameSizes.length, Math.ceil(body.length / bodyFrameMaxBytes));
}

Deno.test("EventFrames.encode() says every event whole, in order, in frames that both sides take", () => {
  const given = anyOptions.chain((options) =>
    fc.tuple(fc.constant(options), anyBatch(options.frameMaxBytes), anyBatch(options.frameMaxBytes))
  );
  fc.assert(
    fc.property(given, ([options, firstDrafts, secondDrafts]) => {
      const [first, second] = [eventsOf(firstDrafts), eventsOf(secondDrafts)];
      const frames = new EventFrames(options);
      const firstPieces = frames.encode(first);
      const secondPieces = frames.encode(second);
      // After the second, because the first may still wait in the socket.
      assertSays(firstPieces, first, options);
      assertSays(secondPieces, second, options);
    }),
    { numRuns: 300 },
  );
});

Deno.test(`EventFrames.encode() takes any body into one frame where neither side has a limit`, () => {
  const given = options({ frameMaxBytes: FRAME_UNLIMITED_BYTES });
  for (const length of [0, 1, COPIED_BODY_MAX_BYTES, COPIED_BODY_MAX_BYTES + 1, 500_000]) {
    const events = [outgoingEvent(1), outgoingEvent(2, { body: body(length) }), outgoingEvent(3)];
    assertSays(new EventFrames(given).encode(events), events, given);
  }
});

Deno.test("EventFrames.encode() copies no long body, and cuts it where its frames end", () => {
  const batch = fc.constantFrom(FRAME_MIN_BYTES, FRAME_USUAL_BYTES).chain((frameMaxBytes) =>
    fc.tuple(fc.constant(frameMaxBytes), anyBatch(frameMaxBytes))
  );
  fc.assert(fc.property(batch, ([frameMaxBytes, drafts]) => {
    const events = eventsOf(drafts);
    const pieces = new EventFrames(options({ frameMaxBytes })).encode(events);
    const inPlace = pieces.filter(({ buffer }) => buffer === QUARRY.buffer)
      .map(({ byteOffset, length }) => [byteOffset, length]);
    const bodyFrameMaxBytes = frameMaxBytes - FRAME_OVERHEAD_BYTES;
    const expected = events.filter(({ body }) => body.length > COPIED_BODY_MAX_BYTES)
      .flatMap(({ body }) =>
        Array.from({ length: Math.ceil(body.length / bodyFrameMaxBytes) }, (_, index) => {
          const from = index * bodyFrameMaxBytes;
          return [body.byteOffset + from, Math.min(body.length - from, bodyFrameMaxBytes)];
        })
      );
    assert.deepEqual(inPlace, expected);
  }));
});

Deno.test("EventFrames.encode() puts all small events between long ones into one piece", () => {
  const events = [
    ...[outgoingEvent(1), outgoingEvent(2, { body: EMPTY }), outgoingEvent(3, { body: body(32 * 1024) })],
    outgoingEvent(4, { body: body(40_000) }),
    ...[outgoingEvent(5), outgoingEvent(6)],
  ];
  const pieces = new EventFrames(options()).encode(events);
  const [small, , long, , smallAgain] = pieces;
  assert.equal(pieces.length, 5);
  assert(small !== undefined && smallAgain !== undefined);
  assertSays([small], events.slice(0, 3), options());
  assert.equal(long?.length, 40_000);
  assertSays([smallAgain], events.slice(4), options());
});

Deno.test("EventFrames.encode() copies all that waited for a broker piece by piece", () => {
  const events = Array.from({ length: 1_000 }, (_, index) => outgoingEvent(index + 1, { body: body(2_000) }));
  const pieces = new EventFrames(options()).encode(events);
  assertSays(pieces, events, options());
  assert(pieces.every(({ length }) => length < 300_000), "none has many times as much as is needed");
  assert.equal(pieces.length, 9);
});

Deno.test("EventFrames.encode() of no events is nothing", () => {
  assert.deepEqual(new EventFrames(options()).encode([]), []);
});

Deno.test("EventFrames.encode() takes ever new types, and known ones again, within a batch and after it", () => {
  const frames = new EventFrames(options());
  const fresh = Array.from({ length: 2_500 }, (_, index) => outgoingEvent(index, { type: `TYPE_${index}` }));
  const known = [0, 999, 1_000, 1_001, 2_499].flatMap((index) => fresh[index] ?? []);
  for (const batch of [[...fresh, ...known, ...fresh], known, fresh]) {
    assertSays(frames.encode(batch), batch, options());
  }
});

Deno.test("EventFrames keeps what it knows of 1,000 types, and forgets it when there are more", () => {
  const asked: string[] = [];
  const frames = new EventFrames(options({
    isPersistent: (type) => {
      asked.push(type);
      return true;
    },
  }));
  const types = Array.from({ length: 1_000 }, (_, index) => `TYPE_${index}`);
  const publish = (...types: string[]) => frames.encode(types.map((type) => outgoingEvent(1, { type })));
  publish(...types, ...types);
  assert.deepEqual(asked, types);
  publish("TYPE_1000", "TYPE_0");
  assert.deepEqual(asked, [...types, "TYPE_1000", "TYPE_0"]);
});
