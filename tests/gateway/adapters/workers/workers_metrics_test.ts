import assert from "node:assert/strict";
import { Metrics } from "../../../../gateway/adapters/metrics.ts";
import type { WorkerFigures } from "../../../../gateway/adapters/workers/messages.ts";
import { packCounts, SummedCounts } from "../../../../gateway/adapters/workers/packed_counts.ts";
import { WorkersMetrics } from "../../../../gateway/adapters/workers/workers_metrics.ts";
import { EventCounts } from "../../../../gateway/figures/event_counts.ts";
import { Status } from "../../../../gateway/status.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { metricValue, readMetrics } from "../../../fakes/prometheus_text.ts";

/** One thread's own metrics, and its shards' status. */
class Thread {
  readonly status = new Status(new ManualClock());
  readonly counts = new EventCounts();
  readonly metrics = new Metrics({
    clock: new ManualClock(),
    status: () => this.status.snapshot(),
    eventCounts: () => this.counts,
    unconfirmed: () => ({ events: 2, bytes: 1_000 }),
    spool: () => ({ events: 1, bytes: 10, maxBytes: 100 }),
    unheldShards: () => 0,
  });

  constructor(...shards: number[]) {
    this.status.assign(shards);
    for (const purpose of ["publishing", "consuming"] as const) {
      this.status.observe({ kind: "broker.connected", address: "", purpose });
    }
  }

  async figures(): Promise<WorkerFigures> {
    const figures = { families: await this.metrics.families(), counts: packCounts(this.counts) };
    // As it comes over from another thread.
    return structuredClone(figures);
  }
}

function pool() {
  const own = new Thread();
  const workers = new WorkersMetrics(own.metrics);
  const scrape = async (figures: Record<number, WorkerFigures>) => {
    const text = await workers.text(
      new Map(Object.entries(figures).map(([key, value]) => [Number(key), value])),
    );
    const samples = readMetrics(text);
    const series = samples.map(({ name, labels }) => JSON.stringify([name, ...labels]));
    assert.equal(new Set(series).size, series.length, "a series stands in it twice");
    return (name: string, labels: Readonly<Record<string, string>> = {}) =>
      metricValue(samples, name, labels);
  };
  return { own, workers, scrape };
}

Deno.test("WorkersMetrics.text() makes one service of all workers: sums, but of what is the same for all of them", async () => {
  const { own, scrape } = pool();
  const one = new Thread(0, 1);
  const two = new Thread(2);
  two.status.observe({ kind: "broker.lost", address: "", purpose: "publishing", error: "" });
  own.metrics.observe({ kind: "identify.budget", remaining: 7, total: 1_000, resetsInMs: 1_000 });
  for (const { metrics } of [one, two]) {
    metrics.observe({ kind: "identify.budget", remaining: 900, total: 1_000, resetsInMs: 1_000 });
    metrics.observe({ kind: "state.sizes", sizes: { guild: 5 }, guildsBehind: 1 });
    metrics.observe({ kind: "shard.zombie", shard: 0 });
    metrics.published(20);
  }
  const value = await scrape({ 1: await one.figures(), 2: await two.figures() });
  assert.equal(value("gateway_shards"), 3);
  assert.equal(value("gateway_statuses", { type: "Disconnected" }), 3);
  assert.equal(value("gateway_zombies_total"), 2);
  assert.equal(value("gateway_publish_seconds_count"), 2);
  assert.equal(value("gateway_publish_seconds_bucket", { le: "0.025" }), 2);
  assert.equal(value("gateway_publish_seconds_bucket", { le: "0.01" }), 0);
  assert.equal(value("gateway_identify_remaining"), 7);
  assert.equal(value("state_guilds"), 5);
  assert.equal(value("gateway_state_behind_guilds"), 1);
  assert.equal(value("gateway_broker_connected"), 0);
  const memory = value("process_resident_memory_bytes") ?? 0;
  assert(memory > 0 && memory < 2 * Deno.memoryUsage().rss);
});

Deno.test("WorkersMetrics.text() adds what two workers have counted of one shard, one after the other", async () => {
  const { scrape } = pool();
  const [one, two] = [new Thread(0), new Thread(0, 1)];
  one.counts.add("TYPING_START", 0);
  two.counts.add("TYPING_START", 0);
  two.counts.add('A"B', 1);
  const value = await scrape({ 1: await one.figures(), 2: await two.figures() });
  assert.equal(value("gateway_events", { type: "TYPING_START", shard: "0" }), 2);
  assert.equal(value("gateway_events", { type: 'A"B', shard: "1" }), 1);
});

Deno.test("WorkersMetrics.text() keeps what a worker had counted that has ended, and nothing of how it was", async () => {
  const { workers, scrape } = pool();
  let expected = 0;
  for (let thread = 1; thread <= 3; thread++) {
    const worker = new Thread(0, 1);
    for (let count = 0; count < thread; count++) {
      worker.counts.add("TYPING_START", 1);
      worker.metrics.observe({ kind: "event.received", shard: 1, type: "TYPING_START", bytes: 10 });
      worker.metrics.published(20);
    }
    expected += thread;
    const value = await scrape({ 1: await worker.figures() });
    assert.equal(value("gateway_shards"), 2);
    workers.ended(1);
    const after = await scrape({});
    for (const read of [value, after]) {
      assert.equal(read("gateway_events", { type: "TYPING_START", shard: "1" }), expected);
      assert.equal(read("gateway_received_bytes_total"), 10 * expected);
      assert.equal(read("gateway_publish_seconds_count"), expected);
      assert.equal(read("gateway_publish_seconds_bucket", { le: "+Inf" }), expected);
    }
    assert.equal(after("gateway_shards"), 0);
    assert.equal(after("gateway_unconfirmed_events"), 2); // of this thread
  }
});

Deno.test("WorkersMetrics.text() goes on with what a worker said last, where it does not answer in time", async () => {
  const { scrape } = pool();
  const worker = new Thread(0);
  worker.counts.add("TYPING_START", 0);
  await scrape({ 1: await worker.figures() });
  const value = await scrape({});
  assert.equal(value("gateway_shards"), 1);
  assert.equal(value("gateway_events", { type: "TYPING_START", shard: "0" }), 1);
});

Deno.test("SummedCounts has nothing of nothing", () => {
  const sum = new SummedCounts();
  sum.add(packCounts(new EventCounts()));
  assert.deepEqual([...sum.shards()], []);
});
