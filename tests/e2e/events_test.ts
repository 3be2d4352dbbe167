import assert from "node:assert/strict";
import { type Channel, connect, type ConsumeMessage, type Options } from "amqplib";
import { QueueReader } from "../fakes/queue_reader.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import type { EventConsumer } from "./event_consumer.ts";
import { onStage } from "./stage.ts";

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const NO_FAULTS = { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 };

/** Everything that re-serialising would change, in `d` of an event. */
const DELICATE_DATA = [
  '{"id":12345678901234567890123,"small":1e-400,"large":1E+400,"zero":-0,"exact":1.10,"one":1.0}',
  '{"text":"\\u00e9 \\u00C9 \\/ \\" \\\\ \\ud83d\\ude00 \\ud800 \\u0000","é😀":"é😀\u2028"}',
  '{ "spaced" :\t[ 1 ,2 ],\n"__proto__":{"a":1},"2":2,"1":1,"twice":1,"twice":2 }',
  '{"op":11,"t":"READY","s":1,"d":{"op":7,"text":"\\"op\\":9,\\"s\\":99,\\"t\\":\\"X\\"}"}}',
  '"a text"',
  "[]",
  "null",
  "9007199254740993",
  `{"filler":"${"0123456789".repeat(100_000)}"}`,
];

/** Bytes that are no UTF-8: broken off, overlong, a surrogate, beyond the last. */
const INVALID_UTF8 = Uint8Array.of(
  ...new TextEncoder().encode('{"content":"'),
  ...[0xc3, 0x28, 0xff, 0xfe, 0xe2, 0x82, 0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80],
  ...new TextEncoder().encode('"}'),
);

for (
  const [compression, splitMessages] of [["none", 1], ["zlib-stream", 1], ["zlib-stream", 5], [
    "zstd-stream",
    1,
  ]] as const
) {
  Deno.test(
    `Shardline publishes every byte as Discord sent it: ${compression}, keys in any order, in ${splitMessages} piece(s)`,
    onStage({ simulator: { shuffleKeys: true, splitMessages, guilds: 3 } }, async (stage) => {
      const { control } = stage.simulator;
      const consumer = await stage.consumer();
      await stage.startConnected(1, { COMPRESS: compression });
      for (const data of DELICATE_DATA) control.dispatch("MESSAGE_CREATE", data);
      // A WebSocket message of text cannot carry it (RFC 6455, 8.1).
      if (compression !== "none") control.dispatch("MESSAGE_CREATE", INVALID_UTF8);
      control.dispatch("A_NAME_OF_TOMORROW", "{}");
      control.generate(100);
      await consumer.untilComplete(stage.simulator);
      const { expected, ...faults } = consumer.compare(stage.simulator);
      assert.deepEqual(faults, NO_FAULTS);
      assert(expected > 50, `${expected} events`);
      assert.deepEqual(
        control.state().connections.map((connection) => connection.compression),
        [compression],
      );
    }),
  );
}

Deno.test(
  "Shardline publishes the whole payload, its text to the letter",
  onStage({}, async (stage) => {
    const consumer = await stage.consumer();
    await stage.startConnected(1);
    const data = '{"id": 12345678901234567890123, "new_field":"\\u00e9"}';
    stage.simulator.control.dispatch("MESSAGE_CREATE", data);
    const [message] = await messagesOf(consumer, "MESSAGE_CREATE", 1);
    const sequence = Number(message?.properties.messageId.split(":")[1]);
    assert.equal(
      message?.content.toString(),
      `{"t":"MESSAGE_CREATE","s":${sequence},"op":0,"d":${data}}`,
    );
  }),
);

Deno.test(
  "Shardline publishes READY and RESUMED too, and of all else only dispatches with a name",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(1);
    await messagesOf(consumer, "GUILD_CREATE", 1);
    const send = (text: string) => control.sendPayload(new TextEncoder().encode(text));
    control.inject({ fault: "heartbeat" }); // op 1 here, op 11 after it
    send('{"t":"NOT_A_DISPATCH","s":50,"op":5,"d":{}}');
    send('{"t":"NOT_A_DISPATCH","s":51,"op":99,"d":{}}');
    control.inject({ fault: "lose", count: 1 }); // its number is free for the next payload
    control.dispatch("LOST", "{}");
    send(`{"t":null,"s":${control.state().sessions[0]?.sequence},"op":0,"d":{}}`);
    control.dispatch("MESSAGE_CREATE", "{}");
    await messagesOf(consumer, "MESSAGE_CREATE", 1);
    control.inject({ fault: "reset" });
    await gateway.line(({ kind }) => kind === "shard.resumed");
    await messagesOf(consumer, "RESUMED", 1);
    assert.deepEqual(
      consumer.messages.map(({ fields }) => fields.routingKey),
      ["READY", "GUILD_CREATE", "MESSAGE_CREATE", "RESUMED"],
    );
    assert.equal(consumer.repeated, 0);
  }),
);

Deno.test(
  "Shardline gives every event the properties of the contract, and no other",
  onStage({ simulator: { recommendedShards: 2, maxConcurrency: 2 } }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const fromSeconds = Math.floor(Date.now() / 1_000);
    await stage.startConnected(2);
    control.dispatch("MESSAGE_CREATE", "{}", { shard: 1 });
    const [message] = await messagesOf(consumer, "MESSAGE_CREATE", 1);
    const untilSeconds = Math.floor(Date.now() / 1_000);
    assert(message !== undefined);
    const { timestamp, ...properties } = given(message.properties);
    const session = control.state().sessions.find(({ shard }) => shard[0] === 1);
    assert.deepEqual(properties, {
      contentType: "application/json",
      deliveryMode: 2,
      type: "MESSAGE_CREATE",
      messageId: `${session?.id}:${session?.sequence}`,
      expiration: "86400000",
      appId: "shardline",
      headers: { shard: 1 },
    });
    assert(Number.isInteger(timestamp) && timestamp >= fromSeconds && timestamp <= untilSeconds);
    assert.equal(message.fields.exchange, "gateway");
    assert.equal(message.fields.routingKey, "MESSAGE_CREATE");
    const shards = new Set(consumer.messages.map(({ properties }) => properties.headers?.["shard"]));
    assert.deepEqual([...shards].sort(), [0, 1]);
  }),
);

Deno.test(
  "Shardline keeps events for EVENT_TTL seconds, for ever where that is 0, and EVENT_TRANSIENT off the disk",
  onStage({}, async (stage) => {
    const consumer = await stage.consumer();
    const { control } = stage.simulator;
    const publish = async (settings: Record<string, string>) => {
      await using gateway = await stage.startConnected(1, settings);
      const before = (type: string) => consumer.messages.filter(ofType(type)).length;
      const counts = { typing: before("TYPING_START"), created: before("MESSAGE_CREATE") };
      control.dispatch("TYPING_START", "{}");
      control.dispatch("MESSAGE_CREATE", "{}");
      const typing = (await messagesOf(consumer, "TYPING_START", counts.typing + 1)).at(-1);
      const created = (await messagesOf(consumer, "MESSAGE_CREATE", counts.created + 1)).at(-1);
      assert.equal(await gateway.end("SIGTERM"), 0);
      return [typing, created].map((message) => {
        const { deliveryMode, expiration } = message?.properties ?? {};
        return [deliveryMode === 2 ? "persistent" : "transient", expiration];
      });
    };
    assert.deepEqual(await publish({ EVENT_TTL: "0", EVENT_TRANSIENT: "PRESENCE_UPDATE,TYPING_START" }), [
      ["transient", undefined],
      ["persistent", undefined],
    ]);
    assert.deepEqual(await publish({ EVENT_TTL: "7", EVENT_PERSISTENT: "false" }), [
      ["transient", "7000"],
      ["transient", "7000"],
    ]);
  }),
);

Deno.test(
  "Shardline gives an event that it publishes again after a kill the same message_id and body",
  onStage({}, async (stage) => {
    const { simulator, redisUrl } = stage;
    await using line = new TcpProxy(redisUrl);
    const consumer = await stage.consumer();
    const board = await stage.board();
    const killed = stage.start({ REDIS_URL: line.through(redisUrl) });
    await board.until(({ sessions }) => sessions?.["0"]?.["sequence"] === 2);
    line.down(); // from here on, what is published is stored nowhere
    simulator.control.dispatch("MESSAGE_CREATE", '{"content":"once more"}');
    await messagesOf(consumer, "MESSAGE_CREATE", 1);
    await killed.end("SIGKILL");
    const gateway = await stage.startConnected(1);
    await consumer.until(() => consumer.repeated > 0);
    assert.equal(await gateway.end("SIGTERM"), 0);
    const { missing, changed, outOfOrder } = consumer.compare(simulator);
    assert.deepEqual({ missing, changed, outOfOrder }, { missing: 0, changed: 0, outOfOrder: 0 });
    const repeats = consumer.messages.filter(ofType("MESSAGE_CREATE"));
    assert.equal(repeats.length, 2);
    assert.equal(repeats[0]?.properties.messageId, repeats[1]?.properties.messageId);
    assert.deepEqual(repeats[0]?.content, repeats[1]?.content);
  }),
);

const DEFAULT_QUEUES: readonly (readonly [setting: string | null, queues: readonly string[]])[] = [
  [null, ["gateway"]],
  ["gateway", ["gateway"]],
  ["true", ["gateway.recv"]],
  ["gateway.recv", ["gateway.recv"]],
  ["false", []],
  ["gateway, shardline-test.one,shardline-test.two", ["gateway", "shardline-test.one", "shardline-test.two"]],
];
for (const [setting, queues] of DEFAULT_QUEUES) {
  Deno.test(
    `Shardline declares ${
      queues.join(", ") || "no queue"
    } and binds it to every event where DEFAULT_QUEUE is ${setting ?? "unset"}`,
    onStage({ own: { queues: ["shardline-test.one", "shardline-test.two"] } }, async (stage) => {
      const broker = await stage.broker();
      const gateway = await stage.startConnected(1, setting === null ? {} : { DEFAULT_QUEUE: setting });
      for (const queue of ["gateway", "gateway.recv", "shardline-test.one", "shardline-test.two"]) {
        assert.equal(await queueExists(broker, queue), queues.includes(queue), queue);
      }
      stage.simulator.control.dispatch("A_NAME_OF_TOMORROW", "{}");
      for (const queue of queues) {
        assert(await acceptsAsDeclared(broker, queue, { durable: true }), queue);
        const messages = await broker.read(queue, 3);
        assert.deepEqual(messages.map(({ fields }) => fields.routingKey), [
          "READY",
          "GUILD_CREATE",
          "A_NAME_OF_TOMORROW",
        ]);
      }
      const board = await stage.board();
      // With no queue at all, an event is confirmed and done with all the same.
      await board.until(({ sessions }) => sessions?.["0"]?.["sequence"] === 3);
      assert.equal(gateway.count("broker.returned"), 0);
    }),
  );
}

Deno.test(
  "Shardline uses a queue that exists with other arguments as it is, and binds it",
  onStage({ own: { queues: ["shardline-test.quorum", "shardline-test.short"] } }, async (stage) => {
    const broker = await stage.broker();
    const quorum = { durable: true, arguments: { "x-queue-type": "quorum" } };
    const short = { durable: false, maxLength: 5, messageTtl: 60_000 };
    await broker.channel.assertQueue("shardline-test.quorum", quorum);
    await broker.channel.assertQueue("shardline-test.short", short);
    await broker.channel.assertQueue("gateway", short);
    const gateway = await stage.startConnected(1, {
      DEFAULT_QUEUE: "shardline-test.quorum,shardline-test.short,gateway",
    });
    for (const queue of ["shardline-test.quorum", "shardline-test.short", "gateway"]) {
      const messages = await broker.read(queue, 2);
      assert.deepEqual(messages.map(({ fields }) => fields.routingKey), ["READY", "GUILD_CREATE"], queue);
    }
    assert(await acceptsAsDeclared(broker, "shardline-test.quorum", quorum));
    assert(await acceptsAsDeclared(broker, "shardline-test.short", short));
    assert(await acceptsAsDeclared(broker, "gateway", short));
    assert.equal(gateway.count("broker.channel_lost"), 0);
  }),
);

Deno.test(
  "Shardline declares a default queue that is deleted under its hands again, and loses nothing",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const gateway = await stage.startConnected(1);
    {
      await using reader = await QueueReader.connect(stage.rabbitUrl);
      await reader.read("gateway", 2);
    }
    // Nobody consumes it any more, so that it is the return alone that tells.
    const broker = await stage.broker();
    await broker.channel.deleteQueue("gateway");
    for (let number = 1; number <= 50; number += 1) {
      control.dispatch("MESSAGE_CREATE", `{"number":${number}}`);
    }
    await gateway.line(({ kind }) => kind === "broker.returned");
    const consumer = await stage.consumer();
    await consumer.until(() => consumer.seen.size === 50);
    const { changed, outOfOrder } = consumer.compare(stage.simulator);
    assert.deepEqual({ changed, outOfOrder }, { changed: 0, outOfOrder: 0 });
    const numbers = new Set(consumer.messages.map(({ content }) => JSON.parse(content.toString()).d.number));
    assert.deepEqual([...numbers], Array.from({ length: 50 }, (_, index) => index + 1));
  }),
);

Deno.test(
  "Shardline declares the exchanges and the other queues as the contract says",
  onStage({}, async (stage) => {
    const broker = await stage.broker();
    await stage.startConnected(1);
    // The command queue is the last: nothing tells that it is there but the broker.
    while (!await queueExists(broker, "gateway.send"));
    for (const exchange of ["gateway", "gateway.events"]) {
      assert(await accepts(broker, (channel) => channel.checkExchange(exchange)), exchange);
      const declared = (type: string, durable: boolean) =>
        accepts(broker, (channel) => channel.assertExchange(exchange, type, { durable }));
      assert(await declared("topic", true), `${exchange}: a durable topic exchange`);
      assert(!await declared("topic", false), `${exchange}: not transient`);
      assert(!await declared("direct", true), `${exchange}: of no other type`);
    }
    for (
      const [queue, options] of [
        ["gateway.send", { durable: true }],
        ["gateway.send.rejected", { durable: true, maxLength: 10_000 }],
      ] as const
    ) {
      assert(await queueExists(broker, queue), queue);
      assert(await acceptsAsDeclared(broker, queue, options), queue);
      assert(!await acceptsAsDeclared(broker, queue, { ...options, durable: false }), queue);
      assert(!await acceptsAsDeclared(broker, queue, { durable: true, maxLength: 9_999 }), queue);
    }
  }),
);

Deno.test(
  "Shardline tells gateway.events of each change of a shard's status and of each gap",
  onStage({ simulator: { recommendedShards: 2, maxConcurrency: 2 } }, async (stage) => {
    const { control } = stage.simulator;
    const broker = await stage.broker();
    await broker.channel.assertExchange("gateway.events", "topic", { durable: true });
    const news = await broker.bindOwnQueue("gateway.events", "shard.1.*");
    const gateway = await stage.startConnected(2);
    const statuses = (messages: ConsumeMessage[]) =>
      messages.map((message) => {
        const { at, ...said } = contentOf(message);
        assert.match(String(at), ISO_TIME);
        const { contentType, deliveryMode, appId } = message.properties;
        assert.deepEqual([contentType, deliveryMode, appId], ["application/json", 2, "shardline"]);
        return [message.fields.routingKey, said];
      });
    const said = (status: string, waiting_for_turn = false) =>
      ["shard.1.status", { shard: 1, status, waiting_for_turn }] as const;
    const expected = [
      said("Disconnected", true),
      said("Handshaking"),
      said("Identifying"),
      said("Connected"),
    ];
    assert.deepEqual(statuses(await broker.read(news, 4)), expected);

    control.inject({ fault: "reset", shard: 1 });
    await gateway.line(({ kind }) => kind === "shard.resumed");
    expected.push(said("Disconnected"), said("Handshaking"), said("Resuming"), said("Connected"));
    assert.deepEqual(statuses(await broker.read(news, 8)), expected);

    const old = control.state().sessions.find(({ shard }) => shard[0] === 1);
    control.inject({ fault: "invalid-session", resumable: false, shard: 1 });
    await gateway.connected(4);
    const messages = await broker.read(news, 14);
    const gaps = messages.filter(({ fields }) => fields.routingKey === "shard.1.gap");
    assert.equal(gaps.length, 1);
    const { from, to, ...gap } = contentOf(gaps[0]);
    assert.deepEqual(gap, {
      shard: 1,
      old_session: old?.id,
      new_session: control.state().sessions.find(({ shard }) => shard[0] === 1)?.id,
      last_sequence: old?.sequence,
      reason: "invalid_session",
    });
    for (const time of [from, to]) assert.match(String(time), ISO_TIME);
    assert(String(from) < String(to));
  }),
);

Deno.test(
  "Shardline keeps the order of each shard's events through resets, op 7 and duplicates",
  onStage(
    {
      simulator: {
        recommendedShards: 4,
        maxConcurrency: 4,
        guilds: 16,
        trimReplay: true,
        heartbeatIntervalMs: 200,
      },
    },
    async (stage) => {
      const { control } = stage.simulator;
      const consumer = await stage.consumer();
      await stage.startConnected(4);
      const resumed = (count: number) =>
        control.until(() => (control.state().statistics.happenings["resumed"] ?? 0) >= count);
      control.generate(500);
      control.inject({ fault: "reset", shard: 0 });
      control.inject({ fault: "reconnect", shard: 1 });
      control.inject({ fault: "duplicate", shard: 2, count: 20 });
      control.inject({ fault: "invalid-session", resumable: true, shard: 3 });
      control.generate(500);
      await resumed(3);
      control.generate(500);
      await consumer.untilComplete(stage.simulator);
      const { expected, ...faults } = consumer.compare(stage.simulator);
      assert.deepEqual(faults, NO_FAULTS);
      assert(expected > 500, `${expected} events`);
    },
  ),
);

function ofType(type: string): (message: ConsumeMessage) => boolean {
  return ({ fields }) => fields.routingKey === type;
}

/** The events of one name, once there are so many. */
async function messagesOf(consumer: EventConsumer, type: string, count: number): Promise<ConsumeMessage[]> {
  await consumer.until(() => consumer.messages.filter(ofType(type)).length >= count);
  return consumer.messages.filter(ofType(type));
}

function contentOf(message: ConsumeMessage | undefined): Record<string, unknown> {
  return JSON.parse(message?.content.toString() ?? "null");
}

/** Properties without those that were not set. */
function given(properties: ConsumeMessage["properties"]): Record<string, unknown> & { timestamp: number } {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(entries), timestamp: properties.timestamp };
}

async function queueExists(broker: QueueReader, queue: string): Promise<boolean> {
  return await accepts(broker, (channel) => channel.checkQueue(queue));
}

/** True where the broker has the queue with exactly these arguments, or did not have it. */
async function acceptsAsDeclared(
  broker: QueueReader,
  queue: string,
  options: Options.AssertQueue,
): Promise<boolean> {
  return await accepts(broker, (channel) => channel.assertQueue(queue, options));
}

/** Whether the broker does what is asked; a refusal costs the channel, so each question has a connection. */
async function accepts(broker: QueueReader, ask: (channel: Channel) => Promise<unknown>): Promise<boolean> {
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  channel.on("error", () => {}); // the question's own answer says the same
  const accepted = await ask(channel).then(() => true, () => false);
  await connection.close();
  return accepted;
}
