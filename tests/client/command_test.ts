import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect, type ConsumeMessage } from "amqplib";
import type { Command } from "../../client/mod.ts";
import { readCommand } from "../../gateway/commands/command.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { type ClientStage, onClientStage, STRAY_BODY } from "./stage.ts";

const COMMANDS = "gateway.send";
const RECONNECT: Command = { op: 1, shard: "all" };

/** Plays the gateway: answers each command that comes. Resolves with those that came. */
async function answer(
  stage: ClientStage,
  reply: (index: number) => string | null,
): Promise<ConsumeMessage[]> {
  const { channel } = stage.broker;
  await channel.assertQueue(COMMANDS, { durable: true });
  const taken: ConsumeMessage[] = [];
  await channel.consume(COMMANDS, (message) => {
    assert(message !== null);
    const body = reply(taken.push(message) - 1);
    const { replyTo, correlationId } = message.properties;
    if (body !== null) {
      channel.sendToQueue(replyTo, Buffer.from(body), { correlationId });
    }
    stage.changed();
  }, { noAck: true });
  return taken;
}

Deno.test(
  "ShardlineClient.command() resolves with the gateway's answer, whichever comes first",
  onClientStage({}, async (stage) => {
    const refusal = { ok: false, error: "unknown_shard", message: "There is no shard 9 here" };
    const taken = await answer(stage, (index) => index === 0 ? null : JSON.stringify(refusal));
    const client = stage.client();
    const presence: Command = {
      op: 0,
      shard: [0, 1],
      data: { op: 3, d: { since: null, activities: [], status: "idle" as never, afk: false } },
    };
    const first = client.command(presence);
    await stage.until(() => taken.length === 1);
    assert.deepEqual(await client.command(RECONNECT), refusal);
    const { replyTo, correlationId } = taken[0]?.properties ?? assert.fail();
    stage.broker.channel.sendToQueue(replyTo, Buffer.from('{"ok":true}'), { correlationId });
    assert.deepEqual(await first, { ok: true });
    for (const { content } of taken) {
      assert(readCommand(content).ok, content.toString());
    }
    assert.deepEqual(JSON.parse(String(taken[0]?.content)), presence);
    assert.deepEqual(stage.errors, []);
  }),
);

Deno.test(
  "ShardlineClient.command() sends a command for the shard of a guild",
  onClientStage({}, async (stage) => {
    const taken = await answer(stage, () => '{"ok":true}');
    const command: Command = { op: 1, guild_id: "9007199254740993", data: { mode: "resume" } };
    assert.deepEqual(await stage.client().command(command), { ok: true });
    const reading = readCommand(taken[0]?.content ?? assert.fail());
    assert(reading.ok);
    assert(reading.command.kind === "reconnect");
    assert.deepEqual(reading.command.shards, { guildId: 9007199254740993n });
  }),
);

Deno.test(
  "ShardlineClient.command() says when no answer came, and does not have the command carried out later",
  onClientStage({}, async (stage) => {
    const client = stage.client();
    const outcome = await client.command(RECONNECT, { timeoutMs: 500 });
    assert.deepEqual(outcome, {
      ok: false,
      error: "no_reply",
      message: "The gateway did not answer within 500 ms",
    });
    await stage.waiting(COMMANDS, 0); // the broker has dropped it
    const taken = await answer(stage, () => '{"ok":true}');
    assert.deepEqual(await client.command(RECONNECT), { ok: true });
    assert.equal(taken.length, 1);
  }),
);

Deno.test(
  "ShardlineClient.command() says when the connection was lost, and sends the next one on a new one",
  onClientStage({}, async (stage) => {
    await using proxy = new TcpProxy(stage.rabbitUrl);
    const taken = await answer(stage, (index) => index === 0 ? null : '{"ok":true}');
    const client = stage.client({ url: proxy.through(stage.rabbitUrl) });
    const lost = client.command(RECONNECT);
    await stage.until(() => taken.length === 1);
    proxy.cut();
    assert.deepEqual(await lost, {
      ok: false,
      error: "no_reply",
      message: "The connection to RabbitMQ was lost before an answer came",
    });
    assert.deepEqual(await client.command(RECONNECT), { ok: true });
  }),
);

Deno.test(
  "ShardlineClient.command() connects again where its channel alone is closed, and sends what came meanwhile",
  onClientStage({}, async (stage) => {
    await using proxy = new TcpProxy(stage.rabbitUrl);
    const taken = await answer(stage, (index) => index === 0 ? null : '{"ok":true}');
    const client = stage.client({ url: proxy.through(stage.rabbitUrl) });
    const lost = client.command(RECONNECT);
    await stage.until(() => taken.length === 1);
    proxy.hold();
    await proxy.sayToClients(STRAY_BODY);
    await gone(stage.rabbitUrl, taken[0]?.properties.replyTo); // the client has begun to close the channel
    const next = client.command(RECONNECT);
    proxy.release();
    assert.equal((await lost as { error?: string }).error, "no_reply");
    assert.deepEqual(await next, { ok: true });
    assert.equal(taken.length, 2);
  }),
);

Deno.test(
  "ShardlineClient.command() has a value for what it cannot send, and goes on",
  onClientStage({}, async (stage) => {
    await answer(stage, () => '{"ok":true}');
    const client = stage.client();
    const cycle: Record<string, unknown> = {};
    cycle["itself"] = cycle;
    for (
      const [command, reason] of [
        [{ op: 0, shard: 0, data: { op: 3, d: { guild_id: 9007199254740993n } } }, /BigInt/],
        [{ op: 0, shard: 0, data: cycle }, /circular/],
        [undefined, /./],
      ] as const
    ) {
      const outcome = await client.command(command as unknown as Command);
      assert(!outcome.ok);
      assert.equal(outcome.error, "not_sent");
      assert.match(outcome.message, /^Cannot write the command as JSON, in which ids are strings: /);
      assert.match(outcome.message, reason);
    }
    for (const timeoutMs of [-1, NaN, Infinity, 2_147_483_648]) {
      assert.deepEqual(await client.command(RECONNECT, { timeoutMs }), {
        ok: false,
        error: "not_sent",
        message: `Cannot wait ${timeoutMs} ms: timeoutMs must be from 0 to 2147483647`,
      });
    }
    // RabbitMQ takes whole milliseconds, and closes the channel for anything else.
    assert.deepEqual(await client.command(RECONNECT, { timeoutMs: 9_999.5 }), { ok: true });
    assert.deepEqual(stage.errors, []);
    const lost = stage.client({ url: "amqp://user:secret@host:notaport" });
    assert.deepEqual(await lost.command(RECONNECT), {
      ok: false,
      error: "not_sent",
      message: "Cannot read the URL of RabbitMQ: expected amqp://user:password@host:port/vhost",
    });
  }),
);

Deno.test(
  "ShardlineClient.command() says when a command was never sent",
  onClientStage({}, async (stage) => {
    await using proxy = new TcpProxy(stage.rabbitUrl);
    proxy.down();
    const client = stage.client({ url: proxy.through(stage.rabbitUrl) });
    assert.deepEqual(await client.command(RECONNECT, { timeoutMs: 1 }), {
      ok: false,
      error: "not_sent",
      message: "RabbitMQ could not be reached within 1 ms",
    });
    const waiting = client.command(RECONNECT);
    await client.stop();
    const stopped = { ok: false, error: "not_sent", message: "The client was stopped" };
    assert.deepEqual(await waiting, stopped);
    assert.deepEqual(await client.command(RECONNECT), stopped);
  }),
);

Deno.test(
  "ShardlineClient.command() says when somebody has deleted the queue of commands",
  onClientStage({}, async (stage) => {
    const client = stage.client();
    await client.command(RECONNECT, { timeoutMs: 500 });
    await stage.broker.channel.deleteQueue(COMMANDS);
    assert.deepEqual(await client.command(RECONNECT), {
      ok: false,
      error: "not_sent",
      message: "There is no queue gateway.send",
    });
  }),
);

/** Resolves once there is no such queue. */
async function gone(rabbitUrl: string, queue: string): Promise<void> {
  const connection = await connect(rabbitUrl);
  try {
    for (let isThere = true; isThere;) {
      const channel = await connection.createChannel();
      channel.on("error", () => {}); // `checkQueue` rejects with the same
      try {
        await channel.checkQueue(queue);
        await channel.close();
      } catch {
        isThere = false;
      }
    }
  } finally {
    await connection.close();
  }
}
