/**
 * What Redis was asked, by its own account.
 *
 * @module
 */
import { Redis } from "ioredis";

export interface RedisWork {
  /** Scripts that were run. */
  readonly scripts: number;
  /** All commands, those of scripts among them. */
  readonly commands: number;
  /** What it has in memory, in bytes. */
  readonly memoryBytes: number;
}

/** Since it was started. */
export async function redisWork(url: string): Promise<RedisWork> {
  await using redis = await connected(url);
  const info = await redis.client.info("everything");
  const figure = (pattern: RegExp) => Number(pattern.exec(info)?.[1] ?? 0);
  return {
    scripts: figure(/^cmdstat_evalsha:calls=(\d+)/m) + figure(/^cmdstat_eval:calls=(\d+)/m),
    commands: figure(/^total_commands_processed:(\d+)/m),
    memoryBytes: figure(/^used_memory:(\d+)/m),
  };
}

/** Has Redis keep account of what takes it long from now on. */
export async function beginSlowLog(url: string): Promise<void> {
  await using redis = await connected(url);
  await redis.client.config("SET", "slowlog-log-slower-than", 1_000);
  await redis.client.config("SET", "slowlog-max-len", 100_000);
  await redis.client.slowlog("RESET");
}

/** For how long it did nothing else since then, at most, in milliseconds; 0 where it was never for a millisecond. */
export async function longestBlockMs(url: string): Promise<number> {
  await using redis = await connected(url);
  const entries = await redis.client.slowlog("GET", -1) as [number, number, number, string[]][];
  return Math.max(0, ...entries.map(([, , us]) => us)) / 1_000;
}

async function connected(url: string): Promise<{ readonly client: Redis } & AsyncDisposable> {
  const client = new Redis(url, { lazyConnect: true });
  await client.connect();
  return { client, [Symbol.asyncDispose]: async () => void await client.quit() };
}
