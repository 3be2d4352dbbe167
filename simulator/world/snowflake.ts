/**
 * Discord's ids: 42 bits of milliseconds since 2015, 10 bits that name the machine, 12 bits that count
 * (Discord reference, Snowflakes). Here the 22 low bits say who made the id: see {@link LIVE_BIT}.
 *
 * @module
 */

/** The first millisecond of 2015, where Discord's ids begin (Discord reference, Snowflakes). */
export const DISCORD_EPOCH_MS = 1_420_070_400_000;

/**
 * The day Discord opened, 13 May 2015: no account and no guild is older, so that all their ids have 17 digits
 * or more.
 */
export const DISCORD_OPENED_MS = Date.UTC(2015, 4, 13);

/**
 * Set in ids given out while the simulator runs, clear in those derived from an index: the two never meet.
 */
const LIVE_BIT = 1 << 21;

/** How many ids one millisecond can hold on either side of {@link LIVE_BIT}. */
export const IDS_PER_MILLISECOND = LIVE_BIT;

/**
 * The id of something that came to be at `atMs`; `low` in [0, 2^22) tells apart what came in the same
 * millisecond.
 */
export function snowflake(atMs: number, low: number): bigint {
  return (BigInt(atMs - DISCORD_EPOCH_MS) << 22n) | BigInt(low);
}

/** Milliseconds of the Unix epoch at which the id was made. */
export function snowflakeMs(id: bigint | string): number {
  return Number(BigInt(id) >> 22n) + DISCORD_EPOCH_MS;
}

/** Gives out ids of messages, interactions and whatever else is made while the simulator runs; none twice. */
export class SnowflakeSequence {
  #count = 0;

  /**
   * The next id, stamped with `nowMs`. Like Discord's own machines it goes on counting from one millisecond
   * to the next, so a clock that stands still or steps back yields no id again within two million.
   */
  next(nowMs: number): string {
    const low = LIVE_BIT | this.#count;
    this.#count = (this.#count + 1) % IDS_PER_MILLISECOND;
    return snowflake(nowMs, low).toString();
  }
}
