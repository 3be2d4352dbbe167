import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RabbitCommandSource } from "../../../../gateway/adapters/rabbitmq/command_source.ts";
import { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import { ReceivedCommands, testCommandSourceContract } from "../../../contracts/command_source_contract.ts";
import { Observations } from "../../../fakes/observations.ts";
import { QueueReader } from "../../../fakes/queue_reader.ts";
import { TcpProxy } from "../../../../harness/tcp_proxy.ts";
import { testServers } from "../../../servers.ts";

testCommandSourceContract("RabbitMQ", async () => {
  const { rabbitUrl } = await testServers();
  const proxy = new TcpProxy(rabbitUrl);
  const { source } = rabbitCommandSource(proxy.through(rabbitUrl));
  const sender = await QueueReader.connect(rabbitUrl);
  // The sender may come first, as a bot may.
  await sender.channel.assertQueue("gateway.send", { durable: true });
  return {
    source,
    send: (body, { sentAtMs, ...properties } = {}) => {
      const timestamp = sentAtMs === undefined ? {} : { timestamp: sentAtMs / 1_000 };
      sender.channel.sendToQueue("gateway.send", Buffer.from(body), { ...properties, ...timestamp });
      return Promise.resolve();
    },
    interrupt: () => proxy.cut(),
    open: () => {},
    first: async () =>
      (await sender.read("gateway.send", 1)).map(({ content }) => content.toString())[0] ?? "",
    [Symbol.asyncDispose]: async () => {
      await source.close();
      await sender[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
});

Deno.test("RabbitCommandSource declares its queue again, and goes on, when it was deleted", async () => {
  const { rabbitUrl } = await testServers();
  await using sender = await QueueReader.connect(rabbitUrl);
  const { source, observations } = rabbitCommandSource(rabbitUrl);
  const received = new ReceivedCommands();
  await sender.channel.assertQueue("gateway.send", { durable: true });
  source.start(received.handle);
  sender.channel.sendToQueue("gateway.send", Buffer.from("first"));
  const first = await received.nth(1);
  await sender.channel.deleteQueue("gateway.send");
  const [lost] = await observations.first("broker.channel_lost");
  assert.equal(lost?.error, "queue gateway.send is gone");
  assert.equal(first.current, false);
  await sender.channel.assertQueue("gateway.send", { durable: true });
  sender.channel.sendToQueue("gateway.send", Buffer.from("second"));
  await received.nth(2);
  assert.deepEqual(received.bodies, ["first", "second"]);
  await source.close();
});

Deno.test("RabbitCommandSource is not given more than ten thousand commands that it has not acknowledged", async () => {
  const { rabbitUrl } = await testServers();
  await using sender = await QueueReader.connect(rabbitUrl);
  await sender.channel.assertQueue("gateway.send", { durable: true });
  for (let count = 0; count < 10_001; count++) {
    sender.channel.sendToQueue("gateway.send", Buffer.from(`${count}`));
  }
  await sender.channel.checkQueue("gateway.send"); // the broker has them all
  const { source } = rabbitCommandSource(rabbitUrl);
  const received = new ReceivedCommands();
  source.start(received.handle);
  await received.nth(10_000);
  assert.equal((await sender.channel.checkQueue("gateway.send")).messageCount, 1);
  received.all[0]?.acknowledge();
  await received.nth(10_001);
  await source.close();
});

Deno.test("RabbitCommandSource keeps its channel when a command is acknowledged twice", async () => {
  const { rabbitUrl } = await testServers();
  await using sender = await QueueReader.connect(rabbitUrl);
  await sender.channel.assertQueue("gateway.send", { durable: true });
  const { source, observations } = rabbitCommandSource(rabbitUrl);
  const received = new ReceivedCommands();
  source.start(received.handle);
  sender.channel.sendToQueue("gateway.send", Buffer.from("first"));
  const first = await received.nth(1);
  first.acknowledge();
  first.acknowledge();
  sender.channel.sendToQueue("gateway.send", Buffer.from("second"));
  await received.nth(2);
  assert.deepEqual(observations.of("broker.channel_lost"), []);
  await source.close();
});

Deno.test("RabbitCommandSource takes any timestamp that AMQP can carry", async () => {
  const { rabbitUrl } = await testServers();
  await using sender = await QueueReader.connect(rabbitUrl);
  await sender.channel.assertQueue("gateway.send", { durable: true });
  sender.channel.sendToQueue("gateway.send", Buffer.from("never"), { timestamp: 2 ** 63 });
  const { source } = rabbitCommandSource(rabbitUrl);
  const received = new ReceivedCommands();
  source.start(received.handle);
  assert.equal((await received.nth(1)).sentAtMs, 2 ** 63 * 1_000);
  await source.close();
});

function rabbitCommandSource(url: string) {
  const observations = new Observations();
  const source = new RabbitCommandSource(
    new RabbitConnection({
      url,
      purpose: "consuming",
      clock: systemClock,
      dice: Math.random,
      observe: observations.observe,
    }),
  );
  return { source, observations };
}
