/**
 * A question to a Redis server that is not there to keep our keys: to a Sentinel, or to any node of a cluster.
 *
 * @module
 */
import { Redis, type RedisOptions } from "ioredis";
import type { HostAndPort, RedisLogin } from "../../../protocol/redis_servers.ts";

/** Who is asked where to connect has the answer at hand. There are others to ask, and a failover is not to wait. */
const LOOK_UP_TIMEOUT_MS = 2_000;
const DISCONNECT_TIMEOUT_MS = 200;

/** Asks something on a connection of its own. Rejects with what kept it from being answered. */
export async function ask<Answer>(
  place: HostAndPort,
  login: RedisLogin,
  over: AbortSignal,
  question: (redis: Redis) => Promise<Answer>,
): Promise<Answer> {
  over.throwIfAborted();
  const redis = new Redis({
    ...place,
    ...loginOf(login),
    connectionName: "shardline-look-up",
    connectTimeout: LOOK_UP_TIMEOUT_MS,
    socketTimeout: LOOK_UP_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
  });
  let failure: unknown = null;
  redis.on("error", (error) => failure = error);
  const ended = new Promise((resolve) => redis.once("end", resolve));
  const leave = () => redis.disconnect();
  over.addEventListener("abort", leave);
  try {
    await redis.connect();
    return await question(redis);
  } catch (error) {
    throw failure ?? error;
  } finally {
    over.removeEventListener("abort", leave);
    if (redis.status !== "end") redis.disconnect();
    await ended;
  }
}

/** As ioredis has it. */
export function loginOf({ username, password }: RedisLogin): Pick<RedisOptions, "username" | "password"> {
  return { username: username ?? undefined, password: password ?? undefined };
}
