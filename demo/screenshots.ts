/**
 * `deno task screenshots`: every page of the dashboard in both themes at three widths, on two gateways at work.
 *
 * @module
 */
import type { Browser, Page } from "playwright-core";
import { openBrowser } from "../harness/browser.ts";
import { startGateway } from "../harness/gateway.ts";
import { startServerPair } from "../harness/pair.ts";
import { Screen, standardOutput } from "../harness/screen.ts";
import { startSimulatedDiscord } from "../harness/simulated_discord.ts";

const SHARDS = 64;
const TOKEN = "simulated-token";
const PASSWORD = "screenshots";
const FOLDER = new URL("../screenshots/", import.meta.url);
/** Those that README shows. */
const README_FOLDER = new URL("../docs/images/", import.meta.url);
const IN_README = new Set(["fleet_dark_1440", "shard_light_1440", "queues_light_1440", "fleet_light_390"]);
const THEMES = ["light", "dark"] as const;
const WIDTHS = [390, 820, 1440] as const;
/** Long enough for the plots to show something. */
const WARM_UP_MS = 45_000;
/** Discord's own would show one heartbeat in that time. */
const HEARTBEAT_INTERVAL_MS = 1_500;

/** A page, the name of its pictures, and what makes it worth looking at. */
interface Subject {
  readonly name: string;
  readonly path: string;
}

const SUBJECTS: readonly Subject[] = [
  { name: "fleet", path: "/" },
  { name: "fleet_filtered", path: "/?status=identifying" },
  { name: "drain", path: "/replicas/gateway-1/drain" },
  { name: "reshard", path: "/reshard?total=96" },
  { name: "shard", path: "/shards/12" },
  { name: "shard_restart", path: "/shards/12/restart?mode=identify" },
  { name: "restart_filtered", path: "/restarts/new?status=connected" },
  { name: "restarts", path: "/restarts" },
  { name: "presence", path: "/presence" },
  { name: "commands", path: "/commands" },
  { name: "queues", path: "/queues" },
  { name: "audit", path: "/audit" },
];

if (import.meta.main) await run();

async function run(): Promise<void> {
  const screen = new Screen(standardOutput());
  screen.say("Starting RabbitMQ, Redis, a simulated Discord, two gateways and Chromium");
  await using servers = await startServerPair();
  const discord = await startSimulatedDiscord([
    ...["--shards", String(SHARDS), "--max-concurrency", String(SHARDS)],
    ...["--guilds", "600", "--rate", "400", "--token", TOKEN],
    ...["--heartbeat-interval-ms", String(HEARTBEAT_INTERVAL_MS)],
  ]);
  const settings = {
    BOT_TOKEN: TOKEN,
    API_URL: discord.restUrl,
    RABBIT_URL: servers.rabbit.url,
    REDIS_URL: servers.redis.url,
    DASHBOARD_PASSWORD: PASSWORD,
    WATCH_QUEUES: "moderation",
    FLEET: "true",
  };
  const gateway = await startGateway({ ...settings, REPLICA_NAME: "gateway-0" });
  const other = await startGateway({ ...settings, REPLICA_NAME: "gateway-1", ROLE: "gateway" });
  try {
    await using opened = await openBrowser();
    for (const folder of [FOLDER, README_FOLDER]) await Deno.mkdir(folder, { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
    await inject(discord.controlUrl, { fault: "reset", shard: 12 });
    await inject(discord.controlUrl, { fault: "reconnect", shard: 40 });
    await takeSignIn(opened.browser, gateway.dashboardUrl);
    await act(opened.browser, gateway.dashboardUrl);
    for (const theme of THEMES) {
      for (const width of WIDTHS) {
        const page = await signedIn(opened.browser, gateway.dashboardUrl, theme, width);
        for (const subject of SUBJECTS) {
          await page.goto(gateway.dashboardUrl + subject.path);
          await page.waitForFunction(() => performance.getEntriesByName("islands").length > 0);
          await take(page, subject.name, theme, width);
        }
        await page.context().close();
      }
    }
    screen.say(`${(SUBJECTS.length + 1) * THEMES.length * WIDTHS.length} pictures are in screenshots/`);
  } finally {
    for (const { server } of [other, gateway]) {
      await server.terminate();
      await server.stop();
    }
    await discord.server.stop();
  }
}

async function takeSignIn(browser: Browser, url: string): Promise<void> {
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      const page = await newPage(browser, theme, width);
      await page.goto(`${url}/sign_in`);
      await take(page, "sign_in", theme, width);
      await page.context().close();
    }
  }
}

/** Leaves something in the audit, and among what was rejected. */
async function act(browser: Browser, url: string): Promise<void> {
  const page = await signedIn(browser, url, "light", 1440);
  await page.goto(`${url}/shards/3/restart?mode=resume`);
  await page.getByRole("main").getByRole("button", { name: /restart/i }).first().click();
  await page.context().close();
}

async function signedIn(
  browser: Browser,
  url: string,
  theme: typeof THEMES[number],
  width: number,
): Promise<Page> {
  const page = await newPage(browser, theme, width);
  await page.goto(`${url}/sign_in`);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  return page;
}

async function newPage(browser: Browser, theme: typeof THEMES[number], width: number): Promise<Page> {
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height: 900 } });
  return await context.newPage();
}

async function take(page: Page, name: string, theme: string, width: number): Promise<void> {
  const picture = await page.screenshot({ fullPage: true });
  const fileName = `${name}_${theme}_${width}`;
  await Deno.writeFile(new URL(`${fileName}.png`, FOLDER), picture);
  if (IN_README.has(fileName)) await Deno.writeFile(new URL(`${fileName}.png`, README_FOLDER), picture);
}

async function inject(controlUrl: string, fault: Readonly<Record<string, unknown>>): Promise<void> {
  const response = await fetch(`${controlUrl}/inject`, { method: "POST", body: JSON.stringify(fault) });
  await response.body?.cancel();
}
