/**
 * A real, clean Redis behind a line that can be cut, with a client of the test's own.
 *
 * @module
 */
import { Redis } from "ioredis";
import { RedisClient } from "../../gateway/adapters/redis/client.ts";
import { systemClock } from "../../gateway/clock.ts";
import { testServers } from "../servers.ts";
import { Observations } from "./observations.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";

export class RedisFixture implements AsyncDisposable {
  readonly url: string;
  readonly proxy: TcpProxy;
  readonly observations = new Observations();
  /** Talks to Redis past the line, without a prefix. */
  readonly redis: Redis;
  readonly #prefix: string;
  readonly #clients: RedisClient[] = [];

  constructor(url: string, prefix: string) {
    this.url = url;
    this.proxy = new TcpProxy(url);
    this.redis = new Redis(url, { lazyConnect: true });
    this.#prefix = prefix;
  }

  /** A client as one more process has it, started. */
  client(): RedisClient {
    const client = new RedisClient({
      url: this.proxy.through(this.url),
      prefix: this.#prefix,
      clock: systemClock,
      dice: Math.random,
      observe: this.observations.observe,
    });
    client.start();
    this.#clients.push(client);
    return client;
  }

  /** The same, once it is connected. */
  async connected(): Promise<RedisClient> {
    const client = this.client();
    await new Promise<void>((resolve) => client.onReady(resolve));
    return client;
  }

  /** Cuts the line; resolves when every client has noticed. */
  async away(): Promise<void> {
    const connections = this.observations.of("redis.connected").length;
    this.proxy.down();
    await this.observations.first("redis.lost", connections);
  }

  /** How often Redis carried out each command meanwhile, those of a script included. */
  async callsDuring(action: () => Promise<void>): Promise<Map<string, number>> {
    await this.redis.config("RESETSTAT");
    await action();
    const calls = (await this.redis.info("commandstats")).matchAll(/^cmdstat_(\S+):calls=(\d+)/gm);
    return new Map([...calls].map(([, command = "", count]) => [command, Number(count)]));
  }

  /** Every key with its value: a text, or an object of a hash's fields. */
  async dump(): Promise<Record<string, unknown>> {
    const keys = (await this.redis.keys("*")).toSorted();
    const values = keys.map(async (key) => [
      key,
      await this.redis.type(key) === "hash" ? await this.redis.hgetall(key) : await this.redis.get(key),
    ]);
    return Object.fromEntries(await Promise.all(values));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.disconnect()));
    await this.redis.quit();
    await this.proxy[Symbol.asyncDispose]();
  }
}

/** A fixture on a Redis without anything in it. */
export async function openRedis({ prefix = "" } = {}): Promise<RedisFixture> {
  const { redisUrl } = await testServers();
  return new RedisFixture(redisUrl, prefix);
}
