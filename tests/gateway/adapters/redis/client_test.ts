import assert from "node:assert/strict";
import { RedisClient } from "../../../../gateway/adapters/redis/client.ts";
import { type Clock, systemClock } from "../../../../gateway/clock.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { startRedis } from "../../../../harness/redis.ts";
import { command } from "../../../../harness/redis_commands.ts";
import { Observations } from "../../../fakes/observations.ts";
import { openRedis } from "../../../fakes/redis_fixture.ts";

Deno.test("RedisClient tells once of an outage, with where and how to get one, and tries on", async () => {
  const clock = new ManualClock();
  const observations = new Observations();
  const port = unusedPort();
  const client = redisClient(`redis://:hunter2@127.0.0.1:${port}`, { clock, observations });
  client.start();
  for (let attempt = 0; attempt < 8; attempt++) {
    const delayMs = Math.min(5_000, 100 * 2 ** attempt) / 2;
    await clock.untilScheduled(clock.nowMs() + delayMs);
    clock.advance(delayMs);
  }
  assert.equal(observations.all.length, 1);
  const [unreachable] = observations.of("redis.unreachable");
  assert.equal(unreachable?.address, `127.0.0.1:${port}`);
  assert.match(unreachable?.error ?? "", /ECONNREFUSED.*apt-get install redis-server.*REDIS_URL/);
  assert.equal(JSON.stringify(observations.all).includes("hunter2"), false);
  await client.disconnect();
});

Deno.test("RedisClient tells of a refused password without saying it, and without advice on installing", async () => {
  await using fixture = await openRedis();
  const url = new URL(fixture.url);
  url.password = "hunter2";
  const observations = new Observations();
  const client = redisClient(url.href, { observations });
  client.start();
  const [unreachable] = await observations.first("redis.unreachable");
  assert.match(unreachable?.error ?? "", /WRONGPASS/);
  assert.equal(JSON.stringify(observations.all).includes("hunter2"), false);
  assert.equal(JSON.stringify(observations.all).includes("apt-get"), false);
  await client.disconnect();
});

Deno.test("RedisClient tells of each loss and each connection", async () => {
  await using fixture = await openRedis();
  fixture.client();
  await fixture.observations.first("redis.connected");
  await fixture.away();
  fixture.proxy.up();
  await fixture.observations.first("redis.connected", 2);
  assert.equal(JSON.stringify(fixture.observations.all).includes(new URL(fixture.url).password), false);
});

Deno.test("RedisClient.transaction() is done once Redis takes writes again, and tells once that it does not", async () => {
  await using fixture = await openRedis();
  const client = fixture.client();
  // A master that wants a replica and has none refuses every write.
  await fixture.redis.config("SET", "min-replicas-to-write", "1");
  try {
    const written = client.transaction((commands) => commands.set("key", "value"));
    const [refused] = await fixture.observations.first("redis.refusing");
    assert.match(refused?.error ?? "", /NOREPLICAS/);
    await fixture.redis.config("SET", "min-replicas-to-write", "0");
    assert.deepEqual(await written, ["OK"]);
    assert.equal(fixture.observations.of("redis.accepting").length, 1);
    assert.equal(fixture.observations.of("redis.refusing").length, 1);
  } finally {
    await fixture.redis.config("SET", "min-replicas-to-write", "0");
  }
});

Deno.test("RedisClient.transaction() is repeated where the line was cut before the reply", async () => {
  await using fixture = await openRedis();
  const client = fixture.client();
  await fixture.observations.first("redis.connected");
  fixture.proxy.hold();
  const written = client.transaction((commands) => commands.set("key", "value"));
  fixture.proxy.cut();
  fixture.proxy.release();
  assert.deepEqual(await written, ["OK"]);
  assert.equal(await fixture.redis.get("key"), "value");
});

Deno.test("RedisClient passes on a fault of our own instead of repeating it", async () => {
  await using fixture = await openRedis();
  const client = fixture.client();
  const fault = new TypeError("a fault of ours");
  await assert.rejects(
    client.transaction(() => {
      throw fault;
    }),
    fault,
  );
  assert.deepEqual(fixture.observations.of("redis.unreachable"), []);
});

Deno.test("RedisClient tells of a wrong type that is no damaged key of ours, and asks on", async () => {
  await using fixture = await openRedis();
  const client = fixture.client();
  await fixture.redis.set("foreign", "text");
  const asked = client.transaction((commands) => commands.hset("foreign", "field", "value"));
  const [refused] = await fixture.observations.first("redis.refusing");
  assert.match(refused?.error ?? "", /WRONGTYPE/);
  await fixture.redis.del("foreign");
  assert.deepEqual(await asked, [1]);
});

Deno.test("RedisClient.disconnect() leaves a Redis that does not answer, and what it was asked rejects", async () => {
  await using fixture = await openRedis();
  const client = fixture.client();
  await fixture.observations.first("redis.connected");
  fixture.proxy.hold();
  const written = assert.rejects(
    client.transaction((commands) => commands.set("key", "value")),
    /Cannot finish what Redis was asked: the connection is closed/,
  );
  await client.disconnect();
  await written;
  assert.deepEqual(fixture.observations.of("redis.lost"), []);
});

Deno.test("RedisClient.disconnect() rejects what waits for a Redis that is not there", async () => {
  const client = redisClient(`redis://127.0.0.1:${unusedPort()}`, {});
  client.start();
  const written = assert.rejects(client.transaction((commands) => commands.set("key", "value")), /is closed/);
  await client.disconnect();
  await written;
  await assert.rejects(client.transaction((commands) => commands.set("key", "value")), /is closed/);
});

Deno.test("RedisClient.disconnect() ends an attempt that nobody answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const observations = new Observations();
  const client = redisClient(`redis://127.0.0.1:${listener.addr.port}`, { observations });
  client.start();
  using peer = await accepted;
  await peer.read(new Uint8Array(1)); // the client waits for the answer to its greeting
  await client.disconnect();
  assert.deepEqual(observations.all, []);
  listener.close();
});

Deno.test("RedisClient.disconnect() is safe twice, before start(), and for good", async () => {
  const observations = new Observations();
  const client = redisClient(`redis://127.0.0.1:${unusedPort()}`, { observations });
  await client.disconnect();
  client.start();
  await client.disconnect();
  await client.disconnect();
  assert.deepEqual(observations.all, []);
});

Deno.test("RedisClient takes user, password and database from its URL", async () => {
  await using fixture = await openRedis();
  const url = new URL(fixture.url);
  url.username = "default";
  url.pathname = "/3";
  const client = redisClient(url.href, {});
  client.start();
  await client.transaction((commands) => commands.set("key", "value"));
  assert.equal(await fixture.redis.get("key"), null);
  await fixture.redis.select(3);
  assert.equal(await fixture.redis.get("key"), "value");
  await fixture.redis.del("key");
  await client.disconnect();
});

Deno.test("RedisClient leaves a server that becomes a replica, and comes back when it takes writes again", async () => {
  const master = await startRedis();
  await using _master = master.server;
  const own = await startRedis();
  await using _own = own.server;
  const observations = new Observations();
  const client = redisClient(own.url, { observations });
  client.start();
  await client.transaction((commands) => commands.set("key", "before"));
  await command(own.url, "REPLICAOF", "127.0.0.1", String(master.server.ports[0]));
  const written = client.transaction((commands) => commands.set("key", "after"));
  const [unreachable] = await observations.first("redis.unreachable");
  assert.equal(unreachable?.error, "it is a replica, which takes no writes");
  await assert.rejects(client.tryCall(["get", "key"]), /not connected/);
  await command(own.url, "REPLICAOF", "NO", "ONE");
  assert.deepEqual(await written, ["OK"]);
  assert.equal(await command(own.url, "GET", "key"), "after");
  const [lost] = observations.of("redis.lost");
  assert.match(lost?.error ?? "", /^READONLY /);
  assert.deepEqual(observations.all.map(({ kind }) => kind), [
    "redis.connected",
    "redis.lost",
    "redis.unreachable",
    "redis.connected",
  ]);
  await client.disconnect();
});

for (
  const [how, ask] of [
    ["tryCall()", (client: RedisClient) => client.tryCall(["set", "key", "value"])],
    [
      "tryRun()",
      (client: RedisClient) =>
        client.tryRun({ lua: 'return redis.call("SET", KEYS[1], "value")', keys: ["key"] }, []),
    ],
    [
      "tryCall() of a script that answers with several errors",
      (client: RedisClient) =>
        client.tryCall(["eval", 'return { 1, redis.pcall("SET", KEYS[1], "value") }', 1, "key"]),
    ],
  ] as const
) {
  Deno.test(`RedisClient leaves a server that has become a replica after ${how}, too`, async () => {
    const own = await startRedis();
    await using _own = own.server;
    const observations = new Observations();
    const client = redisClient(own.url, { observations });
    client.start();
    await observations.first("redis.connected");
    await command(own.url, "REPLICAOF", "127.0.0.1", "1");
    await ask(client).catch(() => {});
    const [lost] = await observations.first("redis.lost");
    assert.match(lost?.error ?? "", /READONLY /);
    await client.disconnect();
  });
}

function redisClient(
  url: string,
  { clock = systemClock, observations = new Observations() }: { clock?: Clock; observations?: Observations },
): RedisClient {
  return new RedisClient({ url, prefix: "", clock, dice: () => 0, observe: observations.observe });
}

function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
