/**
 * What the server tells of one shard.
 *
 * @module
 */

/** Times are milliseconds since the epoch, by the server's clock. Null: not known, or none. */
export interface ShardFigures {
  readonly atMs: number;
  /** Who writes what is shown: our service, another, nobody yet. */
  readonly source: "shardline" | "other" | "none";
  readonly heardAgoMs: number | null;
  /** One of the states in `cell_states.ts`. */
  readonly state: string;
  /** Since when it has its status. */
  readonly sinceMs: number | null;
  readonly latencyMs: number | null;
  readonly lastAckAtMs: number | null;
  /** Shortened. */
  readonly session: string | null;
  readonly received: number | null;
  readonly published: number | null;
  readonly stored: number | null;
  readonly host: string | null;
  readonly guilds: number | null;
  readonly eventsPerSecond: number | null;
  /** The most frequent first. */
  readonly rates: readonly { readonly type: string; readonly perSecond: number }[];
}

export interface LifeEvent {
  /** Unique for the shard. */
  readonly id: string;
  readonly atMs: number;
  readonly text: string;
  readonly tone: "good" | "plain" | "warn" | "bad";
}

/** Of one acknowledged heartbeat. */
export interface ShardLatency {
  readonly id: string;
  readonly atMs: number;
  readonly latencyMs: number;
}

export interface ShardMessage {
  readonly figures: ShardFigures;
  /** Those that are new, the newest first. */
  readonly life: readonly LifeEvent[];
  /** Those that are new, the oldest first. */
  readonly latencies: readonly ShardLatency[];
}
