/**
 * Clients that find their Redis by Sentinels, each time with real ones.
 */
import assert from "node:assert/strict";
import { DashboardRedis } from "../../../../dashboard/redis.ts";
import { RedisClient } from "../../../../gateway/adapters/redis/client.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import type { RedisSentinels } from "../../../../gateway/protocol/redis_servers.ts";
import { command, untilAnswered } from "../../../../harness/redis_commands.ts";
import {
  type Sentinel,
  startSentinel,
  startWatchedRedis,
  type WatchedRedis,
} from "../../../../harness/redis_sentinels.ts";
import { Observations } from "../../../fakes/observations.ts";

Deno.test("RedisClient finds the master by Sentinels, and goes to the new one when they fail over", async () => {
  await using watched = await startWatchedRedis();
  const [old, next] = watched.servers;
  const observations = new Observations();
  const client = clientOf(watched, { observations });
  client.start();
  await client.transaction((commands) => commands.set("key", 0));
  let asked = 0;
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      asked += 1;
      await client.transaction((commands) => commands.set("key", asked).incr("writes"));
    }
  })();
  await watched.failOver();
  const connections = await observations.first("redis.connected", 2);
  isOver = true;
  await writing;
  assert.deepEqual(
    connections.map(({ address }) => address),
    [old, next].map(({ url }) => new URL(url).host),
  );
  assert.equal(await command(next.url, "GET", "key"), String(asked));
  // Left while it would have taken writes for some seconds more, which nobody would have had afterwards.
  const [lost] = observations.of("redis.lost");
  assert.equal(lost?.address, new URL(old.url).host);
  assert.equal(lost?.error, `the Sentinels name another master: ${new URL(next.url).host}`);
  assertNoSecret(watched, observations);
  await client.disconnect();
});

Deno.test("RedisClient carries out on the new master what it was asked while the old one was dead", async () => {
  await using watched = await startWatchedRedis({ sentinelCount: 3 });
  const [old, next] = watched.servers;
  const observations = new Observations();
  const client = clientOf(watched, { observations });
  client.start();
  await client.transaction((commands) => commands.set("before", "kept"));
  await untilAnswered(next.url, ["GET", "before"], (value) => value === "kept");
  await Promise.all([old.server.kill(), watched.sentinels[0].server.kill()]);
  await observations.first("redis.unreachable");
  const written = Promise.all([
    client.transaction((commands) => commands.set("one", 1)),
    client.run({ lua: 'return redis.call("SET", KEYS[1], ARGV[1])', keys: ["two"] }, [2]),
  ]);
  await written;
  assert.equal(await command(next.url, "GET", "one"), "1");
  assert.equal(await command(next.url, "GET", "two"), "2");
  // It comes back as it was, a master, until a Sentinel has told it; nobody asks it.
  await old.server.restart();
  await client.transaction((commands) => commands.set("three", 3));
  assert.equal(await command(next.url, "GET", "three"), "3");
  const connections = observations.of("redis.connected");
  assert.deepEqual(
    connections.map(({ address }) => address),
    [old, next].map(({ url }) => new URL(url).host),
  );
  assertNoSecret(watched, observations);
  await client.disconnect();
});

Deno.test("RedisClient does not stay with a Sentinel that names another server for the master", async () => {
  await using watched = await startWatchedRedis();
  const [master, replica] = watched.servers;
  const { password, sentinelPassword } = watched;
  const masterPort = Number(new URL(replica.url).port);
  const stale = await startSentinel({ masterPort, password, sentinelPassword });
  await using _stale = stale.server;
  const observations = new Observations();
  const client = clientOf(watched, { observations, sentinels: [stale, ...watched.sentinels] });
  client.start();
  const [unreachable] = await observations.first("redis.unreachable");
  assert.equal(unreachable?.address, new URL(replica.url).host);
  assert.equal(unreachable?.error, "it is a replica, which takes no writes");
  const [connected] = await observations.first("redis.connected");
  assert.equal(connected?.address, new URL(master.url).host);
  await client.disconnect();
});

Deno.test("RedisClient tells what each Sentinel said where none names the master, and no password", async () => {
  await using watched = await startWatchedRedis();
  const { servers: [{ url }], password, sentinels: [sentinel] } = watched;
  const other = await startSentinel({
    masterPort: Number(new URL(url).port),
    password,
    sentinelPassword: "hunter2",
  });
  await using _other = other.server;
  const observations = new Observations();
  const absent = `redis://127.0.0.1:${unusedPort()}`;
  const client = clientOf(watched, {
    observations,
    sentinels: [{ url: absent }, other, sentinel],
    changes: { masterName: "another" },
  });
  client.start();
  const [unreachable] = await observations.first("redis.unreachable");
  const hosts = [absent, other.url, sentinel.url].map((place) => new URL(place).host);
  assert.equal(unreachable?.address, hosts.join(", "));
  const said = unreachable?.error.split("; ") ?? [];
  assert.equal(said.length, 3, unreachable?.error);
  assert.match(said[0] ?? "", new RegExp(`^${hosts[0]}: connect ECONNREFUSED`));
  assert.match(said[1] ?? "", new RegExp(`^${hosts[1]}: WRONGPASS `));
  assert.equal(said[2], `${hosts[2]}: it knows no master named another`);
  assertNoSecret(watched, observations);
  assert.equal(JSON.stringify(observations.all).includes("hunter2"), false);
  await client.disconnect();
});

Deno.test("RedisClient.disconnect() ends a look-up that no Sentinel answers", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const observations = new Observations();
  const client = new RedisClient({
    sentinels: [{ host: "127.0.0.1", port: listener.addr.port }],
    masterName: "mymaster",
    sentinelPassword: null,
    username: null,
    password: null,
    prefix: "",
    clock: systemClock,
    dice: Math.random,
    observe: observations.observe,
  });
  client.start();
  using peer = await accepted;
  await peer.read(new Uint8Array(1)); // the client waits for the answer to its greeting
  await client.disconnect();
  assert.deepEqual(observations.all, []);
  listener.close();
});

Deno.test("DashboardRedis goes to the new master when the Sentinels fail over", async () => {
  await using watched = await startWatchedRedis();
  const [old, next] = watched.servers;
  const redis = new DashboardRedis({ ...serversOf(watched), prefix: "bot:" });
  await redis.start();
  await redis.ask((commands) => commands.set("key", "before"));
  await untilAnswered(next.url, ["GET", "bot:key"], (value) => value === "before");
  await old.server.kill();
  await until(() => redis.ask((commands) => commands.set("key", "after")));
  assert.equal(await command(next.url, "GET", "bot:key"), "after");
  await redis.stop();
});

Deno.test("DashboardRedis refuses while no Sentinel is there, and finds the master once one is", async () => {
  await using watched = await startWatchedRedis();
  const [{ server }] = watched.sentinels;
  await server.kill();
  const redis = new DashboardRedis({ ...serversOf(watched), prefix: "" });
  await redis.start();
  const refused = { name: "RedisAwayError", message: "Cannot reach Redis" };
  await assert.rejects(redis.ask((commands) => commands.get("key")), refused);
  await server.restart();
  await until(() => redis.ask((commands) => commands.get("key")));
  await redis.stop();
});

Deno.test("DashboardRedis takes a server that has become a replica for one that is away, and leaves it", async () => {
  await using watched = await startWatchedRedis();
  const [own, { url }] = watched.servers;
  const redis = new DashboardRedis({ url: own.url, prefix: "" });
  await redis.start();
  await command(own.url, "REPLICAOF", "127.0.0.1", new URL(url).port);
  const refused = { name: "RedisAwayError", message: "Cannot reach Redis" };
  await assert.rejects(redis.ask((commands) => commands.set("key", "value")), refused);
  await assert.rejects(redis.ask((commands) => commands.get("key")), refused);
  await redis.stop();
});

interface Changes {
  readonly observations: Observations;
  readonly sentinels?: readonly Pick<Sentinel, "url">[];
  readonly changes?: Partial<RedisSentinels>;
}

function clientOf(watched: WatchedRedis, { observations, sentinels, changes }: Changes): RedisClient {
  return new RedisClient({
    ...serversOf(watched, sentinels),
    ...changes,
    prefix: "",
    clock: systemClock,
    dice: Math.random,
    observe: observations.observe,
  });
}

function serversOf(
  watched: WatchedRedis,
  sentinels: readonly Pick<Sentinel, "url">[] = watched.sentinels,
): RedisSentinels {
  const { masterName, password, sentinelPassword } = watched;
  const placeOf = ({ url }: Pick<Sentinel, "url">) => ({
    host: "127.0.0.1",
    port: Number(new URL(url).port),
  });
  return { sentinels: sentinels.map(placeOf), masterName, sentinelPassword, username: null, password };
}

function assertNoSecret({ password, sentinelPassword }: WatchedRedis, observations: Observations): void {
  const told = JSON.stringify(observations.all);
  for (const secret of [password, sentinelPassword]) assert.equal(told.includes(secret), false);
}

/** Resolves once it is fulfilled. */
async function until(attempt: () => Promise<unknown>): Promise<void> {
  while (!await attempt().then(() => true, () => false)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function unusedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
