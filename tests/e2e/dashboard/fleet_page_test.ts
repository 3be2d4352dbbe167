import assert from "node:assert/strict";
import type { Redis } from "ioredis";
import { assertAccessible } from "../../dashboard/axe.ts";
import {
  FLEET_PART,
  replicaEntry,
  secondFields,
  statusEntries,
  writeFleet,
  writeLeases,
  writeStatuses,
} from "../../dashboard/fleet/written_fleet.ts";
import { withVisit } from "../../dashboard/served.ts";

async function writeHistory(redis: Redis, secondsAgo: number, events: number): Promise<void> {
  const id = `${Date.now() - secondsAgo * 1_000}-0`;
  await redis.xadd("gateway:history:alpha", id, ...secondFields({ events: String(events) }));
}

Deno.test("The fleet page turns a cell, its count and its figures when they change, without being loaded again", async () => {
  await withVisit("viewer", async ({ page, redis, open }) => {
    await writeFleet(redis, statusEntries(64));
    for (const secondsAgo of [30, 20, 10]) await writeHistory(redis, secondsAgo, 1_234);
    await open();
    await page.evaluate(() => document.body.dataset.mark = "as it was loaded");
    await page.getByText("1,234", { exact: true }).first().waitFor();

    await writeStatuses(redis, statusEntries(64, { 12: "Resuming" }));
    await redis.hset(
      "gateway:replicas",
      "alpha",
      replicaEntry(64, { unconfirmed: { events: 777, bytes: 1 } }),
    );
    await writeHistory(redis, 0, 4_321);
    await page.getByRole("link", { name: "12 Resuming", exact: true }).waitFor();
    await page.getByRole("link", { name: "Resuming 1", exact: true }).waitFor();
    await page.getByText("777", { exact: true }).first().waitFor();
    await page.getByText("4,321", { exact: true }).first().waitFor();
    assert.equal(await page.locator("#grid .r").count(), 1);

    await writeStatuses(redis, statusEntries(64));
    await page.getByRole("link", { name: "12 Connected", exact: true }).waitFor();
    assert.equal(await page.evaluate(() => document.body.dataset.mark), "as it was loaded");
    assert.equal(await page.locator(".uplot canvas").count(), 3);
  });
});

Deno.test("The fleet page that is narrowed to some states takes cells in and out", async () => {
  await withVisit("viewer", async ({ page, redis, open }) => {
    const names = () => page.locator("#grid a").evaluateAll((cells) => cells.map((cell) => cell.ariaLabel));
    await writeFleet(redis, statusEntries(64, { 7: "Disconnected", 40: "Disconnected" }));
    await open("/?status=disconnected");
    assert.deepEqual(await names(), ["7 Disconnected", "40 Disconnected"]);
    await page.getByRole("heading", { name: "2 of 64 shards" }).waitFor();
    await page.locator("#grid a").first().hover();
    await page.getByText("Shard 7 Disconnected").waitFor();
    await writeStatuses(redis, statusEntries(64, { 12: "Disconnected", 40: "Disconnected", 3: "Resuming" }));
    await page.getByRole("link", { name: "12 Disconnected" }).waitFor();
    assert.deepEqual(await names(), ["12 Disconnected", "40 Disconnected"]);
    assert.equal(await page.getByText("Shard 7 Disconnected").count(), 0);
    await writeStatuses(redis, statusEntries(64));
    await page.getByText("No shard matches this filter.").waitFor();
    await page.getByRole("heading", { name: "0 of 64 shards" }).waitFor();
    assert.deepEqual(await names(), []);
  });
});

Deno.test("The fleet page's grid is one stop for Tab, and arrows, Home, End and pages move in it", async () => {
  await withVisit("viewer", async ({ page, redis, open }) => {
    const focused = () => page.evaluate(() => document.activeElement?.ariaLabel);
    const press = async (...keys: readonly string[]) => {
      for (const key of keys) await page.keyboard.press(key);
      return await focused();
    };
    await writeFleet(redis, statusEntries(500));
    await open();
    const columns = await page.locator("#grid a").evaluateAll((cells) => {
      const tops = cells.map((cell) => (cell as HTMLElement).offsetTop);
      return tops.filter((top) => top === tops[0]).length;
    });
    assert.equal(await page.locator('#grid a[tabindex="0"]').count(), 1);
    await page.locator("#grid a").first().focus();
    assert.equal(await press("ArrowRight", "ArrowRight"), "2 Connected");
    await page.getByText("Shard 2 Connected").waitFor();
    assert.equal(await press("ArrowLeft"), "1 Connected");
    assert.equal(await press("ArrowDown"), `${columns + 1} Connected`);
    assert.equal(await press("ArrowUp", "ArrowUp"), "1 Connected");
    assert.equal(await press("PageDown"), "101 Connected");
    assert.equal(await press("End"), "499 Connected");
    assert.equal(await press("ArrowRight", "ArrowDown"), "499 Connected");
    assert.equal(await press("PageUp", "Home", "ArrowLeft"), "0 Connected");
    // The cell that was left is where Tab comes back to.
    assert.equal(await press("ArrowRight", "Tab", "Shift+Tab"), "1 Connected");
    await Promise.all([page.waitForURL(/\/shards\/1$/), page.keyboard.press("Enter")]);
  });
});

Deno.test("The fleet page's arrows lead from block to block where there are many shards", async () => {
  await withVisit("viewer", async ({ page, redis, open }) => {
    await writeFleet(redis, statusEntries(2_000));
    await open();
    const inRow = await page.locator(".block").evaluateAll((blocks) => {
      const tops = blocks.map((block) => (block as HTMLElement).offsetTop);
      return tops.filter((top) => top === tops[0]).length;
    });
    await page.locator('#grid a[href="/shards/83"]').focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.evaluate(() => document.activeElement?.ariaLabel), "93 Connected");
    await page.keyboard.press("ArrowDown");
    const below = inRow * 100 + 3;
    assert.equal(await page.evaluate(() => document.activeElement?.ariaLabel), `${below} Connected`);
    await page.keyboard.press("ArrowUp");
    assert.equal(await page.evaluate(() => document.activeElement?.ariaLabel), "93 Connected");
  });
});

Deno.test("The fleet page with many shards is no longer for it: the grid scrolls, and keys bring its cells into view", async () => {
  await withVisit("viewer", async ({ page, redis, open }) => {
    await writeFleet(redis, statusEntries(4_000));
    await open();
    const grid = page.locator("#grid");
    const box = await grid.boundingBox();
    assert(box !== null && box.height < 700, `${box?.height} px`);
    await page.locator("#grid a").first().focus();
    await page.keyboard.press("End");
    const isIn = await grid.evaluate((element) => {
      const [cell, around] = [document.activeElement, element].map((one) => one?.getBoundingClientRect());
      return cell !== undefined && around !== undefined && cell.top >= around.top &&
        cell.bottom <= around.bottom;
    });
    assert.equal(await page.evaluate(() => document.activeElement?.ariaLabel), "3999 Connected");
    assert(isIn, "the cell is out of sight");
  });
});

Deno.test("The fleet page says of the cell pointed at what it turns to, and mutes all while the gateway is away", async () => {
  await withVisit("viewer", async ({ page, redis, open }) => {
    await writeFleet(redis, statusEntries(64), { heard_at: Date.now() - 60_000 });
    await open();
    assert.equal(await page.locator("#grid.old").count(), 1);
    await page.getByRole("link", { name: "12 Connected", exact: true }).hover();
    await page.getByText("Shard 12 Connected").waitFor();
    await writeStatuses(redis, statusEntries(64, { 12: "Resuming" }));
    await page.getByText("Shard 12 Resuming").waitFor();
    await redis.hset("gateway:replicas", "alpha", replicaEntry(64));
    await page.locator("#grid:not(.old)").waitFor();
  });
});

Deno.test("The fleet page that waits for the first shards shows them as soon as they are there", async () => {
  await withVisit("viewer", async ({ page, redis, open }) => {
    await open();
    await page.getByText("No shards yet").waitFor();
    await writeFleet(redis, statusEntries(16));
    await page.getByRole("link", { name: "15 Connected" }).waitFor();
  });
});

Deno.test("The fleet page tells of shards that nobody holds, once that lasts, and of the replicas that could", async () => {
  await withVisit("viewer", async ({ page, redis, open }) => {
    await writeFleet(redis, statusEntries(4), FLEET_PART);
    await writeLeases(redis, { "m-alpha": { shards: [0, 1, 2, 3] } });
    await open();
    assert.equal(await page.getByText("Held by nobody").count(), 0);
    await redis.multi().hset("gateway:leases", "2", "5 ").hset("gateway:fleet", "version", "6").exec();
    await page.getByText(/^Held by nobody: 2 \(1\), the first for/).waitFor();
    assert.equal(await page.getByText("Nobody has held").count(), 0, "shards change hands");
    // Its time and two seconds more have been over for twelve.
    await writeLeases(redis, { "m-alpha": { shards: [0, 1, 2] }, "m-beta": { shards: [3], agoMs: 24_000 } });
    await page.getByText(/^Nobody has held shard 3 \(1\) for 1\d s: no replica has room/).waitFor();
    await writeLeases(redis, { "m-alpha": { shards: [0, 1, 2, 3] } });
    for (const text of ["Nobody has held", "Held by nobody"]) {
      await page.getByText(text).waitFor({ state: "detached" });
    }
  });
});

Deno.test("The fleet page has no accessibility faults", async () => {
  await withVisit("operator", async ({ page, redis, open }) => {
    await open();
    await assertAccessible(page);
    const others = {
      3: "Disconnected",
      4: "Resuming",
      5: "Identifying",
      6: "Handshaking",
      7: "Disconnected",
    };
    for (const total of [64, 1_000]) {
      // A page that is open loads itself anew when the number of shards changes, and would cut short the visit below.
      await page.goto("about:blank");
      await writeFleet(redis, statusEntries(total, others), {
        parked: [[7, 7]],
        heard_at: Date.now() - 60_000,
      });
      const fleets = [["beta", false, true], ["gamma", true, true], ["delta", false, false]] as const;
      for (const [name, draining, holds] of fleets) {
        const fleet = { member: `m-${name}`, draining, holds };
        await redis.hset("gateway:replicas", name, replicaEntry(total, { fleet }));
      }
      await writeLeases(redis, { "m-beta": { shards: [0] } });
      await writeHistory(redis, 5, 1_234);
      for (const width of [390, 1_440]) {
        await page.setViewportSize({ width, height: 900 });
        await open();
        await assertAccessible(page);
      }
    }
  });
});
