/**
 * The news that events are missing for good.
 *
 * @module
 */

/** What the gateway tells of a gap (docs/contract.md, News). */
export interface Gap {
  readonly shard: number;
  /** Id of the session whose events are missing. */
  readonly old_session: string;
  /** Id of the session that follows; the same where the session goes on; null where the shard is no longer run. */
  readonly new_session: string | null;
  /** The last `s` before the gap that was published. */
  readonly last_sequence: number;
  /** ISO 8601: the time of the last event before the gap, and of the first after it. */
  readonly from: string;
  readonly to: string;
  /** `invalid_session`, `intents_changed`, `event_refused`, …: the contract lists them. */
  readonly reason: string;
  /** Only with `event_refused`: the one event that is missing. */
  readonly sequence?: number;
  readonly type?: string;
}

/** As with events: what it returns is awaited, and then the news is acknowledged. */
export type GapHandler = (gap: Gap) => unknown;

/** Two tellings of one gap have the same. */
export function gapId({ shard, old_session, last_sequence }: Gap): string {
  return `gap:${shard}:${old_session}:${last_sequence}`;
}
