import assert from "node:assert/strict";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { addressesOf, requireEmpty } from "../../harness/test_servers.ts";
import { testServers } from "../servers.ts";

async function declare(rabbitUrl: string, queue: string): Promise<void> {
  const connection = await connect(rabbitUrl);
  const channel = await connection.createChannel();
  await channel.assertQueue(queue);
  await connection.close();
}

async function setKey(redisUrl: string, key: string): Promise<void> {
  const redis = new Redis(redisUrl);
  await redis.set(key, "1");
  const ended = new Promise((resolve) => redis.once("end", resolve));
  redis.disconnect();
  await ended;
}

async function queueExists(rabbitUrl: string, queue: string): Promise<boolean> {
  const connection = await connect(rabbitUrl);
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  const exists = await channel.checkQueue(queue).then(() => true, () => false);
  await connection.close();
  return exists;
}

Deno.test("addressesOf() wants both addresses or none", () => {
  assert.equal(addressesOf({}), undefined);
  assert.deepEqual(addressesOf({ TEST_RABBIT_URL: "amqp://a", TEST_REDIS_URL: "redis://b" }), {
    rabbitUrl: "amqp://a",
    redisUrl: "redis://b",
  });
  assert.throws(
    () => addressesOf({ TEST_RABBIT_URL: "amqp://a" }),
    /TEST_REDIS_URL is not: set both or none/,
  );
  assert.throws(
    () => addressesOf({ TEST_REDIS_URL: "redis://b" }),
    /TEST_RABBIT_URL is not: set both or none/,
  );
});

Deno.test("requireEmpty() accepts empty servers and names all that it finds on others", async () => {
  const servers = await testServers();
  await requireEmpty(servers);
  await declare(servers.rabbitUrl, "gateway.recv");
  await setKey(servers.redisUrl, "somebody's");
  await assert.rejects(
    requireEmpty(servers),
    /only to empty servers, but TEST_RABBIT_URL and TEST_REDIS_URL have queue gateway\.recv, 1 Redis key:/,
  );
});

Deno.test("requireEmpty() rejects when nobody listens, without the password", async () => {
  const { redisUrl } = await testServers();
  await assert.rejects(requireEmpty({ rabbitUrl: "amqp://user:secret@127.0.0.1:1", redisUrl }), (error) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, /Cannot reach TEST_RABBIT_URL at 127\.0\.0\.1:1/);
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
});

Deno.test("testServers() removes the service's names, the names given to it, and every key", async () => {
  const servers = await testServers({ queues: ["shardline-test.orders"] });
  await declare(servers.rabbitUrl, "shardline-test.orders");
  await declare(servers.rabbitUrl, "gateway");
  await setKey(servers.redisUrl, "left");
  await testServers();
  assert.equal(await queueExists(servers.rabbitUrl, "shardline-test.orders"), false);
  assert.equal(await queueExists(servers.rabbitUrl, "gateway"), false);
  await requireEmpty(servers);
});

Deno.test("testServers() deletes nothing under a name that could be somebody's", async () => {
  const { rabbitUrl } = await testServers({ queues: ["shardline-test.bystander"] });
  await declare(rabbitUrl, "shardline-test.bystander");
  await assert.rejects(
    testServers({ queues: ["shardline-test.orders", "orders"], exchanges: ["shop"] }),
    /^Error: Cannot delete orders, shop: names of a test's own begin with shardline-test\.$/,
  );
  assert.equal(await queueExists(rabbitUrl, "shardline-test.bystander"), true);
});
