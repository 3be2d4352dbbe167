/**
 * Made-up sessions for the tests of the checkers.
 *
 * @module
 */
import { type Dispatch, Ledger, type Session } from "../ledger.ts";

export class LedgerRig {
  readonly ledger = new Ledger();
  readonly reports: string[] = [];
  readonly report = (what: string) => void this.reports.push(what);

  /** A session with so many dispatches, READY first. */
  session(id: string, dispatches: number, shard = 0): Session {
    const session = this.ledger.begin({ id, shard, total: 1, intents: 0 });
    for (let sequence = 1; sequence <= dispatches; sequence++) {
      const type = sequence === 1 ? "READY" : "MESSAGE_CREATE";
      this.ledger.append(session, { type, body: new Uint8Array([sequence]), isReplayable: true });
    }
    return session;
  }

  /** The first dispatches of a session are confirmed, and thereby in the queue. */
  confirm(session: Session, through: number): void {
    for (const dispatch of session.dispatches.slice(0, through)) {
      dispatch.isTaken = true;
      dispatch.isConfirmed = true;
    }
  }

  dispatch(session: Session, sequence: number): Dispatch {
    const dispatch = this.ledger.dispatch(session.id, sequence);
    if (dispatch === undefined) throw new RangeError(`Cannot find ${session.id}:${sequence}`);
    return dispatch;
  }
}
