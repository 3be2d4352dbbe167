/**
 * What the process has in memory under load: after a minute, and over many.
 *
 * @module
 */
import { memoryBytes } from "../process.ts";
import { spreadOf } from "../spread.ts";
import type { Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { EVENTS_PER_SECOND } from "./added_latency.ts";
import { type Bounded, bounded } from "../bounded.ts";
import { runService, type ServiceRole } from "./running_service.ts";
import { sleep } from "../sleep.ts";

const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 16 };
const LOOK_INTERVAL_S = 10;
const ROUNDS = 3;
const MEGABYTES_MAX = 130;
/** One look may differ from the next by twice that, when the collector has given memory back. */
const GROWTH_MEGABYTES_MAX = 5;
/** A soak is cut into so many parts; the first holds what every start does. */
const PARTS = 5;

/** After a minute of load, each time of a process of its own. */
export async function measureMemory(stage: Stage): Promise<Bounded[]> {
  const rows: Bounded[] = [];
  for (const role of ["all", "gateway"] as const) {
    const afterMinute: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const looks = await megabytesUnderLoad(stage, 60, role);
      afterMinute.push(looks.at(-1) ?? NaN);
    }
    const title = `memory, 16 shards, 2,000 events/s, after a minute, ROLE=${role}`;
    rows.push(bounded(title, "MB", afterMinute, MEGABYTES_MAX));
  }
  return rows;
}

/** Over so many minutes: it is flat where the parts are alike. */
export async function measureSoak(stage: Stage, minutes: number): Promise<Bounded[]> {
  const looks = await megabytesUnderLoad(stage, minutes * 60, "all");
  const part = (index: number) =>
    looks.slice(Math.floor(looks.length * index / PARTS), Math.ceil(looks.length * (index + 1) / PARTS));
  const [second, middle, last] = [1, Math.floor(PARTS / 2), PARTS - 1].map(part) as [
    number[],
    number[],
    number[],
  ];
  const title = `memory, 2,000 events/s for ${minutes} min`;
  return [
    bounded(`${title}, second fifth`, "MB", second, MEGABYTES_MAX),
    bounded(`${title}, middle fifth`, "MB", middle, MEGABYTES_MAX),
    bounded(`${title}, last fifth`, "MB", last, MEGABYTES_MAX),
    bounded(`${title}, growth from the second fifth to the last`, "MB", [
      spreadOf(last).median - spreadOf(second).median,
    ], GROWTH_MEGABYTES_MAX),
  ];
}

/** Looked at every ten seconds, the last time at the end. */
async function megabytesUnderLoad(stage: Stage, seconds: number, role: ServiceRole): Promise<number[]> {
  await using service = await runService(stage, WORK, role);
  const { scene, server } = service;
  const sending = scene.send((seconds + LOOK_INTERVAL_S) * EVENTS_PER_SECOND, EVENTS_PER_SECOND);
  const looks: number[] = [];
  const startedAtMs = performance.now();
  for (let atS = LOOK_INTERVAL_S; atS <= seconds; atS += LOOK_INTERVAL_S) {
    await sleep(startedAtMs + atS * 1_000 - performance.now());
    looks.push(await memoryBytes(server.processId) / 1e6);
  }
  await sending;
  return looks;
}
