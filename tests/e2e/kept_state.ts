/**
 * All that the state cache has in Redis.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Redis } from "ioredis";

/** By name, names sorted. */
export interface KeptState {
  /** What `JSON.parse` makes of the values. */
  readonly keys: Readonly<Record<string, unknown>>;
  readonly sets: Readonly<Record<string, readonly string[]>>;
}

/** What is in Redis besides the cache. */
const OTHERS = /^(gateway:.*|gateway_(sessions|statuses|started|shards))$/;

/** Names of all keys of the cache, with the prefix. */
export async function keptNames(redis: Redis, prefix: string): Promise<string[]> {
  const names = await redis.keys("*");
  return names.filter((name) => !(name.startsWith(prefix) && OTHERS.test(name.slice(prefix.length)))).sort();
}

/**
 * @throws AssertionError where a key is neither text nor a set, or expires, or where a text is not JSON.
 */
export async function readKeptState(redis: Redis, prefix: string): Promise<KeptState> {
  const names = await keptNames(redis, prefix);
  const types = await all(names, (name) => ["type", name]);
  const expiries = await all(names, (name) => ["pexpiretime", name]);
  assert.deepEqual(names.filter((_, index) => expiries[index] !== -1), [], "expire");
  const ofType = (type: string) => names.filter((_, index) => types[index] === type);
  const [texts, sets] = [ofType("string"), ofType("set")];
  assert.equal(texts.length + sets.length, names.length, `types of ${names}: ${types}`);
  const values = await all(texts, (name) => ["get", name]);
  const members = await all(sets, (name) => ["smembers", name]);
  return {
    keys: Object.fromEntries(texts.map((name, index) => [name, parsed(name, values[index])])),
    sets: Object.fromEntries(sets.map((name, index) => [name, (members[index] as string[]).sort()])),
  };

  /** What a command answers for each of the names. */
  async function all(names: readonly string[], command: (name: string) => string[]): Promise<unknown[]> {
    const answers = await redis.pipeline(names.map(command)).exec();
    return (answers ?? []).map(([error, answer]) => {
      if (error !== null) throw error;
      return answer;
    });
  }
}

function parsed(name: string, text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    assert.fail(`${name} is not JSON: ${text}`);
  }
}
