/**
 * Which shard a guild is on.
 *
 * @module
 */
import { shardOfGuild as shardOfGuildId } from "../gateway/protocol/guild_shard.ts";
import { SHARDS_MOST } from "../gateway/protocol/shard_count.ts";
import { TOTAL_KEY } from "./contract_keys.ts";
import type { DashboardRedis } from "./redis.ts";

/** Snowflakes are unsigned and have 64 bits (Discord reference, Snowflakes). */
const SNOWFLAKE_MAX = 2n ** 64n - 1n;

/** The id that a text names, without what people copy along with it; null where it names none. */
export function readSnowflake(text: string): string | null {
  const digits = text.trim();
  if (!/^\d{1,20}$/.test(digits)) return null;
  const snowflake = BigInt(digits);
  return snowflake > 0n && snowflake <= SNOWFLAKE_MAX ? String(snowflake) : null;
}

/** @param guildId As {@link readSnowflake} gives it. */
export function shardOfGuild(guildId: string, total: number): number {
  return shardOfGuildId(BigInt(guildId), total);
}

/**
 * How many shards there are, by the one key for it that every service of this contract writes; null before that.
 *
 * @throws RedisAwayError
 */
export async function readShardTotal(redis: DashboardRedis): Promise<number | null> {
  const text = await redis.ask((redis) => redis.get(TOTAL_KEY));
  const total = text !== null && /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return total > 0 && total <= SHARDS_MOST ? total : null;
}
