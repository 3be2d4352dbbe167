/**
 * A real browser: Chromium, driven by playwright.
 *
 * @module
 */
import type { Browser } from "playwright-core";
import { startChromium } from "./chromium.ts";

// One of playwright's packages looks into /proc for Windows' Linux, where only a process that may do everything may
// look. With this set it does not.
Deno.env.set("__IS_WSL_TEST__", "true");
const { chromium } = await import("playwright-core");

/** Starts a browser; disposing ends it and removes its profile. */
export async function openBrowser(): Promise<AsyncDisposable & { browser: Browser }> {
  const { server, devToolsUrl } = await startChromium();
  const browser = await chromium.connectOverCDP(devToolsUrl);
  return {
    browser,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await server.stop();
    },
  };
}
