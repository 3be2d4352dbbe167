import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "amqplib";
import {
  declareForCommands,
  declareForEvents,
  declareForNotices,
} from "../../../../gateway/adapters/rabbitmq/topology.ts";
import { QueueReader } from "../../../fakes/queue_reader.ts";
import { testServers } from "../../../servers.ts";

/** 406 is what RabbitMQ answers where something exists with other properties: these are the contract's. */
Deno.test("The topology is durable, of the contract's types, and bounds what was refused", async () => {
  await using broker = await openBroker();
  await declareForEvents(broker.model, ["gateway", "gateway.recv"]);
  await declareForNotices(broker.model);
  await declareForCommands(broker.model);
  const { channel } = broker.reader;
  for (const exchange of ["gateway", "gateway.events"]) {
    await channel.assertExchange(exchange, "topic", { durable: true });
  }
  for (const queue of ["gateway", "gateway.recv", "gateway.send"]) {
    await channel.assertQueue(queue, { durable: true });
  }
  await channel.assertQueue("gateway.send.rejected", { durable: true, maxLength: 10_000 });
});

Deno.test("The topology can be declared again and again", async () => {
  await using broker = await openBroker();
  for (let time = 0; time < 2; time++) {
    await declareForEvents(broker.model, ["gateway"]);
    await declareForNotices(broker.model);
    await declareForCommands(broker.model);
  }
});

Deno.test("declareForEvents() uses and binds a queue that exists with other arguments", async () => {
  await using broker = await openBroker();
  const { channel } = broker.reader;
  await channel.assertQueue("gateway", { durable: true, arguments: { "x-queue-type": "quorum" } });
  await declareForEvents(broker.model, ["gateway"]);
  channel.publish("gateway", "MESSAGE_CREATE", Buffer.from("event"));
  const [message] = await broker.reader.read("gateway", 1);
  assert.equal(String(message?.content), "event");
});

Deno.test("The queues of commands may exist with other arguments", async () => {
  await using broker = await openBroker();
  const { channel } = broker.reader;
  await channel.assertQueue("gateway.send", { durable: true, maxLength: 5 });
  await channel.assertQueue("gateway.send.rejected", { durable: true, maxLength: 5 });
  await declareForCommands(broker.model);
  await declareForNotices(broker.model);
});

Deno.test("declareForEvents() uses a topic exchange that exists with other properties", async () => {
  await using broker = await openBroker();
  const { channel } = broker.reader;
  await channel.assertExchange("gateway", "topic", { durable: false });
  await declareForEvents(broker.model, ["gateway"]);
  channel.publish("gateway", "MESSAGE_CREATE", Buffer.from("event"));
  assert.equal((await broker.reader.read("gateway", 1)).length, 1);
});

Deno.test("declareForEvents() says what to do about an exchange of another type, and harms nothing", async () => {
  await using broker = await openBroker();
  await broker.reader.channel.assertExchange("gateway", "fanout", { durable: true });
  await assert.rejects(
    declareForEvents(broker.model, ["gateway"]),
    /Cannot declare topic exchange gateway: it exists with another type; delete it/,
  );
  await broker.reader.channel.deleteExchange("gateway");
  await declareForEvents(broker.model, ["gateway"]);
});

Deno.test("declareForEvents() rejects where a queue is another connection's own", async () => {
  await using broker = await openBroker();
  await broker.reader.channel.assertQueue("gateway", { exclusive: true });
  await assert.rejects(declareForEvents(broker.model, ["gateway"]), /RESOURCE_LOCKED/);
});

/** Header and queue of a partition, as the contract has them. */
async function assertPartitionsWork(broker: Broker, count: number): Promise<void> {
  for (let partition = 0; partition < count; partition++) {
    broker.reader.channel.publish("gateway", "MESSAGE_CREATE", Buffer.from(`${partition}`), {
      headers: { partition },
    });
  }
  for (let partition = 0; partition < count; partition++) {
    const [message] = await broker.reader.read(`gateway.p${partition}`, 1);
    assert.equal(String(message?.content), `${partition}`);
  }
}

Deno.test("declareForEvents() declares queues and partitions, however many, on one channel, and closes it", async () => {
  await using broker = await openBroker();
  for (let time = 1; time <= 2; time++) {
    await declareForEvents(broker.model, ["gateway", "gateway.recv"], 4);
    assert.deepEqual(broker.channels, { opened: time, closed: time });
  }
  await assertPartitionsWork(broker, 4);
});

Deno.test("declareForEvents() uses partitions' queues that exist with other arguments, and declares all others", async () => {
  await using broker = await openBroker();
  const { channel } = broker.reader;
  for (const queue of ["gateway.p1", "gateway.p3"]) await channel.assertQueue(queue, { maxLength: 7 });
  await declareForEvents(broker.model, ["gateway"], 4);
  assert.deepEqual(broker.channels, { opened: 3, closed: 3 }, "a refusal costs a channel");
  await assertPartitionsWork(broker, 4);
});

Deno.test("declareForEvents() rejects, and leaves no channel, where a partition's queue is another connection's own", async () => {
  await using broker = await openBroker();
  await broker.reader.channel.assertQueue("gateway.p1", { exclusive: true });
  await assert.rejects(declareForEvents(broker.model, [], 3), /RESOURCE_LOCKED/);
  assert.equal(broker.channels.closed, broker.channels.opened);
});

type Broker = Awaited<ReturnType<typeof openBroker>>;

async function openBroker() {
  const { rabbitUrl } = await testServers();
  const model = await connect(rabbitUrl);
  const channels = { opened: 0, closed: 0 };
  const createChannel = model.createChannel.bind(model);
  model.createChannel = async () => {
    const channel = await createChannel();
    channels.opened += 1;
    channel.on("close", () => channels.closed += 1);
    return channel;
  };
  const reader = await QueueReader.connect(rabbitUrl);
  return {
    model,
    channels,
    reader,
    [Symbol.asyncDispose]: async () => {
      await model.close();
      await reader[Symbol.asyncDispose]();
    },
  };
}
