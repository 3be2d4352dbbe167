import assert from "node:assert/strict";
import type { RabbitServer } from "../../harness/rabbitmq.ts";
import { startRabbit } from "../../harness/rabbitmq.ts";
import { startRedis } from "../../harness/redis.ts";
import { BrokerControl } from "../gateway/adapters/rabbitmq/broker_control.ts";
import { testServers } from "../servers.ts";
import { onStage, type Stage, type StageOptions } from "./stage.ts";

/** A simulator that forgets what a heartbeat or RESUME has acknowledged. */
const TRIMMING = {
  recommendedShards: 4,
  maxConcurrency: 4,
  guilds: 16,
  trimReplay: true,
  replayBufferEvents: 10_000,
  heartbeatIntervalMs: 500,
  eventsPerSecond: 400,
};

/** A test with a RabbitMQ of its own, to be killed and set at will. */
function withOwnRabbit(
  simulator: NonNullable<StageOptions["simulator"]>,
  play: (stage: Stage, rabbit: RabbitServer) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const { redisUrl } = await testServers();
    const rabbit = await startRabbit();
    await using _server = rabbit.server;
    await onStage(
      { servers: { rabbitUrl: rabbit.url, redisUrl }, simulator },
      (stage) => play(stage, rabbit),
    )();
  };
}

/** Ends the generator, waits for all that can be had, and holds that nothing is wrong with it. */
async function complete(stage: Stage): Promise<void> {
  const { simulator } = stage;
  const consumer = await stage.consumer();
  simulator.control.set({ paused: true });
  await consumer.untilComplete(simulator);
  const { expected, repeated: _, ...faults } = consumer.compare(simulator);
  assert(expected > 500, `${expected} events`);
  assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0 });
}

/** Reads the news of gaps, from now on. */
async function gapReader(stage: Stage): Promise<(count: number) => Promise<Record<string, unknown>[]>> {
  const broker = await stage.broker();
  const queue = await broker.bindOwnQueue("gateway.events", "shard.*.gap");
  return async (count) =>
    (await broker.read(queue, count)).map(({ content }) => JSON.parse(content.toString()));
}

/** Resolves when this process has written that many events to its spool. */
function spooled(gateway: ReturnType<Stage["start"]>, events: number): Promise<void> {
  return gateway.until(() => {
    const written = gateway.lines.filter(({ kind }) => kind === "spool.written");
    return written.reduce((sum, line) => sum + Number(line["events"]), 0) >= events;
  });
}

Deno.test(
  "Shardline spools while RabbitMQ is dead, is killed, starts without it, and loses nothing in order",
  withOwnRabbit(TRIMMING, async (stage, rabbit) => {
    const first = await stage.startConnected(4);
    await first.until(() => first.count("points.written") >= 4);
    await rabbit.server.kill();
    await spooled(first, 300);
    await first.end("SIGKILL");

    const second = await stage.startConnected(4);
    const { events } = await second.line(({ kind }) => kind === "spool.opened");
    assert(Number(events) >= 300, `${events} events`);
    await spooled(second, 300);
    await rabbit.server.restart();
    await complete(stage);
    await second.line(({ kind }) => kind === "spool.emptied");
    assert.equal(await second.end("SIGTERM"), 0);
    assert.deepEqual([second.count("shard.gap"), second.count("spool.late")], [0, 0]);
    const { happenings } = stage.simulator.control.state().statistics;
    assert.deepEqual([happenings["identified"], happenings["resume-refused"]], [4, undefined]);
  }),
);

Deno.test(
  "Shardline ends in order while RabbitMQ is dead, with everything in its spool, and the next start publishes it",
  withOwnRabbit(TRIMMING, async (stage, rabbit) => {
    const first = await stage.startConnected(4);
    await first.until(() => first.count("points.written") >= 4);
    await rabbit.server.kill();
    await spooled(first, 1);
    assert.equal(await first.end("SIGTERM"), 0);
    assert.equal(first.count("service.late"), 0);
    await rabbit.server.restart();
    const second = await stage.startConnected(4);
    await second.until(() => second.count("spool.emptied") === 1);
    await complete(stage);
    assert.equal(stage.simulator.control.state().statistics.happenings["resume-refused"], undefined);
  }),
);

Deno.test(
  "Shardline parks its shards while RabbitMQ is dead and the spool is full, and has them back when there is room",
  withOwnRabbit({ ...TRIMMING, largeGuildBytes: 0 }, async (stage, rabbit) => {
    const settings = { SPOOL_MAX_BYTES: "64KiB", MAX_UNCONFIRMED_BYTES: "256KiB" };
    const gateway = await stage.startConnected(4, settings);
    await gateway.until(() => gateway.count("points.written") >= 4);
    await rabbit.server.kill();
    await gateway.until(() => gateway.count("shard.parked") >= 4);
    assert(gateway.count("spool.full") >= 1);
    await rabbit.server.restart();
    await gateway.until(() => gateway.count("shard.unparked") >= 4);
    await complete(stage);
    const { parkedMs } = await gateway.line(({ kind }) => kind === "shard.unparked");
    assert(Number(parkedMs) > 0);
    assert.equal(gateway.count("shard.gap"), 0);
  }),
);

Deno.test("Shardline resumes from its spool where Redis was dead when the process was killed", async () => {
  const { rabbitUrl } = await testServers();
  const redis = await startRedis();
  await using _server = redis.server;
  await onStage({ servers: { rabbitUrl, redisUrl: redis.url }, simulator: TRIMMING }, async (stage) => {
    const { control } = stage.simulator;
    const first = await stage.startConnected(4);
    await first.until(() => first.count("points.written") >= 4);
    await redis.server.kill();
    const acknowledged = () => control.state().sessions.map((session) => session.sequenceAcknowledged ?? 0);
    const before = acknowledged();
    // Heartbeats that go on only because the spool keeps the points.
    await control.until(() =>
      acknowledged().every((sequence, index) => sequence > (before[index] ?? 0) + 20)
    );
    await first.end("SIGKILL");
    await redis.server.restart();
    const second = await stage.startConnected(4);
    await complete(stage);
    const { happenings } = control.state().statistics;
    assert.deepEqual([happenings["identified"], happenings["resume-refused"]], [4, undefined]);
    assert.equal(second.count("shard.gap"), 0);
  })();
});

Deno.test(
  "Shardline moves a damaged spool aside, names it in the log and as a gap of each shard, and starts",
  // A Discord that had forgotten what was spooled would end the sessions besides.
  withOwnRabbit({ ...TRIMMING, trimReplay: false, eventsPerSecond: 0 }, async (stage, rabbit) => {
    const first = await stage.startConnected(4);
    await first.line(({ kind }) => kind === "points.written");
    await rabbit.server.kill();
    stage.simulator.control.generate(200);
    await spooled(first, 1);
    await first.end("SIGKILL");
    const folder = `${stage.spoolPath}/all-shards`;
    for await (const { name } of Deno.readDir(folder)) {
      if (name !== "lock") await Deno.writeTextFile(`${folder}/${name}`, "no database, ".repeat(1_000));
    }
    await rabbit.server.restart();

    const readGaps = await gapReader(stage);
    const second = await stage.startConnected(4);
    const { to } = await second.line(({ kind }) => kind === "spool.moved_aside");
    assert.match(String(to), /spool\.db\.damaged/);
    await Deno.stat(String(to));
    const gaps = await readGaps(4);
    assert.deepEqual(
      gaps.map((gap) => [gap["shard"], gap["reason"], gap["old_session"] === gap["new_session"]]).sort(),
      [0, 1, 2, 3].map((shard) => [shard, "spool_damaged", true]),
    );
    assert.equal(await second.end("SIGTERM"), 0);
  }),
);

Deno.test(
  "Shardline sets an event aside that is larger than RabbitMQ takes, names it as a gap, and goes on",
  withOwnRabbit({}, async (stage, rabbit) => {
    await new BrokerControl(rabbit).limitBodies(100_000);
    const gateway = await stage.startConnected(1);
    const readGaps = await gapReader(stage);
    const consumer = await stage.consumer();
    const { control } = stage.simulator;
    control.dispatch("MESSAGE_CREATE", JSON.stringify({ content: "x".repeat(200_000) }));
    control.dispatch("MESSAGE_CREATE", '{"content":"small"}');
    await gateway.line(({ kind }) => kind === "event.quarantined");
    const [gap] = await readGaps(1);
    assert.deepEqual([gap?.["reason"], gap?.["type"]], ["event_refused", "MESSAGE_CREATE"]);
    await consumer.until(() => consumer.messages.some(({ content }) => content.includes("small")));
  }),
);

Deno.test(
  "Shardline resumes no session of another bot, and names the gap",
  onStage(
    { simulator: { tokens: [tokenOf("81384788765712384"), tokenOf("81384788765712385")] } },
    async (stage) => {
      const start = (bot: string) => stage.start({ BOT_TOKEN: tokenOf(bot) });
      const first = start("81384788765712384");
      await first.connected(1);
      assert.equal(await first.end("SIGTERM"), 0);
      const second = start("81384788765712385");
      await second.connected(1);
      const { reason } = await second.line(({ kind }) => kind === "shard.gap");
      assert.equal(reason, "bot_changed");
      assert.equal(stage.simulator.control.state().statistics.happenings["resumed"], undefined);
    },
  ),
);

function tokenOf(bot: string): string {
  return `${btoa(bot)}.a.token-that-nobody-may-see`;
}
