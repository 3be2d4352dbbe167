/**
 * The whole process where Redis is more than one server: on a cluster, and on a master with Sentinels, which fail over.
 */
import assert from "node:assert/strict";
import { command, untilAnswered } from "../../harness/redis_commands.ts";
import { startRedisCluster } from "../../harness/redis_cluster.ts";
import { startWatchedRedis } from "../../harness/redis_sentinels.ts";
import { testServers } from "../servers.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { onStage, type Stage } from "./stage.ts";

const PREFIX = "{gateway}:";
const SIMULATOR = { recommendedShards: 2, maxConcurrency: 2 };
/** Everything that is kept in Redis, and the dashboard, which reads it. */
const KEEPING = {
  ROLE: "all",
  DASHBOARD_PORT: "0",
  DASHBOARD_PASSWORD: "a password of an operator's",
  SHARDS_WAIT: "0",
  STATE_ENABLED: "true",
  STATE_MEMBER: "true",
  STATE_MESSAGE: "true",
};

Deno.test("Shardline keeps all it keeps in a Redis Cluster, and loses nothing while a master gives way", async () => {
  const { rabbitUrl } = await testServers();
  await using cluster = await startRedisCluster();
  const { masters: [owner, second], replica, password } = cluster;
  const settings = {
    ...KEEPING,
    RABBIT_URL: rabbitUrl,
    REDIS_CLUSTER: [second, replica].map(({ port }) => `127.0.0.1:${port}`).join(","),
    REDIS_PASSWORD: password,
    REDIS_PREFIX: PREFIX,
  };
  await onStage({ servers: { rabbitUrl, redisUrl: owner.url }, simulator: SIMULATOR }, async (stage) => {
    const consumer = await stage.consumer();
    const first = stage.startWith(settings);
    await first.connected(2);
    await isReady(first);
    await untilKept(stage, owner.url);
    stage.simulator.control.generate(500);
    await command(replica.url, "CLUSTER", "FAILOVER");
    stage.simulator.control.generate(500);
    await first.until(() => addressesOf(first).at(-1) === new URL(replica.url).host);
    await consumer.untilComplete(stage.simulator);
    await isReady(first);
    await untilKept(stage, replica.url);
    assert.equal(await first.end("SIGTERM"), 0);
    await resumes(stage, settings, replica.url);
    assert.deepEqual(complaintsOf(first), []);
    const { missing, changed, outOfOrder } = consumer.compare(stage.simulator);
    assert.deepEqual({ missing, changed, outOfOrder }, { missing: 0, changed: 0, outOfOrder: 0 });
  })();
});

Deno.test("Shardline goes to the new master when Sentinels find the old one dead, and resumes from there", async () => {
  const { rabbitUrl } = await testServers();
  await using watched = await startWatchedRedis();
  const [old, next] = watched.servers;
  const settings = {
    ...KEEPING,
    RABBIT_URL: rabbitUrl,
    REDIS_SENTINELS: watched.sentinels.map(({ url }) => new URL(url).host).join(","),
    REDIS_SENTINEL_PASSWORD: watched.sentinelPassword,
    REDIS_PASSWORD: watched.password,
    REDIS_PREFIX: PREFIX,
  };
  await onStage({ servers: { rabbitUrl, redisUrl: old.url }, simulator: SIMULATOR }, async (stage) => {
    const consumer = await stage.consumer();
    const first = stage.startWith(settings);
    await first.connected(2);
    await isReady(first);
    await untilKept(stage, old.url);
    await old.server.kill();
    stage.simulator.control.generate(500);
    await first.until(() => addressesOf(first).at(-1) === new URL(next.url).host);
    stage.simulator.control.generate(500);
    await consumer.untilComplete(stage.simulator);
    await isReady(first);
    await untilKept(stage, next.url);
    assert.equal(await first.end("SIGTERM"), 0);
    await resumes(stage, settings, next.url);
    const { missing, changed, outOfOrder } = consumer.compare(stage.simulator);
    assert.deepEqual({ missing, changed, outOfOrder }, { missing: 0, changed: 0, outOfOrder: 0 });
    assert(!JSON.stringify(first.lines).includes(watched.sentinelPassword));
  })();
});

/** Starts another gateway, which goes on where the first one ended. */
async function resumes(stage: Stage, settings: Readonly<Record<string, string>>, url: string): Promise<void> {
  const second = stage.startWith(settings);
  await second.connected(2);
  assert.equal(second.count("shard.resumed"), 2);
  await untilKept(stage, url);
  assert.equal(await second.end("SIGTERM"), 0);
  assert.deepEqual(addressesOf(second), [new URL(url).host]);
  assert.deepEqual(complaintsOf(second), []);
}

/** Resolves once gateway and dashboard say that they are. */
async function isReady(gateway: GatewayProcess): Promise<void> {
  const { message } = await gateway.line((line) => line.message.startsWith("The dashboard is served on"));
  const url = `http://${message.replace(/^.*on (?:http:\/\/)?/, "")}`;
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    await response.text();
    if (response.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Resolves once that server has sessions and statuses, figures, and the state cache up to the last event. */
async function untilKept({ simulator }: Stage, url: string): Promise<void> {
  const sequences = () =>
    Object.fromEntries(
      simulator.control.state().sessions.map(({ shard: [id], sequence }) => [String(id), sequence]),
    );
  await untilAnswered(url, ["GET", `${PREFIX}gateway_sessions`], (text) => {
    const sessions = Object.entries(JSON.parse(String(text)) ?? {}) as [string, { sequence: number }][];
    const expected = sequences();
    return sessions.length === 2 && sessions.every(([shard, { sequence }]) => sequence === expected[shard]);
  });
  await untilAnswered(url, ["HLEN", `${PREFIX}gateway:replicas`], (count) => Number(count) > 0);
  await untilAnswered(url, ["HLEN", `${PREFIX}gateway:state:written`], (count) => count === 2);
  await untilAnswered(url, ["SCARD", `${PREFIX}guild_keys`], (count) => Number(count) > 0);
}

/** Where it has been connected to, in turn. */
function addressesOf(gateway: GatewayProcess): unknown[] {
  return gateway.lines.filter(({ kind }) => kind === "redis.connected").map((line) => line["address"]);
}

/** What it has complained of, but for the one connection that was to be lost. */
function complaintsOf(gateway: GatewayProcess): unknown[] {
  const expected = ["redis.lost", "state.closed"];
  return gateway.lines.filter(({ kind, level }) =>
    ["warn", "error"].includes(String(level)) && !expected.includes(String(kind))
  );
}
