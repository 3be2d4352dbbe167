/**
 * A Redis of its own, whose settings are turned.
 */
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { RedisClient } from "../../../../gateway/adapters/redis/client.ts";
import { readEviction } from "../../../../gateway/adapters/redis/eviction.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import { type RedisServer, startRedis } from "../../../../harness/redis.ts";
import { Observations } from "../../../fakes/observations.ts";
import { TcpProxy } from "../../../../harness/tcp_proxy.ts";

// Started before any test: what it holds open is nobody's leak.
const redis: RedisServer = await startRedis();

Deno.test.afterAll(() => redis.server.stop());

const ONE_GIB = 2 ** 30;

Deno.test("readEviction() tells limit and policy only where both let keys go", async () => {
  await using server = await connect(redis.url);
  const found = async (maxMemoryBytes: number, policy: string) => {
    await server.limit(maxMemoryBytes, policy);
    return await readEviction(server.redis);
  };
  assert.deepEqual(await found(ONE_GIB, "allkeys-lru"), { policy: "allkeys-lru", maxMemoryBytes: ONE_GIB });
  assert.deepEqual(await found(ONE_GIB, "volatile-ttl"), { policy: "volatile-ttl", maxMemoryBytes: ONE_GIB });
  assert.equal(await found(ONE_GIB, "noeviction"), null);
  assert.equal(await found(0, "allkeys-lru"), null);
});

Deno.test("readEviction() is undefined where Redis forbids the question, or is gone", async () => {
  await using server = await connect(redis.url);
  await server.limit(ONE_GIB, "allkeys-lru");
  await server.redis.call("ACL", "SETUSER", "curious", "on", ">secret", "~*", "+@all", "-info");
  const url = new URL(redis.url);
  url.username = "curious";
  url.password = "secret";
  const curious = new Redis(url.href, { lazyConnect: true, enableReadyCheck: false });
  await curious.connect();
  assert.equal(await readEviction(curious), undefined);
  await curious.quit();
  assert.equal(await readEviction(curious), undefined);
});

Deno.test("RedisClient warns of eviction when it connects, and again only when the settings have changed", async () => {
  await using server = await connect(redis.url);
  await using proxy = new TcpProxy(redis.url);
  const observations = new Observations();
  const { observe } = observations;
  const url = proxy.through(redis.url);
  const client = new RedisClient({ url, prefix: "", clock: systemClock, dice: () => 0, observe });
  const policies = () => observations.of("redis.evicting").map(({ policy }) => policy);
  /** The next connection, until it has been asked. INFO goes out before this, and is answered before it. */
  const reconnected = async (connections: number) => {
    proxy.cut();
    await observations.first("redis.connected", connections);
    await client.transaction((commands) => commands.get("key"));
  };

  await server.limit(ONE_GIB, "allkeys-lru");
  client.start();
  const [warning] = await observations.first("redis.evicting");
  const { host: address } = new URL(url);
  assert.deepEqual(warning, {
    kind: "redis.evicting",
    address,
    policy: "allkeys-lru",
    maxMemoryBytes: ONE_GIB,
  });
  await reconnected(2);
  assert.deepEqual(policies(), ["allkeys-lru"]);
  await server.limit(ONE_GIB, "allkeys-lfu");
  await reconnected(3);
  assert.deepEqual(policies(), ["allkeys-lru", "allkeys-lfu"]);
  await server.limit(0, "noeviction");
  await reconnected(4);
  assert.deepEqual(policies(), ["allkeys-lru", "allkeys-lfu"]);
  await server.limit(ONE_GIB, "allkeys-lfu");
  await reconnected(5);
  assert.deepEqual(policies(), ["allkeys-lru", "allkeys-lfu", "allkeys-lfu"]);
  await client.disconnect();
});

async function connect(url: string) {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  return {
    redis,
    limit: (maxMemoryBytes: number, policy: string) =>
      redis.config("SET", "maxmemory", maxMemoryBytes, "maxmemory-policy", policy),
    [Symbol.asyncDispose]: async () => {
      await redis.quit();
    },
  };
}
