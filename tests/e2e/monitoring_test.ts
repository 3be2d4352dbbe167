import assert from "node:assert/strict";
import { metricValue, type Sample } from "../fakes/prometheus_text.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { CommandSender } from "./command_sender.ts";
import type { EventConsumer } from "./event_consumer.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { readPage, readSamples } from "./monitoring_page.ts";
import { silence } from "./silent_connection.ts";
import { onStage, type Stage, TOKEN } from "./stage.ts";

const TWO_SHARDS = { recommendedShards: 2, maxConcurrency: 2, guilds: 4 };

/** The wire contract's names: type and labels. */
const CONTRACT: Readonly<Record<string, readonly [type: string, labels: readonly string[]]>> = {
  gateway_events: ["counter", ["type", "shard"]],
  gateway_shard_events: ["counter", ["type"]],
  gateway_guild_events: ["counter", ["type"]],
  gateway_shards: ["gauge", []],
  gateway_statuses: ["gauge", ["type"]],
  gateway_status: ["gauge", ["type"]],
  gateway_latencies: ["gauge", ["shard"]],
  gateway_latency: ["gauge", ["shard"]],
  ...Object.fromEntries(
    ["guilds", "channels", "messages", "roles", "emojis", "members", "presences", "voices"].map((kinds) =>
      [`state_${kinds}`, ["gauge", []]] as const
    ),
  ),
};

const STATUSES = ["Connected", "Disconnected", "Handshaking", "Identifying", "Resuming"];
const SHARD_EVENTS = [
  ...["Connecting", "Connected", "Identifying", "Ready"],
  ...["Resuming", "Resumed", "Disconnected", "Reconnecting"],
];

function familyOf(samples: readonly Sample[], name: string): Sample[] {
  return samples.filter((sample) => sample.name === name);
}

/** The series of a family with one label, as an object. */
function byLabel(samples: readonly Sample[], name: string, label: string): Record<string, number> {
  return Object.fromEntries(familyOf(samples, name).map(({ labels, value }) => [labels.get(label), value]));
}

Deno.test(
  "/metrics has every name of the wire contract, of its type and with its labels",
  onStage({ simulator: TWO_SHARDS }, async (stage) => {
    const gateway = await stage.startConnected(2);
    const { status, contentType, body } = await readPage(gateway, "/metrics");
    assert.equal(status, 200);
    assert.match(contentType ?? "", /^text\/plain; version=0\.0\.4/);
    const samples = await readSamples(gateway);
    for (const [name, [type, labels]] of Object.entries(CONTRACT)) {
      assert(body.includes(`\n# TYPE ${name} ${type}\n`), `${name} is a ${type}`);
      const family = familyOf(samples, name);
      assert(family.length > 0, name);
      for (const sample of family) {
        assert.deepEqual([...sample.labels.keys()].sort(), [...labels].sort(), name);
      }
    }
    for (const [, name, type] of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      assert(name !== undefined && type !== undefined);
      if (name in CONTRACT) continue;
      assert.match(name, /^(gateway|process)_[a-z_]+$/);
      const isOfAUnit =
        /_(total|bytes|seconds|events|connected|shards|guilds|remaining|messages|consumers|unattended)$/.test(
          name,
        );
      assert(isOfAUnit, `${name} says its unit`);
      if (type === "counter") assert.match(name, /_total$/);
    }
  }),
);

Deno.test(
  "/metrics counts the events of each type and shard as they reached the queue",
  onStage({ simulator: TWO_SHARDS }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(2);
    control.generate(300);
    await consumer.untilComplete(stage.simulator);
    const expected = new Map<string, number>();
    for (const { properties } of consumer.messages) {
      const series = `${properties.type} ${properties.headers?.["shard"]}`;
      expected.set(series, (expected.get(series) ?? 0) + 1);
    }
    const counted = familyOf(await readSamples(gateway), "gateway_events").map(({ labels, value }) =>
      [`${labels.get("type")} ${labels.get("shard")}`, value] as const
    );
    assert.deepEqual(new Map(counted.toSorted()), new Map([...expected].toSorted()));
  }),
);

Deno.test(
  "/metrics counts what happens to the shards, and shows how they are",
  onStage({ simulator: TWO_SHARDS }, async (stage) => {
    const gateway = await stage.startConnected(2);
    const before = await readSamples(gateway);
    assert.deepEqual(byLabel(before, "gateway_shard_events", "type"), {
      Connecting: 2,
      Connected: 2,
      Identifying: 2,
      Ready: 2,
      Resuming: 0,
      Resumed: 0,
      Disconnected: 0,
      Reconnecting: 0,
    });
    assert.deepEqual(
      Object.keys(byLabel(before, "gateway_shard_events", "type")).sort(),
      SHARD_EVENTS.sort(),
    );
    assert.equal(metricValue(before, "gateway_shards"), 2);

    const silent = await silence(stage.simulator, 1);
    const meanwhile = await readSamples(gateway);
    for (const name of ["gateway_statuses", "gateway_status"]) {
      const statuses = byLabel(meanwhile, name, "type");
      assert.deepEqual(Object.keys(statuses).sort(), STATUSES);
      assert.deepEqual([statuses["Connected"], statuses["Handshaking"]], [1, 1], name);
    }
    silent.greet();
    await gateway.line(({ kind }) => kind === "shard.resumed");
    const after = await readSamples(gateway);
    const events = byLabel(after, "gateway_shard_events", "type");
    assert.deepEqual([events["Resuming"], events["Resumed"]], [1, 1]);
    assert.deepEqual([events["Disconnected"], events["Reconnecting"], events["Connecting"]], [1, 1, 3]);
    assert.equal(byLabel(after, "gateway_statuses", "type")["Connected"], 2);
  }),
);

Deno.test(
  "/metrics shows each shard's latency in milliseconds under both names",
  // The only heartbeats are those that are asked for.
  onStage({ simulator: { ...TWO_SHARDS, heartbeatIntervalMs: 3_600_000 } }, async (stage) => {
    const gateway = await stage.startConnected(2);
    const before = await readSamples(gateway);
    assert.deepEqual(byLabel(before, "gateway_latencies", "shard"), { 0: 0, 1: 0 }, "before the first ACK");
    stage.simulator.control.inject({ fault: "heartbeat" });
    await gateway.until(() => gateway.count("shard.acknowledged") === 2);
    const samples = await readSamples(gateway);
    const shown = byLabel(samples, "gateway_latencies", "shard");
    assert.deepEqual(byLabel(samples, "gateway_latency", "shard"), shown);
    const told = gateway.lines.filter(({ kind }) => kind === "shard.acknowledged");
    // Never down to 0, which says that there was none yet.
    const rounded = told.map((line) => [line["shard"], Math.max(1, Math.round(Number(line["latencyMs"])))]);
    assert.deepEqual(shown, Object.fromEntries(rounded));
  }),
);

Deno.test(
  "/healthcheck and /livez say that it is alive, from the first moment and whatever is away",
  onStage({}, async (stage) => {
    const gateway = stage.start({
      RABBIT_URL: "amqp://127.0.0.1:1",
      REDIS_URL: "redis://127.0.0.1:1",
      API_URL: "http://127.0.0.1:1",
    });
    for (const path of ["/healthcheck", "/livez"]) {
      const page = await readPage(gateway, path);
      assert.deepEqual(page, { status: 200, contentType: "application/json", body: '{"status":"OK"}' });
    }
    assert.equal((await readPage(gateway, "/")).status, 404);
    assert.equal((await readPage(gateway, "/metrics/")).status, 404);
    assert.equal((await readPage(gateway, "/metrics")).status, 200);
  }),
);

/** Status and list of `/readyz`. */
async function readiness(gateway: GatewayProcess): Promise<readonly [number, unknown]> {
  const { status, contentType, body } = await readPage(gateway, "/readyz");
  assert.equal(contentType, "application/json");
  return [status, JSON.parse(body)];
}

Deno.test(
  "/readyz names the broker while it is away, and is well when it is back",
  onStage({}, async (stage) => {
    await using line = new TcpProxy(stage.rabbitUrl);
    line.down();
    const gateway = stage.start({ RABBIT_URL: line.through(stage.rabbitUrl) });
    await gateway.line(({ kind }) => kind === "broker.unreachable");
    await gateway.line(({ kind }) => kind === "redis.connected");
    assert.deepEqual(await readiness(gateway), [503, ["broker"]]);
    line.up();
    await connectedTimes(gateway, "broker", 2);
    assert.deepEqual(await readiness(gateway), [200, []]);
    line.down();
    await gateway.until(() => gateway.count("broker.lost") === 2);
    assert.deepEqual(await readiness(gateway), [503, ["broker"]]);
    line.up();
    await connectedTimes(gateway, "broker", 4);
    assert.deepEqual(await readiness(gateway), [200, []]);
  }),
);

Deno.test(
  "/readyz names Redis while it is away, and is well when it is back",
  onStage({}, async (stage) => {
    await using line = new TcpProxy(stage.redisUrl);
    line.down();
    const gateway = stage.start({ REDIS_URL: line.through(stage.redisUrl) });
    await gateway.line(({ kind }) => kind === "redis.unreachable");
    await connectedTimes(gateway, "broker", 2);
    assert.deepEqual(await readiness(gateway), [503, ["redis"]]);
    line.up();
    await gateway.connected(1);
    assert.deepEqual(await readiness(gateway), [200, []]);
    line.down();
    await gateway.line(({ kind }) => kind === "redis.lost");
    assert.deepEqual(await readiness(gateway), [503, ["redis"]]);
    assert.equal((await readPage(gateway, "/livez")).status, 200);
    line.up();
    await connectedTimes(gateway, "redis", 2);
    assert.deepEqual(await readiness(gateway), [200, []]);
  }),
);

Deno.test(
  "/readyz names both while both are away",
  onStage({}, async (stage) => {
    const gateway = stage.start({ RABBIT_URL: "amqp://127.0.0.1:1", REDIS_URL: "redis://127.0.0.1:1" });
    await gateway.line(({ kind }) => kind === "redis.unreachable");
    await gateway.line(({ kind }) => kind === "broker.unreachable");
    assert.deepEqual(await readiness(gateway), [503, ["broker", "redis"]]);
  }),
);

Deno.test(
  "/readyz is well while shards wait for their turn to identify, and while one is on its way",
  onStage({ simulator: { ...TWO_SHARDS, maxConcurrency: 1 } }, async (stage) => {
    const gateway = await stage.startConnected(1, { SHARDS_WAIT: "3600" });
    await connectedTimes(gateway, "broker", 2);
    assert.equal(byLabel(await readSamples(gateway), "gateway_statuses", "type")["Disconnected"], 1);
    await silence(stage.simulator);
    assert.deepEqual(await readiness(gateway), [200, []]);
  }),
);

async function connectedTimes(gateway: GatewayProcess, server: string, times: number): Promise<void> {
  await gateway.until(() => gateway.count(`${server}.connected`) === times);
}

// Guilds.

/** How many guilds have been joined and left, once everything up to now has come. */
async function guildEvents(
  { simulator: { control } }: Stage,
  consumer: EventConsumer,
  gateway: GatewayProcess,
): Promise<Record<string, number>> {
  control.dispatch("LAST", "{}");
  const { sequence, id } = control.state().sessions[0] ?? assert.fail();
  await consumer.until(() => consumer.seen.has(`${id}:${sequence}`));
  return byLabel(await readSamples(gateway), "gateway_guild_events", "type");
}

const NEW_GUILD = '{"id":"81384788765712384","name":"new"}';

Deno.test(
  "gateway_guild_events counts a guild that READY did not name as joined, once, and its removal as left",
  onStage({ simulator: { guilds: 5 } }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(1);
    assert.deepEqual(
      await guildEvents(stage, consumer, gateway),
      { Join: 0, Leave: 0 },
      "READY named all five",
    );
    control.dispatch("GUILD_CREATE", NEW_GUILD);
    control.dispatch("GUILD_CREATE", NEW_GUILD);
    assert.deepEqual(await guildEvents(stage, consumer, gateway), { Join: 1, Leave: 0 });
    control.dispatch("GUILD_DELETE", '{"id":"81384788765712384"}');
    assert.deepEqual(await guildEvents(stage, consumer, gateway), { Join: 1, Leave: 1 });
    control.dispatch("GUILD_CREATE", NEW_GUILD);
    assert.deepEqual(await guildEvents(stage, consumer, gateway), { Join: 2, Leave: 1 });
  }),
);

Deno.test(
  "gateway_guild_events counts no outage, neither in one process nor over a resume or a restart",
  onStage({ simulator: { guilds: 3 } }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const [first, second] = control.world.guildIds;
    assert(first !== undefined && second !== undefined);
    const gateway = await stage.startConnected(1);
    control.dispatch("GUILD_CREATE", NEW_GUILD);
    control.setGuildAvailable(first, false);
    control.setGuildAvailable(first, true);
    assert.deepEqual(await guildEvents(stage, consumer, gateway), { Join: 1, Leave: 0 });

    control.setGuildAvailable(first, false);
    control.dispatch("GUILD_DELETE", '{"id":"81384788765712384","unavailable":true}');
    control.inject({ fault: "reconnect" });
    await gateway.line(({ kind }) => kind === "shard.resumed");
    control.setGuildAvailable(first, true);
    assert.deepEqual(await guildEvents(stage, consumer, gateway), { Join: 1, Leave: 0 });

    control.setGuildAvailable(second, false);
    assert.deepEqual(await guildEvents(stage, consumer, gateway), { Join: 1, Leave: 0 });
    assert.equal(await gateway.end("SIGTERM"), 0);
    const next = await stage.startConnected(1);
    control.setGuildAvailable(second, true);
    control.dispatch("GUILD_CREATE", NEW_GUILD);
    assert.deepEqual(await guildEvents(stage, consumer, next), { Join: 0, Leave: 0 });
    control.dispatch("GUILD_DELETE", '{"id":"81384788765712384"}');
    control.dispatch("GUILD_CREATE", NEW_GUILD);
    assert.deepEqual(await guildEvents(stage, consumer, next), { Join: 1, Leave: 1 });

    const { sequence } = control.state().sessions[0] ?? assert.fail();
    const board = await stage.board();
    await board.until(({ sessions }) => Number(sessions?.["0"]?.["sequence"]) >= sequence);
    await next.end("SIGKILL");
    const last = await stage.startConnected(1);
    control.dispatch("GUILD_CREATE", NEW_GUILD);
    assert.deepEqual(await guildEvents(stage, consumer, last), { Join: 0, Leave: 0 });
  }),
);

Deno.test(
  "gateway_guild_events counts no guild that a fresh session begins with, be it available or not",
  onStage({ simulator: { guilds: 3 } }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const commands = await CommandSender.open(await stage.broker());
    const [down] = control.world.guildIds;
    assert(down !== undefined);
    control.setGuildAvailable(down, false);
    const gateway = await stage.startConnected(1);
    assert.deepEqual(await guildEvents(stage, consumer, gateway), { Join: 0, Leave: 0 });
    commands.send({ op: 1, shard: 0, data: { mode: "identify" } });
    await gateway.until(() => gateway.count("shard.ready") === 2);
    await control.until(() => control.statistics.closeCodesReceived[1000] === 1);
    control.setGuildAvailable(down, true);
    assert.deepEqual(await guildEvents(stage, consumer, gateway), { Join: 0, Leave: 0 });
  }),
);

Deno.test(
  "a gateway without a dashboard answers probes, and nothing else, on the PORT that a platform gives",
  onStage({}, async (stage) => {
    const gateway = await stage.startConnected(1, { ROLE: "gateway", PORT: "0" });
    const line = await gateway.line(({ message }) => message.startsWith("Probes are served on "));
    const [, port] = /^Probes are served on 0\.0\.0\.0:(\d+)$/.exec(line.message) ??
      assert.fail(line.message);
    const statuses: Record<string, number> = {};
    for (const path of ["/livez", "/readyz", "/metrics"]) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      await response.body?.cancel();
      statuses[path] = response.status;
    }
    assert.deepEqual(statuses, { "/livez": 200, "/readyz": 200, "/metrics": 404 });
    assert.equal(await gateway.end("SIGTERM"), 0);
  }),
);

// What must not be.

Deno.test(
  "a taken PROMETHEUS_PORT is warned about, and the gateway runs without the pages",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(1, { PROMETHEUS_PORT: String(other.addr.port) });
    const warning = await gateway.line(({ kind }) => kind === "service.warning");
    assert.match(warning.message, new RegExp(`127\\.0\\.0\\.1:${other.addr.port}.*PROMETHEUS_PORT`));
    control.generate(20);
    await consumer.untilComplete(stage.simulator);
    assert.equal(await gateway.end("SIGTERM"), 0);
  }),
);

Deno.test(
  "no page shows a token, a password or a session id",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const gateway = await stage.startConnected(1);
    control.generate(20);
    const consumer = await stage.consumer();
    await consumer.untilComplete(stage.simulator);
    const secrets = [
      TOKEN,
      ...[stage.rabbitUrl, stage.redisUrl].map((url) => new URL(url).password),
      ...control.state().sessions.map(({ id }) => id),
    ].filter((secret) => secret !== "");
    for (const path of ["/metrics", "/healthcheck", "/livez", "/readyz"]) {
      const { body } = await readPage(gateway, path);
      for (const secret of secrets) assert(!body.includes(secret), path);
    }
  }),
);
