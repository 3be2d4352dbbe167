/**
 * What an example's worker does in any language: it takes events from a queue of its own, and says which.
 *
 * | it says                          | when                                         |
 * | -------------------------------- | -------------------------------------------- |
 * | `Taking events`                  | it has its queue                             |
 * | `MESSAGE_CREATE <id>`            | it begins with an event                      |
 * | `MESSAGE_CREATE <id> again`      | the same with one that was delivered before  |
 * | `The bot is idle on all shards`  | the gateway has carried out a command        |
 * | `Stopped`                        | it has stopped in good order                 |
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { hasLanguage, type LanguageName, languageTitle } from "../../harness/languages.ts";
import { startServerPair } from "../../harness/pair.ts";
import type { QueueReader } from "../fakes/queue_reader.ts";
import type { HeardProgram } from "../heard_program.ts";
import type { Page } from "../markdown.ts";
import { InstalledExample } from "./installed_example.ts";
import { type ExampleStage, onExampleStage } from "./stage.ts";

/** An example in a language that not every machine has. */
export interface ExampleWorker {
  readonly language: LanguageName;
  /** Its folder in `examples/`. */
  readonly folder: string;
  /** By which its README starts it. */
  readonly command: string;
  /** What it does when it loses RabbitMQ. */
  readonly afterLoss: "goes on" | "ends";
}

/** Installs the worker and tests it; where its language is not on this machine, says so in the tests' names. */
export async function testExampleWorker(
  { language, folder, command, afterLoss }: ExampleWorker,
): Promise<void> {
  const ignore = !await hasLanguage(language);
  const example = ignore ? null : await InstalledExample.install(folder);
  if (example !== null) Deno.test.afterAll(() => example[Symbol.asyncDispose]());
  const reason = ignore ? ` (not run: no ${languageTitle(language)} on this machine)` : "";
  const queue = `shardline-test.${folder}-worker`;

  const simulator = { paused: true };

  const testWorker = (promise: string, play: (stage: WorkerStage) => Promise<void>) => {
    Deno.test({
      name: `examples/${folder}: its worker ${promise}${reason}`,
      ignore,
      fn: onExampleStage({ simulator, own: { queues: [queue] } }, async (stage) => {
        assert(example !== null);
        const start = () => example.start(stage, command, { QUEUE: queue });
        const broker = await stage.parts.broker();
        await play({ stage, readme: example.readme, broker, queue, start });
      }),
    });
  };

  testWorker("takes events once, has a command carried out, and stops in good order", takesEvents);
  testWorker("that is killed in the middle of an event has it again", hasEventAgain);
  testWorker("tries a failed event once more", triesOnceMore);
  Deno.test({
    name: `examples/${folder}: its worker ${AFTER_LOSS[afterLoss].promise}${reason}`,
    ignore,
    fn: async () => {
      assert(example !== null);
      await using pair = await startServerPair();
      const servers = { rabbitUrl: pair.rabbit.url, redisUrl: pair.redis.url };
      await onExampleStage({ simulator, servers }, async (stage) => {
        const start = () => example.start(stage, command, { QUEUE: queue });
        const worker = await startIdle(stage, start);
        await pair.rabbit.server.restart();
        await AFTER_LOSS[afterLoss].play({ stage, worker, start });
      })();
    },
  });
}

const AFTER_LOSS = {
  "goes on": {
    promise: "goes on when RabbitMQ is there again, with events and commands",
    play: async ({ stage, worker }) => {
      const lines = worker.lines.length;
      stage.control.dispatch("MESSAGE_CREATE", '{"id":"2","content":"!idle"}');
      await worker.until(() => worker.lines.slice(lines).includes("The bot is idle on all shards"));
      assert.equal(await worker.end(), 0);
    },
  },
  "ends": {
    promise: "ends when it loses RabbitMQ, and goes on when it is started again",
    play: async ({ stage, worker, start }) => {
      assert.equal(await worker.ended(), 1);
      assert.match(await worker.complaints, /^Cannot go on with RabbitMQ: .+$/m);
      stage.control.dispatch("MESSAGE_CREATE", '{"id":"2","content":"!idle"}');
      const next = start();
      await next.line("The bot is idle on all shards");
      assert.equal(await next.end(), 0);
    },
  },
} as const satisfies Record<string, { promise: string; play(loss: Loss): Promise<void> }>;

interface Loss {
  readonly stage: ExampleStage;
  readonly worker: HeardProgram;
  readonly start: () => HeardProgram;
}

/** A worker that has had its first command carried out. */
async function startIdle(stage: ExampleStage, start: () => HeardProgram): Promise<HeardProgram> {
  await stage.startGateway();
  const worker = start();
  await worker.line("Taking events");
  stage.control.dispatch("MESSAGE_CREATE", '{"id":"1","content":"!idle"}');
  await worker.line("The bot is idle on all shards");
  return worker;
}

interface WorkerStage {
  readonly stage: ExampleStage;
  readonly readme: Page;
  readonly broker: QueueReader;
  readonly queue: string;
  readonly start: () => HeardProgram;
}

async function takesEvents({ stage, readme, broker, queue, start }: WorkerStage): Promise<void> {
  const { control } = stage;
  await stage.startGateway();
  const worker = start();
  await worker.line("Taking events");
  control.dispatch("MESSAGE_CREATE", '{"id":"1","content":"hello"}');
  control.dispatch("TYPING_START", "{}"); // not bound
  control.dispatch("INTERACTION_CREATE", '{"id":"2","type":2,"token":"t","data":{"name":"ping"}}');
  await worker.until(() => worker.lines.length === 3);
  const [message, interaction] = idsOf(stage, "MESSAGE_CREATE", "INTERACTION_CREATE");
  broker.channel.publish("gateway", "MESSAGE_CREATE", Buffer.from('{"d":{"content":"a copy"}}'), {
    type: "MESSAGE_CREATE",
    messageId: message ?? assert.fail(),
    headers: { shard: 0 },
  });
  await broker.channel.checkQueue(queue); // the broker has the copy
  await stage.sendRequests(readme); // somebody writes `!idle`
  await worker.line("The bot is idle on all shards");
  assert.equal(await worker.end(), 0);
  assert.equal(await worker.complaints, "");
  const command = idsOf(stage, "MESSAGE_CREATE").at(-1);
  assert.deepEqual(worker.lines, [
    "Taking events",
    `MESSAGE_CREATE ${message}`,
    `INTERACTION_CREATE ${interaction}`,
    `MESSAGE_CREATE ${command}`,
    "The bot is idle on all shards",
    "Stopped",
  ]);
  assert.deepEqual(control.statistics.commands().map(({ op }) => op), [3]);
  assert.equal((await broker.channel.checkQueue(queue)).messageCount, 0, "all are acknowledged");
}

async function hasEventAgain({ stage, broker, queue, start }: WorkerStage): Promise<void> {
  const gateway = await stage.parts.startConnected(1);
  const declaring = start();
  await declaring.line("Taking events");
  assert.equal(await declaring.end(), 0);
  stage.control.dispatch("MESSAGE_CREATE", '{"id":"1","content":"!idle"}');
  await waiting(broker, queue, 1);
  gateway.signal("SIGSTOP"); // so that the worker waits for its command's reply
  const [id] = idsOf(stage, "MESSAGE_CREATE");
  const first = start();
  await first.line(`MESSAGE_CREATE ${id}`);
  await first.end("SIGKILL");
  await waiting(broker, queue, 1);
  gateway.signal("SIGCONT");
  const second = start();
  await second.line("The bot is idle on all shards");
  assert.equal(await second.end(), 0);
  assert(second.lines.includes(`MESSAGE_CREATE ${id} again`));
  assert.equal((await broker.channel.checkQueue(queue)).messageCount, 0, "it is acknowledged");
}

async function triesOnceMore({ stage, broker, queue, start }: WorkerStage): Promise<void> {
  await stage.startGateway();
  const worker = start();
  await worker.line("Taking events");
  stage.control.dispatch("MESSAGE_CREATE", '"neither id nor content"');
  stage.control.dispatch("MESSAGE_CREATE", '{"id":"2","content":"!idle"}');
  await worker.line("The bot is idle on all shards");
  const [failing] = idsOf(stage, "MESSAGE_CREATE");
  await worker.line(`MESSAGE_CREATE ${failing} again`);
  assert.equal(await worker.end(), 0);
  assert.equal(worker.lines.filter((line) => line.includes(failing ?? "")).length, 2);
  assert.equal((await worker.complaints).match(/^.*Cannot handle MESSAGE_CREATE /gm)?.length, 2);
  assert.equal((await broker.channel.checkQueue(queue)).messageCount, 0, "it is gone");
}

/** `message_id` of the events that Discord has sent, in order. */
function idsOf({ control }: ExampleStage, ...names: readonly string[]): string[] {
  return control.ledger.summary().sessions.flatMap(({ session }) =>
    control.ledger.page(session).filter(({ t }) => names.includes(t)).map(({ s }) => `${session}:${s}`)
  );
}

/** Resolves once the queue has so many messages that nobody has taken. */
async function waiting({ channel }: QueueReader, queue: string, count: number): Promise<void> {
  let found;
  do found = await channel.checkQueue(queue); while (found.messageCount !== count);
}
