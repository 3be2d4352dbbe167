/**
 * The state cache, where many guilds arrive at once, and where a very large one does.
 *
 * @module
 */
import { ALL_STATE } from "../../harness/gateway.ts";
import { type Bounded, bounded } from "../bounded.ts";
import { beginSlowLog, longestBlockMs, redisWork } from "../path/redis_work.ts";
import type { Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { cpuSeconds, peakMemoryBytes } from "../process.ts";
import { sleep } from "../sleep.ts";
import { runService } from "./running_service.ts";

const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 16 };
const GUILDS = 1_000;
const MEMBERS = 1_000;
const LARGE_MEMBERS = 50_000;
const LARGE_SHARD = 0;
/** The first time it is written, and then what was kept is cleared besides. */
const LARGE_ROUNDS = 5;
const EVENTS_PER_SECOND = 1_600;
const EVENTS = 4 * EVENTS_PER_SECOND;
const BEFORE_LARGE_MS = 1_000;
const BLOCK_MS_MAX = 20;

export async function measureKeptGuilds(stage: Stage): Promise<Bounded[]> {
  return [...await measureMany(stage), ...await measureLarge(stage)];
}

async function measureMany(stage: Stage): Promise<Bounded[]> {
  const redisUrl = stage.servers.redis.url;
  const rows: Bounded[] = [];
  for (const [what, settings] of [["without the cache", {}], ["into the cache", ALL_STATE]] as const) {
    await using service = await runService(stage, WORK, "all", settings);
    const { scene, server } = service;
    await beginSlowLog(redisUrl);
    const before = { cpuS: await cpuSeconds(server.processId), redis: await redisWork(redisUrl) };
    const seconds = await scene.sendGuilds(GUILDS, MEMBERS, 0);
    const after = { cpuS: await cpuSeconds(server.processId), redis: await redisWork(redisUrl) };
    const megabytes = (after.redis.memoryBytes - before.redis.memoryBytes) / 1e6;
    const title = `${inWords(GUILDS)} guilds of ${inWords(MEMBERS)} members ${what}`;
    rows.push(
      bounded(title, "s", [seconds]),
      bounded(`${title}, CPU`, "s", [after.cpuS - before.cpuS]),
      bounded(`${title}, most memory`, "MB", [await peakMemoryBytes(server.processId) / 1e6]),
      bounded(`${title}, in Redis`, "MB", [megabytes]),
      // Of ten thousand scripts on cores that are never idle: one of them is interrupted.
      bounded(`${title}, Redis blocked at most`, "ms", [await longestBlockMs(redisUrl)]),
    );
  }
  return rows;
}

async function measureLarge(stage: Stage): Promise<Bounded[]> {
  const redisUrl = stage.servers.redis.url;
  await using service = await runService(stage, WORK, "all", ALL_STATE);
  const { scene } = service;
  const seconds: number[] = [];
  const blocksMs: number[] = [];
  const usualMs: number[] = [];
  const delaysMs: number[] = [];
  const longest = async () => (await scene.delays({ exceptShard: LARGE_SHARD })).maxMs;
  await scene.send(EVENTS, EVENTS_PER_SECOND);
  for (let round = 0; round < LARGE_ROUNDS; round++) {
    await beginSlowLog(redisUrl);
    seconds.push(await scene.sendGuilds(1, LARGE_MEMBERS, LARGE_SHARD));
    await longest();
    await scene.send(EVENTS, EVENTS_PER_SECOND);
    usualMs.push(await longest());
    const sending = scene.send(EVENTS, EVENTS_PER_SECOND);
    await sleep(BEFORE_LARGE_MS);
    await scene.sendLarge({ members: LARGE_MEMBERS }, LARGE_SHARD);
    await sending;
    delaysMs.push(await longest());
    blocksMs.push(await longestBlockMs(redisUrl));
  }
  const title = `a guild of ${inWords(LARGE_MEMBERS)} members into the cache`;
  return [
    bounded(title, "s", seconds),
    bounded(`${title}, Redis blocked at most`, "ms", blocksMs, BLOCK_MS_MAX),
    bounded(`${title}, longest delay on 15 other shards`, "ms", delaysMs),
    bounded("the same, usually", "ms", usualMs),
  ];
}

function inWords(count: number): string {
  return count.toLocaleString("en");
}
