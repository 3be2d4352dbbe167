/**
 * How much longer events are on their way because of the gateway: the delays through it, less the delays of the same
 * events sent straight to the broker.
 *
 * @module
 */
import type { Delays, Scene, Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { type Bounded, bounded } from "../bounded.ts";
import { runService } from "./running_service.ts";

const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 16 };
export const EVENTS_PER_SECOND = 2_000;
/** Many short rounds, so that whatever else the machine does spoils few of them: 10,000 events in each. */
const SECONDS = 5;
export const ROUNDS = 9;
const P99_MS_MAX = 10;

/** At 16 shards. */
export async function measureAddedLatency(stage: Stage): Promise<Bounded[]> {
  await using service = await runService(stage, WORK);
  const { scene } = service;
  await warmUp(scene);
  const straight: Delays[] = [];
  const through: Delays[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    straight.push(await delaysStraight(scene));
    through.push(await delaysThrough(scene));
  }
  return addedRows("added latency, 16 shards", through, straight);
}

/** Neither the service nor what is around it is measured before its code is compiled. */
export async function warmUp(scene: Scene): Promise<void> {
  await delaysStraight(scene);
  await delaysThrough(scene);
}

/** Of one round past any gateway. */
export async function delaysStraight(scene: Scene): Promise<Delays> {
  await scene.sendStraight(SECONDS * EVENTS_PER_SECOND, EVENTS_PER_SECOND);
  return await scene.delays();
}

/** Of one round through the gateway. */
export async function delaysThrough(scene: Scene): Promise<Delays> {
  await scene.send(SECONDS * EVENTS_PER_SECOND, EVENTS_PER_SECOND);
  return await scene.delays();
}

/** The difference of each percentile, round by round. */
export function addedRows(
  title: string,
  through: readonly Delays[],
  straight: readonly Delays[],
): Bounded[] {
  const added = (percentile: "p50Ms" | "p99Ms" | "p999Ms") =>
    through.map((delays, round) => delays[percentile] - (straight[round]?.[percentile] ?? NaN));
  return [
    bounded(`${title}, p50`, "ms", added("p50Ms")),
    bounded(`${title}, p99`, "ms", added("p99Ms"), P99_MS_MAX),
    bounded(`${title}, p99.9`, "ms", added("p999Ms")),
    bounded(`${title}, p99 with what broker and bot add`, "ms", through.map(({ p99Ms }) => p99Ms)),
  ];
}
