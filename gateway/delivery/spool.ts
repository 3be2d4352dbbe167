/**
 * The port to the spool: events on local disk that the broker has not confirmed, so that neither a long outage
 * of the broker nor the death of this process loses them.
 *
 * The outbox alone decides what is written and read; a spool only keeps it. Positions are given by its user and
 * only grow, over all shards; within a shard they are the order of the events.
 *
 * @module
 */
import type { LostSession, ResumePoint } from "../resume/points.ts";
import type { OutgoingEvent } from "./publisher.ts";

/** An event with its place in the spool, from 1. */
export interface SpooledEvent {
  readonly position: number;
  readonly event: OutgoingEvent;
}

/** A point, with what had been lost of the shard before and was not told: the store may not know of it. */
export interface SpooledPoint extends ResumePoint {
  readonly lost: readonly LostSession[];
}

/** What is done in one transaction: all of it is durable, or none. */
export interface SpoolWrite {
  /** Appended, in the order of their positions, each above everything written before. */
  readonly events: readonly SpooledEvent[];
  /** Shard → position: its events up to and including this one are confirmed by the broker, and leave. */
  readonly confirmed: ReadonlyMap<number, number>;
  /** Shard → the point from which its session is resumed with nothing lost, given the events written by now. */
  readonly points: ReadonlyMap<number, SpooledPoint>;
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

/** Some of a shard's events, read back. */
export interface SpooledPage {
  /** The oldest first. */
  readonly events: readonly SpooledEvent[];
  /** Events among them that are damaged, and passed over. */
  readonly unreadable: number;
  /** Up to here nothing else is there. */
  readonly lastPosition: number;
}

/** Most bytes of bodies that are kept apart because the broker refuses them; a larger event is not kept at all. */
export const QUARANTINE_MAX_BYTES = 64 * 1024 * 1024;

/** What an earlier process left. */
export interface SpoolContents {
  /** Only shards of which there are events. */
  readonly lanes: ReadonlyMap<number, SpooledLane>;
  readonly points: ReadonlyMap<number, SpooledPoint>;
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

/** An empty spool. */
export const NOTHING_SPOOLED: SpoolContents = {
  lanes: new Map(),
  points: new Map(),
  total: null,
  lastPosition: 0,
};

export type SpoolOpening =
  | {
    readonly kind: "ready";
    readonly contents: SpoolContents;
    /**
     * Names whoever holds this spool, the same for one process after the other: as long as one does, all those before it are
     * gone.
     */
    readonly holder: string;
    /** What was there and could not be gone on with; null where all was well. */
    readonly movedAside: MovedAside | null;
  }
  /** It cannot be used: not writable, or in the hands of another process. `problem` says which, and what to do. */
  | { readonly kind: "unusable"; readonly problem: string };

/** What the spool held turned out to be unreadable, and was moved aside: it is empty now, and can be written to. */
export class SpoolLostError extends Error {
  override readonly name = "SpoolLostError";
}

export interface Spool {
  /**
   * Takes the spool for this process alone, and says what is in it. Called before everything else, and again where it was
   * unusable. What cannot be gone on with is moved aside by {@link begin}: a process that dies before it leaves it for the next one to find.
   */
  open(owner: { readonly bot: string | null }): Promise<SpoolOpening>;
  /** Says for how many shards the points are from now on. With `keepPoints` false it forgets those there are. */
  begin(reign: { readonly total: number; readonly keepPoints: boolean }): Promise<void>;
  /**
   * Resolves when everything of it is durable. Rejects when it could not be kept (the disk is full, say); then
   * none of it was, and the same may be tried again. One call at a time, after {@link begin}. Rejects with a
   * {@link SpoolLostError} where nothing that was written before is there any more either.
   */
  write(write: SpoolWrite): Promise<void>;
  /**
   * The shard's first events after this position: as many as come to `maxBytes` of bodies, one at least where there is
   * any. Rejects where nothing can be read now. May be called while a write is under way, and then gives what was
   * written before it or also what is written by it.
   */
  read(shard: number, afterPosition: number, maxBytes: number): Promise<SpooledPage>;
  /** Lets go of the spool. Safe twice, and before {@link open}. */
  close(): Promise<void>;
}
