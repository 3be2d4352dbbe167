/** Taking a replica of a real fleet out, and letting it back in, in the browser. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { onDashboard, WAYS } from "./dashboard_stage.ts";

const SHARDS = 6;
const SETTINGS = { FLEET: "true", LEASE_TTL: "3" };

for (const [way, hasScript] of WAYS) {
  Deno.test(
    `Drained in the dashboard, a replica gives its shards to the others, and takes some when it is let: ${way}`,
    onDashboard({ shards: SHARDS, settings: { ...SETTINGS, REPLICA_NAME: "first" } }, async (dashboard) => {
      const { stage } = dashboard;
      const second = stage.start({ ...SETTINGS, REPLICA_NAME: "second", ROLE: "gateway" });
      await second.connected(SHARDS / 2);
      const page = await dashboard.operator({ javaScriptEnabled: hasScript });
      await dashboard.open(page, "/", hasScript);
      const shown = (replica: string, ...texts: string[]) => rowOf(page, replica, texts, hasScript);
      await shown("first", "running", "(3)");
      await shown("second", "running", "(3)");

      const row = page.getByRole("row", { name: /^second/ });
      const drain = row.getByRole(hasScript ? "button" : "link", { name: "Drain this replica…" });
      await drain.click();
      const asking = hasScript ? page.getByRole("dialog") : page.getByRole("main");
      await asking.getByText("Its 3 shards go to the other replicas").waitFor();
      await asking.getByRole("button", { name: "Drain this replica", exact: true }).click();
      await page.getByText(/^Done /).waitFor();
      await shown("second", "drained", "none");
      await shown("first", "running", "0–5 (6)");
      await second.line(({ kind, isDrained }) => kind === "fleet.drained" && isDrained === true);
      assert.equal(second.lines.filter(({ kind }) => kind === "shard.handed_over").length, SHARDS / 2);

      await row.getByRole("button", { name: /^Let it take shards again/ }).click();
      await page.getByText(/^Done /).waitFor();
      await shown("second", "running", "(3)");
      await shown("first", "running", "(3)");
      const { identifiesByShard } = stage.simulator.control.state().statistics;
      assert.deepEqual(Object.values(identifiesByShard), Array(SHARDS).fill(1), "every move was a resume");
    }),
  );
}

/** Waits until a replica's row says these. */
async function rowOf(
  page: Page,
  replica: string,
  texts: readonly string[],
  hasScript: boolean,
): Promise<void> {
  let row = page.getByRole("row", { name: new RegExp(`^${replica}`) });
  for (const text of texts) row = row.filter({ hasText: text });
  if (hasScript) return await row.waitFor();
  // A page without script is asked for again.
  while (await row.count() === 0) await page.goto(new URL("/", page.url()).href);
}

Deno.test(
  "The dashboard shows a replica that dies as silent, and its shards with the others",
  onDashboard({ shards: SHARDS, settings: { ...SETTINGS, REPLICA_NAME: "first" } }, async (dashboard) => {
    const second = dashboard.stage.start({ ...SETTINGS, REPLICA_NAME: "second", ROLE: "gateway" });
    await second.connected(SHARDS / 2);
    const page = await dashboard.operator();
    await dashboard.open(page, "/");
    await rowOf(page, "second", ["running", "(3)"], true);
    await second.end("SIGKILL");
    await rowOf(page, "second", ["silent for"], true);
    await rowOf(page, "first", ["running", "0–5 (6)", "lead"], true);
    const silent = page.getByRole("row", { name: /^second/ });
    assert.equal(await silent.getByRole("button").count(), 0, "nobody would hear it");
    await page.locator("tr.muted", { hasText: "second" }).waitFor();
  }),
);
