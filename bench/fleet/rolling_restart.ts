/**
 * A fleet restarted replica by replica under load: for how long each shard is away, and what comes twice.
 *
 * @module
 */
import type { Happening } from "../../simulator/statistics.ts";
import { type Bounded, bounded } from "../bounded.ts";
import type { Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { sleep } from "../sleep.ts";
import { Fleet } from "./fleet.ts";

const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 256 };
const REPLICAS = 4;
const EVENTS_PER_SECOND = 2_000;
/** Events flow for so long around each restart. */
const LOAD_SECONDS = 25;
/** Of that, before it. */
const PRELUDE_MS = 3_000;
const PAUSE_SECONDS_MAX = 2;

interface Restart {
  /** Between SIGTERM and the end of the process. */
  readonly stopSeconds: number;
  /** Between its next start and the moment from which it has its share again. */
  readonly shareSeconds: number;
  readonly pausesSeconds: readonly number[];
}

export async function measureRollingRestart(stage: Stage): Promise<Bounded[]> {
  await using fleet = await Fleet.start(stage, WORK, REPLICAS);
  const { scene } = fleet;
  const identifiesBefore = await scene.happened(["identified"], 0);
  const restarts: Restart[] = [];
  let sent = 0;
  for (const { server } of fleet.replicas) {
    const sending = scene.send(LOAD_SECONDS * EVENTS_PER_SECOND, EVENTS_PER_SECOND);
    sent += LOAD_SECONDS * EVENTS_PER_SECOND;
    await sleep(PRELUDE_MS);
    const stoppedAtMs = Date.now();
    await server.terminate();
    const startedAtMs = Date.now();
    await server.restart();
    await fleet.shared();
    const sharedAtMs = Date.now();
    await sending;
    restarts.push({
      stopSeconds: (startedAtMs - stoppedAtMs) / 1_000,
      shareSeconds: (sharedAtMs - startedAtMs) / 1_000,
      pausesSeconds: pausesOf(await scene.history(stoppedAtMs)).map((ms) => ms / 1_000),
    });
  }
  const { distinct, repeats, outOfOrder } = await scene.received();
  const { p99Ms, maxMs } = await scene.delays();
  const identifies = await scene.happened(["identified"], 0) - identifiesBefore;
  const pauses = restarts.flatMap(({ pausesSeconds }) => pausesSeconds).sort((one, other) => one - other);
  const at = (part: number) => pauses[Math.min(pauses.length - 1, Math.floor(pauses.length * part))] ?? NaN;
  return [
    bounded("shards that went to another replica", "", [pauses.length]),
    bounded("longest pause of a shard", "s", [at(1)], PAUSE_SECONDS_MAX),
    bounded("the same, p99", "s", [at(0.99)]),
    bounded("the same, median", "s", [at(0.5)]),
    bounded("events lost", "", [sent - distinct], 0),
    bounded("events out of order", "", [outOfOrder], 0),
    bounded("events that came twice", "", [repeats], 0),
    bounded("IDENTIFYs", "", [identifies], 0),
    bounded("SIGTERM to the end of the process", "s", restarts.map(({ stopSeconds }) => stopSeconds)),
    bounded("start to its share of the shards", "s", restarts.map(({ shareSeconds }) => shareSeconds)),
    bounded("an event's way from Discord to the bot, p99", "ms", [p99Ms]),
    bounded("the same, the longest", "ms", [maxMs]),
  ];
}

/** Of each time that a shard had no connection, in milliseconds. */
export function pausesOf(history: readonly Happening[]): number[] {
  const awaySinceMs = new Map<number, number>();
  const pauses: number[] = [];
  for (const { kind, shard, atMs } of history) {
    if (shard === undefined) continue;
    if (kind === "closed-by-client" || kind === "closed-by-server") awaySinceMs.set(shard, atMs);
    const sinceMs = awaySinceMs.get(shard);
    if ((kind !== "resumed" && kind !== "identified") || sinceMs === undefined) continue;
    pauses.push(atMs - sinceMs);
    awaySinceMs.delete(shard);
  }
  return pauses;
}
