/**
 * One run: a gateway is started, warmed up, and given events evenly, as fast as it takes them.
 *
 * @module
 */
import { cpuSeconds, memoryBytes } from "../process.ts";
import type { MeasuredGateway } from "./gateways.ts";
import { redisWork } from "./redis_work.ts";
import type { Delays, Scene, Stage } from "./stage.ts";
import type { Work } from "./work.ts";

/** So that all code is compiled that will be. */
const WARM_UP_EVENTS = 60_000;
const WARM_UP_STRAIGHT_EVENTS = 4_000;
const FAST_EVENTS = 60_000;
export const PACED_PER_SECOND = 2_000;
const PACED_EVENTS = 12_000;

/** The figures of one run. */
export interface Run {
  /** CPU time of the gateway's process for each event, user and system, in microseconds. */
  readonly fastCpuUs: number;
  /** Events a second, from Discord to the bot, where they are sent as fast as they are taken. */
  readonly fastPerSecond: number;
  /** What Redis does for each event there: scripts, and commands, those of scripts among them. */
  readonly redis: { readonly scripts: number; readonly commands: number };
  /** CPU time for each event where they come evenly. */
  readonly pacedCpuUs: number;
  /** How much later events arrive than without a gateway, where they come evenly, in milliseconds. */
  readonly addedMs: Pick<Delays, "p50Ms" | "p99Ms" | "p999Ms">;
  /** Of the process, after all that, in bytes. */
  readonly memoryBytes: number;
}

/** The figures of one gateway at one work. */
export interface Measured {
  readonly work: Work;
  readonly gateway: string;
  readonly runs: readonly Run[];
}

/** A figure as a multiple of that of others, run by run, as they took turns. */
export function multiples(
  runs: readonly Run[],
  others: readonly Run[],
  figure: (run: Run) => number,
): number[] {
  return runs.flatMap((run, index) => {
    const other = others[index];
    return other === undefined ? [] : [figure(run) / figure(other)];
  });
}

export async function measure(stage: Stage, gateway: MeasuredGateway, work: Work): Promise<Run> {
  await using scene = await stage.set(work);
  const running = await gateway.start(stage, scene, work);
  try {
    await scene.connected();
    await scene.send(WARM_UP_EVENTS, 0);
    const before = await redisWork(stage.servers.redis.url);
    const fast = await timed(running.processId, scene, FAST_EVENTS, 0);
    const after = await redisWork(stage.servers.redis.url);
    const paced = await timed(running.processId, scene, PACED_EVENTS, PACED_PER_SECOND);
    const memory = await memoryBytes(running.processId);
    await scene.sendStraight(WARM_UP_STRAIGHT_EVENTS, PACED_PER_SECOND);
    await scene.delays(); // those of code that was not compiled yet
    await scene.sendStraight(PACED_EVENTS, PACED_PER_SECOND);
    const straight = await scene.delays();
    return {
      fastCpuUs: fast.cpuUs,
      fastPerSecond: FAST_EVENTS / fast.seconds,
      redis: {
        scripts: (after.scripts - before.scripts) / FAST_EVENTS,
        commands: (after.commands - before.commands) / FAST_EVENTS,
      },
      pacedCpuUs: paced.cpuUs,
      addedMs: {
        p50Ms: paced.delays.p50Ms - straight.p50Ms,
        p99Ms: paced.delays.p99Ms - straight.p99Ms,
        p999Ms: paced.delays.p999Ms - straight.p999Ms,
      },
      memoryBytes: memory,
    };
  } finally {
    await running.stop();
  }
}

async function timed(processId: number, scene: Scene, events: number, perSecond: number) {
  await scene.delays(); // those of what came before
  const before = await cpuSeconds(processId);
  const seconds = await scene.send(events, perSecond);
  const cpuUs = (await cpuSeconds(processId) - before) / events * 1e6;
  return { seconds, cpuUs, delays: await scene.delays() };
}
