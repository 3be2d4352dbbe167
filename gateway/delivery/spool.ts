/**
 * The port to the spool: events on local disk that the broker has not confirmed, so that neither a long outage
 * of the broker nor the death of this process loses them.
 *
 * The outbox alone decides what is written and read; a spool only keeps it. Positions are given by its user and
 * only grow, over all shards; within a shard they are the order of the events.
 *
 * @module
 */
import type { ResumePoint } from "../resume/points.ts";
import type { OutgoingEvent } from "./publisher.ts";

/** An event with its place in the spool, from 1. */
export interface SpooledEvent {
  readonly position: number;
  readonly event: OutgoingEvent;
}

/** What is done in one transaction: all of it is durable, or none. */
export interface SpoolWrite {
  /** Appended, in the order of their positions, each above everything written before. */
  readonly events: readonly SpooledEvent[];
  /** Shard → position: its events up to and including this one are confirmed by the broker, and leave. */
  readonly confirmed: ReadonlyMap<number, number>;
  /** Shard → the point from which its session is resumed with nothing lost, given the events written by now. */
  readonly points: ReadonlyMap<number, ResumePoint>;
  /**
   * Events that the broker refuses for good, kept apart for an operator. Bounded by the spool, which lets the oldest
   * go. Those that are spooled too stay there until they are confirmed.
   */
  readonly quarantined: readonly OutgoingEvent[];
}

/** What the spool holds of one shard, in the order of its positions. */
export interface SpooledLane {
  readonly events: number;
  /** Sum of the bodies. */
  readonly bytes: number;
  readonly firstPosition: number;
  readonly lastPosition: number;
  /** Session and sequence of the first event. */
  readonly firstSession: string;
  readonly firstSequence: number;
}

/** What an earlier process left. */
export interface SpoolContents {
  /** Only shards of which there are events. */
  readonly lanes: ReadonlyMap<number, SpooledLane>;
  readonly points: ReadonlyMap<number, ResumePoint>;
  /** Number of shards that the points were written for; null where there are none. */
  readonly total: number | null;
  /** The highest position ever given; 0 where there is none. */
  readonly lastPosition: number;
}

/** A spool that was there, and is kept for an operator to look at. */
export interface MovedAside {
  /** Where it is now. */
  readonly to: string;
  readonly problem: string;
  /** Whether events of this bot may be in it. */
  readonly isLost: boolean;
}

export type SpoolOpening =
  | {
    readonly kind: "ready";
    readonly contents: SpoolContents;
    /** What was there and could not be gone on with; null where all was well. */
    readonly movedAside: MovedAside | null;
  }
  /** It cannot be used: not writable, or in the hands of another process. `problem` says which, and what to do. */
  | { readonly kind: "unusable"; readonly problem: string };

export interface Spool {
  /** Takes the spool for this process alone, and says what is in it. Called once, before everything else. */
  open(owner: { readonly bot: string | null }): Promise<SpoolOpening>;
  /** Says for how many shards the points are from now on. With `keepPoints` false it forgets those there are. */
  begin(reign: { readonly total: number; readonly keepPoints: boolean }): Promise<void>;
  /**
   * Resolves when everything of it is durable. Rejects when it could not be kept (the disk is full, say); then
   * none of it was, and the same may be tried again. One call at a time, after {@link begin}.
   */
  write(write: SpoolWrite): Promise<void>;
  /**
   * The shard's first events after this position, oldest first: as many as come to `maxBytes` of bodies, one at
   * least where there is any. Rejects where they cannot be read. May be called while a write is under way, and then
   * gives what was written before it or also what is written by it.
   */
  read(shard: number, afterPosition: number, maxBytes: number): Promise<readonly SpooledEvent[]>;
  /** Lets go of the spool. Safe twice, and before {@link open}. */
  close(): Promise<void>;
}
