/**
 * A Redis Cluster: three masters, of which the first has a replica.
 *
 * @module
 */

import { programPaths } from "./programs.ts";
import { redisKind, type RedisServer, redisServer } from "./redis.ts";
import { command, untilAnswered } from "./redis_commands.ts";
import { Server } from "./server.ts";

/** A test is not to wait for long until a master that was killed is taken for dead. */
const NODE_TIMEOUT_MS = 1_000;
/** First and last slot of each master. */
const SLOTS = [[0, 5_460], [5_461, 10_922], [10_923, 16_383]] as const;

export interface ClusterNode extends RedisServer {
  /** What the cluster calls it. */
  readonly id: string;
  readonly port: number;
}

export interface RedisCluster extends AsyncDisposable {
  readonly password: string;
  /** They have the slots 0 to 5460, 5461 to 10922 and 10923 to 16383. */
  readonly masters: readonly [ClusterNode, ClusterNode, ClusterNode];
  /** Of the first master. */
  readonly replica: ClusterNode;
  /** Moves a slot with all its keys from one master to another; `between` is waited for in the middle of it. */
  migrate(slot: number, from: ClusterNode, to: ClusterNode, between?: () => Promise<void>): Promise<void>;
}

/** Starts it; resolves when all nodes know each other, and the replica has what its master has. Redis 7 or newer. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const { redis: program } = await programPaths(["redis"]);
  const password = crypto.randomUUID();
  await using opening = new AsyncDisposableStack();
  const startNode = async (number: number) => {
    const server = opening.use(
      await Server.start(redisKind(program, password, clusterArguments(password), { morePorts: 1 })),
    );
    const node = redisServer(server, password);
    const id = String(await command(node.url, "CLUSTER", "MYID"));
    // As redis-cli does: two masters with one epoch would have to settle that first.
    await command(node.url, "CLUSTER", "SET-CONFIG-EPOCH", String(number));
    const [port = 0, busPort = 0] = server.ports;
    return { ...node, id, port, busPort };
  };
  const first = await startNode(1);
  const masters = [first, await startNode(2), await startNode(3)] as const;
  const replica = await startNode(4);
  const nodes = [...masters, replica];
  for (const [index, { url }] of masters.entries()) {
    const [from, to] = SLOTS[index] ?? [0, 0];
    await command(url, "CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
  }
  for (const { port, busPort } of nodes.slice(1)) {
    await command(first.url, "CLUSTER", "MEET", "127.0.0.1", String(port), String(busPort));
  }
  const untilAll = async (words: [string, ...string[]], pattern: RegExp) => {
    for (const { url } of nodes) await untilAnswered(url, words, (answer) => pattern.test(`${answer}`));
  };
  await untilAll(["CLUSTER", "INFO"], /cluster_state:ok[^]*cluster_known_nodes:4/);
  await command(replica.url, "CLUSTER", "REPLICATE", first.id);
  await untilAnswered(
    replica.url,
    ["INFO", "replication"],
    (info) => /master_link_status:up/.test(`${info}`),
  );
  await untilAll(["CLUSTER", "NODES"], new RegExp(`^${replica.id} .*slave ${first.id} `, "m"));
  const opened = opening.move();
  return {
    password,
    masters,
    replica,
    migrate: (slot, from, to, between) => migrate(password, nodes, { slot: String(slot), from, to, between }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function clusterArguments(password: string) {
  return (busPort: number): string[] => [
    ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"],
    ...["--cluster-node-timeout", String(NODE_TIMEOUT_MS), "--cluster-port", String(busPort)],
    ...["--masterauth", password, "--repl-diskless-sync-delay", "0"],
  ];
}

interface Migration {
  readonly slot: string;
  readonly from: ClusterNode;
  readonly to: ClusterNode;
  readonly between: (() => Promise<void>) | undefined;
}

/** The steps of `redis-cli --cluster reshard`. */
async function migrate(
  password: string,
  nodes: readonly ClusterNode[],
  { slot, from, to, between = () => Promise.resolve() }: Migration,
): Promise<void> {
  await command(to.url, "CLUSTER", "SETSLOT", slot, "IMPORTING", from.id);
  await command(from.url, "CLUSTER", "SETSLOT", slot, "MIGRATING", to.id);
  const move = async (atMost: number) => {
    const keys = await command(from.url, "CLUSTER", "GETKEYSINSLOT", slot, String(atMost)) as string[];
    if (keys.length === 0) return false;
    const target = ["127.0.0.1", String(to.port), "", "0", "5000"];
    await command(from.url, "MIGRATE", ...target, "AUTH", password, "KEYS", ...keys);
    return true;
  };
  await move(1);
  await between();
  while (await move(100));
  const isMaster = async ({ url }: ClusterNode) =>
    /role:master/.test(`${await command(url, "INFO", "replication")}`);
  for (const node of [to, from, ...nodes.filter((node) => node !== to && node !== from)]) {
    if (await isMaster(node)) await command(node.url, "CLUSTER", "SETSLOT", slot, "NODE", to.id);
  }
}
