/**
 * Per shard, events reach the queue in the order of their sessions and sequences, repeats left out. What the broker
 * has refused once may come later, and so may what was given up as unreadable and can be read after all.
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

  /** The queue has taken it, before {@link Dispatch.isTaken} says so. */
  taken(dispatch: Dispatch): void {
    if (dispatch.isTaken) return;
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
