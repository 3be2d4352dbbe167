/** Several processes as one gateway. */
import assert from "node:assert/strict";
import { CommandSender } from "./command_sender.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { onStage, type Stage } from "./stage.ts";

const SHARDS = 12;
/** Short, so that nobody waits long for the dead. */
const SETTINGS = { FLEET: "true", LEASE_TTL: "3" };

const BUSY = {
  deadlineMs: 180_000,
  simulator: {
    recommendedShards: SHARDS,
    guilds: 48,
    seed: 8,
    eventsPerSecond: 300,
    trimReplay: true,
    replayBufferEvents: 10_000,
    // Discord gives a session up whose client does not beat: a sleeper's is to outlive its lease.
    heartbeatIntervalMs: 8_000,
  },
};

/** How many shards run there, as far as its log says. */
function running(gateway: GatewayProcess): number {
  return gateway.lines.reduce((count, { kind, shards, done }) => {
    if (kind === "shards.begun") return count + Number(shards);
    if (kind === "shards.lost") return count - Number(shards);
    return kind === "shard.handed_over" && done === true ? count - 1 : count;
  }, 0);
}

/** Starts a replica and waits until it runs its share. */
async function joined(stage: Stage, share: number): Promise<GatewayProcess> {
  const gateway = stage.start(SETTINGS);
  await gateway.until(() => running(gateway) === share);
  await gateway.connected(share);
  return gateway;
}

Deno.test(
  "Shardline in a fleet is restarted replica by replica under load: nothing lost, nothing twice, nobody identifies",
  onStage(BUSY, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    const first = await joined(stage, SHARDS);
    const { identified } = simulator.control.state().statistics.happenings;
    assert.equal(identified, SHARDS);
    let replicas = [first, await joined(stage, SHARDS / 2)];
    for (let restart = 0; restart < 4; restart += 1) {
      const [oldest, other] = replicas;
      assert(oldest !== undefined && other !== undefined);
      await oldest.until(() => running(oldest) === SHARDS / 2);
      const before = consumer.seen.size;
      await consumer.until(() => consumer.seen.size >= before + 100);
      assert.equal(await oldest.end("SIGTERM"), 0);
      await other.until(() => running(other) === SHARDS);
      replicas = [other, await joined(stage, SHARDS / 2)];
    }
    simulator.control.set({ paused: true });
    await consumer.untilComplete(simulator);
    const { happenings } = simulator.control.state().statistics;
    assert.equal(happenings["identified"], SHARDS);
    assert.equal(happenings["resume-refused"], undefined);
    const { expected, ...faults } = consumer.compare(simulator);
    assert(expected > 1_000, `${expected} events`);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 });
  }),
);

Deno.test(
  "Shardline in a fleet takes a command to whichever replica has its shard, and answers it once",
  onStage(BUSY, async (stage) => {
    await joined(stage, SHARDS);
    const second = await joined(stage, SHARDS / 2);
    const commands = await CommandSender.open(await stage.broker());
    const { queue: replyTo } = await commands.broker.channel.assertQueue("", { exclusive: true });
    const targets = [0, SHARDS - 1, "all", SHARDS];
    let asked = 0;
    const outcomes = async () => {
      for (const shard of targets) commands.send({ op: 1, shard }, { replyTo, correlationId: `${asked++}` });
      const replies = (await commands.broker.read(replyTo, asked)).slice(-targets.length);
      const inOrder = replies.toSorted((one, other) =>
        Number(one.properties.correlationId) - Number(other.properties.correlationId)
      );
      return inOrder.map(({ content }) => JSON.parse(content.toString()).error ?? "ok");
    };
    assert.deepEqual(await outcomes(), ["ok", "ok", "ok", "unknown_shard"]);
    // Whichever of them it was that took commands.
    assert.equal(await second.end("SIGTERM"), 0);
    assert.deepEqual(await outcomes(), ["ok", "ok", "ok", "unknown_shard"]);
  }),
);

Deno.test(
  "Shardline in a fleet loses nothing where a replica is killed, sleeps, or cannot reach Redis",
  onStage(BUSY, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    const keeping = await joined(stage, SHARDS);
    const killed = await joined(stage, SHARDS / 2);
    const writtenBefore = killed.count("points.written");
    await killed.until(() => killed.count("points.written") >= writtenBefore + 2);
    await killed.end("SIGKILL");
    await keeping.until(() => running(keeping) === SHARDS);

    const sleeper = await joined(stage, SHARDS / 2);
    sleeper.signal("SIGSTOP");
    await keeping.until(() => running(keeping) === SHARDS);
    sleeper.signal("SIGCONT");
    await sleeper.line(({ kind }) => kind === "leases.lapsed");
    await sleeper.line(({ kind }) => kind === "shards.lost");
    // It comes to its senses, and takes its share again.
    await sleeper.until(() => running(sleeper) === SHARDS / 2);
    await keeping.until(() => running(keeping) === SHARDS / 2);

    simulator.control.set({ paused: true });
    await consumer.untilComplete(simulator);
    const { happenings } = simulator.control.state().statistics;
    assert.equal(happenings["identified"], SHARDS);
    const { expected, repeated: _, ...faults } = consumer.compare(simulator);
    assert(expected > 1_000, `${expected} events`);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0 });
  }),
);

Deno.test(
  "Shardline without a fleet waits while another process runs its shards, says so, and takes over when that one dies",
  onStage(BUSY, async (stage) => {
    const { simulator } = stage;
    const consumer = await stage.consumer();
    const settings = { SPOOL_PATH: "off", LEASE_TTL: "2" };
    const first = await stage.startConnected(SHARDS, settings);
    const second = stage.start(settings);
    const { holder } = await second.line(({ kind }) => kind === "shards.waiting");
    assert.match(String(holder), new RegExp(`-${first.processId}$`));
    const writtenBefore = first.count("points.written");
    await first.until(() => first.count("points.written") >= writtenBefore + 2);
    await first.end("SIGKILL");
    await second.connected(SHARDS);
    assert.equal(second.count("shard.resumed"), SHARDS);
    simulator.control.set({ paused: true });
    await consumer.untilComplete(simulator);
    const { repeated: _, expected: __, ...faults } = consumer.compare(simulator);
    assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0 });
    // In good order it need not wait for the lease to run out.
    const third = stage.start(settings);
    await third.line(({ kind }) => kind === "shards.waiting");
    assert.equal(await second.end("SIGTERM"), 0);
    await third.connected(SHARDS);
  }),
);
