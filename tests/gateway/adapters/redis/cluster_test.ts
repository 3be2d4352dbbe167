/**
 * Clients of a real Redis Cluster, whose slots and masters move.
 */
import assert from "node:assert/strict";
import { DashboardRedis } from "../../../../dashboard/redis.ts";
import { RedisClient } from "../../../../gateway/adapters/redis/client.ts";
import { RedisStateStore } from "../../../../gateway/adapters/redis/state_store.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import type { RedisCluster } from "../../../../gateway/protocol/redis_servers.ts";
import { type ClusterNode, startRedisCluster } from "../../../../harness/redis_cluster.ts";
import { command, untilAnswered } from "../../../../harness/redis_commands.ts";
import { StateOpenings } from "../../../contracts/state_store_contract.ts";
import { Observations } from "../../../fakes/observations.ts";

/** Its slot, 3020, is the first master's, which has the replica. */
const PREFIX = "{gateway}:";
const SLOT = 3_020;

Deno.test("RedisClient connects to the node that owns its slot, whichever it asks", async () => {
  await using cluster = await startRedisCluster();
  const { masters: [owner, second], replica, password } = cluster;
  for (const asked of [owner, second, replica]) {
    const observations = new Observations();
    const client = clientOf(password, [asked], observations);
    client.start();
    await client.transaction((commands) => commands.set("one", 1).set("two", 2));
    assert.deepEqual(observations.all, [{ kind: "redis.connected", address: hostOf(owner) }]);
    await client.disconnect();
  }
  assert.equal(await command(owner.url, "GET", `${PREFIX}two`), "2");
});

for (
  const [how, failOver] of [
    ["gives its slots to its replica", (replica: ClusterNode) => command(replica.url, "CLUSTER", "FAILOVER")],
    ["dies", (_replica: ClusterNode, owner: ClusterNode) => owner.server.kill()],
  ] as const
) {
  Deno.test(`RedisClient loses nothing that it is asked while the owner of its slot ${how}`, async () => {
    await using cluster = await startRedisCluster();
    const { masters: [owner], replica, password } = cluster;
    const observations = new Observations();
    // The owner alone is known, and is asked no more once it is dead.
    const client = clientOf(password, [owner], observations);
    client.start();
    await observations.first("redis.connected");
    const writes = new Writes(client);
    await failOver(replica, owner);
    const connections = await observations.first("redis.connected", 2);
    const last = await writes.end();
    assert.deepEqual(connections.map(({ address }) => address), [hostOf(owner), hostOf(replica)]);
    assert.equal(await command(replica.url, "GET", `${PREFIX}last`), String(last));
    assert.equal(observations.of("redis.refusing").length, 0);
    assert.equal(JSON.stringify(observations.all).includes(password), false);
    await client.disconnect();
  });
}

Deno.test("RedisClient waits while its keys are moved to another node, and goes there with what it was asked", async () => {
  await using cluster = await startRedisCluster();
  const { masters: [owner, target, third], password } = cluster;
  const observations = new Observations();
  const client = clientOf(password, [third, owner], observations);
  client.start();
  await client.transaction((commands) => commands.set("last", 0).set("writes", 0));
  const writes = new Writes(client);
  await cluster.migrate(SLOT, owner, target, async () => {
    const [refusing] = await observations.first("redis.refusing");
    assert.match(refusing?.error ?? "", /^(?:ASK|TRYAGAIN) /);
  });
  await observations.first("redis.accepting");
  const last = await writes.end();
  assert.equal(await command(target.url, "GET", `${PREFIX}last`), String(last));
  // Each was carried out, and none of them twice: nothing but refusals stood between.
  assert.equal(await command(target.url, "GET", `${PREFIX}writes`), String(last));
  const lost = observations.of("redis.lost").map(({ error }) => error);
  for (const error of lost) assert.match(error, /^MOVED 3020 /);
  assert.equal(observations.of("redis.connected").at(-1)?.address, hostOf(target));
  await client.disconnect();
});

Deno.test("RedisStateStore closes while its keys are moved, and opens at their new node with all of them", async () => {
  await using cluster = await startRedisCluster();
  const { masters: [owner, target], password } = cluster;
  const observations = new Observations();
  const client = clientOf(password, [owner], observations);
  const store = new RedisStateStore(client, {
    clock: systemClock,
    observe: observations.observe,
    fences: { member: "us", tokenOf: () => 1, leadToken: () => 1 },
  });
  const openings = new StateOpenings();
  store.start(openings);
  await openings.heardAtLeast(1);
  const entity = (id: number) => ({ key: `guild:${id}`, group: null });
  const keep = (id: number) =>
    store.apply(
      [{
        step: "set",
        entity: entity(id),
        ttlMs: 0,
        wantsOld: false,
        value: new TextEncoder().encode(String(id)),
      }],
      0,
      [{ id: "session", sequence: id }],
    );
  for (let id = 1; id <= 5; id++) await keep(id);
  await cluster.migrate(SLOT, owner, target, async () => {
    // Neither kept nor refused: whoever asked hears that all is closed.
    const answers: string[] = [];
    keep(6).then(() => answers.push("kept"), () => answers.push("refused"));
    await Promise.race([openings.heardAtLeast(2), keep(6).catch(() => {})]);
    assert.deepEqual(answers, []);
    assert.deepEqual(openings.heard, ["opened", "closed"]);
  });
  await openings.heardAtLeast(3);
  await keep(7);
  for (const id of [1, 2, 3, 4, 5, 7]) {
    assert.equal(await command(target.url, "GET", `${PREFIX}guild:${id}`), String(id));
  }
  assert.equal(await command(target.url, "EXISTS", `${PREFIX}guild:6`), 0);
  await store.close();
});

Deno.test("RedisClient tells what each node said where the cluster is down, in one line, and no password", async () => {
  await using cluster = await startRedisCluster();
  const { masters: [owner, second, third], password } = cluster;
  await Promise.all([second.server.kill(), third.server.kill()]);
  await untilAnswered(owner.url, ["CLUSTER", "INFO"], (info) => /cluster_state:fail/.test(`${info}`));
  const observations = new Observations();
  const client = clientOf(password, [owner, second], observations);
  client.start();
  const written = client.transaction((commands) => commands.set("key", "value"));
  const [unreachable] = await observations.first("redis.unreachable");
  assert.equal(unreachable?.address, `${hostOf(owner)}, ${hostOf(second)}`);
  assert.match(
    unreachable?.error ?? "",
    new RegExp(
      `^${hostOf(owner)}: it says that the cluster is down; ` +
        `${hostOf(second)}: connect ECONNREFUSED`,
    ),
  );
  await Promise.all([second.server.restart(), third.server.restart()]);
  assert.deepEqual(await written, ["OK"]);
  assert.deepEqual(observations.all.map(({ kind }) => kind), ["redis.unreachable", "redis.connected"]);
  assert.equal(JSON.stringify(observations.all).includes(password), false);
  await client.disconnect();
});

Deno.test("RedisClient leaves a node that says that the cluster is down, and waits until one says otherwise", async () => {
  await using cluster = await startRedisCluster();
  const { masters: [owner, second, third], password } = cluster;
  const observations = new Observations();
  const client = clientOf(password, [owner], observations);
  client.start();
  await client.transaction((commands) => commands.set("key", "before"));
  // As the owner sees it, it is the one that has been cut off.
  await Promise.all([second.server.pause(), third.server.pause()]);
  await untilAnswered(owner.url, ["CLUSTER", "INFO"], (info) => /cluster_state:fail/.test(`${info}`));
  const written = client.transaction((commands) => commands.set("key", "after"));
  const [lost] = await observations.first("redis.lost");
  assert.match(lost?.error ?? "", /^CLUSTERDOWN /);
  const [unreachable] = await observations.first("redis.unreachable");
  assert.match(
    unreachable?.error ?? "",
    new RegExp(`(?:^|; )${hostOf(owner)}: it says that the cluster is down`),
  );
  await Promise.all([second.server.resume(), third.server.resume()]);
  assert.deepEqual(await written, ["OK"]);
  assert.equal(observations.of("redis.refusing").length, 0);
  await client.disconnect();
});

Deno.test("DashboardRedis goes with the slot of its keys, from master to replica and from node to node", async () => {
  await using cluster = await startRedisCluster();
  const { masters: [owner, target], replica, password } = cluster;
  const redis = new DashboardRedis({ ...serversOf(password, [owner, target]), prefix: PREFIX });
  await redis.start();
  await redis.ask((commands) => commands.set("key", "first"));
  await command(replica.url, "CLUSTER", "FAILOVER");
  await until(
    () => redis.ask((commands) => commands.multi().set("key", "second").get("key").exec()),
    async () => await command(replica.url, "GET", `${PREFIX}key`).catch(() => "") === "second",
  );
  await cluster.migrate(SLOT, replica, target);
  await until(
    () => redis.ask((commands) => commands.set("key", "third")),
    async () => await command(target.url, "GET", `${PREFIX}key`) === "third",
  );
  await redis.stop();
});

/** Writes one after the other until it is told to end. */
class Writes {
  readonly #client: RedisClient;
  #last = 0;
  #isOver = false;
  readonly #writing: Promise<void>;

  constructor(client: RedisClient) {
    this.#client = client;
    this.#writing = this.#write();
  }

  /** Resolves with how many there were, once the last one is done. */
  async end(): Promise<number> {
    this.#isOver = true;
    await this.#writing;
    return this.#last;
  }

  async #write(): Promise<void> {
    while (!this.#isOver) {
      this.#last += 1;
      await this.#client.transaction((commands) => commands.set("last", this.#last).incr("writes"));
    }
  }
}

function clientOf(password: string, nodes: readonly ClusterNode[], observations: Observations): RedisClient {
  return new RedisClient({
    ...serversOf(password, nodes),
    prefix: PREFIX,
    clock: systemClock,
    dice: Math.random,
    observe: observations.observe,
  });
}

function serversOf(password: string, nodes: readonly ClusterNode[]): RedisCluster {
  return { clusterNodes: nodes.map(({ port }) => ({ host: "127.0.0.1", port })), username: null, password };
}

function hostOf({ url }: ClusterNode): string {
  return new URL(url).host;
}

/** Resolves once it has been done, and shows. */
async function until(attempt: () => Promise<unknown>, shows: () => Promise<boolean>): Promise<void> {
  do {
    await attempt().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (!await shows());
}
