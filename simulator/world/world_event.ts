/**
 * An event of the world, on its way to the sessions.
 *
 * @module
 */

import type { EventName } from "./events.ts";

/** One thing that happened, before anybody asked who may see it. */
export interface WorldEvent {
  readonly t: EventName;
  /** The guild, by which the event finds its shard. Null: shard 0. */
  readonly guildId: bigint | null;
  /** The `d` of the dispatch, as a session with every intent sees it. */
  readonly data: Record<string, unknown>;
  /** Intents any of which lets it through; 0: always sent. */
  readonly intents: number;
  /** The bot did it, or it is about the bot's own membership. */
  readonly fromBot?: boolean;
  /** It happened in a direct channel with the bot. */
  readonly direct?: boolean;
  /** A message that mentions the bot. */
  readonly mentionsBot?: boolean;
}
