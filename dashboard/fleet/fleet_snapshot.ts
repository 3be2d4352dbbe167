/**
 * The whole fleet at one moment, as Redis tells it: plain frozen data, checked, bounded, without a secret in it.
 *
 * @module
 */
import type { Reshard } from "../resharding/reshard.ts";

export interface FleetSnapshot {
  /** When it was read, milliseconds since the epoch. */
  readonly atMs: number;
  /**
   * Who wrote it: this service; another one with the same four keys (a restart would shut its shards down for good);
   * nobody yet.
   */
  readonly source: "shardline" | "other" | "none";
  /** Null where nobody has said. */
  readonly startedAtMs: number | null;
  /** Null where nobody has said: then there are as many shards as have an entry. */
  readonly total: number | null;
  /** One for each shard below the total, in the order of their ids: `shards[12].shard` is 12. */
  readonly shards: readonly FleetShard[];
  /** Those that are current, and those that were heard in the last fifteen minutes, by name. */
  readonly replicas: readonly FleetReplica[];
  /** Shards that no process of the gateway may run, though there is one. */
  readonly unheld: UnheldShards;
  /** The change of the number of shards that is under way, or was the last; null where there was none. */
  readonly reshard: Reshard | null;
  /** Of the replicas that are current. */
  readonly sums: FleetSums;
  /**
   * Since the last word of the gateway; null where it never said one: it is not there yet, or it is another service,
   * which does not.
   */
  readonly heardAgoMs: number | null;
  /** What was skipped because it is garbage; a sentence without a full stop each. */
  readonly problems: readonly string[];
}

/**
 * What a cell of the grid shows. A shard that waits for its turn to identify or is parked until the broker has caught
 * up is "Disconnected" by the contract; `unknown`: there is no entry of it, or none that can be read.
 */
export const CELL_STATES = [
  "connected",
  "resuming",
  "identifying",
  "handshaking",
  "waiting",
  "parked",
  "disconnected",
  "unknown",
] as const;

export type CellState = (typeof CELL_STATES)[number];

export function isCellState(text: string): text is CellState {
  return (CELL_STATES as readonly string[]).includes(text);
}

/** The letter that stands for a state where there are ten thousand of them; no two begin with the same. */
export function cellCode(state: CellState): string {
  return state.charAt(0);
}

export interface FleetShard {
  readonly shard: number;
  readonly state: CellState;
  /** Null before the first acknowledged heartbeat of a connection. */
  readonly latencyMs: number | null;
  /** Before the first acknowledged heartbeat: when it connected. Null where that is not known. */
  readonly lastAckAtMs: number | null;
  /** Its session's id, never whole; null without one. */
  readonly session: string | null;
}

/** Inclusive, ascending. */
export type ShardRanges = readonly (readonly [first: number, last: number])[];

export interface FleetReplica {
  /** Fit to be shown. */
  readonly name: string;
  /** As Redis has it, for its keys. */
  readonly field: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly heardAgoMs: number;
  /** It ended in order. */
  readonly isStopped: boolean;
  /**
   * Whether what it says counts: it has not stopped, was heard at most a minute before the one that was heard last, and
   * no other service runs the shards since. A process that was killed leaves its word behind.
   */
  readonly isCurrent: boolean;
  readonly shards: ShardRanges;
  readonly shardCount: number;
  /** Null before it is known. */
  readonly total: number | null;
  readonly recommended: number | null;
  readonly waiting: ShardRanges;
  readonly parked: ShardRanges;
  readonly identify: IdentifyBudget | null;
  /** Whether its connections to the broker stand. */
  readonly hasBroker: boolean;
  readonly unconfirmed: Backlog;
  /** Null without a spool. */
  readonly spool: Spool | null;
  /** Null where it shares its shards with nobody (`FLEET` is off), or has not joined yet. */
  readonly fleet: FleetPart | null;
}

/** A replica's part in the fleet. */
export interface FleetPart {
  readonly member: string;
  /** It is the one that composes what others read. */
  readonly isLead: boolean;
  /** It hands its shards over, and takes none. */
  readonly isDraining: boolean;
  /** Whether it may run shards: not before its leases were renewed, nor where they could not be. */
  readonly holds: boolean;
}

export interface UnheldShards {
  readonly ranges: ShardRanges;
  readonly count: number;
  /** For how long at least nobody has held the one that was left first. */
  readonly longestMs: number;
}

export interface IdentifyBudget {
  readonly remaining: number;
  readonly total: number;
  readonly resetsAtMs: number;
}

export interface Backlog {
  readonly events: number;
  readonly bytes: number;
}

export interface Spool extends Backlog {
  readonly maxBytes: number;
}

export interface FleetSums {
  readonly unconfirmed: Backlog;
  /** Null where no replica has a spool. */
  readonly spool: Spool | null;
  /** The budget is the bot's: as the replica knows it that has seen the most of it spent. Null where none knows. */
  readonly identify: IdentifyBudget | null;
  /** Null where no replica knows. */
  readonly recommended: number | null;
}

/** A gateway that speaks once a second is away after this long. */
const AWAY_AFTER_MS = 5_000;

/** Whether a gateway that was there is silent. */
export function isGatewayAway({ heardAgoMs }: Pick<FleetSnapshot, "heardAgoMs">): boolean {
  return heardAgoMs !== null && heardAgoMs > AWAY_AFTER_MS;
}
