/**
 * What a gateway tells of single shards, and a gateway that restarts them when it is told to.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Redis } from "ioredis";
import { BANK_KEYS, DETAILS_KEY, latenciesKey, lifeKey } from "../../../dashboard/contract_keys.ts";
import { QueueReader } from "../../fakes/queue_reader.ts";

/** Whoever reads what another service wrote finds another start than ours, and what a killed gateway left behind. */
export async function becomeForeign(redis: Redis): Promise<void> {
  await redis.set(BANK_KEYS.a.started, JSON.stringify("2025-01-01T00:00:00.000000"));
}

/** Everything that the gateway tells of one shard. */
export async function writeDetails(redis: Redis, shard: number): Promise<void> {
  await redis.hset(
    DETAILS_KEY,
    String(shard),
    JSON.stringify({
      at: 1_767_226_201_000,
      since: 1_767_225_600_000,
      received: 4711,
      published: 4710,
      stored: 4709,
      guilds: 812,
      host: "gateway-us-east1-b.discord.gg",
      parked: false,
      waiting: false,
      events_per_second: 12.4,
      rates: { TYPING_START: 2.25, MESSAGE_CREATE: 8.1 },
    }),
  );
  const disconnected = '{"code":4009,"reason":"","by":"discord"}';
  await redis.xadd(lifeKey(shard), "1767225600000-0", "kind", "resumed", "data", '{"replayed":3}');
  await redis.xadd(lifeKey(shard), "1767225600100-0", "kind", "disconnected", "data", disconnected);
  await redis.xadd(latenciesKey(shard), "1767225600000-0", "ms", "41");
  await redis.xadd(latenciesKey(shard), "1767225641000-0", "ms", "43");
}

/** Adds to a shard's life, as it happens. */
export async function lives(redis: Redis, shard: number, ...kinds: readonly string[]): Promise<void> {
  for (const kind of kinds) await redis.xadd(lifeKey(shard), "*", "kind", kind, "data", "{}");
}

/** A command as it came. */
export interface RestartCommand {
  readonly op: number;
  readonly shard: number;
  readonly data?: { readonly mode: string };
}

/** Consumes `gateway.send` and answers each command as carried out, once `restart` has resolved. */
export async function restartingGateway(
  rabbitUrl: string,
  restart: (command: RestartCommand) => Promise<void>,
): Promise<AsyncDisposable & { readonly commands: readonly RestartCommand[] }> {
  const broker = await QueueReader.connect(rabbitUrl);
  const commands: RestartCommand[] = [];
  await broker.channel.assertQueue("gateway.send", { durable: true });
  await broker.channel.consume("gateway.send", (message) => {
    if (message === null) return;
    broker.channel.ack(message);
    const command: RestartCommand = JSON.parse(message.content.toString());
    commands.push(command);
    const { replyTo, correlationId } = message.properties;
    restart(command).then(() => {
      broker.channel.sendToQueue(replyTo, Buffer.from('{"ok":true}'), { correlationId });
    });
  });
  return { commands, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}
