import assert from "node:assert/strict";
import { type Channel, type ChannelModel, connect, type ConsumeMessage } from "amqplib";
import {
  type ContenderName,
  CONTENDERS,
  Contenders,
  type ContenderWork,
  type RunningContender,
} from "../../bench/contenders.ts";
import type { Compression } from "../../simulator/encoder.ts";
import { sha256 } from "../../simulator/ledger_digest.ts";
import { DEFAULT_TOKEN, type Simulator, startSimulator } from "../../simulator/simulator.ts";
import { beforeDeadline } from "../deadline.ts";
import { waitUntilGone } from "../harness/processes.ts";
import { testServers } from "../servers.ts";

const SHARDS = 2;
const EVENTS = 400;
/** Every documented intent (Discord docs, Gateway Intents). */
const INTENTS = 53_608_447;
const QUEUE = "gateway";
const DAY_MS = 86_400_000;

const contenders = await Contenders.install();
Deno.test.afterAll(() => contenders[Symbol.asyncDispose]());

/** What arrives in the queue, which must be there. */
class Arrivals {
  readonly messages: ConsumeMessage[] = [];
  readonly #channel: Channel;
  #wake = () => {};

  private constructor(channel: Channel) {
    this.#channel = channel;
  }

  static async listen(connection: ChannelModel): Promise<Arrivals> {
    const arrivals = new Arrivals(await connection.createChannel());
    await arrivals.#channel.consume(QUEUE, (message) => {
      assert(message !== null);
      arrivals.messages.push(message);
      arrivals.#wake();
    }, { noAck: true });
    return arrivals;
  }

  async until(count: number): Promise<void> {
    while (this.messages.length < count) await new Promise<void>((resolve) => this.#wake = resolve);
  }

  /** Resolves when what the queue has received by now has arrived: a channel answers in order. */
  async settle(): Promise<void> {
    assert.equal((await this.#channel.checkQueue(QUEUE)).messageCount, 0);
  }
}

/** Runs a contender for as long as the test takes, and stops it. */
async function withContender(
  name: ContenderName,
  compression: Compression,
  test: (parts: { simulator: Simulator; running: RunningContender; rabbitUrl: string }) => Promise<void>,
): Promise<void> {
  const { rabbitUrl } = await testServers();
  const simulator = await startSimulator({
    guilds: 6,
    // With zstd @discordeno/gateway takes each block for a payload, and a block holds 128 KiB (RFC 8878, 3.1.1.2.4).
    largeGuildBytes: compression === "zstd-stream" ? 0 : 300_000,
    recommendedShards: SHARDS,
    maxConcurrency: SHARDS,
    identifyWindowMs: 0,
    paused: true,
    guildMembersIntent: true,
    guildPresencesIntent: true,
    messageContentIntent: true,
  });
  try {
    const { restUrl } = simulator;
    const work = { rabbitUrl, restUrl, token: DEFAULT_TOKEN, shards: SHARDS, compression, intents: INTENTS };
    const running = await contenders.start(name, work);
    try {
      await test({ simulator, running, rabbitUrl });
    } finally {
      await running.stop();
    }
  } finally {
    await simulator.close();
  }
}

/** Every dispatch that the simulator made has come once, byte for byte, with the properties of the wire contract. */
function assertForwarded({ control }: Simulator, messages: readonly ConsumeMessage[], appId: string): void {
  const expected = control.ledger.summary().sessions.flatMap(({ session, shard }) =>
    control.ledger.page(session).map((entry) => ({ id: `${session}:${entry.s}`, shard, ...entry }))
  );
  assert.deepEqual(
    messages.map(({ properties }) => properties.messageId).sort(),
    expected.map(({ id }) => id).sort(),
  );
  const byId = new Map(messages.map((message) => [message.properties.messageId, message]));
  for (const { id, shard, t, sha256: hash } of expected) {
    const { fields, properties, content } = byId.get(id) ?? assert.fail();
    assert.equal(sha256(content), hash, `${t} ${id}`);
    assert.equal(fields.routingKey, t);
    assert.deepEqual(
      {
        contentType: properties.contentType,
        deliveryMode: properties.deliveryMode,
        type: properties.type,
        expiration: properties.expiration,
        appId: properties.appId,
        headers: { ...properties.headers },
      },
      {
        contentType: "application/json",
        deliveryMode: 2,
        type: t,
        expiration: String(DAY_MS),
        appId,
        headers: { shard },
      },
    );
    assert.ok(Math.abs(properties.timestamp - Date.now() / 1_000) < 600);
  }
}

for (const name of ["discordjs", "discordeno"] as const) {
  const { title, compressions } = CONTENDERS[name];
  for (const compression of compressions) {
    Deno.test(`${title} forwards every event once, and its very bytes, with ${compression}`, async () => {
      await withContender(name, compression, async ({ simulator, running, rabbitUrl }) => {
        const { control } = simulator;
        const connection = await connect(rabbitUrl);
        try {
          await beforeDeadline(
            control.until(() => control.statistics.happenings.identified === SHARDS),
            () => "not all shards have identified",
          );
          const arrivals = await Arrivals.listen(connection);
          control.generate(EVENTS);
          const { count, sessions } = control.ledger.summary();
          assert.ok(sessions.length === SHARDS && count > EVENTS);
          await beforeDeadline(
            arrivals.until(count),
            () => `of ${count} events ${arrivals.messages.length} have arrived`,
          );
          const compressions = control.state().connections.map(({ compression }) => compression);
          assert.deepEqual(compressions, [compression, compression]);
          await running.stop(); // what it would publish twice is there by then
          await arrivals.settle();
          assertForwarded(simulator, arrivals.messages, name);
        } finally {
          await connection.close();
        }
      });
    });
  }
}

Deno.test("RunningContender.stop() tells of a contender that had ended by itself, and what it said", async () => {
  const { rabbitUrl } = await testServers();
  // Nobody listens there.
  const nowhere = {
    rabbitUrl,
    restUrl: "http://127.0.0.1:1/api",
    token: DEFAULT_TOKEN,
    shards: 1,
    intents: 0,
  };
  await assertEndsItself("discordeno", { ...nowhere, compression: "none" }, /status 1\n[^]*fetch failed/);
  await assertEndsItself(
    "discordjs",
    { ...nowhere, compression: "zstd-stream" },
    /status 78\nCannot start: COMPRESSION is zstd-stream, and this library knows none, zlib-stream$/,
  );
});

async function assertEndsItself(name: ContenderName, work: ContenderWork, told: RegExp): Promise<void> {
  const running = await contenders.start(name, work);
  await waitUntilGone({ processIds: [running.processId] });
  await assert.rejects(running.stop(), (error: Error) => {
    assert.match(error.message, /^@discord.* \+ amqplib did not end in good order: it ended with /);
    assert.match(error.message, told);
    return true;
  });
}
