/**
 * The board: the four Redis keys written for others (`gateway_sessions`, `gateway_statuses`,
 * `gateway_started`, `gateway_shards`), and the port that writes them.
 *
 * @module
 */
import type { ShardStatus } from "../observation.ts";

/** One entry of `gateway_statuses`, times in milliseconds since the epoch. */
export interface ShardEntry {
  readonly shard: number;
  readonly status: ShardStatus;
  /** Milliseconds; 0 before the first acknowledged heartbeat. */
  readonly latencyMs: number;
  /** Time of the last acknowledged heartbeat; before the first, the time of connecting. */
  readonly lastAckAtMs: number;
  /** Empty while the shard has no session. */
  readonly session: string;
}

export interface Board {
  /**
   * Stores the entries that changed, and where `composes` is true writes the four keys anew from everything stored, those
   * of other processes included, atomically. Called at most once a second, and once more on shutdown, and
   * never while a call is under way.
   */
  publish(changed: readonly ShardEntry[], composes: boolean): Promise<void>;
}
