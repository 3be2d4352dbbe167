/**
 * The four Redis keys that are written for others, read as another program reads them.
 *
 * @module
 */
import { Redis } from "ioredis";

/** One entry of `gateway_statuses`. */
export interface StatusEntry {
  readonly shard: number;
  readonly status: string;
  readonly latency: number;
  readonly last_ack: string;
  readonly session: string;
}

/** The values of the keys at one moment; null for a key that is not there. */
export interface Board {
  readonly sessions: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null;
  readonly statuses: readonly StatusEntry[] | null;
  /** The text of `gateway_started`. */
  readonly started: string | null;
  /** The text of `gateway_shards`. */
  readonly total: string | null;
}

const KEYS = ["gateway_sessions", "gateway_statuses", "gateway_started", "gateway_shards"];

/**
 * Hears of each write of the board by Redis's keyspace notifications. (ioredis's `monitor()` takes what others do at
 * the moment when it begins for the answer to a command of its own.)
 */
export class BoardReader implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #prefix: string;
  #watchers: (() => void)[] = [];

  static async open(redisUrl: string, prefix = ""): Promise<BoardReader> {
    const redis = new Redis(redisUrl, { lazyConnect: true });
    await redis.connect();
    await redis.config("SET", "notify-keyspace-events", "K$");
    const subscriber = redis.duplicate();
    await subscriber.psubscribe(`__keyspace@*__:${prefix}gateway_statuses`);
    return new BoardReader(redis, subscriber, prefix);
  }

  private constructor(redis: Redis, subscriber: Redis, prefix: string) {
    this.#redis = redis;
    this.#subscriber = subscriber;
    this.#prefix = prefix;
    subscriber.on("pmessage", () => {
      for (const watcher of this.#watchers.splice(0)) watcher();
    });
  }

  async read(): Promise<Board> {
    const [sessions, statuses, started, total] = await this.#redis.mget(
      KEYS.map((key) => this.#prefix + key),
    );
    return {
      sessions: sessions == null ? null : JSON.parse(sessions),
      statuses: statuses == null ? null : JSON.parse(statuses),
      started: started ?? null,
      total: total ?? null,
    };
  }

  /** Resolves at the next write. */
  written(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  /** Resolves with the board once the condition holds; it is asked again at every write. */
  async until(condition: (board: Board) => boolean): Promise<Board> {
    for (;;) {
      const written = this.written();
      const board = await this.read();
      if (condition(board)) return board;
      await written;
    }
  }

  /** Resolves with the board once the shard's status is this word. */
  untilStatus(shard: number, status: string): Promise<Board> {
    return this.until(({ statuses }) => statuses?.find((entry) => entry.shard === shard)?.status === status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subscriber.quit();
    await this.#redis.quit();
  }
}
