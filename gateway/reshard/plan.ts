/**
 * A change of the number of shards, as all processes that take part know it: what is planned, how far each is, and what
 * follows from that. Nobody leads it: whoever sees that a phase is over moves the plan on, and the store lets one of them.
 *
 * @module
 */
import { type Bank, FIRST_BANK, otherBank } from "../resume/bank.ts";

export const RESHARD_PHASES = [
  /** The new sessions come up beside the old ones, and are not published. */
  "rehearsing",
  /** The old side holds back what comes, until all that it had is published. */
  "holding",
  /** The new sessions are published. There is no way back. */
  "taking_over",
  "done",
  "abandoned",
] as const;

export type ReshardPhase = typeof RESHARD_PHASES[number];

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
  /** Numbers of shards before {@link from} that settings may still name. */
  readonly superseded: readonly number[];
}

/** How far one process is. */
export interface ReshardReport {
  /** `REPLICA_NAME`. */
  readonly replica: string;
  /** Old shards here that are connected, and new ones. */
  readonly running: number;
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
  /** Begins this plan, in a bank that is empty from then on. False: another is under way. */
  begin(plan: ReshardPlan): Promise<boolean>;
  /** Moves the plan on from the phase that it is in. False: it is not in that phase any more. */
  move(
    plan: ReshardPlan,
    next: { readonly to: ReshardPhase; readonly reason?: string | null },
  ): Promise<boolean>;
  /** Of a plan that is not that any more nothing is kept. */
  report(id: string, member: string, report: ReshardReport): Promise<void>;
  /** Kept for an hour; nothing of a plan that is not that any more. */
  writeDigests(id: string, list: DigestList, member: string, digests: readonly string[]): Promise<void>;
  /** Of all members, of the plan that there is. */
  readDigests(list: DigestList): Promise<readonly string[]>;
  /** Puts a plan back that the store has forgotten, as a whole, where there is none. */
  restore(plan: ReshardPlan): Promise<void>;
}

export function isUnderWay({ phase }: ReshardPlan): boolean {
  return phase !== "done" && phase !== "abandoned";
}

export function hasTakenOver({ phase }: ReshardPlan): boolean {
  return phase === "taking_over" || phase === "done";
}

/** Where what runs is kept, and how many shards that are: null where only the settings tell. */
export function runningBy(plan: ReshardPlan | null): { readonly bank: Bank; readonly total: number | null } {
  if (plan === null) return { bank: FIRST_BANK, total: null };
  return hasTakenOver(plan)
    ? { bank: plan.bank, total: plan.to }
    : { bank: otherBank(plan.bank), total: plan.from };
}

/** Numbers of shards of earlier times, which settings may still name. */
export function supersededBy(plan: ReshardPlan | null): readonly number[] {
  if (plan === null) return [];
  const { total } = runningBy(plan);
  return [...new Set([...plan.superseded, plan.from])].filter((earlier) => earlier !== total);
}

/** The phase that follows now; null: not yet. `members`: those of the old side that are there. */
export function nextPhase(
  { plan: { phase, from, to }, reports }: ReshardView,
  members: ReadonlySet<string>,
  { isLate }: { readonly isLate: boolean },
): ReshardPhase | null {
  const known = [...members].map((member) => reports.get(member));
  const all = (holds: (report: ReshardReport) => boolean) =>
    known.every((report) => report !== undefined && holds(report));
  const sum = (count: (report: ReshardReport) => number) =>
    known.reduce((sum, report) => sum + (report === undefined ? 0 : count(report)), 0);
  const areAllReady = sum(({ ready }) => ready) === to;
  switch (phase) {
    case "rehearsing":
      // What an old session has still to get nobody else has: all of them have to be there.
      return areAllReady && sum(({ running }) => running) === from &&
          // One that still holds back what it did in an earlier try has told what is not true any more.
          all(({ obstacle, hasTold }) => obstacle === null && !hasTold)
        ? "holding"
        : null;
    case "holding":
      return areAllReady && all(({ hasTold }) => hasTold) ? "taking_over" : null;
    case "taking_over":
      return isLate || [...reports.values()].every(({ hasEnded }) => hasEnded) ? "done" : null;
    case "done":
    case "abandoned":
      return null;
  }
}
