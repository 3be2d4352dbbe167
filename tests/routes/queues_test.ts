import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { statusEntries, writeFleet } from "../dashboard/fleet/written_fleet.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { QueueReader } from "../fakes/queue_reader.ts";
import { type DashboardRig, withDashboard } from "../dashboard/rig.ts";

const LOOK_EVERY_MS = 5_000;

/** The watched queues as the page has them, a line for each. */
async function rows({ signedIn }: DashboardRig): Promise<string[]> {
  const page = await (await signedIn("viewer")).page("/queues");
  const [, table = ""] = page.match(/aria-label="Watched queues">.*?<tbody>(.*?)<\/tbody>/s) ?? [];
  return table.split("</tr>").slice(0, -1).map((row) =>
    row.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim()
  );
}

Deno.test("/queues shows how full each queue is, who consumes it, and which is missing", async () => {
  const clock = new ManualClock();
  await withDashboard(
    async (rig) => {
      await using broker = await QueueReader.connect(rig.rabbitUrl);
      await broker.channel.assertQueue("gateway", { durable: true });
      await broker.read("gateway", 0);
      await clock.untilScheduled(clock.nowMs() + LOOK_EVERY_MS);
      clock.advance(LOOK_EVERY_MS);
      await clock.untilScheduled(clock.nowMs() + LOOK_EVERY_MS);
      assert.deepEqual(await rows(rig), [
        "gateway 0 1 not known yet ● consumed",
        "shardline-test.none – – – ? there is no such queue",
      ]);
    },
    { queues: ["gateway", "shardline-test.none"] },
    clock,
  );
});

Deno.test("/queues points out a queue that grows for a minute and that nobody consumes", async () => {
  const clock = new ManualClock();
  await withDashboard(
    async (rig) => {
      await using broker = await QueueReader.connect(rig.rabbitUrl);
      await broker.channel.assertQueue("gateway", { durable: true });
      const look = async (times: number) => {
        for (let count = 0; count < times; count++) {
          await clock.untilScheduled(clock.nowMs() + LOOK_EVERY_MS);
          clock.advance(LOOK_EVERY_MS);
        }
        await clock.untilScheduled(clock.nowMs() + LOOK_EVERY_MS);
      };
      await look(1);
      for (let sent = 0; sent < 1_234; sent++) broker.channel.sendToQueue("gateway", Buffer.from("x"));
      while ((await broker.channel.checkQueue("gateway")).messageCount < 1_234);
      await look(1);
      assert.deepEqual(await rows(rig), ["gateway 1,234 0 not known yet ○ no consumer"]);
      await look(11);
      assert.deepEqual(await rows(rig), ["gateway 1,234 0 ↗ growing, +1,234 ✕ unattended"]);
      const page = await (await rig.signedIn("viewer")).page("/queues");
      assert.match(
        page,
        /Nobody consumes queue <code>gateway<\/code>, and it grows: 1,234 messages wait in it\./,
      );
      // It is said once, not again whenever it has grown.
      assert.match(page, /role="status">Nobody consumes queue gateway, and it grows<\/p>/);
      await writeFleet(rig.redis, statusEntries(2));
      const fleet = await (await rig.signedIn("viewer")).page("/");
      assert.match(fleet, /<b>gateway<\/b> has grown for a minute without a consumer/);
      const last = rig.news.findLast(({ kind }) => kind === "queue");
      const told = { kind: "queue", queue: "gateway", messages: 1_234, consumers: 0, unattended: true };
      assert.deepEqual(last, told);
    },
    {},
    clock,
  );
});

Deno.test("/queues says that RabbitMQ is away, and that no queue is watched", async () => {
  const rabbitUrl = "amqp://ada:s3cret@127.0.0.1:1";
  await withDashboard(async ({ signedIn }) => {
    const page = await (await signedIn("viewer")).page("/queues");
    assert.match(page, /RabbitMQ at 127\.0\.0\.1:1 cannot be reached: /);
    assert.doesNotMatch(page, /ada|s3cret/);
    assert.match(page, /Set RABBIT_MANAGEMENT_URL to see/);
  }, { rabbitUrl });
  await withDashboard(async ({ signedIn }) => {
    assert.match(await (await signedIn("viewer")).page("/queues"), /No queue is watched/);
  }, { queues: [] });
});

Deno.test("/queues shows all bindings, and what the management interface measures", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) =>
      Response.json(
        request.url.includes("/bindings/")
          ? [{ destination: "music", destination_type: "queue", routing_key: "VOICE_*" }]
          : {
            messages_unacknowledged: 12,
            message_bytes: 2_048,
            message_stats: { publish_details: { rate: 1_000.4 } },
          },
      ),
  );
  await withDashboard(async ({ signedIn }) => {
    const page = await (await signedIn("viewer")).page("/queues");
    const text = page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
    assert.match(text, /gateway 12 2 KiB 1,000 –/);
    assert.match(text, /VOICE_\* music a queue/);
    assert.doesNotMatch(page, /ada|s3cret/);
  }, { rabbitManagementUrl: `http://ada:s3cret@127.0.0.1:${server.addr.port}` });
});

Deno.test("/queues says why the management interface does not tell", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("no", { status: 401 }),
  );
  await withDashboard(async ({ signedIn }) => {
    const page = await (await signedIn("viewer")).page("/queues");
    assert.match(page, /does not tell everything: 127\.0\.0\.1:\d+ refuses user and password/);
    assert.doesNotMatch(page, /ada|s3cret/);
  }, { rabbitManagementUrl: `http://ada:s3cret@127.0.0.1:${server.addr.port}` });
});

Deno.test("/queues is kept live", async () => {
  await withDashboard(async ({ signedIn }) => {
    const viewer = await signedIn("viewer");
    assert.match(await viewer.page("/queues"), /data-island="Freshness" data-props="[^"]*\/live\?queues/);
    const response = await viewer.get("/live?queues");
    assert.equal(response.status, 200);
    assert(response.body !== null);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let heard = "";
    while (!heard.includes("event: queues")) heard += (await reader.read()).value;
    await reader.cancel();
  });
});
