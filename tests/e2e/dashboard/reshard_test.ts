/** Changing the number of shards in the browser, and seeing how far that is. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { assertAccessible } from "../../dashboard/axe.ts";
import { fakeGateway } from "../../dashboard/fake_gateway.ts";
import { statusEntries, writeFleet, writeReshard } from "../../dashboard/fleet/written_fleet.ts";
import { withVisit } from "../../dashboard/served.ts";

/** Fails where something stands out at the side of a telephone. */
async function assertFits(page: Page): Promise<void> {
  await page.setViewportSize({ width: 390, height: 844 });
  const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.equal(width, inner);
  await page.setViewportSize({ width: 1440, height: 900 });
}

Deno.test("The fleet page leads an operator to a change of the number of shards, and says what came of it", async () => {
  await withVisit("operator", async ({ page, open, redis, rabbitUrl }) => {
    await writeFleet(redis, statusEntries(16));
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
    await open();
    const section = page.locator("#reshard");
    await section.getByText("There are 16 shards; Discord recommends 18.").waitFor();
    await section.getByLabel("New number").fill("32");
    await section.getByRole("button", { name: "Reshard…" }).click();
    await page.getByRole("heading", { name: "Change to 32 shards?" }).waitFor();
    await page.getByText("32 new sessions begin beside the 16 that run").waitFor();
    await assertAccessible(page);
    await assertFits(page);
    assert.equal(gateway.commands.length, 0);
    await page.getByRole("button", { name: "Reshard", exact: true }).click();
    await page.getByText("Change to 32 shards. The gateway has carried it out.").waitFor();
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 2, data: { total: 32 } },
    ]);
  });
});

Deno.test("The form for a change of the number of shards says what is wrong with a number", async () => {
  await withVisit("operator", async ({ page, url, redis }) => {
    await writeFleet(redis, statusEntries(16));
    await page.goto(`${url}/reshard?total=70000`);
    await page.getByText("Give a number from 1 to 65,536").waitFor();
    await assertAccessible(page);
    await assertFits(page);
    await page.getByLabel("New number").fill("16");
    await page.getByRole("button", { name: "Reshard…" }).click();
    await page.getByText("There are 16 already.").waitFor();
    await assertAccessible(page);
  });
});

Deno.test("The fleet page shows a change of the number of shards as it goes on, and can abandon it until the switch", async () => {
  await withVisit("operator", async ({ page, open, redis, rabbitUrl }) => {
    await writeFleet(redis, statusEntries(16));
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
    await open();
    await page.evaluate(() => Object.assign(globalThis, { isTheSame: true }));
    const section = page.locator("#reshard");
    const abandon = section.getByRole("button", { name: "Abandon" });
    const looksRight = async () => {
      await assertAccessible(page);
      await assertFits(page);
    };

    await writeReshard(redis);
    await section.getByText("16 → 32: the new sessions come up beside the old ones.").waitFor();
    await section.getByText("20 of 32 new shards are ready.").waitFor();
    await page.getByText("The change from 16 shards to 32 is under way").waitFor();
    await section.getByRole("row", { name: "alpha 8 3 events wait in the spool" }).waitFor();
    await section.getByRole("row", { name: "beta 12 nothing" }).waitFor();
    const bar = section.getByRole("progressbar", { name: "New shards that are ready" });
    assert.equal(await bar.getAttribute("value"), "20");
    assert.equal(await section.getByLabel("New number").count(), 0, "one at a time");
    await looksRight();

    await writeReshard(redis, { phase: "holding" }, { ready: 20, told: true });
    await section.getByText("the old sessions hold back what comes").waitFor();
    await section.getByText("32 of 32 new shards are ready.").waitFor();
    await section.getByRole("row", { name: /^beta 12 what its old sessions had/ }).waitFor();
    await abandon.waitFor();
    await looksRight();

    await writeReshard(redis, { phase: "taking_over", bank: "a" }, { ready: 20, ended: true });
    await section.getByText("events come from the new sessions now").waitFor();
    await abandon.waitFor({ state: "detached" });
    await looksRight();

    await writeReshard(redis, { phase: "done", bank: "a" }, { ready: 20 });
    await section.getByText("16 → 32 done, set SHARDS_TOTAL=32.").waitFor();
    await bar.waitFor({ state: "detached" });
    await section.getByLabel("New number").waitFor();
    await looksRight();

    await writeReshard(redis);
    assert(await page.evaluate(() => "isTheSame" in globalThis), "it was not loaded again");
    await abandon.click();
    await page.getByText("Abandon the change of the number of shards. The gateway has carried it out.")
      .waitFor();
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 2, data: { abandon: true } },
    ]);
    await writeReshard(redis, { phase: "abandoned", reason: "An operator gave it up" });
    await section.getByText("16 → 32 abandoned: An operator gave it up.").waitFor();
    await looksRight();
  });
});

Deno.test("The fleet page shows a viewer a change of the number of shards, and nothing to do about it", async () => {
  await withVisit("viewer", async ({ page, open, redis }) => {
    await writeFleet(redis, statusEntries(16));
    await writeReshard(redis);
    await open();
    const section = page.locator("#reshard");
    await section.getByRole("row", { name: "alpha 8 3 events wait in the spool" }).waitFor();
    await writeReshard(redis, { phase: "holding" });
    await section.getByText("the old sessions hold back what comes").waitFor();
    await writeReshard(redis, { phase: "abandoned", reason: null });
    await section.getByText("16 → 32 abandoned.").waitFor();
    assert.equal(await section.getByRole("button").count(), 0);
  });
});
