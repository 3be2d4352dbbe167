import { startRedis } from "../../../harness/redis.ts";
import { testServers } from "../../servers.ts";
import { onDashboard } from "./dashboard_stage.ts";

Deno.test("The dashboard says that Redis is away, on open pages and on new ones, until it is back", async () => {
  const { rabbitUrl } = await testServers();
  const redis = await startRedis();
  await using server = redis.server;
  await onDashboard({ shards: 2, servers: { rabbitUrl, redisUrl: redis.url } }, async (dashboard) => {
    const fleet = await dashboard.operator();
    await dashboard.open(fleet, "/");
    await fleet.evaluate(() => document.body.dataset.mark = "as it was loaded");
    const later = [await dashboard.operator(), await dashboard.operator({ javaScriptEnabled: false })];
    await server.pause();
    await fleet.getByText("Redis is away: what is shown here is what it said last.").waitFor();
    await fleet.locator(".freshness").getByText("Redis away", { exact: true }).waitFor();
    await fleet.getByRole("link", { name: "1 Connected" }).waitFor();
    await Promise.all(later.map(async (page) => {
      await page.goto(`${dashboard.url}/audit`);
      await page.getByRole("heading", { name: "Redis is away" }).waitFor();
    }));
    await server.resume();
    await fleet.getByText("Redis is away").first().waitFor({ state: "detached" });
    await fleet.locator(".freshness").getByText("Live", { exact: true }).waitFor();
    await fleet.locator("[data-mark='as it was loaded']").waitFor();
    // They ask again by themselves.
    for (const page of later) await page.getByRole("heading", { name: "Audit", level: 1 }).waitFor();
  })();
});
