/**
 * The number of shards changed under load: what is lost, what comes twice, and for how long events are held back.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { type Bounded, bounded } from "../bounded.ts";
import { startService } from "../path/service.ts";
import type { Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { sleep } from "../sleep.ts";

const OLD_SHARDS = 16;
/** One guild for each of the new shards. */
const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 32 };
const REPLICAS = 2;
const EVENTS_PER_SECOND = 1_000;
const LOAD_SECONDS = 45;
/** Of that, before the change. */
const PRELUDE_MS = 5_000;
const COMMANDS = "gateway.send";
const RESHARD = "gateway:reshard";
const LOOK_EVERY_MS = 20;
const CHANGE_MOST_MS = 120_000;

export async function measureReshard(stage: Stage): Promise<Bounded[]> {
  await using opened = new AsyncDisposableStack();
  const scene = opened.use(await stage.set(WORK, { keptIds: "data" }));
  const redis = opened.adopt(new Redis(stage.servers.redis.url), async (redis) => void await redis.quit());
  for (let replica = 1; replica <= REPLICAS; replica += 1) {
    const { server } = await startService(stage, scene, WORK, {
      FLEET: "true",
      ROLE: "gateway",
      REPLICA_NAME: `replica-${replica}`,
      SHARDS_TOTAL: String(OLD_SHARDS),
    });
    opened.use(server);
  }
  await scene.happened(["identified"], OLD_SHARDS);
  await sleep(PRELUDE_MS);
  const identifiesBefore = await scene.happened(["identified"], 0);
  const sent = LOAD_SECONDS * EVENTS_PER_SECOND;
  const change = async () => {
    await sleep(PRELUDE_MS);
    await scene.delays();
    await sendCommand(stage.servers.rabbit.url, { op: 2, data: { total: WORK.shards } });
    return await followPhases(redis);
  };
  const [phases] = await Promise.all([change(), scene.send(sent, EVENTS_PER_SECOND)]);
  const { distinct, repeats } = await scene.received();
  const { p50Ms, p99Ms, maxMs } = await scene.delays();
  const identifies = await scene.happened(["identified"], 0) - identifiesBefore;
  const between = (from: string, to: string) => ((phases.get(to) ?? NaN) - (phases.get(from) ?? NaN)) / 1_000;
  return [
    bounded("events lost", "", [sent - distinct], 0),
    bounded("events that came twice", "", [repeats]),
    bounded("IDENTIFYs beyond one for each new shard", "", [identifies - WORK.shards], 0),
    bounded("new sessions beside the old ones", "s", [between("rehearsing", "holding")]),
    bounded("events held back", "s", [between("holding", "taking_over")]),
    bounded("from then until the old sessions are gone", "s", [between("taking_over", "done")]),
    bounded("an event's way from Discord to the bot, median", "ms", [p50Ms]),
    bounded("the same, p99", "ms", [p99Ms]),
    bounded("the same, the longest", "ms", [maxMs]),
  ];
}

async function sendCommand(rabbitUrl: string, command: unknown): Promise<void> {
  const connection = await connect(rabbitUrl);
  const channel = await connection.createConfirmChannel();
  channel.sendToQueue(COMMANDS, Buffer.from(JSON.stringify(command)));
  await channel.waitForConfirms();
  await connection.close();
}

/** Phase → when it was seen first, until the change is done. */
async function followPhases(redis: Redis): Promise<ReadonlyMap<string, number>> {
  const seenAtMs = new Map<string, number>();
  const untilMs = performance.now() + CHANGE_MOST_MS;
  while (!seenAtMs.has("done")) {
    if (performance.now() > untilMs) {
      throw new Error(`The number of shards is not changed after ${CHANGE_MOST_MS / 1_000} s`);
    }
    const { phase } = JSON.parse(await redis.hget(RESHARD, "plan") ?? "{}");
    if (phase === "abandoned") throw new Error("The change of the number of shards was abandoned");
    if (phase !== undefined && !seenAtMs.has(phase)) seenAtMs.set(phase, performance.now());
    await sleep(LOOK_EVERY_MS);
  }
  return seenAtMs;
}
