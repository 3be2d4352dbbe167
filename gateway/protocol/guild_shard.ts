/**
 * Which shard a guild is on.
 *
 * @module
 */

/** Discord's own formula (gateway docs, Sharding). `total` is the number of shards. */
export function shardOfGuild(guildId: bigint, total: number): number {
  return Number((guildId >> 22n) % BigInt(total));
}
