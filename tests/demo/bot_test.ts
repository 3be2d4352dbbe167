import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect, type ConsumeMessage } from "amqplib";
import { ExampleBot, type ReceivedEvent } from "../../demo/bot.ts";
import { beforeDeadline } from "../deadline.ts";
import { QueueReader } from "../fakes/queue_reader.ts";
import { testServers } from "../servers.ts";

/** A gateway as far as a bot can see one: it publishes events, and takes and answers commands. */
async function fakeGateway(rabbitUrl: string) {
  const reader = await QueueReader.connect(rabbitUrl);
  const { channel } = reader;
  await channel.assertExchange("gateway", "topic", { durable: true });
  await channel.assertQueue("gateway", { durable: true });
  await channel.bindQueue("gateway", "gateway", "#");
  await channel.assertQueue("gateway.send", { durable: true });
  return {
    publish(messageId: string, type: string, d: unknown): void {
      this.publishBody(messageId, type, JSON.stringify({ op: 0, t: type, s: 1, d }));
    },
    publishBody(messageId: string, type: string, body: string): void {
      channel.publish("gateway", type, Buffer.from(body), { messageId, type, headers: { shard: 3 } });
    },
    commands: (count: number) => reader.read("gateway.send", count),
    reply({ properties }: ConsumeMessage, outcome: unknown): void {
      const { replyTo, correlationId } = properties;
      channel.sendToQueue(replyTo, Buffer.from(JSON.stringify(outcome)), { correlationId });
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

/** Discord's REST API, which only writes down. */
function fakeRest(requests: { path: string; authorization: string | null; body: unknown }[], status: number) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    requests.push({
      path: new URL(request.url).pathname,
      authorization: request.headers.get("authorization"),
      body: await request.json(),
    });
    return new Response("{}", { status });
  });
}

/** Collects what a bot tells, and says when so much has come. */
function collector<Item>() {
  const items: Item[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  return {
    items,
    add: (item: Item) => {
      items.push(item);
      for (const { count, resolve } of waiting) if (items.length >= count) resolve();
    },
    until: (count: number) =>
      beforeDeadline(
        new Promise<void>((resolve) => items.length >= count ? resolve() : waiting.push({ count, resolve })),
        () => `of ${count} these have come: ${JSON.stringify(items)}`,
      ),
  };
}

async function messagesLeft(rabbitUrl: string): Promise<number> {
  const connection = await connect(rabbitUrl);
  const { messageCount } = await (await connection.createChannel()).checkQueue("gateway");
  await connection.close();
  return messageCount;
}

Deno.test("ExampleBot answers !ping once, drops the repeat, and acknowledges both", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl);
  const requests: { path: string; authorization: string | null; body: unknown }[] = [];
  await using rest = fakeRest(requests, 200);
  const seen = collector<ReceivedEvent>();
  const restUrl = `http://127.0.0.1:${rest.addr.port}/api/v10`;
  const bot = await ExampleBot.start({ rabbitUrl, restUrl, token: "letters", observe: seen.add });

  const ping = { channel_id: "42", content: "!ping", author: {} };
  gateway.publish("s:1", "MESSAGE_CREATE", ping);
  gateway.publish("s:1", "MESSAGE_CREATE", ping);
  gateway.publish("s:2", "MESSAGE_CREATE", { ...ping, content: "hello" });
  gateway.publish("s:3", "MESSAGE_CREATE", { ...ping, author: { bot: true } });
  await seen.until(4);
  await bot.stop();

  assert.deepEqual(seen.items.map(({ id, repeated }) => [id, repeated]), [
    ["s:1", false],
    ["s:1", true],
    ["s:2", false],
    ["s:3", false],
  ]);
  assert.deepEqual(requests, [
    { path: "/api/v10/channels/42/messages", authorization: "Bot letters", body: { content: "Pong!" } },
  ]);
  assert.equal(bot.counts.answered, 1);
  assert.equal(await messagesLeft(rabbitUrl), 0);
});

Deno.test("ExampleBot goes on when Discord refuses its answer", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl);
  await using rest = fakeRest([], 403);
  const seen = collector<ReceivedEvent>();
  const restUrl = `http://127.0.0.1:${rest.addr.port}/api/v10`;
  const bot = await ExampleBot.start({ rabbitUrl, restUrl, token: "letters", observe: seen.add });
  gateway.publish("s:1", "MESSAGE_CREATE", { channel_id: "42", content: "!ping" });
  gateway.publish("s:2", "TYPING_START", {});
  await seen.until(2);
  await bot.stop();
  assert.deepEqual([bot.counts.answered, bot.counts.unanswered], [0, 1]);
  assert.equal(await messagesLeft(rabbitUrl), 0);
});

Deno.test("ExampleBot goes on when Discord cannot be reached", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl);
  const seen = collector<ReceivedEvent>();
  const bot = await ExampleBot.start({
    rabbitUrl,
    restUrl: "http://127.0.0.1:1",
    token: "letters",
    observe: seen.add,
  });
  gateway.publish("s:1", "MESSAGE_CREATE", { channel_id: "42", content: "!ping" });
  await seen.until(1);
  await bot.stop();
  assert.deepEqual([bot.counts.answered, bot.counts.unanswered], [0, 1]);
});

Deno.test("ExampleBot sets its presence on READY, asks for members on GUILD_CREATE, and tells the outcomes", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl);
  const outcomes = collector<boolean>();
  const bot = await ExampleBot.start({
    rabbitUrl,
    restUrl: "http://127.0.0.1:1",
    token: "letters",
    observeOutcome: outcomes.add,
  });
  gateway.publish("s:1", "READY", { session_id: "s" });
  gateway.publish("s:2", "GUILD_CREATE", { id: "7", unavailable: true });
  gateway.publish("s:3", "GUILD_CREATE", { id: "8" });

  const [presence, members] = await beforeDeadline(gateway.commands(2), () => "two commands were expected");
  assert.ok(presence && members);
  assert.deepEqual([presence, members].map(({ content }) => JSON.parse(content.toString())), [
    {
      op: 0,
      shard: 3,
      data: {
        op: 3,
        d: { since: null, activities: [{ name: "the demo", type: 3 }], status: "online", afk: false },
      },
    },
    { op: 0, shard: 3, data: { op: 8, d: { guild_id: "8", query: "a", limit: 10 } } },
  ]);
  gateway.reply(presence, { ok: true });
  gateway.reply(members, { ok: false, error: "shard_unknown", message: "no such shard" });
  await outcomes.until(2);
  assert.deepEqual(outcomes.items, [true, false]);
  await bot.stop();
});

Deno.test("ExampleBot counts events whose body it cannot read, acknowledges them and goes on", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl);
  await using rest = fakeRest([], 200);
  const seen = collector<ReceivedEvent>();
  const restUrl = `http://127.0.0.1:${rest.addr.port}/api/v10`;
  const bot = await ExampleBot.start({ rabbitUrl, restUrl, token: "letters", observe: seen.add });
  const bodies = ["{", "", "null", "7", '{"d":null}', '{"d":"text"}', '{"d":{"author":null}}'];
  for (const [index, body] of bodies.entries()) {
    gateway.publishBody(`m:${index}`, "MESSAGE_CREATE", body);
    gateway.publishBody(`g:${index}`, "GUILD_CREATE", body);
  }
  gateway.publish("s:1", "MESSAGE_CREATE", { channel_id: "42", content: "!ping" });
  await seen.until(2 * bodies.length + 1);
  await bot.stop();
  assert.deepEqual(bot.counts, { answered: 1, unanswered: 0, unreadable: 4 });
  assert.equal(await messagesLeft(rabbitUrl), 0);
});
