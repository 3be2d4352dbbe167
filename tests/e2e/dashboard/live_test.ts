import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { openBrowser } from "../../../harness/browser.ts";
import { statusEntries, writeFleet, writeStatuses } from "../../dashboard/fleet/written_fleet.ts";
import { beforeDeadline } from "../../deadline.ts";
import { type ServedRig, withServedDashboard } from "../../dashboard/served.ts";

const STREAM = /\/live\?/;

/** A test with the page of a viewer, in a browser that may complain. */
async function withPage(test: (rig: ServedRig & { readonly page: Page }) => Promise<void>): Promise<void> {
  await withServedDashboard(async (rig) => {
    await using opened = await openBrowser();
    const context = await opened.browser.newContext();
    await rig.signInBrowser(context, "viewer");
    await test({ ...rig, page: await context.newPage() });
  });
}

Deno.test("An open page whose stream is refused asks again, and goes on without being loaded again", async () => {
  await withPage(async ({ redis, url, page }) => {
    await writeFleet(redis, statusEntries(2));
    const refusals = Promise.withResolvers<void>();
    let asked = 0;
    await page.route(STREAM, async (route) => {
      asked += 1;
      if (asked === 3) refusals.resolve();
      await route.fulfill({ status: 503, body: "Redis is away" });
    });
    await page.goto(url);
    const madeAtMs = await page.evaluate(() => performance.timeOrigin);
    await beforeDeadline(refusals.promise, () => `it asked ${asked} times`);
    await page.unroute(STREAM);
    await writeStatuses(redis, statusEntries(2, { 1: "Resuming" }));
    await page.getByRole("link", { name: "1 Resuming" }).waitFor();
    assert.equal(await page.evaluate(() => performance.timeOrigin), madeAtMs);
  });
});

Deno.test("An open page whose sign-in has ended leads to the sign-in, and from there back", async () => {
  await withPage(async ({ redis, services, url, page }) => {
    await writeFleet(redis, statusEntries(2));
    await page.route(STREAM, (route) => route.fulfill({ status: 503, body: "Redis is away" }));
    await page.goto(`${url}/shards/1`);
    await page.context().clearCookies();
    await page.unroute(STREAM);
    await page.waitForURL("**/sign_in?next=%2Fshards%2F1");
    await page.getByLabel("Password").fill(services.settings.password ?? "");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Shard 1", level: 1 }).waitFor();
  });
});

Deno.test("An open page whose stream is lost while Redis is away takes its word back with the next stream", async () => {
  await withPage(async ({ redis, url, page }) => {
    await writeFleet(redis, statusEntries(2));
    await page.route(STREAM, (route) =>
      route.fulfill({
        contentType: "text/event-stream",
        body: "retry: 100\n\nevent: away\ndata: true\n\n",
      }));
    await page.goto(url);
    const notice = page.getByText("Redis is away: what is shown here is what it said last.");
    await notice.waitFor();
    await page.unroute(STREAM);
    await notice.waitFor({ state: "detached" });
    await page.getByText("Live", { exact: true }).waitFor();
  });
});
