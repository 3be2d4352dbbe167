/**
 * Only Discord ends a session. The gateway gives none up that could still be resumed, unless somebody asked for it,
 * and reports nothing to Discord that makes a session impossible to resume.
 *
 * @module
 */
import type { Session } from "../ledger.ts";
import type { Report } from "../report.ts";
import { isKnown } from "./gaps.ts";

export class SessionEndChecker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The gateway identified anew though this session can still be resumed, or closed it for good. */
  givenUp(session: Session, asked: boolean): void {
    if (asked || !isKnown(session)) return;
    this.#report(`shard ${session.shard}: session ${session.id} was given up, which Discord still had`);
  }

  /**
   * A RESUME asks for what Discord no longer has, because the gateway had reported it as done. `knownThrough`: how far
   * whoever resumes can know of it.
   */
  trimmed(session: Session, sequence: number, trimmedThrough: number, knownThrough = Infinity): void {
    if (sequence >= knownThrough) return;
    // The point that was reported is lost with the disk that held it.
    if (session.isSpoolDamaged) return;
    this.#report(
      `shard ${session.shard}: RESUME of ${session.id} asks from ${sequence}, ` +
        `${trimmedThrough} was reported before`,
    );
  }

  /** A RESUME carries a sequence that Discord has not reached. */
  beyond(session: Session, sequence: number): void {
    this.#report(`shard ${session.shard}: RESUME of ${session.id} carries ${sequence}, which is to come`);
  }
}
