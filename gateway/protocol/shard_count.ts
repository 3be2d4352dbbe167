/**
 * How many shards there can be.
 *
 * @module
 */

/**
 * More shards than the largest bots have: Discord recommends one per 1,000 guilds. A bound on what settings, Discord's
 * answer and the store may claim, so that a slip of the finger or a broken proxy does not fill the memory.
 */
export const SHARDS_MOST = 65_536;

/** Whether it is a number of shards that there can be. */
export function isShardCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= SHARDS_MOST;
}
