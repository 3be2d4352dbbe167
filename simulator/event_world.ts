/**
 * What the simulator needs to know of a world, and which shard a guild belongs to.
 *
 * @module
 */
import type { World } from "./world/world.ts";

/** What the simulator asks of a world. A test may hand in one in which only what it needs happens. */
export type EventWorld = Pick<
  World,
  "user" | "application" | "guildIds" | "next" | "make" | "guildCreate" | "members" | "channels"
>;

/** The shard to which a guild belongs (Discord docs, Sharding). */
export function shardOfGuild(guildId: bigint, shardCount: number): number {
  return Number((guildId >> 22n) % BigInt(shardCount));
}
