/**
 * What 1,024 shards cost on which nothing happens: memory, and the CPU of heartbeats and of whatever runs by itself.
 *
 * @module
 */
import { cpuSeconds, memoryBytes } from "../process.ts";
import type { Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { type Bounded, bounded } from "../bounded.ts";
import { runService, type ServiceRole } from "./running_service.ts";
import { sleep } from "../sleep.ts";

const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 1_024 };
/** What the start left to be done is done by then. */
const SETTLING_MS = 20_000;
/** More than Discord's heartbeat interval of 41.25 s. */
const LOOK_MS = 60_000;
const ROUNDS = 3;
const CPU_PERCENT_MAX = 2;
const MEGABYTES_MAX = 250;

export async function measureIdle(stage: Stage): Promise<Bounded[]> {
  return [...await idleAs(stage, "all"), ...await idleAs(stage, "gateway")];
}

async function idleAs(stage: Stage, role: ServiceRole): Promise<Bounded[]> {
  await using service = await runService(stage, WORK, role);
  const { processId } = service.server;
  await sleep(SETTLING_MS);
  const cpuPercent: number[] = [];
  const megabytes: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const beforeMs = performance.now();
    const before = await cpuSeconds(processId);
    await sleep(LOOK_MS);
    const used = await cpuSeconds(processId) - before;
    cpuPercent.push(used / (performance.now() - beforeMs) * 1_000 * 100);
    megabytes.push(await memoryBytes(processId) / 1e6);
  }
  return [
    bounded(`CPU of 1,024 idle shards, of a core, ROLE=${role}`, "%", cpuPercent, CPU_PERCENT_MAX),
    bounded(`memory, 1,024 idle shards, ROLE=${role}`, "MB", megabytes, MEGABYTES_MAX),
  ];
}
