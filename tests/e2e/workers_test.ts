/** One process that spreads its shards over worker threads. */
import assert from "node:assert/strict";
import { metricValue, type Sample } from "../fakes/prometheus_text.ts";
import { CommandSender } from "./command_sender.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { readPage, readSamples } from "./monitoring_page.ts";
import { onStage, type Stage } from "./stage.ts";

const SHARDS = 12;
const WORKERS = 3;
const OF_ONE = SHARDS / WORKERS;
const STOP_MOST_MS = 10_000;

/** In them a worker does what a file asks for, and none has much memory to fill. */
const TROUBLED = { preload: "tests/fixtures/workers/troubled_preload.ts", heapMostMb: 150 };

const BUSY = {
  deadlineMs: 120_000,
  simulator: {
    recommendedShards: SHARDS,
    guilds: 48,
    seed: 8,
    eventsPerSecond: 300,
    trimReplay: true,
    replayBufferEvents: 10_000,
  },
};

/** How many shards of a worker have said so, of those that are its own. */
function said(gateway: GatewayProcess, kind: string, worker: number): number {
  return gateway.lines.filter((line) => line.kind === kind && line["worker"] === worker).length;
}

async function order(stage: Stage, worker: number, trouble: string): Promise<void> {
  // Under another name first: nobody is to read half of it.
  const path = `${stage.spoolPath}/trouble-${worker}`;
  await Deno.writeTextFile(`${path}.new`, trouble);
  await Deno.rename(`${path}.new`, path);
}

function eventsIn(samples: readonly Sample[]): number {
  return samples.filter(({ name }) => name === "gateway_events").reduce((sum, { value }) => sum + value, 0);
}

/** Ends it in order, within the time for that. */
async function ended(gateway: GatewayProcess, status = 0): Promise<void> {
  assert.equal(await gateway.end("SIGTERM"), status);
  const stopped = gateway.lines.find(({ kind }) => kind === "service.stopped");
  assert(Number(stopped?.["tookMs"]) < STOP_MOST_MS, `took ${stopped?.["tookMs"]} ms`);
  assert.equal(gateway.count("service.late"), 0);
}

Deno.test(
  "Shardline starts a worker again that has died, whose shards resume, and the other workers do not notice",
  onStage(BUSY, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(SHARDS, { CLUSTERS: `${WORKERS}` }, TROUBLED);
    await consumer.until(() => consumer.seen.size >= 300);
    let before = await readSamples(gateway);
    let resumed = 0;
    for (const [trouble, words] of [["throw", /a fault for the test/], ["hoard", /memory/]] as const) {
      await order(stage, 2, trouble);
      const ends = gateway.count("worker.ended") + 1;
      await gateway.until(() => gateway.count("worker.ended") === ends);
      const end = gateway.lines.findLast(({ kind }) => kind === "worker.ended");
      assert.equal(end?.["worker"], 2);
      assert.match(String(end?.["error"]), words);
      const { status, body } = await readPage(gateway, "/readyz");
      assert.deepEqual([status, JSON.parse(body)], [503, ["worker 2"]]);
      resumed += OF_ONE;
      await gateway.until(() => said(gateway, "shard.resumed", 2) === resumed);
      // What the one that died had counted is not forgotten.
      const now = await readSamples(gateway);
      for (const name of ["gateway_received_bytes_total", "gateway_publish_seconds_count"]) {
        assert((metricValue(now, name) ?? 0) >= (metricValue(before, name) ?? 0), name);
      }
      assert(eventsIn(now) >= eventsIn(before));
      assert.equal(metricValue(now, "gateway_workers_ended_total"), ends);
      before = now;
    }
    for (const worker of [1, 3]) {
      assert.equal(said(gateway, "shards.begun", worker), 1);
      assert.equal(said(gateway, "shard.disconnected", worker), 0);
      assert.equal(said(gateway, "shard.resuming", worker), 0);
    }
    simulator.control.set({ paused: true });
    await consumer.untilComplete(simulator);
    const { happenings } = simulator.control.state().statistics;
    assert.equal(happenings["identified"], SHARDS);
    assert.equal(happenings["resume-refused"], undefined);
    const { expected, repeated: _, ...faults } = consumer.compare(simulator);
    assert(expected > 1_000, `${expected} events`);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0 });
    await ended(gateway);
    assert.equal(await gateway.errors, "");
  }),
);

Deno.test(
  "Shardline with workers is one service to whoever watches it, and resumes all sessions with another number of them",
  onStage(BUSY, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    const identifies = () => simulator.control.state().statistics.happenings["identified"];
    for (const workers of [3, 2, 1, 3]) {
      const gateway = await stage.startConnected(SHARDS, { CLUSTERS: `${workers}` });
      const seen = consumer.seen.size;
      await consumer.until(() => consumer.seen.size >= seen + 200);
      // It says once a second what it misses.
      while ((await readPage(gateway, "/readyz")).status !== 200);
      const samples = await readSamples(gateway);
      const names = samples.map(({ name, labels }) => JSON.stringify([name, ...labels]));
      assert.equal(new Set(names).size, names.length, "a series stands in it twice");
      assert.equal(metricValue(samples, "gateway_shards"), SHARDS);
      assert.equal(metricValue(samples, "gateway_statuses", { type: "Connected" }), SHARDS);
      assert.equal(metricValue(samples, "gateway_broker_connected"), 1);
      assert.equal(metricValue(samples, "gateway_redis_connected"), 1);
      assert.equal(metricValue(samples, "gateway_recommended_shards"), SHARDS);
      assert.equal(metricValue(samples, "gateway_workers_ended_total"), 0);
      const shards = samples.filter(({ name }) => name === "gateway_events").map(({ labels }) =>
        labels.get("shard")
      );
      assert.equal(new Set(shards).size, SHARDS);
      assert(eventsIn(samples) >= 200);
      assert.equal(gateway.lines.filter(({ kind }) => kind === "shards.begun").length, workers);
      assert.equal(gateway.count("shards.waiting"), 0);
      await ended(gateway);
      assert.equal(identifies(), SHARDS);
    }
    simulator.control.set({ paused: true });
    await stage.startConnected(SHARDS, { CLUSTERS: "2" });
    await consumer.untilComplete(simulator);
    assert.equal(identifies(), SHARDS);
    const { expected: _, repeated, ...faults } = consumer.compare(simulator);
    assert.deepEqual([faults, repeated], [{ missing: 0, changed: 0, outOfOrder: 0 }, 0]);
  }),
);

Deno.test(
  "Shardline ends in order where a worker does not answer any more, and the next process resumes all sessions",
  onStage(BUSY, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(SHARDS, { CLUSTERS: `${WORKERS}` }, TROUBLED);
    await order(stage, 1, "loop");
    const failed = await gateway.line(({ kind }) => kind === "service.failed");
    assert.match(failed.message, /worker 1 does not answer any more/);
    assert.equal(await gateway.status(), 70);
    for (const worker of [2, 3]) assert.equal(said(gateway, "shard.disconnected", worker), OF_ONE);
    const next = await stage.startConnected(SHARDS, { CLUSTERS: `${WORKERS}` });
    assert.equal(next.count("shard.resumed"), SHARDS);
    simulator.control.set({ paused: true });
    await consumer.untilComplete(simulator);
    assert.equal(simulator.control.state().statistics.happenings["identified"], SHARDS);
  }),
);

Deno.test(
  "Shardline with workers takes a command to whichever of them has the shard, and answers it once",
  onStage({ simulator: { recommendedShards: SHARDS } }, async (stage) => {
    await stage.startConnected(SHARDS, { CLUSTERS: `${WORKERS}` });
    const commands = await CommandSender.open(await stage.broker());
    const { queue: replyTo } = await commands.broker.channel.assertQueue("", { exclusive: true });
    const targets = [0, SHARDS - 1, "all", SHARDS];
    for (const [at, shard] of targets.entries()) {
      commands.send({ op: 1, shard }, { replyTo, correlationId: `${at}` });
    }
    const replies = await commands.broker.read(replyTo, targets.length);
    const inOrder = replies.toSorted((one, other) =>
      Number(one.properties.correlationId) - Number(other.properties.correlationId)
    );
    assert.deepEqual(
      inOrder.map(({ content }) => JSON.parse(content.toString()).error ?? "ok"),
      ["ok", "ok", "ok", "unknown_shard"],
    );
  }),
);

Deno.test(
  "Shardline's workers share Discord's identify buckets without Redis saying whose turn it is",
  onStage(
    { simulator: { recommendedShards: 6, identifyWindowMs: 900, maxConcurrency: 2 } },
    async (stage) => {
      await stage.startConnected(6, { CLUSTERS: `${WORKERS}`, SHARDS_WAIT: "1" });
      const { happenings } = stage.simulator.control.state().statistics;
      assert.equal(happenings["identified"], 6);
      assert.equal(happenings["identify-refused"], undefined);
      const redis = await stage.redis();
      assert.deepEqual(await redis.keys("gateway:identify*"), []);
    },
  ),
);

Deno.test(
  "Shardline with workers ends with the status of what Discord refuses to any of them",
  onStage({ simulator: { recommendedShards: 2, tokens: ["another.token.than-that"] } }, async (stage) => {
    const gateway = stage.start({ CLUSTERS: "2" });
    assert.equal(await gateway.status(), 77);
    assert.equal(gateway.count("service.failed"), 1);
  }),
);

Deno.test(
  "Shardline runs with more workers than shards",
  onStage({ simulator: { recommendedShards: 1 } }, async (stage) => {
    const gateway = await stage.startConnected(1, { CLUSTERS: "2" });
    while ((await readPage(gateway, "/readyz")).status !== 200);
    assert.equal(metricValue(await readSamples(gateway), "gateway_shards"), 1);
    await ended(gateway);
  }),
);

Deno.test(
  "Shardline's workers are members of a fleet each, and hand their shards over where the process ends",
  onStage(BUSY, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    const settings = { FLEET: "true", LEASE_TTL: "3" };
    const first = await stage.startConnected(SHARDS, { ...settings, CLUSTERS: "2" });
    const second = stage.start({ ...settings, CLUSTERS: "2" });
    // Four members, three shards each.
    await second.until(() => [1, 2].every((worker) => said(second, "shard.resumed", worker) >= SHARDS / 4));
    const seen = consumer.seen.size;
    await consumer.until(() => consumer.seen.size >= seen + 100);
    await ended(first);
    await second.connected(SHARDS);
    simulator.control.set({ paused: true });
    await consumer.untilComplete(simulator);
    assert.equal(simulator.control.state().statistics.happenings["identified"], SHARDS);
    const { expected: _, repeated, ...faults } = consumer.compare(simulator);
    assert.deepEqual([faults, repeated], [{ missing: 0, changed: 0, outOfOrder: 0 }, 0]);
    const redis = await stage.redis();
    const replicas = (await redis.hkeys("gateway:replicas")).map((name) =>
      name.replace(/^.*(?= worker)/, "")
    );
    assert.deepEqual(replicas.toSorted(), [" worker 1", " worker 1", " worker 2", " worker 2"]);
  }),
);
