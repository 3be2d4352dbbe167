/**
 * The dashboard's connection to Redis. It never makes anybody wait: what is asked while Redis is away fails at
 * once, because a page that says so is of more use than one that does not come.
 *
 * @module
 */
import type { Redis } from "ioredis";
import { RedisLocator } from "../gateway/adapters/redis/place/locator.ts";
import { isOfAnotherServer, isSound, openRedis } from "../gateway/adapters/redis/place/open.ts";
import type { RedisServers } from "../gateway/protocol/redis_servers.ts";

/** Redis cannot be reached, or has not answered in time. */
export class RedisAwayError extends Error {
  override readonly name = "RedisAwayError";
}

/** A key holds what nobody writes who keeps to the contract. */
export class WrongTypeError extends Error {
  override readonly name = "WrongTypeError";

  /** @param keys As they stand in Redis, prefix included; it is one of them. */
  constructor(keys: readonly string[], options: ErrorOptions) {
    const words = keys.length === 1 ? `${keys[0]}` : `one of ${keys.join(", ")}`;
    super(`Cannot use ${words} in Redis: it is of a wrong type`, options);
  }
}

/** A page is worth waiting for this long. */
const ANSWER_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 3_000;
const RECONNECT_MOST_MS = 2_000;
/** Redis answers within milliseconds; one that owes an answer for this long is given up, for another may be there by now. */
const SILENCE_MOST_MS = 10_000;

export class DashboardRedis {
  readonly #locator: RedisLocator;
  readonly #redis: Redis;

  /** @param prefix Put before every key. */
  constructor(servers: RedisServers & { readonly prefix: string }) {
    this.#locator = new RedisLocator(servers, servers.prefix);
    this.#redis = openRedis(this.#locator, {
      keyPrefix: servers.prefix,
      connectionName: "shardline-dashboard",
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: ANSWER_TIMEOUT_MS,
      socketTimeout: SILENCE_MOST_MS,
      reconnectOnError: isOfAnotherServer,
      // Between two tries to connect; until then everything asked is refused on the spot.
      retryStrategy: (tries) => Math.min(tries * 100, RECONNECT_MOST_MS),
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      lazyConnect: true,
    });
    // What goes wrong is told to whoever asks; without a listener the library would write it to the console.
    this.#redis.on("error", () => {});
  }

  /** Begins to connect, and resolves once it is known whether that worked. It goes on trying either way. */
  async start(): Promise<void> {
    await this.#redis.connect().catch(() => {});
  }

  /**
   * Has something asked of Redis.
   *
   * @throws RedisAwayError where Redis cannot answer.
   * @throws WrongTypeError where a key is of another type than was asked for; what else Redis refuses is thrown as it is.
   */
  async ask<Answer>(work: (redis: Redis) => Promise<Answer>): Promise<Answer> {
    try {
      return await work(this.#redis);
    } catch (error) {
      if (isWrongType(error)) throw new WrongTypeError(keysOf(error.command), { cause: error });
      if (isSound(this.#redis) && !isLate(error) && !isOfAnotherServer(error)) throw error;
      throw new RedisAwayError("Cannot reach Redis", { cause: error });
    }
  }

  /** Asks Redis whether it is there: a connection stands for long where Redis hangs. Never rejects. */
  async isThere(): Promise<boolean> {
    try {
      await this.ask((redis) => redis.ping());
      return true;
    } catch (error) {
      // Whoever refuses has answered.
      return !(error instanceof RedisAwayError);
    }
  }

  /** Ends the connection. Safe twice, and before {@link start}. */
  async stop(): Promise<void> {
    if (this.#redis.status === "ready") await this.#redis.quit().catch(() => {});
    this.#redis.disconnect();
    await this.#locator.left();
  }
}

/** ioredis has no class of its own for an answer that did not come in time. */
function isLate(error: unknown): boolean {
  return error instanceof Error && error.message === "Command timed out";
}

/** As Redis says it; before it stands, of a script, which one that was. */
const WRONG_TYPE = "WRONGTYPE Operation against a key";

interface RefusedCommand {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** ioredis exports the class of what Redis refuses without its type. */
function isWrongType(error: unknown): error is Error & { readonly command: RefusedCommand } {
  return error instanceof Error && error.name === "ReplyError" && error.message.includes(WRONG_TYPE) &&
    "command" in error;
}

/** A script has its text and their number before them, everything else here begins with its only one. */
function keysOf({ name, args }: RefusedCommand): string[] {
  const keys = name === "eval" ? args.slice(2, 2 + Number(args[1])) : args.slice(0, 1);
  return keys.map(String);
}
