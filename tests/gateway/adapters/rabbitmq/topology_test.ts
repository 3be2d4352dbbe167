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

async function openBroker() {
  const { rabbitUrl } = await testServers();
  const model = await connect(rabbitUrl);
  const reader = await QueueReader.connect(rabbitUrl);
  return {
    model,
    reader,
    [Symbol.asyncDispose]: async () => {
      await model.close();
      await reader[Symbol.asyncDispose]();
    },
  };
}
