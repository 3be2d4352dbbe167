/**
 * 1,024 sessions taken up again by the next process, after one that was stopped and after one that was killed. Discord
 * takes as many connections as come, and has two events for each session that it missed.
 *
 * @module
 */
import type { Scene, Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { type Bounded, bounded } from "../bounded.ts";
import { runService } from "./running_service.ts";
import { sleep } from "../sleep.ts";
import { CLOSE } from "../../simulator/close_codes.ts";
import type { Server } from "../../harness/server.ts";

const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 1_024 };
const ROUNDS = 3;
const SECONDS_MAX = 10;
const MISSED = 2 * WORK.shards;
const MISSED_PER_SECOND = 4_000;
/** By then the point of every session is in Redis. */
const SETTLING_MS = 3_000;

/** What Discord saw of one restart. */
interface Restart {
  readonly seconds: number;
  readonly identifies: number;
  readonly rateLimited: number;
}

export async function measureResumes(stage: Stage): Promise<Bounded[]> {
  await using service = await runService(stage, WORK);
  const { scene, server } = service;
  const stopped: Restart[] = [];
  const killed: Restart[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    stopped.push(await restart(scene, server, () => server.terminate()));
    killed.push(await restart(scene, server, () => server.kill()));
  }
  const ofAll = (count: (restart: Restart) => number) =>
    [...stopped, ...killed].reduce((sum, restart) => sum + count(restart), 0);
  return [
    bounded("1,024 resumes after SIGTERM", "s", stopped.map(({ seconds }) => seconds), SECONDS_MAX),
    bounded("1,024 resumes after SIGKILL", "s", killed.map(({ seconds }) => seconds), SECONDS_MAX),
    bounded("IDENTIFYs at all of them", "", [ofAll(({ identifies }) => identifies)], 0),
    bounded("connections closed with 4008 at all of them", "", [ofAll(({ rateLimited }) => rateLimited)], 0),
  ];
}

async function restart(scene: Scene, server: Server, end: () => Promise<unknown>): Promise<Restart> {
  await sleep(SETTLING_MS);
  const begun = await scene.happened(["identified", "resumed"], 0);
  await end();
  const missed = scene.send(MISSED, MISSED_PER_SECOND);
  const startedAtMs = Date.now();
  await server.restart();
  await scene.happened(["identified", "resumed"], begun + WORK.shards);
  await missed;
  const history = await scene.history(startedAtMs);
  const resumed = history.filter(({ kind }) => kind === "resumed");
  return {
    seconds: ((resumed.at(-1)?.atMs ?? NaN) - startedAtMs) / 1_000,
    identifies: history.filter(({ kind }) => kind === "identified").length,
    rateLimited: history.filter(({ code }) => code === CLOSE.rateLimited).length,
  };
}
