/**
 * What the server tells of the fleet.
 *
 * @module
 */

/** Times are milliseconds since the epoch, by the server's clock. */
export interface FleetFigures {
  readonly atMs: number;
  /** Who writes what is shown: our service, another, nobody yet. */
  readonly source: "shardline" | "other" | "none";
  readonly startedAtMs: number | null;
  readonly heardAgoMs: number | null;
  readonly total: number;
  /** How many shards are in each state. */
  readonly counts: Readonly<Record<string, number>>;
  readonly sums: {
    readonly unconfirmed: { readonly events: number; readonly bytes: number };
    readonly spool: { readonly events: number; readonly bytes: number; readonly maxBytes: number } | null;
    readonly identify: {
      readonly remaining: number;
      readonly total: number;
      readonly resetsAtMs: number;
    } | null;
    readonly recommended: number | null;
  };
  readonly latency: LatencySpread | null;
  readonly replicas: readonly ReplicaFigures[];
  readonly unheld: UnheldShards;
  /** Null where there was none. */
  readonly reshard: ReshardFigures | null;
  readonly problems: readonly string[];
}

export interface LatencySpread {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly maxMs: number;
  readonly bars: readonly number[];
  /** Connected shards that have none yet. */
  readonly unmeasured: number;
}

/** Shards that nobody holds. */
export interface UnheldShards {
  /** The first of them. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
  readonly count: number;
  readonly longestMs: number;
}

/** A change of the number of shards that is under way, or was the last. */
export interface ReshardFigures {
  readonly from: number;
  readonly to: number;
  readonly phase: "rehearsing" | "holding" | "taking_over" | "done" | "abandoned";
  readonly beganAtMs: number;
  /** How it is, as sentences. */
  readonly text: string;
  /** New shards that are connected. */
  readonly ready: number;
  readonly replicas: readonly {
    readonly name: string;
    readonly ready: number;
    /** As a phrase; null: nothing. */
    readonly waitsFor: string | null;
  }[];
  readonly isUnderWay: boolean;
  readonly canBeAbandoned: boolean;
}

export interface ReplicaFigures {
  readonly name: string;
  readonly state: "starting" | "running" | "draining" | "drained" | "lapsed" | "silent" | "stopped";
  /** Whether it shares its shards with others, and can be drained. */
  readonly isShared: boolean;
  readonly isLead: boolean;
  readonly version: string;
  readonly startedAtMs: number;
  readonly heardAgoMs: number;
  readonly isStopped: boolean;
  readonly isCurrent: boolean;
  readonly shards: readonly (readonly [first: number, last: number])[];
  readonly shardCount: number;
  readonly hasBroker: boolean;
  readonly unconfirmed: { readonly events: number; readonly bytes: number };
  readonly spooled: number | null;
  /** In its newest second. */
  readonly eventsPerSecond: number | null;
  readonly confirmedPerSecond: number | null;
}

export interface HistorySeries {
  /** Of the first entries. */
  readonly firstSecond: number;
  readonly events: readonly (number | null)[];
  readonly delayP50Ms: readonly (number | null)[];
  readonly delayP99Ms: readonly (number | null)[];
  readonly unconfirmed: readonly (number | null)[];
  readonly spooled: readonly (number | null)[];
  /** How often a shard came back in that second, or came up. */
  readonly returned: readonly (number | null)[];
}

export interface FleetMessage {
  /** Each changed shard with the letter of its state; or a letter for each shard. */
  readonly cells: readonly (readonly [shard: number, code: string])[] | string;
  readonly figures: FleetFigures;
  readonly history: HistorySeries;
}
