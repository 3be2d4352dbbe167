/**
 * Whether Redis may throw keys away when its memory runs short.
 *
 * @module
 */
import type { Redis } from "ioredis";

/** A limit, and a policy under which keys go where it is reached. */
export interface Eviction {
  /** `maxmemory-policy`, anything but `noeviction`. */
  readonly policy: string;
  readonly maxMemoryBytes: number;
}

/**
 * Asks `INFO memory`. Null: no key of ours is thrown away. Undefined: Redis does not say, because it forbids INFO,
 * knows no such policy, or is gone.
 */
export async function readEviction(redis: Redis): Promise<Eviction | null | undefined> {
  const info = await redis.info("memory").catch(() => "");
  const maxMemory = /^maxmemory:(\d+)\r?$/m.exec(info)?.[1];
  const policy = /^maxmemory_policy:([a-z-]+)\r?$/m.exec(info)?.[1];
  if (maxMemory === undefined || policy === undefined) return undefined;
  if (maxMemory === "0" || policy === "noeviction") return null;
  return { policy, maxMemoryBytes: Number(maxMemory) };
}
