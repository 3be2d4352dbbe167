import assert from "node:assert/strict";
import { QueueMetrics } from "../../../gateway/adapters/queue_metrics.ts";
import { metricValue, readMetrics } from "../../fakes/prometheus_text.ts";

Deno.test("QueueMetrics tells how full each queue is, who consumes it, and whether it is left unattended", async () => {
  const metrics = new QueueMetrics();
  const told = async (queue: string) => {
    const samples = readMetrics(await metrics.text());
    return ["messages", "consumers", "unattended"].map((what) =>
      metricValue(samples, `gateway_queue_${what}`, { queue })
    );
  };
  const kind = "queue.watched";
  metrics.observe({ kind, queue: "gateway", messages: 1_234, consumers: 0, unattended: true });
  metrics.observe({ kind, queue: "music", messages: 0, consumers: 2, unattended: false });
  assert.deepEqual(await told("gateway"), [1_234, 0, 1]);
  assert.deepEqual(await told("music"), [0, 2, 0]);
  metrics.observe({ kind, queue: "gateway", messages: null, consumers: 0, unattended: false });
  assert.deepEqual(await told("gateway"), [undefined, undefined, 0], "there is no such queue");
  metrics.observe({ kind, queue: "gateway", messages: 0, consumers: 1, unattended: false });
  assert.deepEqual(await told("gateway"), [0, 1, 0]);
});
