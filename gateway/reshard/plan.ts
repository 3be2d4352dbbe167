/**
 * A change of the number of shards, as all processes that take part know it: what is planned, how far each is, and what
 * follows from that. Nobody leads it: whoever sees that a phase is over moves the plan on, and the store lets one of them.
 *
 * @module
 */
import type { Bank } from "../resume/bank.ts";

export type ReshardPhase =
  /** The new sessions come up beside the old ones, and are not published. */
  | "rehearsing"
  /** The old side holds back what comes, until all that it had is published. */
  | "holding"
  /** The new sessions are published. There is no way back. */
  | "taking_over"
  | "done"
  | "abandoned";

export interface ReshardPlan {
  /** No two plans have the same one. */
  readonly id: string;
  /** Numbers of shards. */
  readonly from: number;
  readonly to: number;
  /** Where the new sessions are kept. */
  readonly bank: Bank;
  readonly phase: ReshardPhase;
  /** Wall clock of whoever began it, milliseconds since the epoch. */
  readonly beganAtMs: number;
  /** Why it was abandoned, one sentence; null where it was not. */
  readonly reason: string | null;
}

/** How far one process is. */
export interface ReshardReport {
  /** `REPLICA_NAME`. */
  readonly replica: string;
  /** New shards here that are connected. */
  readonly ready: number;
  /** What this process waits for before the old side may be held back, one phrase; null: nothing. */
  readonly obstacle: string | null;
  /** The old side here is held back, all that it had is published, and others can read what that was. */
  readonly hasTold: boolean;
  /** Others can read what the new sessions here have seen. */
  readonly hasSeen: boolean;
  /** The old side here is gone. */
  readonly hasEnded: boolean;
}

/** What the store holds of a change. */
export interface ReshardView {
  readonly plan: ReshardPlan;
  /** By member of the old side. */
  readonly reports: ReadonlyMap<string, ReshardReport>;
}

/** Which of the two lists of digests. */
export type DigestList = "told" | "seen";

/** Rejects where the store is away: whoever asks, asks again. */
export interface ReshardStore {
  /** Null: there has been no change yet. */
  read(): Promise<ReshardView | null>;
  /**
   * Begins this plan, in a bank that is empty from then on. False: another is under way.
   */
  begin(plan: ReshardPlan): Promise<boolean>;
  /** Moves the plan to its next phase. False: it is not in that phase any more. */
  move(
    id: string,
    phases: { readonly from: ReshardPhase; readonly to: ReshardPhase; readonly reason?: string },
  ): Promise<boolean>;
  report(id: string, member: string, report: ReshardReport): Promise<void>;
  /** Kept for an hour. */
  writeDigests(id: string, list: DigestList, member: string, digests: readonly string[]): Promise<void>;
  /** Of all members. */
  readDigests(id: string, list: DigestList): Promise<readonly string[]>;
  /** Puts a plan back that the store has forgotten, as a whole, where there is none. */
  restore(plan: ReshardPlan): Promise<void>;
}

export function isUnderWay({ phase }: Pick<ReshardPlan, "phase">): boolean {
  return phase !== "done" && phase !== "abandoned";
}
