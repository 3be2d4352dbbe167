/**
 * The end of a run: nothing happens in Discord any more, and what is on its way arrives.
 *
 * @module
 */

import { type FencingJudgement, isFenced, judgeFencing } from "./fencing.ts";
import { isFaultless, judge, type Judgement } from "./judgement.ts";
import { readSayings } from "./sayings.ts";
import { sleep } from "./sleep.ts";
import type { Stage } from "./stage.ts";

const LOOK_INTERVAL_MS = 1_000;

/** How a run ended. */
export interface Settled {
  readonly judgement: Judgement;
  /** Null where there is no fleet. */
  readonly fencing: FencingJudgement | null;
}

/**
 * Stops the events at their source, waits until every shard is connected and all that was promised has come, and
 * judges. What has not come when nothing at all came for `patienceMs` does not come.
 */
export async function settle(stage: Stage, patienceMs: number): Promise<Settled> {
  const { discord, receipts, collector } = stage;
  await discord.set({ paused: true });
  await stage.connected();
  await discord.readEndings();
  let sent = await discord.sent();
  for (let quietSinceMs = performance.now(), seen = -1;;) {
    const fencing = await fencingOf(stage);
    const { gaps } = collector;
    const { endings } = discord;
    const late = fencing === null ? {} : { lateIds: fencing.lateIds, lateShards: fencing.lateShards };
    const judgement = judge({ sent, receipts, gaps, endings, ...late });
    const isKept = isFaultless(judgement) && (fencing === null || isFenced(fencing));
    if (isKept) return { judgement, fencing };
    if (receipts.distinct + receipts.repeats + collector.gaps.length !== seen) {
      seen = receipts.distinct + receipts.repeats + collector.gaps.length;
      quietSinceMs = performance.now();
    } else if (performance.now() - quietSinceMs > patienceMs) return { judgement, fencing };
    await sleep(LOOK_INTERVAL_MS);
    await discord.readEndings();
    const { count } = await discord.ledger();
    if (count !== sent.reduce((sum, { entries }) => sum + entries.length, 0)) sent = await discord.sent();
  }
}

async function fencingOf({ fleet, replicas }: Stage): Promise<FencingJudgement | null> {
  if (fleet === null) return null;
  const { publications, leases } = fleet;
  return judgeFencing({
    publications: publications.all,
    leases,
    replicas: await Promise.all(replicas.map(async ({ name, gateway: { pauses, logPath } }) => ({
      name,
      pauses,
      said: await readSayings(logPath),
    }))),
  });
}
