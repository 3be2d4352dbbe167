import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { onDashboard, WAYS } from "./dashboard_stage.ts";

/** What a presence looks like on its way to Discord. */
interface PresenceFrame {
  readonly op: number;
  readonly d: { readonly status: string; readonly activities: readonly { readonly name: string }[] };
}

Deno.test(
  "The dashboard turns the cell of a shard that Discord cuts off, and turns it back, without a reload",
  onDashboard({ shards: 3 }, async (dashboard) => {
    const { control } = dashboard.stage.simulator;
    const page = await dashboard.operator();
    await dashboard.open(page, "/");
    const link = (name: RegExp) => page.getByRole("link", { name });
    await link(/^1 Connected$/).waitFor();
    const madeAtMs = await page.evaluate(() => performance.timeOrigin);
    control.inject({ fault: "greet-silence", count: 1 });
    control.inject({ fault: "reset", shard: 1 });
    await link(/^1 (Handshaking|Disconnected)$/).waitFor();
    // The silent connection is cut too; the one after it is as it should be.
    for (const { id, session } of control.state().connections) {
      if (session === null) control.inject({ fault: "reset", connection: id });
    }
    await link(/^1 Connected$/).waitFor();
    assert.equal(await page.evaluate(() => performance.timeOrigin), madeAtMs);
  }),
);

for (const [way, hasScript] of WAYS) {
  const options = { javaScriptEnabled: hasScript };

  Deno.test(
    `Restart in the dashboard has the shard resume, and Restart with new session identify: ${way}`,
    onDashboard({ shards: 2 }, async (dashboard) => {
      const { control } = dashboard.stage.simulator;
      const page = await dashboard.operator(options);
      const restart = async (name: string) => {
        await dashboard.open(page, "/shards/1", hasScript);
        // A link to a page that asks; with script a dialog asks here.
        await page.getByRole(hasScript ? "button" : "link", { name: `${name}…`, exact: true }).click();
        const asking = hasScript ? page.getByRole("dialog") : page.getByRole("main");
        await asking.getByRole("button", { name, exact: true }).click();
        await page.getByText(/^Done /).waitFor();
      };
      await restart("Restart");
      await control.until(() => control.statistics.resumesByShard[1] === 1);
      assert.deepEqual(control.state().statistics.identifiesByShard, { 0: 1, 1: 1 });
      await restart("Restart with new session");
      await control.until(() => control.statistics.identifiesByShard[1] === 2);
      assert.deepEqual(control.state().statistics.resumesByShard, { 1: 1 });
    }),
  );

  Deno.test(
    `A presence sent in the dashboard arrives on every shard: ${way}`,
    onDashboard({ shards: 3 }, async (dashboard) => {
      const { control } = dashboard.stage.simulator;
      const page = await dashboard.operator(options);
      await dashboard.open(page, "/presence", hasScript);
      await page.getByLabel("Status").selectOption("dnd");
      await page.getByLabel("Activity").selectOption({ label: "Watching" });
      await page.getByLabel("Name").fill("the shards");
      await page.getByRole("button", { name: "Send presence" }).click();
      await page.getByText(/^Done /).waitFor();
      await control.until(() => control.statistics.commands().length >= 3);
      const commands = control.statistics.commands();
      assert.deepEqual(commands.map(({ shard }) => shard).toSorted(), [0, 1, 2]);
      for (const { text } of commands) {
        const { op, d }: PresenceFrame = JSON.parse(text);
        assert.deepEqual([op, d.status, d.activities[0]?.name], [3, "dnd", "the shards"]);
      }
    }),
  );

  Deno.test(
    `A command that the gateway refuses is shown in the dashboard with the reason, and sent again: ${way}`,
    onDashboard({ shards: 1 }, async (dashboard) => {
      const broker = await dashboard.stage.broker();
      const command = '{"op":0,"shard":7,"data":{"op":8,"d":{"guild_id":"1","query":"","limit":0}}}';
      broker.channel.sendToQueue("gateway.send", Buffer.from(command));
      await dashboard.service.line(({ kind }) => kind === "command.rejected");
      const page = await dashboard.operator(options);
      const refused = page.getByText("unknown_shard", { exact: true });
      // It is there within a second; a page that was sooner is asked for again.
      do await dashboard.open(page, "/commands", hasScript); while (await refused.count() === 0);
      assert.equal(await refused.count(), 1);
      await page.getByRole("button", { name: "Send again" }).click();
      await page.getByRole("alert").filter({ hasText: "Refused" }).waitFor();
      const kept = await broker.read("gateway.send.rejected", 2);
      assert.deepEqual(kept.map(({ content }) => content.toString()), [command, command]);
    }),
  );

  Deno.test(
    `Another browser sees in the audit what the first one did: ${way}`,
    onDashboard({ shards: 1 }, async (dashboard) => {
      const first = await dashboard.operator(options);
      await dashboard.open(first, "/shards/0/restart?mode=resume", hasScript);
      await first.getByRole("main").getByRole("button", { name: "Restart", exact: true }).click();
      await first.getByText(/^Done /).waitFor();
      const second = await dashboard.operator(options);
      await dashboard.open(second, "/audit", hasScript);
      const row = second.getByRole("row").filter({ hasText: "Restart" });
      const [text = ""] = await row.allInnerTexts();
      assert.match(text, /operator/);
      assert.match(text, /127\.0\.0\.1/);
    }),
  );
}

Deno.test(
  "Restart filtered in the dashboard restarts one shard after the other",
  onDashboard({ shards: 4 }, async (dashboard) => {
    const { control } = dashboard.stage.simulator;
    const page = await dashboard.operator();
    await dashboard.open(page, "/");
    await page.getByRole("button", { name: "Restart all…" }).click();
    await page.getByRole("main").getByRole("button", { name: /^Restart/ }).click();
    await control.until(() => Object.keys(control.statistics.resumesByShard).length === 4);
    await page.getByText(/4 of 4/).first().waitFor();
    assert.deepEqual(control.state().statistics.resumesByShard, { 0: 1, 1: 1, 2: 1, 3: 1 });
  }),
);

Deno.test(
  "The dashboard is stopped with the gateway, and its open pages say when it was last heard",
  onDashboard({ shards: 1 }, async (dashboard) => {
    const page = await dashboard.operator();
    await dashboard.open(page, "/");
    await page.getByText("Live", { exact: true }).waitFor();
    assert.equal(await dashboard.service.end("SIGTERM"), 0);
    await page.getByText(/^Last heard \d+ s ago$/).waitFor();
  }),
);
