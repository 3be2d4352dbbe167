/**
 * Servers that tests may write to: whether they are empty, and making them so.
 *
 * @module
 */

import { connect } from "amqplib";
import { Redis } from "ioredis";

/** Where a RabbitMQ and a Redis are, as `amqp://` and `redis://` URLs. */
export interface ServerAddresses {
  readonly rabbitUrl: string;
  readonly redisUrl: string;
}

/** Names in RabbitMQ. */
export interface BrokerNames {
  readonly queues: readonly string[];
  readonly exchanges: readonly string[];
}

/** Every name that the service declares, whatever `DEFAULT_QUEUE` says of its own two (the wire contract, RabbitMQ). */
export const SERVICE_NAMES: BrokerNames = {
  queues: [
    ...["gateway", "gateway.recv", "gateway.send", "gateway.send.rejected", "gateway.send.reports"],
    // As many partitions as a test has.
    ...["gateway.p0", "gateway.p1", "gateway.p2", "gateway.p3"],
  ],
  exchanges: ["gateway", "gateway.events", "gateway.partitions"],
};

/**
 * The servers that the environment names with `TEST_RABBIT_URL` and `TEST_REDIS_URL`; nothing where neither is set.
 *
 * @throws Error when only one of them is set: the other would then be one that nobody meant.
 */
export function addressesOf(
  environment: {
    readonly TEST_RABBIT_URL?: string | undefined;
    readonly TEST_REDIS_URL?: string | undefined;
  },
): ServerAddresses | undefined {
  const { TEST_RABBIT_URL: rabbitUrl, TEST_REDIS_URL: redisUrl } = environment;
  if (!rabbitUrl && !redisUrl) return undefined;
  if (!rabbitUrl) throw new Error("TEST_REDIS_URL is set, TEST_RABBIT_URL is not: set both or none");
  if (!redisUrl) throw new Error("TEST_RABBIT_URL is set, TEST_REDIS_URL is not: set both or none");
  return { rabbitUrl, redisUrl };
}

/**
 * Makes sure that nothing of anybody is where tests would write.
 *
 * @throws Error that names all that was found.
 */
export async function requireEmpty({ rabbitUrl, redisUrl }: ServerAddresses): Promise<void> {
  const found = [...await namesFound(rabbitUrl), ...await keysFound(redisUrl)];
  if (found.length > 0) {
    throw new Error(
      `Tests write only to empty servers, but TEST_RABBIT_URL and TEST_REDIS_URL have ${found.join(", ")}: ` +
        "name others, or unset both and servers of their own are started",
    );
  }
}

async function namesFound(rabbitUrl: string): Promise<string[]> {
  const found: string[] = [];
  const look = async (kind: "queue" | "exchange", name: string) => {
    // A passive declare of what is not there closes the channel, so each has its own.
    const channel = await connection.createChannel();
    channel.on("error", () => {});
    try {
      await (kind === "queue" ? channel.checkQueue(name) : channel.checkExchange(name));
      found.push(`${kind} ${name}`);
      await channel.close();
    } catch {
      // Not there: as it should be.
    }
  };
  const connection = await reach("TEST_RABBIT_URL", rabbitUrl, () => connect(rabbitUrl));
  try {
    for (const queue of SERVICE_NAMES.queues) await look("queue", queue);
    for (const exchange of SERVICE_NAMES.exchanges) await look("exchange", exchange);
  } finally {
    await connection.close();
  }
  return found;
}

async function keysFound(redisUrl: string): Promise<string[]> {
  const redis = redisClient(redisUrl);
  try {
    await reach("TEST_REDIS_URL", redisUrl, () => redis.connect());
    const count = await redis.dbsize();
    return count === 0 ? [] : [`${count} Redis ${count === 1 ? "key" : "keys"}`];
  } finally {
    await leave(redis);
  }
}

/** An address is told without its user and password. */
async function reach<T>(variable: string, url: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot reach ${variable} at ${new URL(url).host}: ${reason}`, { cause });
  }
}

/** A client that gives up at once; its own errors are those that its calls reject with. */
function redisClient(redisUrl: string): Redis {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 0, lazyConnect: true, retryStrategy: null });
  redis.on("error", () => {});
  return redis;
}

/** Resolves when the connection is closed, and nothing of it is left to a test's leak check. */
async function leave(redis: Redis): Promise<void> {
  if (redis.status === "end") return;
  const ended = new Promise((resolve) => redis.once("end", resolve));
  redis.disconnect();
  await ended;
}

/** Deletes the names with all that is in them, and every key of the Redis database. */
export async function makeEmpty({ rabbitUrl, redisUrl }: ServerAddresses, names: BrokerNames): Promise<void> {
  const connection = await connect(rabbitUrl);
  try {
    const channel = await connection.createChannel();
    for (const queue of names.queues) await channel.deleteQueue(queue);
    for (const exchange of names.exchanges) await channel.deleteExchange(exchange);
  } finally {
    await connection.close();
  }
  const redis = redisClient(redisUrl);
  try {
    await redis.connect();
    await redis.flushdb();
  } finally {
    await leave(redis);
  }
}
