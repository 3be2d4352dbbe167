import assert from "node:assert/strict";
import type { Control } from "../../simulator/control.ts";
import { metricValue } from "../fakes/prometheus_text.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { readSamples } from "./monitoring_page.ts";
import { onStage } from "./stage.ts";

const NO_FAULTS = { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 };

const GREEN = 0x00ff00;
const BLUE = 0x1e90ff;
const RED = 0xff0000;

interface Embed {
  readonly title: string;
  readonly description?: string;
  readonly color: number;
}

interface Message {
  readonly embeds: readonly Embed[];
  readonly allowed_mentions: unknown;
}

/** Ids of channels that there are: some text channels of the first guild. */
function channelsOf(control: Control): string[] {
  const [guild] = control.world.guildIds;
  return control.world.channels(guild ?? 0n).map(({ id }) => String(id));
}

function messagesIn(control: Control, channel: string): Message[] {
  return control.statistics.messages().filter(({ channelId }) => channelId === channel)
    .map(({ body }) => body as Message);
}

/** Titles, colours and descriptions of what was written to a channel, in order. */
function embedsIn(control: Control, channel: string): (string | number)[][] {
  return messagesIn(control, channel).flatMap(({ embeds }) =>
    embeds.map(({ title, color, description }) =>
      description === undefined ? [title, color] : [title, color, description]
    )
  );
}

async function embedsWritten(
  control: Control,
  channel: string,
  count: number,
): Promise<(string | number)[][]> {
  await control.until(() => embedsIn(control, channel).length >= count);
  return embedsIn(control, channel);
}

Deno.test(
  "LOG_CHANNEL is told of each change of a shard, in order, with the titles and colours of the wire contract",
  onStage({ simulator: { messageLimit: 100 } }, async (stage) => {
    const { control } = stage.simulator;
    const [channel = ""] = channelsOf(control);
    const gateway = await stage.startConnected(1, { LOG_CHANNEL: channel });
    control.inject({ fault: "reconnect" });
    await gateway.line(({ kind }) => kind === "shard.resumed");
    assert.equal(await gateway.end("SIGTERM"), 0);
    assert.deepEqual(await embedsWritten(control, channel, 6), [
      ["[Shard 0] Connected", GREEN],
      ["[Shard 0] Ready", GREEN],
      ["[Shard 0] Disconnected", RED],
      ["[Shard 0] Connected", GREEN],
      ["[Shard 0] Resumed", BLUE],
      ["[Shard 0] Disconnected", RED],
    ]);
  }),
);

Deno.test(
  "LOG_GUILD_CHANNEL is told of guilds by name and id, also of one that is left after a restart",
  onStage({ simulator: { messageLimit: 100 } }, async (stage) => {
    const { control } = stage.simulator;
    const [, channel = ""] = channelsOf(control);
    const consumer = await stage.consumer();
    const first = await stage.startConnected(1, { LOG_GUILD_CHANNEL: channel });
    control.dispatch("GUILD_CREATE", '{"id":"81384788765712384","name":"@everyone é😀 **bold**"}');
    control.dispatch("GUILD_CREATE", '{"id":"81384788765712385","name":"before"}');
    control.dispatch("GUILD_UPDATE", '{"id":"81384788765712385","name":"renamed"}');
    control.dispatch("GUILD_DELETE", '{"id":"81384788765712384"}');
    assert.deepEqual(await embedsWritten(control, channel, 3), [
      ["Guild Join", GREEN, "@everyone é😀 **bold** (81384788765712384)"],
      ["Guild Join", GREEN, "before (81384788765712385)"],
      ["Guild Leave", RED, "@everyone é😀 **bold** (81384788765712384)"],
    ]);
    for (const { allowed_mentions } of messagesIn(control, channel)) {
      assert.deepEqual(allowed_mentions, { parse: [] }, "nobody is pinged by a guild's name");
    }
    await consumer.untilComplete(stage.simulator);
    assert.equal(await first.end("SIGTERM"), 0);

    await stage.startConnected(1, { LOG_GUILD_CHANNEL: channel });
    control.dispatch("GUILD_DELETE", '{"id":"81384788765712385"}');
    control.dispatch("GUILD_DELETE", '{"id":"1"}');
    const written = await embedsWritten(control, channel, 5);
    assert.deepEqual(written.slice(3), [
      ["Guild Leave", RED, "renamed (81384788765712385)"],
      ["Guild Leave", RED, "Unknown (1)"],
    ]);
  }),
);

Deno.test(
  "LOG_CHANNEL and LOG_GUILD_CHANNEL left out, empty or 0 write nothing",
  onStage({ simulator: { recommendedShards: 2, maxConcurrency: 2 } }, async (stage) => {
    const { control } = stage.simulator;
    for (
      const settings of [{}, { LOG_CHANNEL: "", LOG_GUILD_CHANNEL: "" }, {
        LOG_CHANNEL: "0",
        LOG_GUILD_CHANNEL: "0",
      }]
    ) {
      const gateway = await stage.startConnected(2, settings);
      control.dispatch("GUILD_CREATE", '{"id":"1","name":"new"}');
      assert.equal(await gateway.end("SIGTERM"), 0);
    }
    const { restResponses } = control.state().statistics;
    assert.deepEqual(Object.keys(restResponses), ["200"]);
    assert.deepEqual(control.statistics.messages(), []);
  }),
);

Deno.test(
  "LOG_CHANNEL gathers what happens at once, up to ten embeds a message, and never meets the channel's limit",
  onStage({
    simulator: {
      recommendedShards: 24,
      maxConcurrency: 24,
      guilds: 24,
      messageLimit: 2,
      messageWindowMs: 1_000,
    },
  }, async (stage) => {
    const { control } = stage.simulator;
    const [channel = ""] = channelsOf(control);
    await using line = new TcpProxy(stage.simulator.restUrl);
    const gateway = stage.start({ LOG_CHANNEL: channel, API_URL: line.through(stage.simulator.restUrl) });
    await gateway.line(({ kind }) => kind === "identify.budget");
    // A message is on its way while all the others gather.
    line.hold();
    await gateway.connected(24);
    line.release();
    const written = await embedsWritten(control, channel, 48);
    for (let shard = 0; shard < 24; shard += 1) {
      const ofShard = written.filter(([title]) => String(title).startsWith(`[Shard ${shard}]`));
      assert.deepEqual(ofShard, [[`[Shard ${shard}] Connected`, GREEN], [`[Shard ${shard}] Ready`, GREEN]]);
    }
    const sizes = messagesIn(control, channel).map(({ embeds }) => embeds.length);
    assert.equal(Math.max(...sizes), 10, `messages of ${sizes.join(", ")} embeds`);
    assert.equal(control.state().statistics.restResponses[429], undefined);
    const samples = await readSamples(gateway);
    assert.equal(metricValue(samples, "gateway_log_embeds_dropped_total"), 0);
  }),
);

for (
  const [described, fault] of [
    ["of this channel", { status: 429, retryAfterMs: 1_000, scope: "shared" }],
    ["of the bot", { status: 429, retryAfterMs: 1_000, scope: "global" }],
    ["of whatever stands before Discord", { status: 429, retryAfterMs: 1_000, html: true }],
  ] as const
) {
  Deno.test(
    `LOG_CHANNEL obeys Retry-After of a limit ${described}, and its message comes once`,
    onStage({}, async (stage) => {
      const { control } = stage.simulator;
      const [channel = ""] = channelsOf(control);
      control.injectRest({ ...fault, count: 1, path: "/messages" });
      const refusedAfterMs = control.state().nowMs;
      const gateway = await stage.startConnected(1, { LOG_CHANNEL: channel });
      const written = await embedsWritten(control, channel, 2);
      assert.deepEqual(written, [["[Shard 0] Connected", GREEN], ["[Shard 0] Ready", GREEN]]);
      const [first] = control.statistics.messages();
      assert(first !== undefined && first.atMs >= refusedAfterMs + 1_000);
      assert.equal(control.state().statistics.restResponses[429], 1, "asked once, and not again too early");
      const told = await gateway.line(({ kind }) => kind === "rest.failed");
      assert(Number(told["retryInMs"]) >= 1_000);
    }),
  );
}

Deno.test(
  "LOG_CHANNEL writes again what a faulty answer left open, and it comes once",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const [channel = ""] = channelsOf(control);
    control.injectRest({ status: 503, count: 1, path: "/messages", html: true });
    await stage.startConnected(1, { LOG_CHANNEL: channel });
    const written = await embedsWritten(control, channel, 2);
    assert.deepEqual(written, [["[Shard 0] Connected", GREEN], ["[Shard 0] Ready", GREEN]]);
    assert.equal(control.state().statistics.restResponses[503], 1);
  }),
);

for (
  const [described, refuse] of [
    ["that the bot may not write to (403)", (control: Control, channel: string) => {
      control.refuseChannel(channel, 50_013);
      return channel;
    }],
    ["that the bot cannot see (403)", (control: Control, channel: string) => {
      control.refuseChannel(channel, 50_001);
      return channel;
    }],
    ["that is not there (404)", () => "1"],
  ] as const
) {
  Deno.test(
    `LOG_CHANNEL ${described} is warned about once and left alone, and events go on`,
    onStage({}, async (stage) => {
      const { control } = stage.simulator;
      const [channel = "", guildChannel = ""] = channelsOf(control);
      const refused = refuse(control, channel);
      const consumer = await stage.consumer();
      const gateway = await stage.startConnected(1, {
        LOG_CHANNEL: refused,
        LOG_GUILD_CHANNEL: guildChannel,
      });
      const warning = await gateway.line(({ kind }) => kind === "service.warning");
      assert.match(warning.message, new RegExp(`log channel ${refused}.*40[34]`));
      control.inject({ fault: "reconnect" });
      await gateway.line(({ kind }) => kind === "shard.resumed");
      control.dispatch("GUILD_CREATE", '{"id":"1","name":"new"}');
      await embedsWritten(control, guildChannel, 1);
      control.generate(50);
      await consumer.untilComplete(stage.simulator);
      const { expected: _, ...faults } = consumer.compare(stage.simulator);
      assert.deepEqual(faults, NO_FAULTS);
      assert.equal(await gateway.end("SIGTERM"), 0);
      const { restResponses } = control.state().statistics;
      assert.equal((restResponses[403] ?? 0) + (restResponses[404] ?? 0), 1, "asked once");
      assert.equal(gateway.count("service.warning"), 1);
    }),
  );
}

Deno.test(
  "a REST API that answers nothing but errors holds up neither events nor the stop",
  onStage({ simulator: { recommendedShards: 4, maxConcurrency: 4, guilds: 8 } }, async (stage) => {
    const { control } = stage.simulator;
    const [channel = "", guildChannel = ""] = channelsOf(control);
    const consumer = await stage.consumer();
    control.injectRest({ status: 502, count: 1_000_000, path: "/messages", html: true });
    const gateway = await stage.startConnected(4, { LOG_CHANNEL: channel, LOG_GUILD_CHANNEL: guildChannel });
    control.dispatch("GUILD_CREATE", '{"id":"1","name":"new"}');
    await gateway.until(() => gateway.count("rest.failed") >= 2);
    control.generate(200);
    await consumer.untilComplete(stage.simulator);
    const { expected: _, ...faults } = consumer.compare(stage.simulator);
    assert.deepEqual(faults, NO_FAULTS);
    const samples = await readSamples(gateway);
    assert(Number(metricValue(samples, "gateway_rest_failures_total")) >= 2);
    assert.equal(await gateway.end("SIGTERM"), 0);
    const dropped = gateway.lines.filter(({ kind }) => kind === "log_channel.dropped");
    assert(dropped.length > 0, "what could not be told is counted");
    assert.deepEqual(control.statistics.messages(), []);
  }),
);
