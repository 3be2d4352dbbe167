/**
 * What is stored is never ahead of what is safe: a point in Redis is confirmed by the broker, a point in the spool
 * is confirmed or in that spool. And what the gateway reports to Discord is never ahead of what is stored.
 *
 * @module
 */
import { type Session, settleSession } from "../ledger.ts";
import type { Report } from "../report.ts";

export class PointChecker {
  readonly #report: Report;
  readonly #areSpoolsApart: boolean;

  /** `areSpoolsApart`: what one process has in its spool is not known to the next that runs the shard. */
  constructor(report: Report, { areSpoolsApart = false } = {}) {
    this.#report = report;
    this.#areSpoolsApart = areSpoolsApart;
  }

  /** Redis holds this point from now on. */
  stored(session: Session, sequence: number): void {
    settleSession(session);
    if (sequence > session.confirmedThrough) {
      this.#report(
        `shard ${session.shard}: Redis holds ${session.id}:${sequence}, confirmed is ${session.confirmedThrough}`,
      );
    }
    session.storedThrough = Math.max(session.storedThrough ?? 0, sequence);
    this.#durable(session, sequence);
  }

  /** A Redis held this point that has lost it since. */
  storedAndForgotten(session: Session, sequence: number): void {
    this.#durable(session, sequence);
  }

  /** The spool holds this point from now on, and the events that came with it. */
  spooled(session: Session, sequence: number): void {
    settleSession(session);
    if (sequence > session.safeThrough) {
      this.#report(
        `shard ${session.shard}: the spool's point is ${session.id}:${sequence}, ` +
          `confirmed or spooled is ${session.safeThrough}`,
      );
    }
    if (!this.#areSpoolsApart) session.spooledThrough = Math.max(session.spooledThrough ?? 0, sequence);
    this.#durable(session, sequence);
  }

  /** A heartbeat or RESUME carried this sequence. */
  reported(session: Session, sequence: number, frame: "heartbeat" | "RESUME"): void {
    const durable = session.durableThrough ?? 0;
    if (sequence <= durable) return;
    this.#report(
      `shard ${session.shard}: a ${frame} carried ${session.id}:${sequence}, stored is ${durable}`,
    );
  }

  #durable(session: Session, sequence: number): void {
    session.durableThrough = Math.max(session.durableThrough ?? 0, sequence);
  }
}
