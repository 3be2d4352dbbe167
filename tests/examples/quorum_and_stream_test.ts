import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { startServerPair } from "../../harness/pair.ts";
import type { GatewayProcess } from "../e2e/gateway_process.ts";
import { QueueReader } from "../fakes/queue_reader.ts";
import { InstalledExample } from "./installed_example.ts";
import { type ExampleStage, onExampleStage } from "./stage.ts";

const example = await InstalledExample.install("quorum-and-stream");
Deno.test.afterAll(() => example[Symbol.asyncDispose]());

const QUORUM = "shardline-test.quorum";
const DEAD = `${QUORUM}.dead`;
const STREAM = "shardline-test.stream";
const NAMES = { QUORUM_QUEUE: QUORUM, STREAM };
const OWN = { queues: [QUORUM, DEAD, STREAM] };
const SIMULATOR = { paused: true };

/** Declares the example's queues, and starts a gateway beside them. */
async function declare(
  stage: ExampleStage,
  settings: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const declaring = example.start(stage, "node declare.mjs", NAMES);
  assert.equal(await declaring.ended(), 0, await declaring.complaints);
  return await stage.parts.startConnected(1, settings);
}

/** Has a message come, and stops the gateway in good order once it is published: its queues have it then. */
async function published(stage: ExampleStage, gateway: GatewayProcess): Promise<void> {
  await using broker = await QueueReader.connect(stage.parts.rabbitUrl);
  const queue = await broker.bindOwnQueue("gateway", "MESSAGE_CREATE");
  say(stage, 1, "hello");
  await broker.read(queue, 1);
  assert.equal(await gateway.end("SIGTERM"), 0);
}

function say(stage: ExampleStage, id: number, content: string): void {
  stage.control.dispatch("MESSAGE_CREATE", JSON.stringify({ id: String(id), content }));
}

/** `message_id` of the messages that Discord has sent, in order. */
function messageIds({ control }: ExampleStage): string[] {
  return control.ledger.summary().sessions.flatMap(({ session }) =>
    control.ledger.page(session).filter(({ t }) => t === "MESSAGE_CREATE").map(({ s }) => `${session}:${s}`)
  );
}

Deno.test("examples/quorum-and-stream: its README installs the version of amqplib that it is tried with", () => {
  const [install] = example.readme.commands();
  assert.equal(install, `npm install ${project.imports.amqplib.replace("npm:", "")}`);
});

Deno.test(
  "examples/quorum-and-stream: a failing event is delivered four times and set aside, and others pass",
  onExampleStage({ simulator: SIMULATOR, own: OWN }, async (stage) => {
    await declare(stage);
    const worker = example.start(stage, "node worker.mjs", NAMES);
    await worker.line("Taking events");
    await stage.sendRequests(example.readme); // somebody writes `!fail`
    say(stage, 2, "hello");
    const broker = await stage.parts.broker();
    const [letter] = await broker.read(DEAD, 1);
    const [failing, passing] = messageIds(stage);
    await worker.line(`MESSAGE_CREATE ${passing} delivery 1`);
    assert.equal(await worker.end(), 0);
    assert.deepEqual(
      worker.lines.filter((line) => line.includes(`${failing} `)),
      [1, 2, 3, 4].map((delivery) => `MESSAGE_CREATE ${failing} delivery ${delivery}`),
    );
    assert.equal(letter?.properties.messageId, failing);
    assert.equal(letter?.properties.headers?.["x-first-death-reason"], "delivery_limit");
    assert.equal((await broker.channel.checkQueue(QUORUM)).messageCount, 0);
  }),
);

Deno.test(
  "examples/quorum-and-stream: an event of a worker that is killed goes to the next, and the delivery counts",
  onExampleStage({ simulator: SIMULATOR, own: OWN }, async (stage) => {
    const gateway = await declare(stage);
    const broker = await stage.parts.broker();
    const killed = example.start(stage, "node worker.mjs", NAMES);
    await killed.line("Taking events");
    killed.signal("SIGSTOP"); // so that it acknowledges nothing
    await published(stage, gateway);
    let waiting;
    do waiting = (await broker.channel.checkQueue(QUORUM)).messageCount; while (waiting > 0);
    await killed.end("SIGKILL");
    const next = example.start(stage, "node worker.mjs", NAMES);
    const [id] = messageIds(stage);
    await next.line(`MESSAGE_CREATE ${id} delivery 2`);
    assert.equal(await next.end(), 0);
    assert.equal((await broker.channel.checkQueue(QUORUM)).messageCount, 0);
  }),
);

Deno.test("examples/quorum-and-stream: the quorum queue keeps transient events when RabbitMQ restarts", async () => {
  await using pair = await startServerPair();
  const servers = { rabbitUrl: pair.rabbit.url, redisUrl: pair.redis.url };
  await onExampleStage({ simulator: SIMULATOR, servers }, async (stage) => {
    await published(stage, await declare(stage, { EVENT_TRANSIENT: "MESSAGE_CREATE" }));
    await pair.rabbit.server.restart();
    const worker = example.start(stage, "node worker.mjs", NAMES);
    const [id] = messageIds(stage);
    await worker.line(`MESSAGE_CREATE ${id} delivery 1`);
    assert.equal(await worker.end(), 0);
  })();
});

Deno.test(
  "examples/quorum-and-stream: the stream is read again from its beginning, from an offset and from a time",
  onExampleStage({ simulator: SIMULATOR, own: OWN }, async (stage) => {
    await declare(stage);
    const first = example.start(stage, "node read.mjs first", NAMES);
    await first.until(() => first.lines.some((line) => line.includes(" READY ")));
    // One after the other, until the clock's second is another.
    const timeOf = (line = "") => line.split(" ")[1] ?? "";
    const messages = () => first.lines.filter((line) => line.includes(" MESSAGE_CREATE "));
    do {
      const count = messages().length;
      say(stage, count, "hello");
      await first.until(() => messages().length > count);
    } while (timeOf(messages().at(0)) === timeOf(messages().at(-1)));
    const lines = [...first.lines];
    assert.deepEqual(lines.map((line) => Number(line.split(" ")[0])), lines.map((_, index) => index));
    assert.deepEqual(messages().map((line) => line.split(" ").at(-1)), messageIds(stage));

    const again = example.start(stage, "node read.mjs first", NAMES);
    await again.until(() => again.lines.length >= lines.length);
    assert.deepEqual(again.lines, lines);
    assert.equal(await again.end(), 0);
    assert.equal(again.lines.at(-1), `To go on: node read.mjs ${lines.length}`);

    for (
      const [start, expected] of [
        ["2", lines.slice(2)],
        [timeOf(lines.at(-1)), lines.filter((line) => timeOf(line) === timeOf(lines.at(-1)))],
      ] as const
    ) {
      const reader = example.start(stage, "node read.mjs first", NAMES, start);
      await reader.until(() => reader.lines.length >= expected.length);
      assert.deepEqual(reader.lines, expected);
      assert.equal(await reader.end(), 0);
    }
    assert.equal(await first.end(), 0);
  }),
);
