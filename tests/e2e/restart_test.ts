import assert from "node:assert/strict";
import { onStage } from "./stage.ts";

const SHARDS = 8;

/** A simulator that forgets what a heartbeat or RESUME has acknowledged: carrying too new a sequence loses events. */
const TRIMMING = {
  deadlineMs: 180_000,
  simulator: {
    recommendedShards: SHARDS,
    maxConcurrency: SHARDS,
    guilds: 64,
    largeGuildBytes: 2 * 1024 * 1024,
    identifyWindowMs: 5_000,
    seed: 7,
    eventsPerSecond: 400,
    trimReplay: true,
    replayBufferEvents: 10_000,
    heartbeatIntervalMs: 5_000,
  },
};

/** What the service does by itself; a stage has it wait for nothing. */
const SETTINGS = { SHARDS_WAIT: "6" };

Deno.test(
  "Shardline resumes every session over ten restarts under load, nothing lost, nothing twice",
  onStage(TRIMMING, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    for (let start = 0; start <= 10; start += 1) {
      const gateway = await stage.startConnected(SHARDS, SETTINGS);
      const before = consumer.seen.size;
      await consumer.until(() => consumer.seen.size >= before + 200);
      if (start === 10) {
        simulator.control.set({ paused: true });
        await consumer.untilComplete(simulator);
      }
      assert.equal(await gateway.end("SIGTERM"), 0);
    }
    const { happenings, resumesByShard } = simulator.control.state().statistics;
    assert.equal(happenings["identified"], SHARDS, "each shard identifies once, at the first start");
    for (let shard = 0; shard < SHARDS; shard += 1) assert.equal(resumesByShard[shard], 10, `shard ${shard}`);
    assert.equal(happenings["resume-refused"], undefined);
    const { expected, ...faults } = consumer.compare(simulator);
    assert(expected > 2_000, `${expected} events`);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 });
  }),
);

Deno.test(
  "Shardline resumes every session over forty kills at random moments, nothing lost",
  onStage(TRIMMING, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    let gateway = await stage.startConnected(SHARDS, SETTINGS);
    // The first kill comes when the sessions are known to Redis, or they are begun anew; every later one at any moment
    // at all. A write that was under way may lack the last of them: the one after it has all.
    const writtenBefore = gateway.count("points.written");
    await gateway.until(() => gateway.count("points.written") >= writtenBefore + 2);
    // A moment is so many log lines and events after the start: while it loads, connects, resumes, or flows.
    let dice = 2026;
    const draw = (below: number) => (dice = (dice * 48_271) % 2_147_483_647) % below;
    for (let kill = 0; kill < 40; kill += 1) {
      const seenBefore = consumer.seen.size;
      const moment = draw(kill % 2 === 0 ? 60 : 300);
      while (gateway.lines.length + consumer.seen.size - seenBefore < moment) {
        await Promise.race([gateway.next(), consumer.next()]);
      }
      await gateway.end("SIGKILL");
      gateway = stage.start(SETTINGS);
    }
    await gateway.connected(SHARDS);
    simulator.control.set({ paused: true });
    const { happenings } = simulator.control.state().statistics;
    assert.equal(happenings["identified"], SHARDS, "each shard identifies once, at the first start");
    assert.equal(happenings["resume-refused"], undefined);
    await consumer.untilComplete(simulator);
    assert.equal(await gateway.end("SIGTERM"), 0);
    const { expected, repeated: _, ...faults } = consumer.compare(simulator);
    assert(expected > 2_000, `${expected} events`);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0 });
  }),
);
