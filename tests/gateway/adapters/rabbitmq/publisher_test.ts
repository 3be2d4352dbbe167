import assert from "node:assert/strict";
import { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import {
  RabbitPublisher,
  type RabbitPublisherOptions,
} from "../../../../gateway/adapters/rabbitmq/publisher.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import {
  confirmation,
  Openings,
  outgoingEvent,
  testPublisherContract,
} from "../../../contracts/publisher_contract.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { Observations } from "../../../fakes/observations.ts";
import { QueueReader } from "../../../fakes/queue_reader.ts";
import { TcpProxy } from "../../../fakes/tcp_proxy.ts";
import { testServers } from "../../../servers.ts";

testPublisherContract("RabbitMQ", async () => {
  const { rabbitUrl } = await testServers();
  const proxy = new TcpProxy(rabbitUrl);
  const { publisher } = rabbitPublisher(proxy.through(rabbitUrl));
  const reader = await QueueReader.connect(rabbitUrl);
  return {
    publisher,
    open: () => {},
    settle: () => {},
    interrupt: () => proxy.cut(),
    delivered: async (count) =>
      (await reader.read("gateway", count)).map(({ fields, properties, content }) => ({
        type: fields.routingKey,
        messageId: properties.messageId,
        body: content,
      })),
    [Symbol.asyncDispose]: async () => {
      await publisher.close();
      await reader[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
});

Deno.test("RabbitPublisher.publish() sets every property of the wire contract", async () => {
  await using broker = await openPublisher();
  await confirmation(broker.publisher, outgoingEvent(7));
  const [message] = await broker.reader.read("gateway", 1);
  assert.equal(message?.fields.exchange, "gateway");
  assert.equal(message?.fields.routingKey, "MESSAGE_CREATE");
  assert.deepEqual(definedOnly(message?.properties ?? {}), {
    contentType: "application/json",
    deliveryMode: 2,
    type: "MESSAGE_CREATE",
    messageId: "5e55:7",
    timestamp: 1_700_000_000,
    expiration: "86400000",
    appId: "shardline",
    headers: { shard: 3 },
  });
});

Deno.test("RabbitPublisher.publish() lets the broker keep transient types in memory", async () => {
  await using broker = await openPublisher({ transientTypes: new Set(["TYPING_START"]) });
  await confirmation(broker.publisher, outgoingEvent(1, { type: "TYPING_START" }));
  await confirmation(broker.publisher, outgoingEvent(2, { type: "MESSAGE_CREATE" }));
  const modes = (await broker.reader.read("gateway", 2)).map(({ properties }) => properties.deliveryMode);
  assert.deepEqual(modes, [1, 2]);
});

Deno.test("RabbitPublisher.publish() lets the broker keep everything in memory where nothing is persistent", async () => {
  await using broker = await openPublisher({ persistent: false });
  await confirmation(broker.publisher, outgoingEvent(1));
  const [message] = await broker.reader.read("gateway", 1);
  assert.equal(message?.properties.deliveryMode, 1);
});

Deno.test("RabbitPublisher.publish() lets events live for ever where ttlMs is 0", async () => {
  await using broker = await openPublisher({ ttlMs: 0 });
  await confirmation(broker.publisher, outgoingEvent(1));
  const [message] = await broker.reader.read("gateway", 1);
  assert.equal(message?.properties.expiration, undefined);
});

Deno.test("RabbitPublisher.publish() carries the longest names that there can be", async () => {
  await using broker = await openPublisher();
  const type = `${"É".repeat(127)}X`;
  const session = "s".repeat(200);
  await confirmation(broker.publisher, outgoingEvent(Number.MAX_SAFE_INTEGER, { type, session }));
  const [message] = await broker.reader.read("gateway", 1);
  assert.equal(message?.fields.routingKey, type);
  assert.equal(message?.properties.type, type);
  assert.equal(message?.properties.messageId, `${session}:9007199254740991`);
});

Deno.test("RabbitPublisher confirms events that no queue takes where it declares none", async () => {
  await using broker = await openPublisher({ queues: [] });
  await confirmation(broker.publisher, outgoingEvent(1));
  assert.deepEqual(broker.openings.heard, ["opened"]);
});

Deno.test("RabbitPublisher feeds each of its default queues", async () => {
  await using broker = await openPublisher({ queues: ["gateway", "gateway.recv"] });
  await confirmation(broker.publisher, outgoingEvent(1));
  for (const queue of ["gateway", "gateway.recv"]) {
    const [message] = await broker.reader.read(queue, 1);
    assert.equal(message?.properties.messageId, "5e55:1");
  }
});

Deno.test("RabbitPublisher declares a default queue again when it vanished, before it opens again", async () => {
  await using broker = await openPublisher();
  await broker.reader.channel.deleteQueue("gateway");
  let isConfirmed = false;
  broker.publisher.publish(outgoingEvent(1), () => isConfirmed = true);
  broker.publisher.publish(outgoingEvent(2), () => isConfirmed = true);
  await broker.openings.heardAtLeast(3);
  assert.equal(isConfirmed, false);
  assert.deepEqual(broker.openings.heard, ["opened", "closed", "opened"]);
  assert.deepEqual(broker.observations.of("broker.returned"), [
    { kind: "broker.returned", type: "MESSAGE_CREATE" },
  ]);
  await confirmation(broker.publisher, outgoingEvent(1));
  assert.equal((await broker.reader.read("gateway", 1)).length, 1);
});

Deno.test("RabbitPublisher declares a default queue again that vanished while another takes the events", async () => {
  const clock = new ManualClock();
  await using broker = await openPublisher({ clock });
  const others = await broker.reader.bindOwnQueue("gateway", "#");
  await broker.reader.channel.deleteQueue("gateway");
  await confirmation(broker.publisher, outgoingEvent(1));
  clock.advance(30_000);
  await clock.untilScheduled(60_000);
  await confirmation(broker.publisher, outgoingEvent(2));
  const ids = async (queue: string, count: number) =>
    (await broker.reader.read(queue, count)).map(({ properties }) => properties.messageId);
  assert.deepEqual(await ids(others, 2), ["5e55:1", "5e55:2"]);
  assert.deepEqual(await ids("gateway", 1), ["5e55:2"]);
});

Deno.test("RabbitPublisher opens again after its exchange was deleted", async () => {
  await using broker = await openPublisher();
  await broker.reader.channel.deleteExchange("gateway");
  let isConfirmed = false;
  broker.publisher.publish(outgoingEvent(1), () => isConfirmed = true);
  await broker.openings.heardAtLeast(3);
  assert.equal(isConfirmed, false);
  const [lost] = broker.observations.of("broker.channel_lost");
  assert.match(lost?.error ?? "", /no exchange 'gateway'/);
  await confirmation(broker.publisher, outgoingEvent(1));
  assert.equal((await broker.reader.read("gateway", 1)).length, 1);
});

Deno.test("RabbitPublisher does not confirm what the broker refuses, and opens again until it is taken", async () => {
  const { rabbitUrl } = await testServers();
  await using reader = await QueueReader.connect(rabbitUrl);
  await reader.channel.assertQueue("gateway", { maxLength: 1, overflow: "reject-publish" });
  await using broker = await openPublisher({}, reader);
  await confirmation(broker.publisher, outgoingEvent(1));
  let isConfirmed = false;
  broker.publisher.publish(outgoingEvent(2), () => isConfirmed = true);
  await broker.openings.heardAtLeast(3);
  assert.equal(isConfirmed, false);
  assert.deepEqual(broker.observations.of("broker.refused"), [
    { kind: "broker.refused", type: "MESSAGE_CREATE" },
  ]);
  await reader.channel.purgeQueue("gateway");
  await confirmation(broker.publisher, outgoingEvent(2));
});

function rabbitPublisher(url: string, options: Partial<RabbitPublisherOptions> = {}) {
  const observations = new Observations();
  const { observe } = observations;
  const connection = new RabbitConnection({
    url,
    purpose: "publishing",
    clock: systemClock,
    dice: Math.random,
    observe,
  });
  const publisher = new RabbitPublisher(connection, {
    queues: ["gateway"],
    persistent: true,
    transientTypes: new Set(),
    ttlMs: 86_400_000,
    clock: systemClock,
    observe,
    ...options,
  });
  return { publisher, observations };
}

/** An open publisher on a clean broker (or on that of `prepared`), with somebody who reads its queues. */
async function openPublisher(options: Partial<RabbitPublisherOptions> = {}, prepared?: QueueReader) {
  const { rabbitUrl } = prepared === undefined ? await testServers() : { rabbitUrl: prepared.url };
  const reader = prepared ?? await QueueReader.connect(rabbitUrl);
  const { publisher, observations } = rabbitPublisher(rabbitUrl, options);
  const openings = new Openings();
  publisher.start(openings);
  await openings.heardAtLeast(1);
  return {
    publisher,
    observations,
    openings,
    reader,
    [Symbol.asyncDispose]: async () => {
      await publisher.close();
      if (prepared === undefined) await reader[Symbol.asyncDispose]();
    },
  };
}

function definedOnly(properties: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}
