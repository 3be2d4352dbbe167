import assert from "node:assert/strict";
import { onDashboardAlone } from "./dashboard_stage.ts";

const TWO_SHARDS = { recommendedShards: 2, maxConcurrency: 2 };

Deno.test(
  "A dashboard that runs alone waits for a gateway, restarts its shards, and says when it was last heard",
  onDashboardAlone({ simulator: TWO_SHARDS }, async (dashboard) => {
    const { stage } = dashboard;
    const { control } = stage.simulator;
    const page = await dashboard.operator();
    await dashboard.open(page, "/");
    await page.getByText("No shards yet").waitFor();
    const gateway = await stage.startConnected(2, { ROLE: "gateway" });
    await page.getByRole("link", { name: "1 Connected" }).waitFor();

    await dashboard.open(page, "/shards/1");
    await page.getByRole("button", { name: "Restart…", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Restart", exact: true }).click();
    await page.getByText("The gateway has carried it out.").waitFor();
    await control.until(() => control.statistics.resumesByShard[1] === 1);
    assert.deepEqual(control.state().statistics.identifiesByShard, { 0: 1, 1: 1 });

    await dashboard.open(page, "/");
    const silent = page.getByText(/^Gateway last heard \d+ s ago\./);
    assert.equal(await silent.count(), 0);
    assert.equal(await gateway.end("SIGKILL"), 137);
    await silent.waitFor();
    // It may have been killed between two writes, and its last word on the shard be one of the middle of the restart.
    const statuses = JSON.parse(await (await stage.redis()).get("gateway_statuses") ?? "");
    await page.getByRole("link", { name: `1 ${statuses[1].status}` }).waitFor();
    await stage.startConnected(2, { ROLE: "gateway" });
    await silent.waitFor({ state: "detached" });
    assert.equal(await dashboard.service.end("SIGTERM"), 0);
  }),
);

/** What twilight-dispatch 0.4 keeps in Redis, to the letter. */
const FOREIGN = {
  gateway_sessions: JSON.stringify({
    0: { session_id: "0d1c5b3f9a8e4d6c7b2a1f0e9d8c7b6a", sequence: 4711 },
    1: { session_id: "5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b", sequence: 12 },
  }),
  gateway_statuses: JSON.stringify([
    {
      shard: 0,
      status: "Connected",
      latency: 38,
      last_ack: "2026-01-02T03:04:05.678901",
      session: "0d1c5b3f9a8e4d6c7b2a1f0e9d8c7b6a",
    },
    {
      shard: 1,
      status: "Resuming",
      latency: 0,
      last_ack: "2026-01-02T03:04:05.678901",
      session: "5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b",
    },
  ]),
  gateway_started: JSON.stringify("2026-01-02T03:04:05.678901234"),
  gateway_shards: "2",
};

Deno.test(
  "A dashboard on what twilight-dispatch left in Redis shows it, names what is not known, and restarts nothing",
  onDashboardAlone({}, async (dashboard) => {
    const redis = await dashboard.stage.redis();
    await redis.mset(FOREIGN);
    const twilight = await dashboard.stage.broker();
    await twilight.channel.assertQueue("gateway.send", { durable: true });
    const page = await dashboard.operator();
    await dashboard.open(page, "/");
    for (const name of ["0 Connected", "1 Resuming"]) await page.getByRole("link", { name }).waitFor();
    await page.getByText(/^Another service wrote what is shown here\. Replicas, history, backlog and/)
      .waitFor();
    assert(await page.getByRole("button", { name: "Restart all…" }).isDisabled());
    await page.locator("#shards").getByText(/it would shut it down for good\./).waitFor();

    await dashboard.open(page, "/shards/0");
    await page.getByText(/^Another service wrote what is shown here\. It does not tell since when/).waitFor();
    for (const name of ["Restart", "Restart with new session"]) {
      assert(await page.getByRole("button", { name, exact: true }).isDisabled(), name);
    }
    await page.getByText(/told to restart a shard, it would shut it down for good\./).waitFor();

    // What no button offers is refused all the same.
    const csrf = await page.locator("input[name=csrf]").first().inputValue();
    for (
      const [path, fields] of [
        ["/shards/0/restart", { mode: "resume" }],
        ["/restarts", { shards: "0-1" }],
        ["/commands", { form: "text", text: '{"op":1,"shard":0}' }],
      ] as const
    ) {
      const answer = await page.request.post(dashboard.url + path, { form: { csrf, ...fields } });
      assert.match(await answer.text(), /<b>Refused<\/b> [^<]*it would shut it down for good/, path);
    }

    await dashboard.open(page, "/presence");
    await page.getByLabel("Status").selectOption("idle");
    await page.getByLabel("Shards").fill("1");
    await page.getByRole("button", { name: "Send presence" }).click();
    await page.getByText("It is sent. The service that runs these shards answers nothing.").waitFor();
    await page.getByLabel("Shards").fill("all");
    await page.getByRole("button", { name: "Send presence" }).click();
    await page.getByText("takes one at a time: name one").waitFor();
    await dashboard.open(page, "/commands");
    const typed =
      '{"op":0,"shard":0,"data":{"op":8,"d":{"guild_id":18446744073709551615,"query":"","limit":0}}}';
    await page.getByLabel("Command").fill(typed);
    await page.getByRole("button", { name: "Send command" }).click();
    await page.getByText("It is sent.").waitFor();
    const commands = await twilight.read("gateway.send", 2);
    const [presence = "", request] = commands.map(({ content }) => content.toString());
    assert.deepEqual(JSON.parse(presence), {
      op: 0,
      shard: 1,
      data: { op: 3, d: { since: null, activities: [], status: "idle", afk: false } },
    });
    assert.equal(request, typed);

    const keys = Object.keys(FOREIGN);
    assert.deepEqual(await redis.mget(keys), Object.values(FOREIGN), "nothing of it is changed");
    for (const key of await redis.keys("*")) assert(keys.includes(key) || key.startsWith("gateway:"), key);
  }),
);
