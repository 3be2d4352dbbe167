/**
 * The port that keeps guild names, for the one who asks for them: a Discord log channel that is to say which
 * guild the bot has left, when the event itself has only the id.
 *
 * @module
 */

export interface GuildNames {
  /** Best effort, never in the way of events. */
  keep(guild: bigint, name: string): void;
  /** The name kept, and forgets it; null where there is none or the store does not answer. Never rejects. */
  take(guild: bigint): Promise<string | null>;
}
