import assert from "node:assert/strict";
import { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import {
  RabbitPublisher,
  type RabbitPublisherOptions,
} from "../../../../gateway/adapters/rabbitmq/publisher.ts";
import { type Clock, type Dice, systemClock } from "../../../../gateway/clock.ts";
import { Partitions } from "../../../../gateway/delivery/partitions.ts";
import type { Publisher, PublishOutcome } from "../../../../gateway/delivery/publisher.ts";
import { type RabbitServer, startRabbit } from "../../../../harness/rabbitmq.ts";
import {
  confirmation,
  Openings,
  outcomeOf,
  outgoingEvent,
  type PublisherSubject,
  testPublisherContract,
  testPublisherLimitContract,
} from "../../../contracts/publisher_contract.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { Observations } from "../../../fakes/observations.ts";
import { QueueReader } from "../../../fakes/queue_reader.ts";
import { TcpProxy } from "../../../../harness/tcp_proxy.ts";
import { testServers } from "../../../servers.ts";
import { BrokerControl } from "./broker_control.ts";
import { behindState } from "../../state/behind_state.ts";
import { connectionFrame } from "./connection_frame.ts";

/** A broker of our own, whose limits can be set. Started before any test: what it holds open is nobody's leak. */
const ownBroker: RabbitServer = await startRabbit();
const control = new BrokerControl(ownBroker);

Deno.test.afterAll(() => ownBroker.server.stop());

const BODY_MAX_BYTES = 1_000;
/** What RabbitMQ 3.10 takes where nothing is set. */
const USUAL_BODY_MAX_BYTES = 134_217_728;

for (
  const [name, around] of [
    ["RabbitMQ", (publisher: Publisher) => publisher],
    ["RabbitMQ behind the state cache", behindState],
  ] as const
) {
  testPublisherContract(name, async () => rabbitSubject((await testServers()).rabbitUrl, around));

  testPublisherLimitContract(name, async () => {
    await using _clean = await cleanOwnBroker();
    await control.limitBodies(BODY_MAX_BYTES);
    const subject = await rabbitSubject(ownBroker.url, around);
    return {
      ...subject,
      bodyMaxBytes: BODY_MAX_BYTES,
      [Symbol.asyncDispose]: async () => {
        await subject[Symbol.asyncDispose]();
        await control.limitBodies(USUAL_BODY_MAX_BYTES);
      },
    };
  });
}

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

Deno.test("RabbitPublisher.publish() keeps bodies of several frames whole and in order among small ones of the same turn", async () => {
  await using broker = await openPublisher();
  const bodyOf = (length: number) => Uint8Array.from({ length }, (_, index) => index % 251);
  const events = [200, 300_000, 300, 40_000, 0].map((length, index) =>
    outgoingEvent(index + 1, { body: bodyOf(length) })
  );
  await Promise.all(events.map((event) => confirmation(broker.publisher, event)));
  const messages = await broker.reader.read("gateway", events.length);
  assert.deepEqual(
    messages.map(({ properties, content }) => [properties.messageId, new Uint8Array(content)]),
    events.map(({ session, sequence, body }) => [`${session}:${sequence}`, body]),
  );
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

Deno.test("RabbitPublisher declares partitions beside whatever is there, and each event goes to its own", async () => {
  await using reader = await preparedForPartitions();
  await using broker = await openPublisher({ queues: [], partitions: new Partitions(3) }, reader);
  for (const partition of [2, 0, 1, 2]) {
    await confirmation(broker.publisher, outgoingEvent(10 + partition, { partition }));
  }
  for (const [partition, count] of [1, 1, 2].entries()) {
    const messages = await broker.reader.read(`gateway.p${partition}`, count);
    assert.deepEqual(
      messages.map(({ properties }) => properties.headers),
      new Array(count).fill({ shard: 3, partition }),
    );
  }
});

Deno.test("RabbitPublisher declares a partition's queue again when it vanished, before it opens again", async () => {
  await using reader = await preparedForPartitions();
  await using broker = await openPublisher({ queues: [], partitions: new Partitions(3) }, reader);
  await broker.reader.channel.deleteQueue("gateway.p1");
  broker.publisher.publish(outgoingEvent(1, { partition: 1 }), () => {});
  await broker.openings.heardAtLeast(3);
  assert.deepEqual(broker.openings.heard, ["opened", "closed", "opened"]);
  await confirmation(broker.publisher, outgoingEvent(1, { partition: 1 }));
  assert.equal((await broker.reader.read("gateway.p1", 1)).length, 1);
});

Deno.test("RabbitPublisher declares a queue again that vanished while another takes the events", async () => {
  const clock = new ManualClock();
  await using broker = await openPublisher({ clock, partitions: new Partitions(3) });
  const others = await broker.reader.bindOwnQueue("gateway", "#");
  for (const queue of ["gateway", "gateway.p1"]) await broker.reader.channel.deleteQueue(queue);
  await confirmation(broker.publisher, outgoingEvent(1, { partition: 1 }));
  clock.advance(30_000);
  await clock.untilScheduled(60_000);
  await confirmation(broker.publisher, outgoingEvent(2, { partition: 1 }));
  const ids = async (queue: string, count: number) =>
    (await broker.reader.read(queue, count)).map(({ properties }) => properties.messageId);
  assert.deepEqual(await ids(others, 2), ["5e55:1", "5e55:2"]);
  assert.deepEqual(await ids("gateway", 1), ["5e55:2"]);
  assert.deepEqual(await ids("gateway.p1", 1), ["5e55:2"]);
});

Deno.test("RabbitPublisher takes its events again, in order, after its exchange was deleted", async () => {
  await using broker = await openPublisher();
  await broker.reader.channel.deleteExchange("gateway");
  const sequences = [1, 2, 3];
  const outcomes: PublishOutcome[] = [];
  for (const sequence of sequences) {
    broker.publisher.publish(outgoingEvent(sequence), (outcome) => outcomes.push(outcome));
  }
  await broker.openings.heardAtLeast(3);
  assert.deepEqual(broker.openings.heard, ["opened", "closed", "opened"]);
  assert.deepEqual(broker.openings.refusals, [null]);
  const [lost] = broker.observations.of("broker.channel_lost");
  assert.match(lost?.error ?? "", /no exchange 'gateway'/);
  await Promise.all(sequences.map((sequence) => confirmation(broker.publisher, outgoingEvent(sequence))));
  const messages = await broker.reader.read("gateway", 3);
  assert.deepEqual(messages.map(({ properties }) => properties.messageId), ["5e55:1", "5e55:2", "5e55:3"]);
  assert.deepEqual(outcomes, []);
});

Deno.test("RabbitPublisher says what a full queue refuses, keeps its channel, and the queue may take it later", async () => {
  const { rabbitUrl } = await testServers();
  await using reader = await QueueReader.connect(rabbitUrl);
  await reader.channel.assertQueue("gateway", { maxLength: 1, overflow: "reject-publish" });
  await using broker = await openPublisher({}, reader);
  await confirmation(broker.publisher, outgoingEvent(1));
  assert.equal(await outcomeOf(broker.publisher, outgoingEvent(2)), "refused");
  assert.deepEqual(broker.observations.of("broker.refused"), [
    { kind: "broker.refused", type: "MESSAGE_CREATE" },
  ]);
  await reader.channel.purgeQueue("gateway");
  await confirmation(broker.publisher, outgoingEvent(2));
  assert.deepEqual(broker.openings.heard, ["opened"]);
  assert.deepEqual(broker.observations.of("broker.channel_lost"), []);
});

Deno.test("RabbitPublisher does not take the end of its connection for a refusal", async () => {
  const { rabbitUrl } = await testServers();
  await using proxy = new TcpProxy(rabbitUrl);
  await using broker = await openPublisher({}, undefined, proxy);
  proxy.hold();
  const outcomes: PublishOutcome[] = [];
  broker.publisher.publish(outgoingEvent(1), (outcome) => outcomes.push(outcome));
  // connection.close, 320 CONNECTION_FORCED: amqplib ends the channels first, and says so of the connection afterwards.
  await proxy.sayToClients(connectionFrame(50, "\x01\x40\x04stop\0\0\0\0"));
  await broker.openings.heardAtLeast(2);
  proxy.release();
  await broker.openings.heardAtLeast(3);
  assert.deepEqual(outcomes, []);
  assert.deepEqual(broker.observations.of("broker.refused"), []);
});

Deno.test("RabbitPublisher's events wait while the broker is short of memory, and are then taken in order", async () => {
  await using reader = await cleanOwnBroker();
  await using broker = await openPublisher({}, reader);
  await control.raiseMemoryAlarm();
  const sequences = [1, 2, 3];
  const outcomes: PublishOutcome[] = [];
  const answers = sequences.map((sequence) => outcomeOf(broker.publisher, outgoingEvent(sequence)));
  for (const answer of answers) answer.then((outcome) => outcomes.push(outcome));
  await broker.observations.first("broker.blocked");
  assert.deepEqual(outcomes, []);
  await control.endMemoryAlarm();
  await broker.observations.first("broker.unblocked");
  await Promise.all(answers);
  assert.deepEqual(outcomes, ["confirmed", "confirmed", "confirmed"]);
  assert.deepEqual(broker.openings.heard, ["opened"]);
  const messages = await reader.read("gateway", 3);
  assert.deepEqual(messages.map(({ properties }) => properties.messageId), ["5e55:1", "5e55:2", "5e55:3"]);
});

Deno.test("RabbitPublisher opens again when its connection is lost while it is blocked, and answers nothing of before", async () => {
  await using reader = await cleanOwnBroker();
  await using proxy = new TcpProxy(ownBroker.url);
  await using broker = await openPublisher({}, reader, proxy);
  await control.raiseMemoryAlarm();
  const outcomes: PublishOutcome[] = [];
  broker.publisher.publish(outgoingEvent(1), (outcome) => outcomes.push(outcome));
  await broker.observations.first("broker.blocked");
  proxy.cut();
  await broker.openings.heardAtLeast(3);
  const again = confirmation(broker.publisher, outgoingEvent(1));
  await broker.observations.first("broker.blocked", 2);
  await control.endMemoryAlarm();
  await again;
  assert.deepEqual(outcomes, []);
  assert.deepEqual(broker.openings.heard, ["opened", "closed", "opened"]);
});

Deno.test("RabbitPublisher tries on, ever more rarely, while its exchange cannot be declared", async () => {
  const { rabbitUrl } = await testServers();
  await using reader = await QueueReader.connect(rabbitUrl);
  await reader.channel.assertExchange("gateway", "fanout", { durable: true });
  const clock = new ManualClock();
  const { publisher } = rabbitPublisher(rabbitUrl, {}, { clock, dice: () => 1 });
  const openings = new Openings();
  publisher.start(openings);
  for (const delayMs of [100, 200, 400, 800]) {
    await clock.untilScheduled(clock.nowMs() + delayMs);
    clock.advance(delayMs);
  }
  await clock.untilScheduled(clock.nowMs() + 1_600);
  assert.deepEqual(openings.heard, []);
  await reader.channel.deleteExchange("gateway");
  clock.advance(1_600);
  await openings.heardAtLeast(1);
  await confirmation(publisher, outgoingEvent(1));
  assert.equal((await reader.read("gateway", 1)).length, 1);
  await publisher.close();
});

/** A publisher on a line that can be cut, and what its broker got. */
async function rabbitSubject(
  rabbitUrl: string,
  around: (publisher: Publisher) => Publisher,
): Promise<PublisherSubject> {
  const proxy = new TcpProxy(rabbitUrl);
  const publisher = around(rabbitPublisher(proxy.through(rabbitUrl)).publisher);
  const reader = await QueueReader.connect(rabbitUrl);
  return {
    publisher,
    open: () => {},
    settle: () => {},
    refuse: async (type) => {
      const { queue } = await reader.channel.assertQueue("", {
        exclusive: true,
        maxLength: 0,
        overflow: "reject-publish",
      });
      await reader.channel.bindQueue(queue, "gateway", type);
    },
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
}

/** Our own broker without what an earlier test left. */
async function cleanOwnBroker(): Promise<QueueReader> {
  const reader = await QueueReader.connect(ownBroker.url);
  await reader.channel.deleteQueue("gateway");
  return reader;
}

function rabbitPublisher(
  url: string,
  options: Partial<RabbitPublisherOptions> = {},
  { clock = systemClock, dice = Math.random }: { clock?: Clock; dice?: Dice } = {},
) {
  const observations = new Observations();
  const { observe } = observations;
  const connection = new RabbitConnection({
    url,
    purpose: "publishing",
    clock,
    dice,
    observe,
  });
  const publisher = new RabbitPublisher(connection, {
    queues: ["gateway"],
    partitions: null,
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
/** One of the queues is there with other arguments: it is used as it is. */
async function preparedForPartitions(): Promise<QueueReader> {
  const { rabbitUrl } = await testServers();
  const reader = await QueueReader.connect(rabbitUrl);
  await reader.channel.assertQueue("gateway.p1", { durable: true, maxLength: 1_000 });
  return reader;
}

async function openPublisher(
  options: Partial<RabbitPublisherOptions> = {},
  prepared?: QueueReader,
  proxy?: TcpProxy,
) {
  const { rabbitUrl } = prepared === undefined ? await testServers() : { rabbitUrl: prepared.url };
  const reader = prepared ?? await QueueReader.connect(rabbitUrl);
  const { publisher, observations } = rabbitPublisher(proxy?.through(rabbitUrl) ?? rabbitUrl, options);
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
