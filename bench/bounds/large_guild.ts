/**
 * How long events of 15 shards wait because a guild of 10 MB arrives on the sixteenth.
 *
 * What broker and bot need for the guild is in it too. So the same is measured with the guild sent straight to the
 * broker, while the other events still come by the gateway.
 *
 * @module
 */
import type { Scene, Stage } from "../path/stage.ts";
import type { Compression } from "../../simulator/encoder.ts";
import { type Bounded, bounded } from "../bounded.ts";
import { runService } from "./running_service.ts";
import { sleep } from "../sleep.ts";

const SHARDS = 16;
const LARGE_SHARD = 0;
const LARGE = { bytes: 10e6 };
/** A hundred for each shard. */
const EVENTS_PER_SECOND = 1_600;
const EVENTS = 4 * EVENTS_PER_SECOND;
const BEFORE_LARGE_MS = 1_000;
const ROUNDS = 5;
const ADDED_MS_MAX = 50;

export async function measureLargeGuild(stage: Stage): Promise<Bounded[]> {
  const rows: Bounded[] = [];
  for (const compression of ["zlib-stream", "zstd-stream", "none"] as const) {
    rows.push(...await measure(stage, compression));
  }
  return rows;
}

async function measure(stage: Stage, compression: Compression): Promise<Bounded[]> {
  await using service = await runService(stage, { bodies: 800, compression, shards: SHARDS });
  const { scene } = service;
  await longestWith(scene);
  await longestStraight(scene);
  const usual: number[] = [];
  const withGuild: number[] = [];
  const straight: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    usual.push(await longestUsual(scene));
    withGuild.push(await longestWith(scene));
    straight.push(await longestStraight(scene));
  }
  const added = (longest: readonly number[]) => longest.map((ms, round) => ms - (usual[round] ?? NaN));
  const title = `${compression}, longest delay on 15 other shards`;
  return [
    bounded(`${title}, added by a guild of 10 MB`, "ms", added(withGuild), ADDED_MS_MAX),
    bounded(`${title}, added by one straight to the broker`, "ms", added(straight)),
    bounded(`${title}, usually`, "ms", usual),
  ];
}

async function longestUsual(scene: Scene): Promise<number> {
  await scene.send(EVENTS, EVENTS_PER_SECOND);
  return await longest(scene);
}

async function longestWith(scene: Scene): Promise<number> {
  await withLarge(scene.send(EVENTS, EVENTS_PER_SECOND), () => scene.sendLarge(LARGE, LARGE_SHARD));
  return await longest(scene);
}

async function longestStraight(scene: Scene): Promise<number> {
  // The other events come by the gateway here too: what the guild does to broker and bot is all that differs.
  await withLarge(
    scene.send(EVENTS, EVENTS_PER_SECOND),
    () => scene.sendLargeStraight(LARGE, LARGE_SHARD),
  );
  return await longest(scene);
}

async function withLarge(sending: Promise<unknown>, sendLarge: () => Promise<void>): Promise<void> {
  await sleep(BEFORE_LARGE_MS);
  await sendLarge();
  await sending;
}

async function longest(scene: Scene): Promise<number> {
  return (await scene.delays({ exceptShard: LARGE_SHARD })).maxMs;
}
