import assert from "node:assert/strict";
import { assertAccessible } from "../../dashboard/axe.ts";
import { statusEntries, writeFleet, writeStatuses } from "../../dashboard/fleet/written_fleet.ts";
import { withVisit } from "../../dashboard/served.ts";
import {
  becomeForeign,
  lives,
  restartingGateway,
  writeDetails,
} from "../../dashboard/shard/shard_fixture.ts";

Deno.test("A shard's page asks in a dialog before it restarts the shard", async () => {
  await withVisit("operator", async ({ page, url, redis, rabbitUrl }) => {
    await writeFleet(redis, statusEntries(3));
    await writeDetails(redis, 1);
    await using gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    await page.goto(`${url}/shards/1`);
    const opener = page.getByRole("button", { name: "Restart with new session…" });
    await opener.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Restart shard 1 with a new session?" });
    await dialog.waitFor();
    assert.match(await dialog.innerText(), /987 of 1,000 are left/);
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    // By accident nothing happens.
    assert.equal(await focused(), "Cancel");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Restart with new session");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await focused(), "Restart with new session…");
    assert.deepEqual(gateway.commands, []);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("The gateway has carried it out.").waitFor();
    assert.deepEqual(gateway.commands, [{ op: 1, shard: 1, data: { mode: "identify" } }]);
  });
});

Deno.test("A shard's page turns with the shard, without a reload", async () => {
  await withVisit("operator", async ({ page, url, redis }) => {
    await writeFleet(redis, statusEntries(3));
    await writeDetails(redis, 1);
    await page.goto(`${url}/shards/1`);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate(() => Object.assign(globalThis, { isTheSame: true }));
    await page.locator("figure canvas").waitFor();
    assert.equal(await page.locator("figure figcaption b").innerText(), "43 ms");
    await writeStatuses(redis, statusEntries(3, { 1: "Resuming" }));
    await page.locator(".badge").getByText("Resuming").waitFor();
    await lives(redis, 1, "zombie");
    await page.getByText("A heartbeat was not answered").waitFor();
    await redis.xadd("gateway:latencies:1", "*", "ms", "77");
    await page.locator("figure figcaption b").getByText("77 ms").waitFor();
    assert.deepEqual(await page.locator(".life li").allInnerTexts().then((texts) => texts.length), 3);
    assert(await page.evaluate(() => "isTheSame" in globalThis), "it was not loaded again");
  });
});

Deno.test("The page of rolling restarts follows one to its end", async () => {
  await withVisit("operator", async ({ page, url, redis, rabbitUrl }) => {
    await writeFleet(redis, statusEntries(3));
    const second = Promise.withResolvers<void>();
    await using gateway = await restartingGateway(rabbitUrl, async ({ shard }) => {
      if (shard === 1) await second.promise;
      await lives(redis, shard, "disconnected", "connecting", "resumed");
    });
    await page.goto(`${url}/restarts/new`);
    await page.getByRole("button", { name: "Restart them" }).click();
    await page.getByText("Shard 1 is restarting.").waitFor();
    assert.equal(await page.getByRole("progressbar").getAttribute("value"), "1");
    assert(await page.getByRole("button", { name: "Stop" }).isVisible());
    second.resolve();
    await page.getByText("All 3 are back.").waitFor();
    await page.getByRole("button", { name: "Stop" }).waitFor({ state: "hidden" });
    assert.equal(gateway.commands.length, 3);
  });
});

Deno.test("axe finds nothing on the pages of shards and restarts", async () => {
  await withVisit("operator", async ({ page, url, redis, services, rabbitUrl }) => {
    await page.goto(`${url}/shards/1`);
    await assertAccessible(page);
    await writeFleet(redis, statusEntries(3));
    await writeDetails(redis, 1);
    await page.goto(`${url}/shards/0`);
    await assertAccessible(page);
    await page.goto(`${url}/shards/1`);
    await page.locator("figure canvas").waitFor();
    await assertAccessible(page);
    await page.getByRole("button", { name: "Restart…" }).click();
    await page.getByRole("dialog").waitFor();
    await assertAccessible(page);
    for (
      const path of [
        "/shards/1/restart?mode=identify",
        "/restarts/new",
        "/restarts/new?status=parked",
        "/restarts",
      ]
    ) {
      await page.goto(`${url}${path}`);
      await assertAccessible(page);
    }
    await using _gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    await services.restarts.start([0, 1, 2], { who: "anna", role: "operator", address: "192.0.2.7" });
    await page.goto(`${url}/restarts`);
    await page.getByText("is restarting.").waitFor();
    await assertAccessible(page);
    await becomeForeign(redis);
    await page.goto(`${url}/shards/1`);
    await assertAccessible(page);
  });
});
