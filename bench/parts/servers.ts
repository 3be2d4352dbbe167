/**
 * The servers that some parts are measured against, started when the first bench asks for one. Nobody stops them: they
 * end with the process that started them (`harness/supervisor.ts`), for a bench knows of no end of all benches.
 *
 * @module
 */
import { RedisClient } from "../../gateway/adapters/redis/client.ts";
import { systemClock } from "../../gateway/clock.ts";
import { startRabbit } from "../../harness/rabbitmq.ts";
import { startRedis } from "../../harness/redis.ts";
import { failLoudly } from "./fail_loudly.ts";
import { once } from "./once.ts";

/** URL of a RabbitMQ of this module's own. */
export const rabbitUrl = once(async () => (await startRabbit()).url);

/** A connection to a Redis of this module's own, for as long as the process lives. */
export const redisClient = once(async () => {
  const { url } = await startRedis();
  const client = new RedisClient({
    url,
    prefix: "",
    clock: systemClock,
    dice: Math.random,
    observe: failLoudly,
  });
  const ready = new Promise<void>((resolve) => client.onReady(resolve));
  client.start();
  await ready;
  return client;
});
