import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type QueueNews, QueueWatcher, type WatchedQueue } from "../../../dashboard/queues/queue_watcher.ts";
import { TcpProxy } from "../../../harness/tcp_proxy.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { QueueReader } from "../../fakes/queue_reader.ts";
import { testServers } from "../../servers.ts";

const OTHER = "shardline-test.queues";
const LOOK_EVERY_MS = 5_000;

interface Rig {
  readonly broker: QueueReader;
  readonly proxy: TcpProxy;
  readonly clock: ManualClock;
  readonly watcher: QueueWatcher;
  readonly news: QueueNews[];
  /** Turns the clock to the next look, and waits until it is over. */
  look(times?: number): Promise<void>;
  /** Puts messages into a queue. */
  fill(queue: string, count: number): Promise<void>;
  state(queue: string): WatchedQueue;
}

async function withWatcher(test: (rig: Rig) => Promise<void>): Promise<void> {
  const { rabbitUrl } = await testServers({ queues: [OTHER] });
  await using broker = await QueueReader.connect(rabbitUrl);
  await using proxy = new TcpProxy(rabbitUrl);
  const clock = new ManualClock();
  const news: QueueNews[] = [];
  const watcher = new QueueWatcher({
    rabbitUrl: proxy.through(rabbitUrl),
    queues: ["gateway", OTHER, "gateway"],
    clock,
    tell: (item) => news.push(item),
  });
  await broker.channel.assertQueue("gateway", { durable: true });
  await broker.channel.assertQueue(OTHER, { durable: true });
  try {
    await test({
      broker,
      proxy,
      clock,
      watcher,
      news,
      look: async (times = 1) => {
        for (let count = 0; count < times; count++) {
          clock.advance(LOOK_EVERY_MS);
          await clock.untilScheduled(clock.nowMs() + LOOK_EVERY_MS);
        }
      },
      fill: async (queue, count) => {
        for (let sent = 0; sent < count; sent++) broker.channel.sendToQueue(queue, Buffer.from("x"));
        while ((await broker.channel.checkQueue(queue)).messageCount < count);
      },
      state: (name) => watcher.snapshot().queues.find((queue) => queue.name === name) ?? assert.fail(),
    });
  } finally {
    await watcher.stop();
  }
  clock.assertIdle();
}

Deno.test("QueueWatcher.snapshot() says how full each queue is, and who consumes it", async () => {
  await withWatcher(async ({ broker, clock, watcher, fill, news }) => {
    assert.deepEqual(watcher.snapshot().lookedAtMs, null);
    await fill("gateway", 3);
    await broker.read(OTHER, 0);
    watcher.start();
    await clock.untilScheduled(LOOK_EVERY_MS);
    const known = { changeInMinute: null, unattended: false, problem: null };
    assert.deepEqual(watcher.snapshot(), {
      lookedAtMs: clock.epochMs,
      problem: null,
      queues: [
        { name: "gateway", messages: 3, consumers: 0, ...known },
        { name: OTHER, messages: 0, consumers: 1, ...known },
      ],
    });
    assert.deepEqual(news, [
      { kind: "queue", queue: "gateway", messages: 3, consumers: 0, unattended: false },
      { kind: "queue", queue: OTHER, messages: 0, consumers: 1, unattended: false },
    ]);
  });
});

Deno.test("QueueWatcher says by how much a queue has grown or shrunk in the last minute, once it has seen one", async () => {
  await withWatcher(async ({ broker, clock, watcher, look, fill, state }) => {
    await fill("gateway", 2);
    watcher.start();
    await clock.untilScheduled(LOOK_EVERY_MS);
    await fill("gateway", 3);
    await look(11);
    assert.equal(state("gateway").changeInMinute, null);
    await look();
    assert.equal(state("gateway").changeInMinute, 3);
    await look();
    assert.equal(state("gateway").changeInMinute, 0);
    await broker.channel.purgeQueue("gateway");
    await look();
    assert.equal(state("gateway").changeInMinute, -5);
  });
});

Deno.test("QueueWatcher points out a queue that grows for a minute without a consumer, until it has one", async () => {
  await withWatcher(async ({ broker, clock, watcher, look, fill, state, news }) => {
    watcher.start();
    await clock.untilScheduled(LOOK_EVERY_MS);
    await fill("gateway", 2);
    await look(11);
    assert.equal(state("gateway").unattended, false);
    await look();
    assert.equal(state("gateway").unattended, true);
    assert.equal(state(OTHER).unattended, false);
    // It stays so while nothing comes.
    await look(20);
    assert.equal(state("gateway").unattended, true);
    assert.equal(state("gateway").changeInMinute, 0);
    // Whoever consumes one and waits attends to it.
    await broker.channel.prefetch(1);
    await broker.channel.consume("gateway", () => {});
    await look();
    assert.equal(state("gateway").unattended, false);
    assert.deepEqual(news.filter(({ kind }) => kind !== "queue"), [
      { kind: "warning", message: "Queue gateway has grown for a minute to 2 messages, and has no consumer" },
      { kind: "notice", message: "Queue gateway is not left unattended any more: it has a consumer" },
    ]);
    const told = news.filter((item) => item.kind === "queue" && item.queue === "gateway");
    assert.deepEqual(told.map((item) => item.kind === "queue" && item.unattended), [
      ...Array(12).fill(false),
      ...Array(21).fill(true),
      false,
    ]);
  });
});

Deno.test("QueueWatcher does not doubt a queue whose consumer was there within the minute", async () => {
  await withWatcher(async ({ broker, clock, watcher, look, fill, state }) => {
    watcher.start();
    await clock.untilScheduled(LOOK_EVERY_MS);
    await fill("gateway", 1);
    await look(6);
    const { consumerTag } = await broker.channel.consume("gateway", () => {});
    await look();
    await broker.channel.cancel(consumerTag);
    await fill("gateway", 5);
    await look(6);
    assert.equal(state("gateway").unattended, false);
  });
});

Deno.test("QueueWatcher names a queue that is missing, looks at the others, and sees it come", async () => {
  await withWatcher(async ({ broker, clock, watcher, look, state, news }) => {
    await broker.channel.deleteQueue("gateway");
    watcher.start();
    await clock.untilScheduled(LOOK_EVERY_MS);
    assert.deepEqual(state("gateway"), {
      name: "gateway",
      messages: null,
      consumers: null,
      changeInMinute: null,
      unattended: false,
      problem: "there is no such queue",
    });
    assert.equal(state(OTHER).messages, 0);
    assert.equal(watcher.snapshot().problem, null);
    assert.deepEqual(news[0], {
      kind: "queue",
      queue: "gateway",
      messages: null,
      consumers: 0,
      unattended: false,
    });
    await broker.channel.assertQueue("gateway", { durable: true });
    await look();
    assert.equal(state("gateway").messages, 0);
    assert.equal(state("gateway").problem, null);
  });
});

Deno.test("QueueWatcher asks for a queue that stays missing once a minute, and goes on asking for the others", async () => {
  await withWatcher(async ({ broker, clock, watcher, look, news, state }) => {
    await broker.channel.deleteQueue("gateway");
    watcher.start();
    await clock.untilScheduled(LOOK_EVERY_MS);
    const told = (name: string) => news.filter((item) => item.kind === "queue" && item.queue === name).length;
    await look(36);
    const before = [told("gateway"), told(OTHER)];
    await look(36);
    assert.deepEqual([told("gateway"), told(OTHER)].map((count, index) => count - (before[index] ?? 0)), [
      3,
      36,
    ]);
    assert.equal(state("gateway").problem, "there is no such queue");
    await broker.channel.assertQueue("gateway", { durable: true });
    await look(12);
    assert.equal(state("gateway").messages, 0);
    // Once it is there it is asked for as the others are, and as soon as them where it goes again.
    const since = told("gateway");
    await look(3);
    assert.equal(told("gateway") - since, 3);
  });
});

Deno.test("QueueWatcher forgets what it pointed out when the queue is deleted", async () => {
  await withWatcher(async ({ broker, clock, watcher, look, fill, state }) => {
    watcher.start();
    await clock.untilScheduled(LOOK_EVERY_MS);
    await fill("gateway", 1);
    await look(12);
    assert.equal(state("gateway").unattended, true);
    await broker.channel.deleteQueue("gateway");
    await look();
    assert.equal(state("gateway").unattended, false);
  });
});

Deno.test("QueueWatcher says why it cannot look while RabbitMQ is away, and begins a new minute afterwards", async () => {
  await withWatcher(async ({ proxy, clock, watcher, look, fill, state }) => {
    watcher.start();
    await clock.untilScheduled(LOOK_EVERY_MS);
    await fill("gateway", 1);
    await look(10);
    proxy.cut();
    while (watcher.snapshot().problem === null) await new Promise((resolve) => setTimeout(resolve));
    const { problem, lookedAtMs } = watcher.snapshot();
    assert.match(problem ?? "", /^RabbitMQ at 127\.0\.0\.1:\d+ cannot be reached: /);
    assert.equal(lookedAtMs, clock.wallMs());
    assert.equal(state("gateway").messages, 1);
    // The pause before the next connection.
    await clock.untilScheduled(clock.nowMs() + 100);
    clock.advance(100);
    await clock.untilScheduled(clock.nowMs() + LOOK_EVERY_MS);
    assert.equal(watcher.snapshot().problem, null);
    await look(2);
    assert.equal(state("gateway").changeInMinute, null);
    assert.equal(state("gateway").unattended, false);
  });
});

Deno.test("QueueWatcher.stop() can be called before start(), and twice", async () => {
  const watcher = new QueueWatcher({
    rabbitUrl: "amqp://127.0.0.1:1",
    queues: [],
    clock: new ManualClock(),
    tell: () => {},
  });
  await watcher.stop();
  await watcher.stop();
});
