/**
 * The two servers that the service talks to, started together.
 *
 * @module
 */

import { programPaths } from "./programs.ts";
import { type RabbitServer, startRabbit } from "./rabbitmq.ts";
import { type RedisServer, startRedis } from "./redis.ts";

/** A RabbitMQ and a Redis, both empty. */
export interface ServerPair extends AsyncDisposable {
  readonly rabbit: RabbitServer;
  readonly redis: RedisServer;
}

/**
 * Starts both; resolves when both are ready. Missing programs are installed in one go.
 *
 * @throws Error when one does not start; the other one is stopped then.
 */
export async function startServerPair(): Promise<ServerPair> {
  await programPaths(["rabbitmq", "redis"]);
  const [rabbit, redis] = await Promise.allSettled([startRabbit(), startRedis()]);
  const stop = async () => {
    await Promise.all(
      [rabbit, redis].map((outcome) =>
        outcome.status === "fulfilled" ? outcome.value.server.stop() : undefined
      ),
    );
  };
  if (rabbit.status === "fulfilled" && redis.status === "fulfilled") {
    return { rabbit: rabbit.value, redis: redis.value, [Symbol.asyncDispose]: stop };
  }
  await stop();
  throw rabbit.status === "rejected" ? rabbit.reason : (redis as PromiseRejectedResult).reason;
}
