import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import { RabbitNotices } from "../../../../gateway/adapters/rabbitmq/notices.ts";
import { type Clock, systemClock } from "../../../../gateway/clock.ts";
import type { NewsOutcome } from "../../../../gateway/delivery/notices.ts";
import { testNoticesContract } from "../../../contracts/notices_contract.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { Observations } from "../../../fakes/observations.ts";
import { QueueReader } from "../../../fakes/queue_reader.ts";
import { TcpProxy } from "../../../../harness/tcp_proxy.ts";
import { testServers } from "../../../servers.ts";

testNoticesContract("RabbitMQ", async () => {
  const subject = await openNotices();
  const { notices, reader } = subject;
  const clientQueue = (await reader.channel.assertQueue("", { exclusive: true })).queue;
  return {
    notices,
    away: () => subject.away(),
    back: () => subject.proxy.up(),
    newsMax: 1_000,
    rejections: async (count) =>
      (await reader.read("gateway.send.rejected", count)).map(({ content, properties }) => ({
        body: content,
        reason: properties.headers?.["reason"],
      })),
    news: async (count) =>
      (await reader.read(subject.newsQueue, count)).map(({ content, fields }) => ({
        routingKey: fields.routingKey,
        body: JSON.parse(content.toString()),
      })),
    clientQueue,
    replies: async (count) =>
      (await reader.read(clientQueue, count)).map(({ content, properties }) => ({
        correlationId: properties.correlationId,
        body: JSON.parse(content.toString()),
      })),
    [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
  };
});

Deno.test("RabbitNotices.reply() reaches a client that waits by direct reply-to on a connection of its own", async () => {
  await using subject = await openNotices();
  const { channel } = subject.reader;
  const answered = Promise.withResolvers<string>();
  await channel.consume("amq.rabbitmq.reply-to", (message) => answered.resolve(String(message?.content)), {
    noAck: true,
  });
  await channel.assertQueue("gateway.send", { durable: true });
  channel.sendToQueue("gateway.send", Buffer.from("{}"), { replyTo: "amq.rabbitmq.reply-to" });
  const [request] = await subject.reader.read("gateway.send", 1);
  subject.notices.reply(request?.properties.replyTo, undefined, { ok: true });
  assert.equal(await answered.promise, '{"ok":true}');
});

Deno.test("RabbitNotices.reply() to a client that is gone harms nothing", async () => {
  await using subject = await openNotices();
  subject.notices.reply("gone", "c-1", { ok: true });
  subject.notices.reply("x".repeat(1_000), "c-1", { ok: true });
  await subject.notices.reject(Buffer.from("any"), "not_json");
  assert.deepEqual(subject.observations.of("broker.channel_lost"), []);
});

Deno.test("RabbitNotices.reply() keeps the latest thousand for a broker that does not read", async () => {
  await using subject = await openNotices();
  const { queue } = await subject.reader.channel.assertQueue("", { exclusive: true });
  subject.proxy.hold();
  for (let number = 0; number < 2_300; number++) subject.notices.reply(queue, String(number), { ok: true });
  subject.proxy.release();
  const replies = await subject.reader.read(queue, 2_000);
  const sentAtOnce = Array.from({ length: 1_000 }, (_, index) => String(index));
  const keptWaiting = Array.from({ length: 1_000 }, (_, index) => String(index + 1_300));
  assert.deepEqual(replies.map(({ properties }) => properties.correlationId), [
    ...sentAtOnce,
    ...keptWaiting,
  ]);
});

Deno.test("RabbitNotices.reply() is not sent a second time where the broker went away with it", async () => {
  await using subject = await openNotices();
  const { queue } = await subject.reader.channel.assertQueue("", { exclusive: true });
  subject.proxy.hold();
  subject.notices.reply(queue, "once", { ok: true });
  await subject.reader.read(queue, 1);
  subject.proxy.cut();
  subject.proxy.release();
  await subject.observations.first("broker.lost");
  subject.notices.reply(queue, "later", { ok: true });
  const replies = await subject.reader.read(queue, 2);
  assert.deepEqual(replies.map(({ properties }) => properties.correlationId), ["once", "later"]);
});

Deno.test("RabbitNotices.reply() that its queue refuses harms nothing", async () => {
  await using subject = await openNotices();
  const { queue } = await subject.reader.channel.assertQueue("", {
    exclusive: true,
    maxLength: 0,
    overflow: "reject-publish",
  });
  subject.notices.reply(queue, "c-1", { ok: true });
  await subject.notices.reject(Buffer.from("any"), "not_json"); // answered after the reply
  assert.deepEqual(subject.observations.of("broker.channel_lost"), []);
});

Deno.test("RabbitNotices says of every message that it is ours, and of JSON that it is JSON", async () => {
  await using subject = await openNotices();
  subject.notices.news("shard.0.status", {});
  await subject.notices.reject(Buffer.from("any"), "not_json");
  const [news] = await subject.reader.read(subject.newsQueue, 1);
  const [rejection] = await subject.reader.read("gateway.send.rejected", 1);
  assert.equal(news?.properties.contentType, "application/json");
  for (const message of [news, rejection]) {
    assert.equal(message?.properties.appId, "shardline");
    assert.equal(message?.properties.deliveryMode, 2);
    assert.equal(typeof message?.properties.timestamp, "number");
  }
});

Deno.test("RabbitNotices.reject() stores the command when its queue vanished and is declared again", async () => {
  await using subject = await openNotices();
  await subject.reader.channel.deleteQueue("gateway.send.rejected");
  await subject.notices.reject(Buffer.from("kept"), "not_json");
  const [rejection] = await subject.reader.read("gateway.send.rejected", 1);
  assert.equal(String(rejection?.content), "kept");
  assert.deepEqual(subject.observations.of("broker.channel_lost").map(({ error }) => error), [
    "queue gateway.send.rejected is gone",
  ]);
});

Deno.test("RabbitNotices.reject() rejects when the connection is closed for good", async () => {
  await using subject = await openNotices();
  await subject.away();
  const stored = assert.rejects(
    subject.notices.reject(Buffer.from("any"), "not_json"),
    /the service is stopping/,
  );
  await subject.connection.close();
  await stored;
  await assert.rejects(subject.notices.reject(Buffer.from("late"), "not_json"), /the service is stopping/);
  subject.notices.news("shard.0.status", {});
});

Deno.test("RabbitNotices.news() keeps the latest thousand while the broker is away, and counts the others", async () => {
  await using subject = await openNotices();
  await subject.away();
  for (let number = 0; number < 1_250; number++) subject.notices.news("shard.0.status", { number });
  subject.proxy.up();
  const received = await subject.reader.read(subject.newsQueue, 1_000);
  const numbers = received.map(({ content }) => JSON.parse(content.toString()).number);
  assert.deepEqual(numbers, Array.from({ length: 1_000 }, (_, index) => index + 250));
  assert.deepEqual(subject.observations.of("news.dropped"), [{ kind: "news.dropped", count: 250 }]);
});

Deno.test("RabbitNotices.news() bounds what waits for a broker that does not read", async () => {
  await using subject = await openNotices();
  subject.proxy.hold();
  for (let number = 0; number < 2_300; number++) subject.notices.news("shard.0.status", { number });
  subject.proxy.release();
  const received = await subject.reader.read(subject.newsQueue, 2_000);
  const numbers = received.map(({ content }) => JSON.parse(content.toString()).number);
  const sentAtOnce = Array.from({ length: 1_000 }, (_, index) => index);
  const keptWaiting = Array.from({ length: 1_000 }, (_, index) => index + 1_300);
  assert.deepEqual(numbers, [...sentAtOnce, ...keptWaiting]);
  assert.deepEqual(subject.observations.of("news.dropped"), [{ kind: "news.dropped", count: 300 }]);
});

Deno.test("RabbitNotices.news() is sent again, and confirmed once, where the broker went away with it", async () => {
  await using subject = await openNotices();
  const outcomes: NewsOutcome[] = [];
  subject.proxy.hold();
  const confirmed = new Promise<void>((resolve) =>
    subject.notices.news("shard.0.gap", {}, (outcome) => {
      outcomes.push(outcome);
      resolve();
    })
  );
  await subject.reader.read(subject.newsQueue, 1);
  subject.proxy.cut();
  subject.proxy.release();
  assert.deepEqual(outcomes, []);
  await confirmed;
  assert.equal((await subject.reader.read(subject.newsQueue, 2)).length, 2);
  assert.deepEqual(outcomes, ["confirmed"]);
});

Deno.test("RabbitNotices.news() is published again until every queue takes it", async () => {
  await using subject = await openNotices();
  const { channel } = subject.reader;
  const { queue } = await channel.assertQueue("", {
    exclusive: true,
    maxLength: 0,
    overflow: "reject-publish",
  });
  await channel.bindQueue(queue, "gateway.events", "#");
  const outcomes: NewsOutcome[] = [];
  const confirmed = new Promise<void>((resolve) =>
    subject.notices.news("shard.0.gap", {}, (outcome) => {
      outcomes.push(outcome);
      resolve();
    })
  );
  const [lost] = await subject.observations.first("broker.channel_lost");
  assert.equal(lost?.error, "the broker refused a message to shard.0.gap");
  assert.deepEqual(outcomes, []);
  await channel.deleteQueue(queue);
  await confirmed;
  assert.deepEqual(outcomes, ["confirmed"]);
});

Deno.test("RabbitNotices.news() is told nothing any more when the connection is closed for good", async () => {
  const clock = new ManualClock();
  await using subject = await openNotices(clock);
  const outcomes: NewsOutcome[] = [];
  const tell = () => subject.notices.news("shard.0.gap", {}, (outcome) => outcomes.push(outcome));
  subject.proxy.hold();
  for (let number = 0; number < 2_000; number++) tell(); // as many as there is room for
  const closed = subject.connection.close();
  tell();
  await clock.untilScheduled(2_000);
  clock.advance(2_000); // for a broker that does not answer
  await closed;
  assert.deepEqual(outcomes, []);
});

/** Notices that have their channel, on a clean broker behind a line that can be cut. */
async function openNotices(clock: Clock = systemClock) {
  const { rabbitUrl } = await testServers();
  const proxy = new TcpProxy(rabbitUrl);
  const observations = new Observations();
  const reader = await QueueReader.connect(rabbitUrl);
  const connection = new RabbitConnection({
    url: proxy.through(rabbitUrl),
    purpose: "publishing",
    clock,
    dice: Math.random,
    observe: observations.observe,
  });
  const notices = new RabbitNotices(connection, { clock, observe: observations.observe });
  await reader.channel.assertExchange("gateway.events", "topic", { durable: true });
  const newsQueue = await reader.bindOwnQueue("gateway.events", "#");
  connection.start();
  await notices.reject(new Uint8Array(), "to see that the channel is open");
  await reader.channel.purgeQueue("gateway.send.rejected");
  return {
    connection,
    notices,
    observations,
    proxy,
    reader,
    newsQueue,
    /** Resolves when the loss has been noticed. */
    away: async () => {
      proxy.down();
      await observations.first("broker.lost");
    },
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await reader[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
