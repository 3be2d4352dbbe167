import assert from "node:assert/strict";
import { assertAccessible } from "../../dashboard/axe.ts";
import { onDashboard } from "./dashboard_stage.ts";

const PATHS = [
  "/",
  "/?status=parked",
  "/shards/0",
  "/shards/0/restart?mode=identify",
  "/shards/99",
  "/reshard",
  "/reshard?total=8",
  "/restarts",
  "/restarts/new",
  "/presence",
  "/commands",
  "/queues",
  "/audit",
  "/nowhere",
];

Deno.test(
  "axe finds nothing to object to on any page of the dashboard, in the light theme and in the dark one",
  onDashboard({ shards: 3, settings: { WATCH_QUEUES: "nobody-made-this-one" } }, async (dashboard) => {
    const visitor = await dashboard.page();
    await visitor.goto(dashboard.url);
    await assertAccessible(visitor);
    const page = await dashboard.operator();
    for (const path of PATHS) {
      await dashboard.open(page, path);
      await assertAccessible(page);
    }
    await dashboard.open(page, "/shards/0");
    await page.getByRole("button", { name: "Restart with new session…" }).click();
    await page.getByRole("dialog").waitFor();
    await assertAccessible(page);
  }),
);

Deno.test(
  "No page of the dashboard asks anything of anybody else, or holds the token or a whole session id",
  onDashboard({ shards: 2 }, async (dashboard) => {
    const sessions = dashboard.stage.simulator.control.state().sessions.map(({ id }) => id);
    const page = await dashboard.operator();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    for (const path of PATHS) {
      await dashboard.open(page, path);
      const html = await page.content();
      for (const secret of [...sessions, "end-to-end.token"]) {
        assert(!html.includes(secret), `${path} holds ${secret}`);
      }
    }
    assert.deepEqual(asked.filter((url) => !url.startsWith(dashboard.url)), []);
  }),
);
