/**
 * The end of a run: nothing happens in Discord any more, and what is on its way arrives.
 *
 * @module
 */

import { isFaultless, judge, type Judgement } from "./judgement.ts";
import { sleep } from "./sleep.ts";
import type { Stage } from "./stage.ts";

const LOOK_INTERVAL_MS = 1_000;

/**
 * Stops the events at their source, waits until every shard is connected and all that was promised has come, and
 * judges. What has not come when nothing at all came for `patienceMs` does not come.
 */
export async function settle(stage: Stage, patienceMs: number): Promise<Judgement> {
  const { discord, receipts, collector } = stage;
  await discord.set({ paused: true });
  await stage.connected();
  await discord.readEndings();
  let sent = await discord.sent();
  for (let quietSinceMs = performance.now(), seen = -1;;) {
    const judgement = judge({ sent, receipts, gaps: collector.gaps, endings: discord.endings });
    if (isFaultless(judgement)) return judgement;
    if (receipts.distinct + receipts.repeats + collector.gaps.length !== seen) {
      seen = receipts.distinct + receipts.repeats + collector.gaps.length;
      quietSinceMs = performance.now();
    } else if (performance.now() - quietSinceMs > patienceMs) return judgement;
    await sleep(LOOK_INTERVAL_MS);
    await discord.readEndings();
    const { count } = await discord.ledger();
    if (count !== sent.reduce((sum, { entries }) => sum + entries.length, 0)) sent = await discord.sent();
  }
}
