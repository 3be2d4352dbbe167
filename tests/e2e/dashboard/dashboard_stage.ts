/**
 * A stage with a dashboard on it, beside the gateway or alone, as `deno task start` runs it, and a real browser.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { openBrowser } from "../../../harness/browser.ts";
import { buildIslands } from "../../dashboard/served.ts";
import type { GatewayProcess } from "../gateway_process.ts";
import { onStage, type Stage, type StageOptions } from "../stage.ts";

export const PASSWORD = "a password of an operator's";

/** For tests that show the same thing in both. */
export const WAYS = [["with script", true], ["without script", false]] as const;

/** A browser takes its time to start. */
const DEADLINE_MS = 120_000;

const SERVED = "The dashboard is served on ";

export interface DashboardOptions extends StageOptions {
  /** Of the dashboard's process. */
  readonly settings?: Readonly<Record<string, string>>;
}

export class DashboardStage {
  readonly stage: Stage;
  /** The process that the dashboard is in. */
  readonly service: GatewayProcess;
  /** Of the dashboard. */
  readonly url: string;
  readonly #browser: Browser;

  constructor(stage: Stage, service: GatewayProcess, url: string, browser: Browser) {
    this.stage = stage;
    this.service = service;
    this.url = url;
    this.#browser = browser;
  }

  /** A new browser of somebody's. */
  async page(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext(options);
    return await context.newPage();
  }

  /** A page of an operator's, who has signed in by password. */
  async operator(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.page(options);
    await page.goto(`${this.url}/sign_in`);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Fleet", level: 1 }).waitFor();
    return page;
  }

  /** Goes to a page, and waits until its islands are alive where it has script. */
  async open(page: Page, path: string, hasScript = true): Promise<void> {
    await page.goto(this.url + path);
    if (hasScript) {
      await page.waitForFunction(() => performance.getEntriesByName("islands").length > 0);
    }
  }
}

/** A test on a stage whose gateway has the dashboard beside it, with this many shards connected. */
export function onDashboard(
  { shards, simulator, settings, ...options }: DashboardOptions & { readonly shards: number },
  play: (stage: DashboardStage) => Promise<void>,
): () => Promise<void> {
  return onStage({
    deadlineMs: DEADLINE_MS,
    simulator: { recommendedShards: shards, maxConcurrency: shards, ...simulator },
    ...options,
  }, async (stage) => {
    const service = await stage.startConnected(shards, dashboardSettings("all", settings));
    await playOn(stage, service, play);
  });
}

/** A test on a stage where a dashboard runs alone, without the bot's token. */
export function onDashboardAlone(
  { settings, ...options }: DashboardOptions,
  play: (stage: DashboardStage) => Promise<void>,
): () => Promise<void> {
  return onStage({ deadlineMs: DEADLINE_MS, ...options }, async (stage) => {
    const service = stage.start({ BOT_TOKEN: "", ...dashboardSettings("dashboard", settings) });
    await playOn(stage, service, play);
  });
}

function dashboardSettings(
  role: "all" | "dashboard",
  settings: DashboardOptions["settings"],
): Record<string, string> {
  return { ROLE: role, DASHBOARD_PORT: "0", DASHBOARD_PASSWORD: PASSWORD, ...settings };
}

async function playOn(
  stage: Stage,
  service: GatewayProcess,
  play: (stage: DashboardStage) => Promise<void>,
): Promise<void> {
  const { message } = await service.line(({ message }) => message.startsWith(SERVED));
  const url = message.slice(SERVED.length);
  assert.match(url, /^http:\/\/(?:127\.0\.0\.1|localhost):\d+$/);
  await buildIslands();
  await using opened = await openBrowser();
  await play(new DashboardStage(stage, service, url.replace("localhost", "127.0.0.1"), opened.browser));
}
