/**
 * Per shard, events reach the queue in the order of their sessions and sequences, repeats left out. What the broker
 * has refused once may come later, and so may what was given up as unreadable and can be read after all. What a process
 * has in its spool of a shard that another runs by now comes when it comes.
 *
 * @module
 */
import type { Dispatch } from "../ledger.ts";
import type { Report } from "../report.ts";

export class OrderChecker {
  readonly #report: Report;
  /** Shard → the furthest first arrival. */
  readonly #furthest = new Map<number, Dispatch>();

  constructor(report: Report) {
    this.#report = report;
  }

  /**
   * The queue has taken it, before {@link Dispatch.isTaken} says so. `isLate`: another process has run the shard since
   * whoever published it had it in its spool, or gave it to its connection.
   */
  taken(dispatch: Dispatch, isLate = false): void {
    if (dispatch.isTaken || isLate) return;
    const { shard } = dispatch.session;
    const furthest = this.#furthest.get(shard);
    if (furthest === undefined || isBehind(dispatch, furthest)) this.#furthest.set(shard, dispatch);
    else if (dispatch.refusals === 0 && !dispatch.isExcused) {
      this.#report(`shard ${shard}: ${nameOf(dispatch)} reached the queue after ${nameOf(furthest)}`);
    }
  }
}

function isBehind(one: Dispatch, other: Dispatch): boolean {
  const generations = one.session.generation - other.session.generation;
  return generations > 0 || (generations === 0 && one.sequence > other.sequence);
}

function nameOf({ session, sequence }: Dispatch): string {
  return `${session.id}:${sequence}`;
}
