/**
 * What the figures ask of one shard.
 *
 * @module
 */
import type { ShardStatus } from "../observation.ts";

/** What it is doing. */
export interface ShardState {
  readonly status: ShardStatus;
  /** Since when it has this status, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Disconnected only because it is not its turn to identify yet. */
  readonly waitingForTurn: boolean;
  /** Away until the broker has caught up. */
  readonly parked: boolean;
  /** Whether Discord has acknowledged a heartbeat of this connection. */
  readonly acknowledged: boolean;
  /** Of the last one that was. */
  readonly latencyMs: number;
}

/** How far its session has come. Asked up to once a second, so each of these costs next to nothing. */
export interface ShardProgress {
  /** The three sequences are null without a session. */
  readonly sequenceReceived: number | null;
  readonly sequencePublished: number | null;
  readonly sequenceStored: number | null;
  readonly guildCount: number;
  readonly resumeGatewayUrl: string | null;
}
