import assert from "node:assert/strict";
import { startRabbit } from "../../harness/rabbitmq.ts";
import { startRedis } from "../../harness/redis.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { makeEmpty, SERVICE_NAMES } from "../../harness/test_servers.ts";
import { testServers } from "../servers.ts";
import type { GatewayProcess, LogLine } from "./gateway_process.ts";
import { onStage, type Stage, type StageOptions } from "./stage.ts";

// Here, before any test: what a module opens while it loads is nobody's leak.
const rabbit = await startRabbit();
Deno.test.afterAll(() => rabbit.server.stop());

/** A test whose broker hangs once it says so, and goes on at its end. */
function withBrokerThatHangs(
  simulator: NonNullable<StageOptions["simulator"]>,
  play: (stage: Stage, hang: () => Promise<void>) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const { redisUrl } = await testServers();
    const servers = { rabbitUrl: rabbit.url, redisUrl };
    await makeEmpty(servers, SERVICE_NAMES);
    await onStage({ servers, simulator }, async (stage) => {
      try {
        await play(stage, () => rabbit.server.pause());
      } finally {
        await rabbit.server.resume();
      }
    })();
  };
}

for (
  const [place, settings, acknowledged] of [
    ["memory", { SPOOL_PATH: "off" }, 2],
    ["its spool", {}, 3],
  ] as const
) {
  Deno.test(
    `Shardline stores no sequence that the broker has not confirmed, and tells Discord ${acknowledged} with 3 in ${place}`,
    // Heartbeats move gateway_statuses, and with them all of the board is written.
    withBrokerThatHangs({ heartbeatIntervalMs: 300 }, async (stage, hang) => {
      const { control } = stage.simulator;
      const board = await stage.board();
      const gateway = await stage.startConnected(1, settings);
      const sequenceIs = (sequence: number) =>
        board.until(({ sessions }) => sessions?.["0"]?.["sequence"] === sequence);
      await sequenceIs(2);
      await hang();
      control.dispatch("MESSAGE_CREATE", "{}");
      await received(stage);
      if (acknowledged === 3) await gateway.line(({ kind }) => kind === "spool.written");
      await board.written();
      await board.written();
      const { sessions } = await board.read();
      assert.equal(sessions?.["0"]?.["sequence"], 2);
      assert.equal(control.state().sessions[0]?.sequenceAcknowledged, acknowledged);
      assert.equal(gateway.count("shard.disconnected"), 0);
      await rabbit.server.resume();
      await sequenceIs(3);
    }),
  );
}

Deno.test(
  "Shardline ends in order within ten seconds while the broker hangs, and the next start loses nothing",
  withBrokerThatHangs({ recommendedShards: 2, maxConcurrency: 2 }, async (stage, hang) => {
    const { control } = stage.simulator;
    const board = await stage.board();
    const first = await stage.startConnected(2);
    await board.until(({ sessions }) => Object.keys(sessions ?? {}).length === 2);
    await hang();
    control.generate(200);
    await received(stage);
    const { tookMs } = await ended(first, "SIGTERM");
    assert(Number(tookMs) < 10_000, `${tookMs} ms`);
    assert.deepEqual(control.state().statistics.closeCodesReceived, { 4000: 2 });
    const { statuses } = await board.read();
    assert.deepEqual(statuses?.map(({ status }) => status), ["Disconnected", "Disconnected"]);

    await rabbit.server.resume();
    const consumer = await stage.consumer();
    const second = await stage.startConnected(2);
    await consumer.untilComplete(stage.simulator);
    assert.equal(second.count("shard.resumed"), 2);
    const { missing, changed, outOfOrder } = consumer.compare(stage.simulator);
    assert.deepEqual({ missing, changed, outOfOrder }, { missing: 0, changed: 0, outOfOrder: 0 });
  }),
);

Deno.test(
  "Shardline goes from one host of the broker to another, at its start and while it runs, and loses nothing",
  async () => {
    const { redisUrl } = await testServers();
    await makeEmpty({ rabbitUrl: rabbit.url, redisUrl }, SERVICE_NAMES);
    await onStage({ servers: { rabbitUrl: rabbit.url, redisUrl } }, async (stage) => {
      await using one = new TcpProxy(rabbit.url);
      await using two = new TcpProxy(rabbit.url);
      const hosts = [one, two].map((proxy) => proxy.through(rabbit.url));
      const [first, second] = hosts.map((url) => new URL(url).host);
      const { control } = stage.simulator;
      const consumer = await stage.consumer();
      one.down();
      const gateway = await stage.startConnected(1, { RABBIT_URL: hosts.join(",") });
      const passedOver = await gateway.line(({ kind }) => kind === "broker.passed_over");
      assert.equal(passedOver["address"], first);
      const connectedTo = (address: string | undefined, times: number) =>
        gateway.until(() =>
          gateway.lines.filter((line) => line["kind"] === "broker.connected" && line["address"] === address)
            .length === times
        );
      await connectedTo(second, 2); // for events, and for commands
      control.generate(500);
      one.up();
      two.down();
      control.generate(500);
      await connectedTo(first, 2);
      control.generate(500);
      one.down();
      two.up();
      control.generate(500);
      await connectedTo(second, 4);
      await consumer.untilComplete(stage.simulator);
      assert.equal(gateway.count("broker.unreachable"), 0);
      const { missing, changed, outOfOrder } = consumer.compare(stage.simulator);
      assert.deepEqual({ missing, changed, outOfOrder }, { missing: 0, changed: 0, outOfOrder: 0 });
    })();
  },
);

for (const [signal, status] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(
    `Shardline exits at once with ${status} at a second signal, ${signal}, more than a second after the first`,
    withBrokerThatHangs({}, async (stage, hang) => {
      const gateway = await stage.startConnected(1, { SPOOL_PATH: "off" });
      await hang();
      stage.simulator.control.dispatch("MESSAGE_CREATE", "{}");
      await received(stage);
      gateway.signal("SIGTERM");
      gateway.signal(signal); // the first one's echo
      // This phase alone has more than the second.
      const { deadlineMs } = await gateway.line(({ kind }) => kind === "service.late");
      assert(Number(deadlineMs) > 1_000);
      assert.equal(await gateway.end(signal), status);
      assert.equal(gateway.count("service.stopped"), 0);
    }),
  );
}

Deno.test("Shardline ends in order within ten seconds while Redis hangs", async () => {
  const { rabbitUrl } = await testServers();
  const redis = await startRedis();
  await using server = redis.server;
  await onStage({ servers: { rabbitUrl, redisUrl: redis.url } }, async (stage) => {
    const gateway = await stage.startConnected(1);
    await server.pause();
    stage.simulator.control.dispatch("MESSAGE_CREATE", "{}");
    await received(stage);
    const { tookMs } = await ended(gateway, "SIGTERM");
    assert(Number(tookMs) < 10_000, `${tookMs} ms`);
    assert.deepEqual(stage.simulator.control.state().statistics.closeCodesReceived, { 4000: 1 });
  })();
});

Deno.test("Shardline waits for a RabbitMQ that is not there at the start, and says how to get one", async () => {
  const { redisUrl } = await testServers();
  const own = await startRabbit();
  await using server = own.server;
  await server.kill();
  await onStage({ servers: { rabbitUrl: own.url, redisUrl } }, async (stage) => {
    await waitsFor(stage, {
      kind: "broker.unreachable",
      says: ["RabbitMQ", `127.0.0.1:${server.ports[0]}`, "apt-get install rabbitmq-server", "RABBIT_URL"],
      missing: "broker",
      arrive: () => server.restart(),
    });
  })();
});

Deno.test("Shardline waits for a Redis that is not there at the start, and says how to get one", async () => {
  const { rabbitUrl } = await testServers();
  const own = await startRedis();
  await using server = own.server;
  await server.kill();
  await onStage({ servers: { rabbitUrl, redisUrl: own.url } }, async (stage) => {
    await waitsFor(stage, {
      kind: "redis.unreachable",
      says: ["Redis", `127.0.0.1:${server.ports[0]}`, "apt-get install redis-server", "REDIS_URL"],
      missing: "redis",
      arrive: () => server.restart(),
    });
  })();
});

async function waitsFor(
  stage: Stage,
  { kind, says, missing, arrive }: {
    kind: string;
    says: readonly string[];
    missing: string;
    arrive: () => Promise<void>;
  },
): Promise<void> {
  const { control } = stage.simulator;
  const impatient = stage.start();
  await impatient.line((line) => line.kind === kind);
  assert.equal(await impatient.end("SIGTERM"), 0, "it can be told to stop while it waits");

  const gateway = stage.start();
  const line = JSON.stringify(await gateway.line((line) => line.kind === kind));
  for (const text of says) assert(line.includes(text), line);
  const monitoring = await gateway.monitoringUrl();
  assert.deepEqual(await answerOf(`${monitoring}/livez`), [200, { status: "OK" }]);
  const [status, listed] = await answerOf(`${monitoring}/readyz`);
  assert.equal(status, 503);
  assert(Array.isArray(listed) && listed.includes(missing), JSON.stringify(listed));
  assert.equal(
    control.state().statistics.happenings["connected"],
    undefined,
    "no shard connects for nothing",
  );
  await arrive();
  await gateway.connected(1);
  await gateway.line(({ kind, purpose }) => kind === "broker.connected" && purpose === "consuming");
  assert.deepEqual(await answerOf(`${monitoring}/readyz`), [200, []]);
  assert.equal(gateway.count(kind), 1, "one line, however long it takes");
  const consumer = await stage.consumer();
  await consumer.untilComplete(stage.simulator);
  assert.equal(await gateway.end("SIGTERM"), 0);
}

async function answerOf(url: string): Promise<[status: number, body: unknown]> {
  const response = await fetch(url);
  return [response.status, await response.json()];
}

/** Resolves when everything that was sent to the shards so far has been received: op 1 is answered behind it. */
async function received({ simulator: { control } }: Stage): Promise<void> {
  const { heartbeatsReceived } = control.state().statistics;
  const shards = control.inject({ fault: "heartbeat" });
  await control.until(() => control.state().statistics.heartbeatsReceived >= heartbeatsReceived + shards);
}

/** Ends the process in order, and returns its last word. */
async function ended(gateway: GatewayProcess, signal: Deno.Signal): Promise<LogLine> {
  assert.equal(await gateway.end(signal), 0);
  const last = gateway.lines.find(({ kind }) => kind === "service.stopped");
  assert(last !== undefined);
  return last;
}
