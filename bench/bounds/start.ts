/**
 * From starting the process to the first IDENTIFY that Discord gets, or the first RESUME where sessions are stored. The
 * cache of modules and of compiled code is warm.
 *
 * @module
 */
import type { Happening } from "../../simulator/statistics.ts";
import type { Scene, Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { type Bounded, bounded } from "../bounded.ts";
import { runService } from "./running_service.ts";

const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 16 };
const ROUNDS = 7;
const SECONDS_MAX = 0.7;

export async function measureStart(stage: Stage): Promise<Bounded[]> {
  await startOnce(stage);
  const toIdentify: number[] = [];
  const toResume: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = await startOnce(stage);
    toIdentify.push(start.toIdentify);
    toResume.push(start.toResume);
  }
  return [
    bounded("start to the first IDENTIFY", "s", toIdentify, SECONDS_MAX),
    bounded("start to the first RESUME", "s", toResume),
  ];
}

/** In seconds: nothing stored, and then again with what the first left. */
async function startOnce(stage: Stage): Promise<{ toIdentify: number; toResume: number }> {
  await using service = await runService(stage, WORK);
  const { scene, server, startedAtMs } = service;
  const toIdentify = await firstAtMs(scene, "identified", startedAtMs) - startedAtMs;
  await server.terminate();
  const restartedAtMs = Date.now();
  await server.restart();
  await scene.happened(["resumed", "identified"], 2 * WORK.shards);
  const toResume = await firstAtMs(scene, "resumed", restartedAtMs) - restartedAtMs;
  return { toIdentify: toIdentify / 1_000, toResume: toResume / 1_000 };
}

async function firstAtMs(scene: Scene, kind: Happening["kind"], sinceMs: number): Promise<number> {
  const [first] = (await scene.history(sinceMs)).filter((happening) => happening.kind === kind);
  if (first === undefined) throw new Error(`None was ${kind} after the start`);
  return first.atMs;
}
