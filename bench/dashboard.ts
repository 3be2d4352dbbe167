/**
 * `deno task bench:dashboard`: what a dashboard of many shards costs whoever looks, and the machine it runs on.
 *
 * @module
 */
import { openBrowser } from "../harness/browser.ts";
import { type Gateway, startGateway } from "../harness/gateway.ts";
import { startServerPair } from "../harness/pair.ts";
import { Screen, standardOutput } from "../harness/screen.ts";
import { BenchFleet } from "./dashboard_fleet.ts";
import { cpuSeconds, memoryBytes, shell } from "./process.ts";
import { sleep } from "./sleep.ts";

const SHARDS = 10_000;
const PAGES = 30;
const VIEWERS = 20;
const SECONDS = 30;
const PASSWORD = "bench";
const STREAM = "/live?fleet";

if (import.meta.main) await run();

async function run(): Promise<void> {
  const screen = new Screen(standardOutput());
  await using servers = await startServerPair();
  const fleet = await BenchFleet.open(servers.redis.url, SHARDS);
  const dashboard = await startGateway({
    ROLE: "dashboard",
    RABBIT_URL: servers.rabbit.url,
    REDIS_URL: servers.redis.url,
    DASHBOARD_PASSWORD: PASSWORD,
  });
  try {
    const cookie = await signIn(dashboard);
    const pages = await timePages(dashboard, cookie);
    const interactive = await timeBrowser(dashboard, cookie);
    const live = await watch(dashboard, cookie, fleet);
    screen.rows([
      ["shards", SHARDS.toLocaleString("en")],
      ["fleet page, asked to answered, median", `${pages.medianMs.toFixed(1)} ms`],
      ["fleet page, 95 of 100 within", `${pages.p95Ms.toFixed(1)} ms`],
      ["fleet page, bytes", pages.bytes.toLocaleString("en")],
      ["fleet page, bytes compressed", pages.compressedBytes.toLocaleString("en")],
      ["time to interactive in Chromium, median", `${interactive.toFixed(0)} ms`],
      ["live, bytes a second for one viewer", Math.round(live.bytesPerSecond).toLocaleString("en")],
      [`CPU of the process with ${VIEWERS} viewers`, `${(live.cpu * 100).toFixed(1)} % of a core`],
      ["memory of the process", `${Math.round(live.memoryBytes / 1e6)} MB`],
    ]);
  } finally {
    await dashboard.server.terminate();
    await dashboard.server.stop();
    await fleet.close();
  }
}

async function signIn({ dashboardUrl }: Gateway): Promise<string> {
  for (;;) {
    const response = await fetch(`${dashboardUrl}/sign_in`, {
      method: "POST",
      redirect: "manual",
      headers: { origin: dashboardUrl },
      body: new URLSearchParams({ password: PASSWORD }),
    }).catch(() => null);
    await response?.body?.cancel();
    const cookie = response?.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
    if (response?.status === 303 && cookie) return cookie;
    await sleep(200); // its thread is still loading
  }
}

async function timePages({ dashboardUrl }: Gateway, cookie: string) {
  const times: number[] = [];
  for (let page = 0; page < PAGES; page++) {
    const beforeMs = performance.now();
    const response = await fetch(dashboardUrl, { headers: { cookie } });
    await response.bytes();
    times.push(performance.now() - beforeMs);
  }
  const size = async (encoding: string) => {
    const curl = ["-s", "-H", `Cookie: ${cookie}`, "-H", `Accept-Encoding: ${encoding}`, dashboardUrl];
    return Number(await shell('curl "$@" | wc -c', curl));
  };
  times.sort((one, other) => one - other);
  return {
    medianMs: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    bytes: await size("identity"),
    compressedBytes: await size("gzip"),
  };
}

/** From asking for the page until its islands are alive. */
async function timeBrowser({ dashboardUrl }: Gateway, cookie: string): Promise<number> {
  await using opened = await openBrowser();
  const context = await opened.browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addCookies(
    cookie.split("; ").map((pair) => {
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      return { name, value: decodeURIComponent(value), url: dashboardUrl };
    }),
  );
  const times: number[] = [];
  for (let visit = 0; visit < 7; visit++) {
    const page = await context.newPage();
    await page.goto(dashboardUrl);
    await page.waitForFunction(() => performance.getEntriesByName("islands").length > 0);
    times.push(await page.evaluate(() => performance.getEntriesByName("islands")[0]?.startTime ?? NaN));
    await page.close();
  }
  return quantile(times.sort((one, other) => one - other), 0.5);
}

async function watch({ dashboardUrl, server }: Gateway, cookie: string, fleet: BenchFleet) {
  const over = new AbortController();
  let bytes = 0;
  const viewers = Array.from({ length: VIEWERS }, async () => {
    try {
      const response = await fetch(dashboardUrl + STREAM, { headers: { cookie }, signal: over.signal });
      for await (const chunk of response.body ?? []) bytes += chunk.length;
    } catch (error) {
      if (!over.signal.aborted) throw error;
    }
  });
  // What they hear when they join is not what they hear afterwards.
  for (let second = 0; second < 3; second++) await tick(fleet);
  bytes = 0;
  const before = await cpuSeconds(server.processId);
  const beforeMs = performance.now();
  for (let second = 0; second < SECONDS; second++) await tick(fleet);
  const seconds = (performance.now() - beforeMs) / 1_000;
  const cpu = (await cpuSeconds(server.processId) - before) / seconds;
  const bytesPerSecond = bytes / VIEWERS / seconds;
  over.abort();
  await Promise.all(viewers);
  return { bytesPerSecond, cpu, memoryBytes: await memoryBytes(server.processId) };
}

async function tick(fleet: BenchFleet): Promise<void> {
  await Promise.all([fleet.move(), sleep(1_000)]);
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;
}
