import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Channel, connect } from "amqplib";
import { onStage, TOKEN } from "../e2e/stage.ts";
import { ExampleRun } from "../example_run.ts";
import { Page } from "../markdown.ts";
import { testServers } from "../servers.ts";

/** The last example of a section. */
async function exampleOf(path: string, section: string): Promise<string> {
  const code = (await Page.read(path)).section(section).codeBlocks("js").at(-1);
  return code ?? assert.fail(`${path} has no example in ${section}`);
}

Deno.test(
  "The bot of docs/getting-started.md answers what was written while it was away, and nothing else",
  onStage({ simulator: { messageContentIntent: true } }, async (stage) => {
    const { control, restUrl } = stage.simulator;
    const code = await exampleOf("docs/getting-started.md", "A bot that answers");
    const environment = { RABBIT_URL: stage.rabbitUrl, API_URL: restUrl, BOT_TOKEN: TOKEN };
    await stage.startConnected(1, { INTENTS: "GUILDS,GUILD_MESSAGES,MESSAGE_CONTENT" });
    const [guild = 0n] = control.world.guildIds;
    const [{ id: channel } = {}] = control.world.channels(guild);
    const write = (id: number, content: string) =>
      control.dispatch("MESSAGE_CREATE", JSON.stringify({ id: String(id), channel_id: channel, content }));
    {
      await using bot = await ExampleRun.start(code, environment);
      assert.deepEqual(await bot.lines(1), ["listening"]);
      write(10, "hello");
      write(11, "!ping");
      assert.deepEqual(await bot.lines(2), ["listening", "answered 11: 200"]);
    }
    for (const id of [12, 13, 14]) write(id, "!ping");
    await using bot = await ExampleRun.start(code, environment);
    // The first may have been killed between its answer and the acknowledgement.
    const again = "answered 11: 200";
    const lines = await bot.lines(4);
    const answers = (lines.includes(again) ? await bot.lines(5) : lines).filter((line) => line !== again);
    assert.deepEqual(answers.toSorted(), [...[12, 13, 14].map((id) => `answered ${id}: 200`), "listening"]);
    const told = control.statistics.messages();
    assert(told.length >= 4);
    assert.deepEqual([...new Set(told.map(({ channelId }) => channelId))], [channel]);
  }),
);

/** A channel of a program that is no part of an example. */
async function withChannel(rabbitUrl: string, use: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = await connect(rabbitUrl);
  try {
    const channel = await connection.createChannel();
    channel.on("error", () => {}); // whoever asked for too much is told
    await use(channel);
  } finally {
    await connection.close();
  }
}

/** Empty events on the queue `gateway`, by their `message_id`. */
async function withSender(
  rabbitUrl: string,
  use: (send: (id: string) => void) => Promise<void>,
): Promise<void> {
  await withChannel(rabbitUrl, async (channel) => {
    await channel.assertQueue("gateway", { durable: true });
    await use((messageId) => channel.sendToQueue("gateway", Buffer.from("{}"), { type: "READY", messageId }));
  });
}

Deno.test("The consumer of docs/guarantees.md drops repeats", async () => {
  const { rabbitUrl } = await testServers();
  const [code] = (await Page.read("docs/guarantees.md")).section("Repeats").codeBlocks("js");
  await withSender(rabbitUrl, async (send) => {
    await using consumer = await ExampleRun.start(code ?? assert.fail(), { RABBIT_URL: rabbitUrl });
    for (const id of ["5e55:1", "5e55:1", "5e55:2"]) send(id);
    assert.deepEqual(await consumer.lines(2), ["READY 5e55:1", "READY 5e55:2"]);
  });
});

Deno.test("The consumers of docs/guarantees.md share what they have seen, across restarts too", async () => {
  const { rabbitUrl, redisUrl } = await testServers();
  const code = await exampleOf("docs/guarantees.md", "Repeats");
  const environment = { RABBIT_URL: rabbitUrl, REDIS_URL: redisUrl };
  await withSender(rabbitUrl, async (send) => {
    {
      await using first = await ExampleRun.start(code, environment);
      for (const id of ["5e55:1", "5e55:1", "5e55:2"]) send(id);
      assert.deepEqual(await first.lines(2), ["READY 5e55:1", "READY 5e55:2"]);
    }
    await using second = await ExampleRun.start(code, environment);
    for (const id of ["5e55:1", "5e55:3"]) send(id);
    const [line] = await second.lines(1);
    // The first may have been killed between the work and remembering it.
    if (line === "READY 5e55:2") assert.deepEqual((await second.lines(2)).slice(1), ["READY 5e55:3"]);
    else assert.equal(line, "READY 5e55:3");
  });
});

Deno.test(
  "The quorum queue of docs/scaling.md is used as it is, and gets every event",
  onStage({}, async (stage) => {
    const code = await exampleOf("docs/scaling.md", "Quorum queues");
    await using declaring = await ExampleRun.start(code, { RABBIT_URL: stage.rabbitUrl });
    assert.equal(await declaring.ended(), 0);
    await stage.startConnected(1);
    stage.simulator.control.dispatch("LAST", "{}");
    await withChannel(stage.rabbitUrl, async (channel) => {
      const quorum = { durable: true, arguments: { "x-queue-type": "quorum" } };
      await channel.assertQueue("gateway", quorum); // refused where it is of another type
      await new Promise<void>((resolve) =>
        void channel.consume("gateway", (message) => message?.properties.type === "LAST" && resolve(), {
          noAck: true,
        })
      );
    });
  }),
);

Deno.test(
  "The quorum queue and the stream of README are used as they are",
  onStage({ own: { queues: ["shardline-test.history"] } }, async (stage) => {
    const code = (await exampleOf("README.md", "Several machines")).replaceAll(
      "gateway.history",
      "shardline-test.history",
    );
    await using declaring = await ExampleRun.start(code, { RABBIT_URL: stage.rabbitUrl });
    assert.equal(await declaring.ended(), 0);
    await stage.startConnected(1);
    await withChannel(stage.rabbitUrl, async (channel) => {
      for (const [queue, type] of [["gateway", "quorum"], ["shardline-test.history", "stream"]] as const) {
        // Refused where it is of another type.
        await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": type } });
        await channel.prefetch(10);
        const from = type === "stream" ? { arguments: { "x-stream-offset": "first" } } : {};
        const first = await new Promise<string>((resolve) =>
          void channel.consume(queue, (message) => resolve(message?.properties.type), from)
        );
        assert.equal(first, "READY", queue);
      }
    });
  }),
);

Deno.test(
  "The stream of docs/scaling.md is read from its beginning, by whoever begins to read",
  onStage({ own: { queues: ["shardline-test.history"] } }, async (stage) => {
    const code = (await exampleOf("docs/scaling.md", "Streams")).replaceAll(
      "gateway.history",
      "shardline-test.history",
    );
    const environment = { RABBIT_URL: stage.rabbitUrl };
    await withChannel(stage.rabbitUrl, async (channel) => {
      await channel.assertExchange("gateway", "topic", { durable: true });
    });
    await using first = await ExampleRun.start(code, environment);
    await withChannel(stage.rabbitUrl, async (channel) => {
      const queue = {
        durable: true,
        arguments: { "x-queue-type": "stream", "x-max-age": "7D", "x-max-length-bytes": 20e9 },
      };
      await channel.assertQueue("shardline-test.history", queue);
      await channel.bindQueue("shardline-test.history", "gateway", "#");
    });
    await stage.startConnected(1);
    const events = await first.lines(2);
    assert.equal(events[0], "0 READY");
    assert.match(events[1] ?? "", /^1 [A-Z_]+$/);
    await using second = await ExampleRun.start(code, environment);
    assert.deepEqual(await second.lines(2), events);
  }),
);

const PARTITION_QUEUES = ["gateway.p0", "gateway.p1", "gateway.p2", "gateway.p3"];

/** Resolves with the first line that it prints of this event. */
async function lineOf(run: ExampleRun, type: string): Promise<string> {
  for (let count = 1;; count++) {
    const line = (await run.lines(count)).at(-1) ?? "";
    if (line.endsWith(` ${type}`)) return line;
    assert.notEqual(line, "", `it has ended before it said ${type}`);
  }
}

Deno.test(
  "The worker of docs/scaling.md takes the partitions that it is told, and another takes over",
  onStage({}, async (stage) => {
    const code = await exampleOf("docs/scaling.md", "In order, and side by side");
    const { control } = stage.simulator;
    const [guild] = control.world.guildIds;
    await stage.startConnected(1, { PARTITIONS: "4", DEFAULT_QUEUE: "false" });
    const environment = { RABBIT_URL: stage.rabbitUrl, QUEUES: PARTITION_QUEUES.join(",") };
    const { channel } = await stage.broker();
    const consumed = async (queue: string, count: number) => {
      while ((await channel.checkQueue(queue)).consumerCount !== count);
    };
    await using workers = new AsyncDisposableStack();
    let other: ExampleRun;
    let queue: string | undefined;
    {
      await using first = await ExampleRun.start(code, environment);
      for (const queue of PARTITION_QUEUES) await consumed(queue, 1);
      other = workers.use(await ExampleRun.start(code, environment));
      for (const queue of PARTITION_QUEUES) await consumed(queue, 2);
      control.dispatch("MESSAGE_CREATE", `{"guild_id":"${guild}"}`);
      [queue] = (await lineOf(first, "MESSAGE_CREATE")).split(" ");
    }
    control.dispatch("GUILD_ROLE_DELETE", `{"guild_id":"${guild}"}`);
    assert.equal(await lineOf(other, "GUILD_ROLE_DELETE"), `${queue} GUILD_ROLE_DELETE`);
  }),
);
