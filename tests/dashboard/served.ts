/**
 * The dashboard on a port, its islands built, for a real browser.
 *
 * @module
 */
import assert from "node:assert/strict";
import { generateSignedCookie } from "hono/cookie";
import type { BrowserContext, Page } from "playwright-core";
import type { Role } from "../../dashboard/person.ts";
import { openBrowser } from "../../harness/browser.ts";
import { SIGN_IN_COOKIE } from "../../routes/_cookies.ts";
import { type DashboardRig, withDashboard } from "./rig.ts";

export interface ServedRig extends DashboardRig {
  /** Without a slash at its end. */
  readonly url: string;
  /** Signs a browser in. */
  signInBrowser(browser: BrowserContext, role: Role): Promise<void>;
}

let building: Promise<void> | null = null;

/** Makes `static/islands.js`, once for all tests of a run. */
export function buildIslands(): Promise<void> {
  return building ??= build();
}

async function build(): Promise<void> {
  const cwd = new URL("../../", import.meta.url);
  const args = ["-c", 'exec "$@"', "sh", Deno.execPath(), "task", "-q", "build"];
  const { success, stderr } = await new Deno.Command("sh", { args, cwd, stdin: "null" }).output();
  assert(success, new TextDecoder().decode(stderr));
}

export interface Visit extends ServedRig {
  /** Of somebody who is signed in. */
  readonly page: Page;
  /** Goes to a page that is kept live, and waits until it is. */
  open(path?: string): Promise<void>;
}

/** Runs a test with a browser on a dashboard. Nothing that the browser complains of goes unseen. */
export async function withVisit(role: Role, test: (visit: Visit) => Promise<void>): Promise<void> {
  await withServedDashboard(async (rig) => {
    await using opened = await openBrowser();
    const context = await opened.browser.newContext({ viewport: { width: 1440, height: 900 } });
    await rig.signInBrowser(context, role);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
      // The page itself may be one that is not there.
      const isOfPage = message.location().url === page.url();
      if (message.type() === "error" && !isOfPage) faults.push(`${message.text()} ${message.location().url}`);
    });
    await test({
      ...rig,
      page,
      async open(path = "/") {
        await page.goto(rig.url + path);
        await page.getByText("Live", { exact: true }).waitFor();
      },
    });
    // Its stream is not to hold up the server's end.
    await context.close();
    assert.deepEqual(faults, []);
  });
}

/** Runs a test on a dashboard that a browser can reach. */
export async function withServedDashboard(test: (rig: ServedRig) => Promise<void>): Promise<void> {
  await buildIslands();
  await withDashboard(async (rig) => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, rig.app.fetch);
    const url = `http://127.0.0.1:${server.addr.port}`;
    try {
      await test({
        ...rig,
        url,
        async signInBrowser(browser, role) {
          const { signIns } = rig.services;
          const id = await signIns.begin({ name: role, role, by: "password" });
          const key = await signIns.cookieKey(SIGN_IN_COOKIE);
          const [pair = ""] = (await generateSignedCookie(SIGN_IN_COOKIE, id, key)).split(";");
          const [name = "", value = ""] = pair.split("=");
          await browser.addCookies([{ name, value, url }]);
        },
      });
    } finally {
      // Streams to pages that are still open would hold it up.
      rig.services.live.stop();
      await server.shutdown();
    }
  });
}
