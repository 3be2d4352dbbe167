/**
 * Handled events, remembered in Redis for all consumers of a queue.
 *
 * @module
 */
import type { HandledIds } from "./handled_ids.ts";

/** What is needed of a Redis client; that of `ioredis` has it. */
export interface RedisLike {
  exists(key: string): Promise<number>;
  set(key: string, value: string, unit: "PX", ttlMs: number, condition: "NX"): Promise<unknown>;
}

export interface RedisHandledIdsOptions {
  /** How long an id is kept, in ms. Default: an hour. */
  readonly ttlMs?: number;
  /** Put before every key. Default: `gateway:handled:`. */
  readonly prefix?: string;
}

const HOUR_MS = 3_600_000;

/** The client stays the caller's: it is not closed here. */
export class RedisHandledIds implements HandledIds {
  readonly #redis: RedisLike;
  readonly #ttlMs: number;
  readonly #prefix: string;

  constructor(redis: RedisLike, options: RedisHandledIdsOptions = {}) {
    const { ttlMs = HOUR_MS, prefix = "gateway:handled:" } = options;
    this.#redis = redis;
    this.#ttlMs = ttlMs;
    this.#prefix = prefix;
  }

  async has(id: string): Promise<boolean> {
    return await this.#redis.exists(this.#prefix + id) > 0;
  }

  async add(id: string): Promise<void> {
    // A copy that was handled at the same time does not make the first one young again.
    await this.#redis.set(this.#prefix + id, "1", "PX", this.#ttlMs, "NX");
  }
}
