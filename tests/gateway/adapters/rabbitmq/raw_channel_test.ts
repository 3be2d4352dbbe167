import assert from "node:assert/strict";
import { type Channel, connect } from "amqplib";
import { EventFrames } from "../../../../gateway/adapters/rabbitmq/event_frames.ts";
import { rawChannel } from "../../../../gateway/adapters/rabbitmq/raw_channel.ts";
import { outgoingEvent } from "../../../contracts/publisher_contract.ts";
import { QueueReader } from "../../../fakes/queue_reader.ts";
import { testServers } from "../../../servers.ts";

/** The smallest that RabbitMQ takes. */
const FRAME_MAX_BYTES = 4_096;

Deno.test("rawChannel() finds the number of each channel of amqplib, and what frames its broker takes", async () => {
  const { rabbitUrl } = await testServers();
  const model = await connect(`${rabbitUrl}?frameMax=${FRAME_MAX_BYTES}`);
  const raws = [rawChannel(await model.createChannel()), rawChannel(await model.createConfirmChannel())];
  assert.deepEqual(raws.map(({ number }) => number), [1, 2]);
  assert.deepEqual(raws.map(({ frameMaxBytes }) => frameMaxBytes), [FRAME_MAX_BYTES, FRAME_MAX_BYTES]);
  await model.close();
});

Deno.test("rawChannel() sends frames that the broker takes and answers, in order, in frames as small as it takes", async () => {
  const queue = "shardline-test.raw";
  const { rabbitUrl } = await testServers({ queues: [queue] });
  await using reader = await QueueReader.connect(rabbitUrl);
  await reader.channel.assertQueue(queue);
  const model = await connect(`${rabbitUrl}?frameMax=${FRAME_MAX_BYTES}`);
  const channel = await model.createConfirmChannel();
  const raw = rawChannel(channel);
  const frames = new EventFrames({
    exchange: "",
    channel: raw.number,
    frameMaxBytes: raw.frameMaxBytes,
    mandatory: true,
    ttlMs: 0,
    isPersistent: () => true,
    partitions: null,
  });
  const events = [0, 1, 4_088, 4_089, 32_768, 32_769, 100_000, 7].map((length, index) =>
    outgoingEvent(index + 1, { type: queue, body: new Uint8Array(length).fill(index) })
  );
  const confirmed = new Promise<void>((resolve) =>
    channel.on("ack", ({ deliveryTag }: { deliveryTag: number }) => {
      if (deliveryTag === events.length) resolve();
    })
  );
  for (const piece of frames.encode(events)) raw.send(piece);
  await confirmed;
  const messages = await reader.read(queue, events.length);
  assert.deepEqual(
    messages.map(({ properties, content }) => [properties.messageId, new Uint8Array(content)]),
    events.map(({ session, sequence, body }) => [`${session}:${sequence}`, body]),
  );
  await model.close();
});

const sendBytes = () => {};

/** What another version of amqplib could look like. */
const OTHER_SHAPES: readonly [title: string, channel: object][] = [
  ["nothing of it", {}],
  ["no number", { connection: { frameMax: 4_096, sendBytes } }],
  ["a number that is text", { ch: "1", connection: { frameMax: 4_096, sendBytes } }],
  ["no connection", { ch: 1 }],
  ["a connection that is null", { ch: 1, connection: null }],
  ["no limit of frames", { ch: 1, connection: { sendBytes } }],
  ["no way to send", { ch: 1, connection: { frameMax: 4_096 } }],
  ["a way to send that is no function", { ch: 1, connection: { frameMax: 4_096, sendBytes: true } }],
];

for (const [title, channel] of OTHER_SHAPES) {
  Deno.test(`rawChannel() says so where amqplib's channel has ${title}`, () => {
    assert.throws(() => rawChannel(channel as Channel), {
      name: "Error",
      message: "This version of amqplib sends its frames another way",
    });
  });
}
