/**
 * What replicas cost by the number of their shards: memory and CPU of their own, and what they ask of the servers.
 *
 * @module
 */
import { type Bounded, bounded } from "../bounded.ts";
import { redisWork } from "../path/redis_work.ts";
import type { Stage } from "../path/stage.ts";
import { cpuSeconds, memoryBytes } from "../process.ts";
import { sleep } from "../sleep.ts";
import { Fleet } from "./fleet.ts";

export interface FleetSize {
  readonly shards: number;
  readonly replicas: number;
}

export const SIZES: readonly FleetSize[] = [1, 4].flatMap((replicas) =>
  [16, 256, 2_048].map((shards) => ({ shards, replicas }))
);

const EVENTS_PER_SECOND = 1_000;
/** What the start left to be done is done by then. */
const SETTLING_MS = 15_000;
/** More than Discord's heartbeat interval of 41.25 s. */
const IDLE_LOOK_MS = 45_000;
const BUSY_LOOK_MS = 30_000;
/** Events flow for so long before and after that is looked at. */
const AROUND_LOOK_MS = 5_000;

export async function measureSize(stage: Stage, { shards, replicas }: FleetSize): Promise<Bounded[]> {
  await using fleet = await Fleet.start(stage, { bodies: 800, compression: "zlib-stream", shards }, replicas);
  await sleep(SETTLING_MS);
  const idle = await look(stage, fleet, "idle", IDLE_LOOK_MS);
  const all = await stage.servers.rabbit.connections();
  const connections = all.filter(({ name }) => name.startsWith("shardline"));
  const loadSeconds = (BUSY_LOOK_MS + 2 * AROUND_LOOK_MS) / 1_000;
  const sending = fleet.scene.send(loadSeconds * EVENTS_PER_SECOND, EVENTS_PER_SECOND);
  await sleep(AROUND_LOOK_MS);
  const busy = await look(stage, fleet, `${EVENTS_PER_SECOND.toLocaleString("en")} events/s`, BUSY_LOOK_MS);
  await sending;
  const { repeats } = await fleet.scene.received();
  const title = `${shards.toLocaleString("en")} shards on ${replicas}`;
  return [
    ...[...idle, ...busy].map((row) => ({ ...row, what: `${title}, ${row.what}` })),
    bounded(`${title}, connections to RabbitMQ of a replica`, "", [connections.length / replicas]),
    bounded(`${title}, channels of a replica`, "", [
      connections.reduce((sum, { channels }) => sum + channels, 0) / replicas,
    ]),
    bounded(`${title}, events that came twice`, "", [repeats]),
  ];
}

async function look(stage: Stage, { replicas }: Fleet, state: string, lookMs: number): Promise<Bounded[]> {
  const { redis } = stage.servers;
  const ids = [...replicas.map(({ server }) => server.processId), redis.server.processId];
  const before = await Promise.all(ids.map(cpuSeconds));
  const workBefore = await redisWork(redis.url);
  const beforeMs = performance.now();
  await sleep(lookMs);
  const seconds = (performance.now() - beforeMs) / 1_000;
  const work = await redisWork(redis.url);
  const used = (await Promise.all(ids.map(cpuSeconds))).map((cpu, index) => cpu - (before[index] ?? NaN));
  const percent = used.map((cpu) => cpu / seconds * 100);
  const memory = await Promise.all(replicas.map(({ server }) => memoryBytes(server.processId)));
  const perSecond = (count: (of: typeof work) => number) => (count(work) - count(workBefore)) / seconds;
  return [
    bounded(`${state}: memory of a replica`, "MB", memory.map((bytes) => bytes / 1e6)),
    bounded(`${state}: CPU of a replica, of a core`, "%", percent.slice(0, -1)),
    bounded(`${state}: Redis commands of all replicas, those of scripts too`, "/s", [
      perSecond(({ commands }) => commands),
    ]),
    bounded(`${state}: of them scripts`, "/s", [perSecond(({ scripts }) => scripts)]),
    bounded(`${state}: CPU of Redis, of a core`, "%", percent.slice(-1)),
  ];
}
