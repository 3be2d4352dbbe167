/**
 * The ports through which a fleet's members pass commands to each other.
 *
 * At any time one member, the router, takes commands from `gateway.send`. It passes each to the members that hold its
 * shards, in streams, one to a member. A stream is numbered from 1 without a hole, so that a member knows when
 * something of it is missing. Whatever a member held of an earlier stream it forgets when a new one begins: the router
 * passes all of it again. So a new router needs to know nothing of the old one, whose commands it is given again.
 *
 * @module
 */
import type { IncomingCommand } from "./source.ts";
import type { SettledFate } from "./tally.ts";

/** A command on its way from the router to a member. */
export interface PassedCommand {
  /** As it was sent. */
  readonly body: Uint8Array;
  /** Names the stream that it is part of; unique for all time. */
  readonly stream: string;
  /** Its place in the stream, from 1. */
  readonly number: number;
  /** For which of the command's shards it is meant here. None: it is no command, and ends the stream. */
  readonly shards: readonly number[];
  /** Of those, what the member has reported as away in this stream, and is to try again from here on. */
  readonly reopened: readonly number[];
  /** How much longer it may wait. */
  readonly remainingMs: number;
}

/** What became of a passed command on some of its shards. */
export interface PassedFate {
  readonly number: number;
  readonly shards: readonly number[];
  /** `away`: it was not sent, and will not be, because the shard is not the member's. */
  readonly fate: SettledFate | "away";
}

/** What a member tells the router. */
export type MemberReport =
  /** What was passed to it in this stream, and is not reported, is forgotten; null: in any, for its queue is new or gone. */
  | { readonly kind: "forgot"; readonly member: string; readonly stream: string | null }
  | {
    readonly kind: "fates";
    readonly member: string;
    readonly stream: string;
    readonly fates: readonly PassedFate[];
  };

export interface RouterLinkUser {
  /** This process is the router from here on. */
  opened(): void;
  /** A command of `gateway.send`, in order; again after each `opened` until it is acknowledged. */
  command(incoming: IncomingCommand): void;
  reported(report: MemberReport): void;
  /** The member has no queue: what was passed to it in this stream since it had one is gone. */
  returned(member: string, stream: string): void;
  /** This process is the router no longer, and nothing that came before is current. Once for each `opened`. */
  closed(): void;
}

/** The router's side. No two of a fleet are open at once, and what an earlier one has passed is before a later one's. */
export interface RouterLink {
  /** Tries to become the router, and again after each loss, until {@link quiet}. */
  start(user: RouterLinkUser): void;
  /** Passes a command to a member, in order; does nothing while it is not open. */
  pass(member: string, command: PassedCommand): void;
  /** Lets another become the router at once. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

export interface MemberLinkUser {
  /** The member's queue is there, new and empty. */
  opened(): void;
  passed(command: PassedCommand): void;
  /** Its queue is lost, with all that is in it. Once for each `opened`. */
  closed(): void;
}

/** A member's side: its own queue. */
export interface MemberLink {
  /** Opens the queue, and another after each loss, until {@link quiet}. */
  start(user: MemberLinkUser): void;
  /** Tells the router, in order. Does nothing while it is not open; where there is no router it is lost. */
  report(report: MemberReport): void;
  /** Gives the queue up, with all that is in it. Reports still work until {@link close}. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}
