/**
 * The adapters against servers that are killed, stopped and started again. Their own: the shared ones stay up.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RabbitCommandSource } from "../../../gateway/adapters/rabbitmq/command_source.ts";
import { RabbitConnection } from "../../../gateway/adapters/rabbitmq/connection.ts";
import { RabbitNotices } from "../../../gateway/adapters/rabbitmq/notices.ts";
import { RabbitPublisher } from "../../../gateway/adapters/rabbitmq/publisher.ts";
import { RedisBoard } from "../../../gateway/adapters/redis/board.ts";
import { RedisClient } from "../../../gateway/adapters/redis/client.ts";
import { RedisResumePoints } from "../../../gateway/adapters/redis/resume_points.ts";
import { systemClock } from "../../../gateway/clock.ts";
import { type RabbitServer, startRabbit } from "../../../harness/rabbitmq.ts";
import { type RedisServer, startRedis } from "../../../harness/redis.ts";
import { shardEntry } from "../../contracts/board_contract.ts";
import { ReceivedCommands } from "../../contracts/command_source_contract.ts";
import { confirmation, Openings, outgoingEvent } from "../../contracts/publisher_contract.ts";
import { resumePoint } from "../../contracts/resume_points_contract.ts";
import { Observations } from "../../fakes/observations.ts";
import { QueueReader } from "../../fakes/queue_reader.ts";

// Started before any test: what they hold open is nobody's leak.
const rabbit: RabbitServer = await startRabbit();
const redis: RedisServer = await startRedis();

Deno.test.afterAll(async () => {
  await Promise.all([rabbit.server.stop(), redis.server.stop()]);
});

Deno.test("A RabbitMQ that is killed and comes back has what it confirmed, and takes the rest", async () => {
  const { publisher, openings, notices, commands, observations, close } = openBroker(rabbit.url);
  const received = new ReceivedCommands();
  publisher.start(openings);
  commands.start(received.handle);
  await openings.heardAtLeast(1);
  await confirmation(publisher, outgoingEvent(1));
  await rabbit.server.kill();
  await openings.heardAtLeast(2);
  await observations.first("broker.unreachable");
  const stored = notices.reject(new TextEncoder().encode("refused"), "not_json");
  await rabbit.server.restart();
  await openings.heardAtLeast(3);
  await confirmation(publisher, outgoingEvent(2));
  await stored;
  await using reader = await QueueReader.connect(rabbit.url);
  const ids = (await reader.read("gateway", 2)).map(({ properties }) => properties.messageId);
  assert.deepEqual(ids, ["5e55:1", "5e55:2"]);
  reader.channel.sendToQueue("gateway.send", Buffer.from("command"));
  await received.nth(1);
  assert.deepEqual(openings.heard, ["opened", "closed", "opened"]);
  assert.equal(observations.of("broker.unreachable").length, 1);
  await close();
});

Deno.test("A RabbitMQ that stands still is left after two missed heartbeats, and found again", async () => {
  const { publisher, openings, observations, close } = openBroker(`${rabbit.url}?heartbeat=1`);
  publisher.start(openings);
  await openings.heardAtLeast(1);
  await rabbit.server.pause();
  let isConfirmed = false;
  publisher.publish(outgoingEvent(1), () => isConfirmed = true);
  await openings.heardAtLeast(2);
  const [lost] = await observations.first("broker.lost");
  assert.equal(lost?.error, "Heartbeat timeout");
  await rabbit.server.resume();
  await openings.heardAtLeast(3);
  assert.equal(isConfirmed, false);
  await confirmation(publisher, outgoingEvent(1));
  await close();
});

Deno.test("A Redis that is killed and comes back has what it acknowledged, and takes the rest", async () => {
  const { client, points, board, observations } = openStore(redis.url);
  const imported = await points.load();
  await points.begin({
    total: 2,
    bot: null,
    startedAtMs: 1_000,
    keepSessions: true,
    lost: new Map(),
    imported,
  });
  await points.write(new Map([[0, { point: resumePoint(1) }]]));
  await redis.server.kill();
  await observations.first("redis.unreachable");
  const writes = [
    points.write(new Map([[1, { point: resumePoint(2) }]])),
    board.publish([shardEntry(0), shardEntry(1)], true),
    points.load(),
  ];
  await redis.server.restart();
  await Promise.all(writes);
  const { shards } = await points.load();
  assert.deepEqual([...shards].map(([shard, { point }]) => [shard, point?.sequence]), [[0, 1], [1, 2]]);
  assert.equal(observations.of("redis.lost").length, 1);
  assert.equal(observations.of("redis.unreachable").length, 1);
  await client.disconnect();
});

Deno.test("A Redis that stands still for a moment finishes what it was asked", async () => {
  const { client, points, observations } = openStore(redis.url);
  const imported = await points.load();
  await points.begin({
    total: 1,
    bot: null,
    startedAtMs: 2_000,
    keepSessions: false,
    lost: new Map(),
    imported,
  });
  await redis.server.pause();
  const written = points.write(new Map([[0, { point: resumePoint(7) }]]));
  await redis.server.resume();
  await written;
  assert.equal((await points.load()).shards.get(0)?.point?.sequence, 7);
  assert.deepEqual(observations.of("redis.lost"), []);
  await client.disconnect();
});

Deno.test("A Redis that stands still is left when it owes an answer for too long, and asked again", async () => {
  const { client, points, observations } = openStore(redis.url);
  const imported = await points.load();
  await points.begin({
    total: 1,
    bot: null,
    startedAtMs: 3_000,
    keepSessions: false,
    lost: new Map(),
    imported,
  });
  await redis.server.pause();
  const written = points.write(new Map([[0, { point: resumePoint(9) }]]));
  const [lost] = await observations.first("redis.lost");
  assert.match(lost?.error ?? "", /Socket timeout/);
  await redis.server.resume();
  await written;
  assert.equal((await points.load()).shards.get(0)?.point?.sequence, 9);
  await client.disconnect();
});

Deno.test("A Redis that stands still does not hold up a disconnect()", async () => {
  const { client, points } = openStore(redis.url);
  await points.load();
  await redis.server.pause();
  const written = assert.rejects(points.write(new Map([[0, { point: resumePoint(8) }]])), /is closed/);
  await client.disconnect();
  await written;
  await redis.server.resume();
});

Deno.test("A RabbitMQ that stands still does not hold up a close() for long", async () => {
  const { publisher, openings, close } = openBroker(rabbit.url);
  publisher.start(openings);
  await openings.heardAtLeast(1);
  await rabbit.server.pause();
  publisher.publish(outgoingEvent(1), () => {});
  await close();
  await rabbit.server.resume();
});

function openBroker(url: string) {
  const observations = new Observations();
  const { observe } = observations;
  const [publishing, consuming] = (["publishing", "consuming"] as const).map((purpose) =>
    new RabbitConnection({ url, purpose, clock: systemClock, dice: Math.random, observe })
  );
  assert(publishing !== undefined && consuming !== undefined);
  const publisher = new RabbitPublisher(publishing, {
    queues: ["gateway"],
    partitions: null,
    persistent: true,
    transientTypes: new Set(),
    ttlMs: 0,
    clock: systemClock,
    observe,
  });
  const commands = new RabbitCommandSource(consuming);
  return {
    publisher,
    openings: new Openings(),
    notices: new RabbitNotices(publishing, { clock: systemClock, observe }),
    commands,
    observations,
    close: async () => {
      await Promise.all([publisher.close(), commands.close()]);
    },
  };
}

function openStore(url: string) {
  const observations = new Observations();
  const { observe } = observations;
  const client = new RedisClient({ url, prefix: "", clock: systemClock, dice: Math.random, observe });
  client.start();
  return {
    client,
    points: new RedisResumePoints(client, {
      observe,
      fences: { member: "us", tokenOf: () => 1, leadToken: () => 1 },
    }),
    board: new RedisBoard(client),
    observations,
  };
}
