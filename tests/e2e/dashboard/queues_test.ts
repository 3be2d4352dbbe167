import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { metricValue } from "../../fakes/prometheus_text.ts";
import { readSamples } from "../monitoring_page.ts";
import { onStage } from "../stage.ts";

const QUEUE = "shardline-test.watched";

for (const role of ["all", "dashboard"]) {
  Deno.test(
    `The metrics of a process with ROLE=${role} tell how full a queue of WATCH_QUEUES is, and who consumes it`,
    onStage({ own: { queues: [QUEUE] } }, async (stage) => {
      const { channel } = await stage.broker();
      await channel.assertQueue(QUEUE, { durable: true });
      // What it has not acknowledged is not ready any more.
      await channel.prefetch(1);
      await channel.consume(QUEUE, () => {});
      for (let sent = 0; sent < 4; sent++) channel.sendToQueue(QUEUE, Buffer.from("x"));
      while ((await channel.checkQueue(QUEUE)).messageCount !== 3);
      const service = stage.start({ ROLE: role, DASHBOARD_PORT: "0", WATCH_QUEUES: QUEUE });
      await service.line(({ kind, queue }) => kind === "queue.watched" && queue === QUEUE);
      const samples = await readSamples(service);
      const told = ["messages", "consumers", "unattended"].map((what) =>
        metricValue(samples, `gateway_queue_${what}`, { queue: QUEUE })
      );
      assert.deepEqual(told, [3, 1, 0]);
      assert.equal(samples.some(({ name }) => name === "gateway_shards"), role === "all");
    }),
  );
}
