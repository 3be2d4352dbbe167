/**
 * Nothing is lost that Discord still had: every dispatch is in the queue at the end, or lies in a gap that was told
 * of a session that Discord itself has given up, and then no process that lived on had received it.
 *
 * @module
 */
import type { Dispatch, Session } from "../ledger.ts";
import type { Report } from "../report.ts";
import { isKnown } from "./gaps.ts";

/** What is known at the end, when all faults are over and everything has drained. */
export interface Outcome {
  readonly sessions: Iterable<Session>;
  /**
   * Number of the gateway process that runs; null where another may have taken over what one received, which then goes
   * on from what is stored.
   */
  readonly livingProcess: number | null;
  /** Whether it lies in a gap that was told. */
  covers(dispatch: Dispatch): boolean;
}

export function reportLosses(outcome: Outcome, report: Report): void {
  for (const session of outcome.sessions) {
    for (const dispatch of session.dispatches) {
      const loss = lossOf(dispatch, outcome);
      if (loss === null) continue;
      report(`shard ${session.shard}: ${session.id}:${dispatch.sequence} ${dispatch.type} ${loss}`);
      // The first of a session says it all.
      break;
    }
  }
}

function lossOf(dispatch: Dispatch, { livingProcess, covers }: Outcome): string | null {
  const { session } = dispatch;
  if (dispatch.type === null || dispatch.isTaken || dispatch.isExcused) return null;
  if (dispatch.isSpooled) return "was in the spool, and has not reached the queue";
  const isLivingProcess = dispatch.receivedBy === livingProcess;
  if (!dispatch.isReplayable && !isLivingProcess) return null;
  if (session.end === null) return "is lost, though its session goes on";
  if (isLivingProcess) return "was received by the process that still runs, and has not reached the queue";
  if (isKnown(session) && !covers(dispatch)) return "is lost, and lies in no gap that was told";
  return null;
}
