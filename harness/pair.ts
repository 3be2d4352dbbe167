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

/** Paths of the programs. */
export interface ServerPrograms {
  readonly rabbitmq: string;
  readonly redis: string;
}

/**
 * Starts both; resolves when both are ready.
 *
 * @param programs Paths of the two; left out, they are looked for, and what is missing is installed in one go.
 * @throws Error when one does not start; the other one is stopped then.
 */
export async function startServerPair(programs?: ServerPrograms): Promise<ServerPair> {
  const paths = programs ?? await programPaths(["rabbitmq", "redis"]);
  const [rabbit, redis] = await Promise.allSettled([
    startRabbit({ program: paths.rabbitmq }),
    startRedis(paths.redis),
  ]);
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
