import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ANSWER_TIMEOUT_MS, CommandSender } from "../../../dashboard/commands/command_sender.ts";
import { systemClock } from "../../../gateway/clock.ts";
import { TcpProxy } from "../../../harness/tcp_proxy.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { QueueReader } from "../../fakes/queue_reader.ts";
import { testServers } from "../../servers.ts";
import { fakeGateway } from "../fake_gateway.ts";

const RESTART = { op: 1, shard: 3 } as const;

Deno.test("CommandSender.send() sends a command as the contract has it, and resolves when it is carried out", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
  const clock = new ManualClock();
  const sender = new CommandSender({ rabbitUrl, clock });
  sender.start();
  assert.deepEqual(await sender.send({ op: 1, shard: [0, 7], data: { mode: "resume" } }), {
    kind: "accepted",
  });
  const [command] = gateway.commands;
  assert.equal(command?.content.toString(), '{"op":1,"shard":[0,7],"data":{"mode":"resume"}}');
  const { deliveryMode, contentType, timestamp } = command?.properties ?? {};
  assert.deepEqual([deliveryMode, contentType, timestamp], [2, "application/json", clock.epochMs / 1_000]);
  await sender.stop();
  clock.assertIdle();
});

Deno.test("CommandSender.send() sends a text as it is, numbers beyond 2^53 included", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
  const sender = new CommandSender({ rabbitUrl, clock: systemClock });
  sender.start();
  const text = '\ufeff{"op":0,\r\n "shard":0,"data":{"op":31,"d":{"guild_ids":[18446744073709551615]}}} é😀';
  await sender.send({ text });
  assert.equal(gateway.commands[0]?.content.toString(), text);
  await sender.stop();
});

Deno.test("CommandSender.send() tells why the gateway refused", async () => {
  const { rabbitUrl } = await testServers();
  await using _gateway = await fakeGateway(rabbitUrl, [
    { ok: false, error: "unknown_shard", message: "There is no shard 3 here: send one of 0 to 1" },
    { ok: false, error: "x\ny", message: "m".repeat(1_000) },
  ]);
  const sender = new CommandSender({ rabbitUrl, clock: systemClock });
  sender.start();
  assert.deepEqual(await sender.send(RESTART), {
    kind: "refused",
    error: "unknown_shard",
    message: "There is no shard 3 here: send one of 0 to 1",
  });
  assert.deepEqual(await sender.send(RESTART), {
    kind: "refused",
    error: "x y",
    message: `${"m".repeat(300)}…`,
  });
  await sender.stop();
});

Deno.test("CommandSender.send() gives each command its own answer, whatever their order", async () => {
  const { rabbitUrl } = await testServers();
  await using broker = await QueueReader.connect(rabbitUrl);
  await broker.channel.assertQueue("gateway.send", { durable: true });
  const sender = new CommandSender({ rabbitUrl, clock: systemClock });
  sender.start();
  const outcomes = Promise.all([0, 1, 2].map((shard) => sender.send({ op: 1, shard })));
  const messages = await broker.read("gateway.send", 3);
  for (const { content, properties } of messages.toReversed()) {
    const { shard } = JSON.parse(content.toString());
    const answer = { ok: false, error: "invalid", message: `number ${shard}` };
    broker.channel.sendToQueue(
      properties.replyTo,
      bytesOf(answer),
      {
        correlationId: properties.correlationId,
      },
    );
  }
  assert.deepEqual(
    (await outcomes).map((outcome) => outcome.kind === "refused" ? outcome.message : outcome.kind),
    ["number 0", "number 1", "number 2"],
  );
  await sender.stop();
});

Deno.test("CommandSender.send() passes over what is no answer, and says after ten seconds that there was none", async () => {
  const { rabbitUrl } = await testServers();
  const answers = ["", "{}", "null", '{"ok":"true"}', '{"ok":false}', '{"ok":false,"error":1,"message":2}'];
  await using gateway = await fakeGateway(rabbitUrl, [...answers, { ok: true }]);
  const clock = new ManualClock();
  const sender = new CommandSender({ rabbitUrl, clock });
  sender.start();
  const outcomes = answers.map(() => sender.send(RESTART));
  // Once this one is answered, everything before it has arrived.
  assert.deepEqual(await sender.send(RESTART), { kind: "accepted" });
  assert.equal(gateway.commands.length, answers.length + 1);
  clock.advance(ANSWER_TIMEOUT_MS);
  for (const outcome of await Promise.all(outcomes)) assert.deepEqual(outcome, { kind: "no_answer" });
  await sender.stop();
  clock.assertIdle();
});

Deno.test("CommandSender.send() leaves the command in the queue where no gateway runs", async () => {
  const { rabbitUrl } = await testServers();
  await using broker = await QueueReader.connect(rabbitUrl);
  await broker.channel.assertQueue("gateway.send", { durable: true });
  const clock = new ManualClock();
  const sender = new CommandSender({ rabbitUrl, clock });
  sender.start();
  const outcome = sender.send(RESTART);
  await until(async () => (await broker.channel.checkQueue("gateway.send")).messageCount === 1);
  // Whether the broker's word of it has come is seen by sending another one behind it.
  const [message] = await broker.read("gateway.send", 1);
  assert.equal(message?.content.toString(), '{"op":1,"shard":3}');
  const second = sender.send(RESTART);
  const { properties } = (await broker.read("gateway.send", 2))[1] ?? assert.fail();
  broker.channel.sendToQueue(properties.replyTo, bytesOf({ ok: true }), {
    correlationId: properties.correlationId,
  });
  assert.deepEqual(await second, { kind: "accepted" });
  clock.advance(ANSWER_TIMEOUT_MS);
  assert.deepEqual(await outcome, { kind: "no_answer" });
  await sender.stop();
});

Deno.test("CommandSender.send() says that there is no queue where no gateway has ever run, and declares none", async () => {
  const { rabbitUrl } = await testServers();
  const sender = new CommandSender({ rabbitUrl, clock: systemClock });
  sender.start();
  const outcome = await sender.send(RESTART);
  assert.equal(outcome.kind, "not_sent");
  assert.match(outcome.problem, /there is no queue gateway\.send/);
  await using broker = await QueueReader.connect(rabbitUrl);
  broker.channel.on("error", () => {});
  await assert.rejects(broker.channel.checkQueue("gateway.send"), { code: 404 });
  // The gateway comes: the same sender sends.
  await using _gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
  assert.deepEqual(await sender.send(RESTART), { kind: "accepted" });
  await sender.stop();
});

Deno.test("CommandSender.send() says at once that RabbitMQ is away, without user and password", async () => {
  const clock = new ManualClock();
  const sender = new CommandSender({ rabbitUrl: "amqp://ada:s3cret@127.0.0.1:1", clock });
  assert.equal((await sender.send(RESTART)).kind, "not_sent");
  sender.start();
  const outcome = await sender.send(RESTART);
  assert.equal(outcome.kind, "not_sent");
  assert.match(outcome.problem, /^RabbitMQ at 127\.0\.0\.1:1 cannot be used: connect ECONNREFUSED/);
  assert.doesNotMatch(JSON.stringify(outcome), /ada|s3cret/);
  await sender.stop();
});

Deno.test("CommandSender.send() does not wait for an answer that cannot come, and sends again once RabbitMQ is back", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl, [undefined, { ok: true }]);
  await using proxy = new TcpProxy(rabbitUrl);
  const sender = new CommandSender({ rabbitUrl: proxy.through(rabbitUrl), clock: systemClock });
  sender.start();
  const outcome = sender.send(RESTART);
  await until(() => gateway.commands.length === 1);
  proxy.cut();
  // Whether the broker's confirmation was faster than the cut is up to the network; there is no answer either way.
  const { kind } = await outcome;
  assert(kind === "no_answer" || kind === "unknown", kind);
  await until(async () => (await sender.send(RESTART)).kind === "accepted");
  await sender.stop();
});

Deno.test("CommandSender.send() says that it is not known whether it was sent where RabbitMQ has not confirmed it", async () => {
  const { rabbitUrl } = await testServers();
  await using _gateway = await fakeGateway(rabbitUrl, [{ ok: true }]);
  await using proxy = new TcpProxy(rabbitUrl);
  const clock = new ManualClock();
  const sender = new CommandSender({ rabbitUrl: proxy.through(rabbitUrl), clock });
  sender.start();
  assert.deepEqual(await sender.send(RESTART), { kind: "accepted" });
  // The connection stands, so each of these is written before anything else can happen.
  const late = sender.send(RESTART);
  clock.advance(ANSWER_TIMEOUT_MS);
  assert.deepEqual(await late, { kind: "unknown", problem: "RabbitMQ did not confirm it in time" });
  const lost = sender.send(RESTART);
  proxy.cut();
  assert.deepEqual(await lost, { kind: "unknown", problem: "RabbitMQ was lost before it confirmed it" });
  await sender.stop();
});

Deno.test("CommandSender.send() refuses more than a hundred at a time", async () => {
  const { rabbitUrl } = await testServers();
  await using broker = await QueueReader.connect(rabbitUrl);
  await broker.channel.assertQueue("gateway.send", { durable: true });
  const sender = new CommandSender({ rabbitUrl, clock: systemClock });
  sender.start();
  const outcomes = Array.from({ length: 100 }, () => sender.send(RESTART));
  const last = await sender.send(RESTART);
  assert.equal(last.kind, "not_sent");
  assert.match(last.problem, /100 commands wait/);
  await broker.read("gateway.send", 100);
  await sender.stop();
  for (const { kind } of await Promise.all(outcomes)) assert.match(kind, /^(?:no_answer|unknown)$/);
});

function bytesOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** Lets everything else happen until a condition holds. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("CommandSender.send() goes by whichever host of the broker answers, and names all where none does", async () => {
  const { rabbitUrl } = await testServers();
  await using gateway = await fakeGateway(rabbitUrl, Array.from({ length: 1_000 }, () => ({ ok: true })));
  await using one = new TcpProxy(rabbitUrl);
  await using two = new TcpProxy(rabbitUrl);
  one.down();
  const urls = [one, two].map((proxy) => proxy.through(rabbitUrl));
  const sender = new CommandSender({ rabbitUrl: urls.join(","), clock: systemClock });
  sender.start();
  assert.deepEqual(await sender.send(RESTART), { kind: "accepted" });
  one.up();
  two.down();
  await until(async () => (await sender.send(RESTART)).kind === "accepted");
  assert(gateway.commands.length >= 2);
  one.down();
  const [first, second] = urls.map((url) => new URL(url).host);
  const all = `RabbitMQ at ${first}, ${second} cannot be used: ${second}: `;
  await until(async () => {
    const outcome = await sender.send(RESTART);
    return outcome.kind === "not_sent" && outcome.problem.startsWith(all) &&
      outcome.problem.includes(`; ${first}: `) &&
      !outcome.problem.includes(new URL(rabbitUrl).password);
  });
  await sender.stop();
});
