/**
 * The same as `added_latency.ts` at 1,024 shards: with nobody asking for `/metrics`, with somebody asking once a second,
 * and with somebody who asks again as soon as there is an answer, so that almost every event is on its way while
 * metrics are written.
 *
 * @module
 */
import type { Delays, Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { addedRows, delaysStraight, delaysThrough, ROUNDS, warmUp } from "./added_latency.ts";
import { type Bounded, bounded } from "../bounded.ts";
import { runService } from "./running_service.ts";
import { sleep } from "../sleep.ts";

const WORK: Work = { bodies: 800, compression: "zlib-stream", shards: 1_024 };
const USUAL_INTERVAL_MS = 1_000;

/** One answer of `/metrics`. */
interface Scrape {
  readonly tookMs: number;
  readonly bytes: number;
}

export async function measureScrapedLatency(stage: Stage): Promise<Bounded[]> {
  await using service = await runService(stage, WORK);
  const { scene, monitoringUrl } = service;
  await warmUp(scene);
  const straight: Delays[] = [];
  const unscraped: Delays[] = [];
  const usual: Delays[] = [];
  const without: Delays[] = [];
  const scrapes: Scrape[] = [];
  const scraped = async (intervalMs: number) => {
    const over = new AbortController();
    const scraping = scrape(monitoringUrl, intervalMs, over.signal);
    const delays = await delaysThrough(scene);
    over.abort();
    return { delays, scrapes: await scraping };
  };
  for (let round = 0; round < ROUNDS; round++) {
    straight.push(await delaysStraight(scene));
    unscraped.push(await delaysThrough(scene));
    const onceASecond = await scraped(USUAL_INTERVAL_MS);
    usual.push(onceASecond.delays);
    scrapes.push(...onceASecond.scrapes);
    without.push((await scraped(0)).delays);
  }
  return [
    ...addedRows("added latency, 1,024 shards", unscraped, straight),
    ...addedRows("the same, /metrics asked for once a second", usual, straight),
    ...addedRows("the same, /metrics asked for without a pause", without, straight),
    bounded("an answer of /metrics, asked for once a second", "ms", scrapes.map(({ tookMs }) => tookMs)),
    bounded("an answer of /metrics", "MB", scrapes.map(({ bytes }) => bytes / 1e6)),
  ];
}

/** Asks for `/metrics` at this interval, or at once where the answer took longer, until it is over. */
async function scrape(monitoringUrl: string, intervalMs: number, over: AbortSignal): Promise<Scrape[]> {
  const scrapes: Scrape[] = [];
  while (!over.aborted) {
    const beforeMs = performance.now();
    const response = await fetch(`${monitoringUrl}/metrics`);
    if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
    const bytes = (await response.bytes()).length;
    const tookMs = performance.now() - beforeMs;
    scrapes.push({ tookMs, bytes });
    if (tookMs < intervalMs) await sleep(intervalMs - tookMs);
  }
  return scrapes;
}
