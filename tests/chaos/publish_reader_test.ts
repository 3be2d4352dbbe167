import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type PublishedEvent, PublishReader } from "../../chaos/publish_reader.ts";
import { EventFrames } from "../../gateway/adapters/rabbitmq/event_frames.ts";

const OPTIONS = {
  exchange: "gateway",
  channel: 2,
  frameMaxBytes: 4_096,
  mandatory: true,
  ttlMs: 60_000,
  isPersistent: () => true,
  partitions: null,
};

/** What a gateway writes for these events, behind the header of the protocol. */
function written(
  exchange: string,
  ...events: readonly { session: string; sequence: number; bytes: number }[]
) {
  const frames = new EventFrames({ ...OPTIONS, exchange });
  const said = events.map(({ session, sequence, bytes }) => ({
    type: "MESSAGE_CREATE",
    shard: 7,
    session,
    sequence,
    receivedAtMs: 1_700_000_000_999,
    body: Buffer.alloc(bytes, "{"),
    partition: null,
    trace: null,
  }));
  return Buffer.concat(frames.encode(said));
}

const HEADER = Buffer.from("AMQP\0\0\x09\x01");

Deno.test("PublishReader finds every event, in whatever pieces it comes and however large it is", () => {
  const bytes = Buffer.concat([
    HEADER,
    written(
      "gateway",
      { session: "a", sequence: 1, bytes: 3 },
      { session: "a", sequence: 2, bytes: 50_000 },
      { session: "b", sequence: 123_456, bytes: 0 },
    ),
  ]);
  const expected = ["a:1", "a:2", "b:123456"].map((id) => ({ id, shard: 7, receivedAtS: 1_700_000_000 }));
  for (const size of [1, 5, 4_096, bytes.length]) {
    const found: PublishedEvent[] = [];
    const reader = new PublishReader((event) => found.push(event));
    for (let at = 0; at < bytes.length; at += size) reader.read(bytes.subarray(at, at + size));
    assert.deepEqual(found, expected, `pieces of ${size}`);
  }
});

Deno.test("PublishReader takes nothing for an event that goes to another exchange", () => {
  const found: PublishedEvent[] = [];
  const reader = new PublishReader((event) => found.push(event));
  reader.read(Buffer.concat([HEADER, written("gateway.events", { session: "a", sequence: 1, bytes: 3 })]));
  assert.deepEqual(found, []);
  reader.read(written("gateway", { session: "a", sequence: 2, bytes: 3 }));
  assert.deepEqual(found.map(({ id }) => id), ["a:2"]);
});

Deno.test("PublishReader says where something is no AMQP", () => {
  const reader = new PublishReader(() => {});
  assert.throws(() => reader.read(Buffer.from("GET / HTTP/1.1\r\n\r\n")), /no frame of type/);
});
