import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import type { SimulatorOptions } from "../../simulator/simulator.ts";
import { metricValue } from "../fakes/prometheus_text.ts";
import { CommandSender } from "./command_sender.ts";
import type { EventConsumer } from "./event_consumer.ts";
import { FiguresReader } from "./figures_reader.ts";
import { readSamples } from "./monitoring_page.ts";
import { ScriptedDiscord } from "./scripted_discord.ts";
import { onStage, type Stage } from "./stage.ts";

const NO_FAULTS = { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 };
const MEGABYTE = 1_048_576;

const encoder = new TextEncoder();

/** Resolves with what was wrong once every event that can be had has come, some after the trouble among them. */
async function faultsAfterMore(stage: Stage, consumer: EventConsumer): Promise<Record<string, number>> {
  stage.simulator.control.generate(30);
  await consumer.untilComplete(stage.simulator);
  const { expected: _, ...faults } = consumer.compare(stage.simulator);
  return faults;
}

// Broken frames.

for (const compression of ["none", "zlib-stream", "zstd-stream"] as const) {
  Deno.test(
    `a frame whose head cannot be read reconnects the shard once and is then skipped: ${compression}`,
    onStage({}, async (stage) => {
      const { control } = stage.simulator;
      const consumer = await stage.consumer();
      const gateway = await stage.startConnected(1, { COMPRESS: compression, REPLICA_NAME: "one" });
      await using figures = await FiguresReader.open(stage.redisUrl, "");
      const session = control.state().sessions[0]?.id ?? "";
      for (const unreadable of ['{"content":', "{}]", '"', ""]) {
        const toldBefore = gateway.count("frame.unreadable");
        control.generate(10);
        control.dispatch("MESSAGE_CREATE", unreadable);
        control.dispatch("AFTER", "{}");
        const { sequence } = control.state().sessions[0] ?? assert.fail();
        await consumer.until(() => consumer.seen.has(`${session}:${sequence}`));
        await gateway.until(() => gateway.count("frame.unreadable") >= toldBefore + 2);
        const told = gateway.lines.filter(({ kind }) => kind === "frame.unreadable").slice(toldBefore);
        assert.deepEqual(told.map(({ shard, skipped, level }) => ({ shard, skipped, level })), [
          { shard: 0, skipped: false, level: "error" },
          { shard: 0, skipped: true, level: "error" },
        ]);
        // RESUME asks for what follows the stored sequence: before it is stored, this frame would come again too.
        await figures.until("one", async () => {
          const { 0: shard } = await figures.details();
          return Number(shard?.["stored"]) >= sequence || undefined;
        });
      }
      const samples = await readSamples(gateway);
      assert.equal(metricValue(samples, "gateway_frames_unreadable_total"), 8);
      const { expected: _, ...faults } = consumer.compare(stage.simulator);
      assert.deepEqual(faults, { ...NO_FAULTS, missing: 4 }, "all but those four");
      const { happenings } = control.state().statistics;
      assert.deepEqual([happenings["identified"], happenings["resumed"]], [1, 4]);
    }),
  );
}

for (
  const [compression, garbage] of [
    ["zlib-stream", Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0, 0, 0xff, 0xff)],
    ["zlib-stream", Uint8Array.of(0x78, 0x9c, 0, 0, 0xff, 0xff)],
    ["zstd-stream", Uint8Array.of(0xde, 0xad, 0xbe, 0xef)],
    ["zstd-stream", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xff)],
  ] as const
) {
  Deno.test(
    `a ruined ${compression} (${Buffer.from(garbage).toString("hex")}) is left, resumed, and loses nothing`,
    onStage({ simulator: { recommendedShards: 2, maxConcurrency: 2, guilds: 4 } }, async (stage) => {
      const { control } = stage.simulator;
      const consumer = await stage.consumer();
      const gateway = await stage.startConnected(2, { COMPRESS: compression });
      for (let times = 1; times <= 2; times += 1) {
        control.generate(20);
        control.sendMessage(garbage, true, { shard: 1 });
        control.generate(20);
        await gateway.until(() => gateway.count("shard.resumed") === times);
      }
      assert.deepEqual(await faultsAfterMore(stage, consumer), NO_FAULTS);
      assert.equal(gateway.count("frame.ruined"), 2);
      assert.deepEqual(control.state().statistics.resumesByShard, { 1: 2 }, "the other shard went on");
    }),
  );
}

Deno.test(
  "frames that mean nothing to the service are passed over, and what follows them arrives",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(1);
    const heartbeatsBefore = control.state().statistics.heartbeatsReceived;
    const meaningless = [
      '{"op":99,"d":{"heartbeat_interval":1}}',
      '{"t":"MESSAGE_CREATE","s":9,"op":12,"d":{}}',
      '{"op":9007199254740991}',
      '{"op":2,"d":{"token":"x"}}',
      '{"op":10,"d":{"heartbeat_interval":1}}',
      '{"op":11}',
      '{"t":null,"s":null,"op":0,"d":null}',
      '{"op":0}',
    ];
    for (const frame of meaningless) control.sendPayload(encoder.encode(frame));
    control.sendPayload(encoder.encode(' {\n"d" : [ "anything" ] , "op" : 1 }\t'));
    assert.deepEqual(await faultsAfterMore(stage, consumer), NO_FAULTS);
    await control.until(() => control.state().statistics.heartbeatsReceived > heartbeatsBefore);
    await gateway.until(() => gateway.count("opcode.unknown") === 4);
    const samples = await readSamples(gateway);
    assert.equal(metricValue(samples, "gateway_shard_events", { type: "Disconnected" }), 0);
    const dropped = { type: "none", reason: "no_type" };
    assert.equal(metricValue(samples, "gateway_events_dropped_total", dropped), 2);
  }),
);

Deno.test(
  "events of any name are published under it and counted",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const broker = await stage.broker();
    await broker.channel.assertExchange("gateway", "topic", { durable: true });
    const queue = await broker.bindOwnQueue("gateway", "#");
    const gateway = await stage.startConnected(1);
    const names = [
      "A_NAME_OF_TOMORROW",
      "lower.case.with.dots",
      "*",
      "#",
      'quote"and\\backslash',
      "{}}",
      " ",
      "名前😀",
      "L".repeat(255),
    ];
    for (const name of names) control.dispatch(name, "{}");
    control.dispatch("LAST", "{}");
    const burst = 2; // READY and GUILD_CREATE
    const messages = await broker.read(queue, burst + names.length + 1);
    assert.deepEqual(
      messages.slice(burst).map(({ fields, properties }) => [fields.routingKey, properties.type]),
      [...names, "LAST"].map((name) => [name, name]),
    );
    const samples = await readSamples(gateway);
    for (const name of names.slice(0, -1)) {
      assert.equal(metricValue(samples, "gateway_events", { type: name, shard: "0" }), 1, name);
    }
  }),
);

Deno.test(
  "events without a usable name or number cost one reconnect, and nothing that is usable",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(1);
    const session = control.state().sessions[0]?.id ?? "";
    for (const name of ["", "L".repeat(256), "line\nbreak", "nul\0"]) control.dispatch(name, "{}");
    control.dispatch("LAST", "{}");
    const { sequence } = control.state().sessions[0] ?? assert.fail();
    await consumer.until(() => consumer.seen.has(`${session}:${sequence}`));
    await gateway.until(() => gateway.count("shard.resumed") === 1);
    for (const number of ["9007199254740993", "-1", "1.5", '"7"', "{}"]) {
      const resumedBefore = gateway.count("shard.resumed");
      control.sendPayload(encoder.encode(`{"t":"MESSAGE_CREATE","s":${number},"op":0,"d":{}}`));
      await gateway.until(() => gateway.count("shard.resumed") === resumedBefore + 1);
    }
    control.dispatch("LAST", "{}");
    const { sequence: last } = control.state().sessions[0] ?? assert.fail();
    await consumer.until(() => consumer.seen.has(`${session}:${last}`));
    assert.equal(control.state().statistics.happenings["identified"], 1);
  }),
);

// Large and odd events.

for (
  const settings of [{}, { MAX_UNCONFIRMED_BYTES: "1MiB" }, { COMPRESS: "zstd-stream" }, { COMPRESS: "none" }]
) {
  Deno.test(
    `a GUILD_CREATE of 10 MB arrives byte for byte, and the other shard goes on: ${JSON.stringify(settings)}`,
    onStage({ simulator: { recommendedShards: 2, maxConcurrency: 2, guilds: 4 } }, async (stage) => {
      const { control } = stage.simulator;
      const consumer = await stage.consumer();
      await stage.startConnected(2, settings);
      const members = Array.from({ length: 40_000 }, (_, number) => ({
        user: { id: String(2n ** 63n + BigInt(number)), username: `név ${number}`.padEnd(200, "é😀") },
      }));
      const large = JSON.stringify({ id: "41771983423143937", name: "large", members });
      assert(encoder.encode(large).length > 10 * MEGABYTE);
      control.dispatch("GUILD_CREATE", large, { shard: 0 });
      control.generate(100);
      assert.deepEqual(await faultsAfterMore(stage, consumer), NO_FAULTS);
      assert.equal(control.state().statistics.happenings["identified"], 2);
    }),
  );
}

Deno.test(
  "numbers beyond 2^53 arrive as they came, and a guild is known by one",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(1);
    control.dispatch("GUILD_CREATE", '{"id":9007199254740993,"name":"a number"}');
    control.dispatch("GUILD_CREATE", '{"id":"9007199254740993","name":"a text"}');
    control.dispatch("GUILD_CREATE", '{"id":9007199254740992,"name":"its neighbour"}');
    control.dispatch("GUILD_DELETE", '{"id":9007199254740993}');
    control.dispatch("GUILD_CREATE", '{"id":-1e400,"name":"none"}');
    control.dispatch("GUILD_CREATE", '{"id":99999999999999999999999999,"name":"none"}');
    control.dispatch("GUILD_DELETE", '{"id":null}');
    control.dispatch("GUILD_DELETE", "[]");
    control.dispatch("BIG", '{"n":[12345678901234567890123,1e400,-0,1.0,0.1e-7]}');
    assert.deepEqual(await faultsAfterMore(stage, consumer), NO_FAULTS);
    const guildLines = () => gateway.lines.filter(({ kind }) => kind.startsWith("guild."));
    await gateway.until(() => guildLines().length >= 3);
    const guilds = guildLines();
    assert.deepEqual(guilds.map(({ kind, guild, name }) => ({ kind, guild, name })), [
      { kind: "guild.joined", guild: "9007199254740993", name: "a number" },
      { kind: "guild.joined", guild: "9007199254740992", name: "its neighbour" },
      { kind: "guild.left", guild: "9007199254740993", name: null },
    ]);
  }),
);

for (const compression of ["zlib-stream", "zstd-stream"] as const) {
  Deno.test(
    `invalid UTF-8 inside an event is forwarded as it came: ${compression}`,
    onStage({}, async (stage) => {
      const { control } = stage.simulator;
      const consumer = await stage.consumer();
      const gateway = await stage.startConnected(1, { COMPRESS: compression });
      const name = Uint8Array.of(0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80);
      const data = Buffer.concat([Buffer.from('{"id":"1","name":"'), name, Buffer.from('"}')]);
      control.dispatch("GUILD_CREATE", data);
      control.dispatch("GUILD_DELETE", data);
      assert.deepEqual(await faultsAfterMore(stage, consumer), NO_FAULTS);
      assert(consumer.messages.some(({ content }) => content.includes(data)));
      const samples = await readSamples(gateway);
      assert.equal(metricValue(samples, "gateway_guild_events", { type: "Join" }), 1);
      assert.equal(metricValue(samples, "gateway_guild_events", { type: "Leave" }), 1);
      assert.equal(metricValue(samples, "gateway_shard_events", { type: "Disconnected" }), 0);
    }),
  );
}

Deno.test(
  "a text that is not valid UTF-8, which WebSocket forbids, ends the connection; it is resumed, and nothing is lost",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const gateway = await stage.startConnected(1, { COMPRESS: "none" });
    control.sendMessage(Uint8Array.of(...encoder.encode('{"op":11,"d":"'), 0xff, 0x22, 0x7d), false);
    await gateway.until(() => gateway.count("shard.resumed") === 1);
    assert.equal(gateway.count("frame.unreadable"), 0, "it never arrived");
    assert.deepEqual(await faultsAfterMore(stage, consumer), NO_FAULTS);
    assert.deepEqual(control.state().statistics.resumesByShard, { 0: 1 });
  }),
);

// Discord's own answers.

Deno.test(
  "a HELLO without an interval is not believed, and the next one is",
  onStage({}, async (stage) => {
    await using discord = await ScriptedDiscord.open();
    const gateway = stage.start({ API_URL: discord.restUrl, COMPRESS: "none" });
    const first = await discord.connection();
    first.say({ op: 10, d: null });
    assert.equal(await first.closed, 4000);
    const second = await discord.connection();
    second.hello();
    await second.frame(2);
    second.say('{"op":0,"t":"READY","s":1,"d":{"session_id":"one"}}');
    await gateway.connected(1);
  }),
);

Deno.test(
  "a READY without fields starts a session whose events arrive, and which nobody can resume",
  onStage({}, async (stage) => {
    await using discord = await ScriptedDiscord.open();
    const consumer = await stage.consumer();
    const broker = await stage.broker();
    await broker.channel.assertExchange("gateway.events", "topic", { durable: true });
    const gaps = await broker.bindOwnQueue("gateway.events", "shard.*.gap");
    const gateway = stage.start({ API_URL: discord.restUrl, COMPRESS: "none" });
    const readies = [
      '{"op":0,"t":"READY","s":1,"d":{}}',
      '{"op":0,"t":"READY","s":1,"d":null}',
      '{"op":0,"t":"READY","s":1}',
      '{"op":0,"t":"READY","s":1,"d":{"session_id":5,"resume_gateway_url":{},"guilds":"none"}}',
      '{"op":0,"t":"READY","s":1,"d":{"session_id":"","guilds":[null,1,{},{"id":"x"},[{"id":"1"}]]}}',
    ];
    for (const [index, ready] of readies.entries()) {
      const connection = await discord.connection();
      connection.hello();
      await connection.frame(2);
      connection.say(ready);
      connection.say(`{"op":0,"t":"MESSAGE_CREATE","s":2,"d":{"number":${index}}}`);
      await consumer.until(() => consumer.messages.length === 2 * (index + 1));
      connection.close(4000);
    }
    const connection = await discord.connection();
    connection.hello();
    await connection.frame(2);
    connection.say('{"op":0,"t":"READY","s":1,"d":{"session_id":"whole"}}');
    await gateway.until(() => gateway.count("shard.ready") === readies.length + 1);
    assert.deepEqual(
      consumer.messages.slice(0, 2 * readies.length).map(({ content }) => content.toString()),
      readies.flatMap((ready, index) => [
        ready,
        `{"op":0,"t":"MESSAGE_CREATE","s":2,"d":{"number":${index}}}`,
      ]),
    );
    const ids = consumer.messages.map(({ properties }) => properties.messageId);
    assert.equal(new Set(ids).size, ids.length, "no two events have the same message_id");
    const named = await broker.read(gaps, readies.length);
    assert(named.every(({ content }) => JSON.parse(content.toString()).reason === "not_resumable"));
  }),
);

Deno.test(
  "a resume_gateway_url that is none leaves the main one for the RESUME",
  onStage({}, async (stage) => {
    await using discord = await ScriptedDiscord.open();
    stage.start({ API_URL: discord.restUrl, COMPRESS: "none" });
    for (const url of [undefined, 5, "", "not a url", "https://127.0.0.1:1", "ws://"]) {
      const first = await discord.connection();
      first.hello();
      await first.frame(2);
      const ready = { session_id: "sésame", resume_gateway_url: url };
      first.say({ op: 0, t: "READY", s: 1, d: { ...ready, session_id: "open-sesame" } });
      first.close(4000);
      const second = await discord.connection();
      second.hello();
      const { d } = await second.frame(6);
      assert.equal((d as { session_id: string }).session_id, "open-sesame");
      second.close(4007);
    }
  }),
);

Deno.test(
  "answers of REST that are none are asked for again",
  onStage({}, async (stage) => {
    const { simulator } = stage;
    simulator.control.injectRest({ status: 502, count: 1, html: true });
    const gateway = await stage.startConnected(1);
    assert.equal(gateway.count("rest.failed"), 1);
    const samples = await readSamples(gateway);
    assert.equal(metricValue(samples, "gateway_rest_failures_total"), 1);
  }),
);

// Commands that Discord takes offence at.

Deno.test(
  "a command whose payload Discord cannot read costs a reconnect, and no event",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const commands = await CommandSender.open(await stage.broker());
    const gateway = await stage.startConnected(1);
    const data = { op: 3, d: { since: null, activities: [], status: "asleep", afk: false } };
    commands.send({ op: 0, shard: 0, data });
    await gateway.until(() => gateway.count("shard.resumed") === 1);
    assert.deepEqual(control.state().statistics.closeCodesSent, { 4002: 1 });
    // It is not kept: given to every fresh session, it would end one after the other.
    commands.send({ op: 1, shard: 0, data: { mode: "identify" } });
    await gateway.until(() => gateway.count("shard.ready") === 2);
    assert.deepEqual(await faultsAfterMore(stage, consumer), NO_FAULTS);
    assert.deepEqual(control.state().statistics.closeCodesSent, { 4002: 1 });
    assert.equal(control.statistics.commands().length, 1, "sent once, and never again");
  }),
);

// Redis.

Deno.test(
  "garbage under every key of ours in Redis is moved aside or skipped, and the service starts",
  onStage({}, async (stage) => {
    const redis = await stage.redis();
    await redis.set("gateway_sessions", "{not json");
    await redis.lpush("gateway_statuses", "a list");
    await redis.hset("gateway_started", "a", "hash");
    await redis.set("gateway_shards", "many");
    await redis.set("gateway:shards", "a text");
    await redis.hset("gateway:presences", { "0": "{", "x": "{}", "-1": "{}" });
    await redis.hset("gateway:guilds", { "0": "1,two,3" });
    await redis.sadd("gateway:statuses", "a set");
    await redis.set("gateway:started", "\xff\0");
    await redis.lpush("gateway:total", "a list");
    await redis.zadd("gateway:guild_names", 1, "a sorted set");
    const board = await stage.board();
    const written = board.written();
    const gateway = await stage.startConnected(1, { LOG_GUILD_CHANNEL: "1" });
    await written;
    const { sessions, statuses, total } = await board.untilStatus(0, "Connected");
    assert.equal(statuses?.length, 1);
    assert.equal(sessions?.["0"]?.["session_id"], stage.simulator.control.state().sessions[0]?.id);
    assert.equal(total, "1");
    const garbage = new Set(
      gateway.lines.filter(({ kind }) => kind === "redis.garbage").map(({ key }) => key),
    );
    assert.deepEqual(
      [...garbage].sort(),
      [
        ...["gateway:guild_names", "gateway:guilds", "gateway:presences", "gateway:shards"],
        ...["gateway:statuses", "gateway:total", "gateway_shards", "gateway_started", "gateway_statuses"],
      ],
    );
    const samples = await readSamples(gateway);
    assert(Number(metricValue(samples, "gateway_redis_garbage_total")) >= garbage.size);
    // What could not be read is kept for whoever put it there.
    const aside = (await redis.keys("gateway:damaged:*")).map((key) => key.split(":").slice(2, -1).join(":"))
      .sort();
    assert.deepEqual(aside, [
      ...["gateway:guild_names", "gateway:shards", "gateway:statuses", "gateway:total"],
      ...["gateway_started", "gateway_statuses"],
    ]);
  }),
);

const TWO_SHARDS: SimulatorOptions = { recommendedShards: 2, maxConcurrency: 2, guilds: 4 };

for (
  const [described, damage] of [
    ["is no JSON", () => "\0"],
    ["has a session that is none", (point) => JSON.stringify({ ...point, session_id: 5 })],
    ["has a sequence that is none", (point) => JSON.stringify({ ...point, sequence: -1 })],
    [
      "has a sequence that never was",
      (point) => JSON.stringify({ ...point, sequence: 9_007_199_254_740_991 }),
    ],
  ] as [string, (point: object) => string][]
) {
  Deno.test(
    `a stored session that ${described} costs its own shard the session and no other`,
    onStage({ simulator: TWO_SHARDS }, async (stage) => {
      const { control } = stage.simulator;
      const redis = await stage.redis();
      const first = await stage.startConnected(2);
      assert.equal(await first.end("SIGTERM"), 0);
      const point = await redis.hget("gateway:shards", "0");
      await redis.hset("gateway:shards", "0", damage(JSON.parse(point ?? "")));
      const second = stage.start();
      await second.line(({ kind, shard }) => kind === "shard.ready" && shard === 0);
      await second.line(({ kind, shard }) => kind === "shard.resumed" && shard === 1);
      assert.deepEqual(control.state().statistics.identifiesByShard, { 0: 2, 1: 1 });
    }),
  );
}

for (
  const [described, changes] of [
    ["resume_gateway_url is none", { resume_gateway_url: "nowhere" }],
    ["intents are none", { intents: "all" }],
    ["presence is none", { configured_presence: {} }],
  ] as const
) {
  Deno.test(
    `a stored session whose ${described} is resumed all the same`,
    onStage({ simulator: TWO_SHARDS }, async (stage) => {
      const redis = await stage.redis();
      assert.equal(await (await stage.startConnected(2)).end("SIGTERM"), 0);
      const point = await redis.hget("gateway:shards", "0");
      await redis.hset("gateway:shards", "0", JSON.stringify({ ...JSON.parse(point ?? ""), ...changes }));
      await stage.startConnected(2);
      assert.deepEqual(stage.simulator.control.state().statistics.resumesByShard, { 0: 1, 1: 1 });
    }),
  );
}

for (const total of ["70000", "9007199254740991"]) {
  Deno.test(
    `a stored total of ${total} is no total, and Discord is asked`,
    onStage({ simulator: TWO_SHARDS }, async (stage) => {
      const redis = await stage.redis();
      assert.equal(await (await stage.startConnected(2)).end("SIGTERM"), 0);
      await redis.mset("gateway_shards", total, "gateway:total", total);
      const second = await stage.startConnected(2);
      await second.line(({ kind, key }) => kind === "redis.garbage" && key === "gateway_shards");
      assert.equal(await redis.get("gateway_shards"), "2");
    }),
  );
}

Deno.test(
  "garbage that comes into Redis while the service runs costs no resume point",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const redis = await stage.redis();
    const first = await stage.startConnected(1);
    await first.line(({ kind }) => kind === "points.written");
    await redis.multi().del("gateway:shards").lpush("gateway:shards", "a list").set(
      "gateway:statuses",
      "a text",
    )
      .exec();
    control.generate(20);
    await first.line(({ kind, key }) => kind === "redis.garbage" && key === "gateway:shards");
    await first.line(({ kind, key }) => kind === "redis.garbage" && key === "gateway:statuses");
    control.generate(20);
    await consumer.untilComplete(stage.simulator);
    assert.equal(await first.end("SIGTERM"), 0);
    await stage.startConnected(1);
    assert.deepEqual(await faultsAfterMore(stage, consumer), NO_FAULTS);
    assert.equal(control.state().statistics.happenings["identified"], 1);
  }),
);
