/**
 * Gaps are named exactly when they occurred: every session that was lost lies in one that was told, and none is told
 * without a loss. Repeats of a gap are the same gap.
 *
 * @module
 */
import { type Dispatch, type Session, settleSession } from "../ledger.ts";
import type { Report } from "../report.ts";

/** One piece of news `shard.<id>.gap`. */
export interface Gap {
  readonly shard: number;
  readonly oldSession: string;
  /** Null where the shard is no longer run. */
  readonly newSession: string | null;
  readonly lastSequence: number;
  readonly reason: string;
  /** The one event that is missing, where the broker refused it for good. */
  readonly refusedSequence: number | null;
}

export class GapChecker {
  readonly #report: Report;
  readonly #sessionOf: (id: string) => Session | undefined;
  readonly #isSpoolOfShardDamaged: (session: Session) => boolean;
  readonly #gaps: { readonly gap: Gap; readonly from: Session; readonly to: Session | null }[] = [];

  /**
   * `isSpoolOfShardDamaged`: whether it may be told of the session though it began later, because whoever has lost what
   * it had of the shard did not run it before.
   */
  constructor(
    report: Report,
    sessionOf: (id: string) => Session | undefined,
    isSpoolOfShardDamaged: (session: Session) => boolean = () => false,
  ) {
    this.#report = report;
    this.#sessionOf = sessionOf;
    this.#isSpoolOfShardDamaged = isSpoolOfShardDamaged;
  }

  /** The exchange has taken this piece of news. */
  told(gap: Gap): void {
    const from = this.#sessionOf(gap.oldSession);
    const to = gap.newSession === null ? null : this.#sessionOf(gap.newSession);
    if (from === undefined || to === undefined) {
      return this.#report(`${wordsOf(gap)}: Discord has never had such a session`);
    }
    if (from.shard !== gap.shard || (to ?? from).shard !== gap.shard) {
      this.#report(`${wordsOf(gap)}: another shard`);
    }
    this.#gaps.push({ gap, from, to });
    if (gap.refusedSequence !== null) return this.#refused(gap, gap.refusedSequence, from);
    if (gap.reason === "spool_damaged") {
      // Nobody can tell what it held, so it is told of every shard.
      const isDamaged = from.isSpoolDamaged || this.#isSpoolOfShardDamaged(from);
      if (!isDamaged) this.#report(`${wordsOf(gap)}: no spool was damaged`);
      return;
    }
    if (from.end === null && to !== null) this.#report(`${wordsOf(gap)}: the session goes on`);
    if (to !== null && to.generation <= from.generation) {
      this.#report(`${wordsOf(gap)}: the new session is not newer`);
    }
    settleSession(from);
    if (gap.lastSequence > from.confirmedThrough) {
      this.#report(`${wordsOf(gap)}: only ${from.confirmedThrough} is confirmed`);
    }
    if (gap.lastSequence < (from.storedThrough ?? 0)) {
      this.#report(`${wordsOf(gap)}: ${from.storedThrough} was stored`);
    }
  }

  /** Whether any gap that begins in this session was told. */
  isTold(sessionId: string): boolean {
    return this.#gaps.some(({ from }) => from.id === sessionId);
  }

  /** Whether the dispatch lies in a gap that was told. */
  covers({ session, sequence }: Dispatch): boolean {
    return this.#gaps.some(({ gap, from, to }) => {
      if (gap.shard !== session.shard) return false;
      if (gap.refusedSequence !== null) return session === from && sequence === gap.refusedSequence;
      if (session === from) return sequence > gap.lastSequence;
      return session.generation > from.generation && isBefore(session, to);
    });
  }

  /** At the end: every session that somebody could know of and that ended lies in a gap that was told. */
  finish(sessions: Iterable<Session>): void {
    for (const session of sessions) {
      if (session.end === null || !isKnown(session)) continue;
      const isTold = this.#gaps.some(({ gap, from, to }) =>
        gap.refusedSequence === null && gap.shard === session.shard &&
        session.generation >= from.generation && isBefore(session, to)
      );
      if (!isTold) {
        this.#report(
          `shard ${session.shard}: session ${session.id} was ${session.end}, and no gap tells of it`,
        );
      }
    }
  }

  #refused(gap: Gap, sequence: number, session: Session): void {
    const dispatch = session.dispatches[sequence - 1];
    if (dispatch === undefined || dispatch.refusals === 0) {
      return this.#report(`${wordsOf(gap)}: the broker has never refused ${session.id}:${sequence}`);
    }
    dispatch.isExcused = true;
  }
}

/** False where every process died before it could write down that the session had begun. */
export function isKnown(session: Session): boolean {
  return session.storedThrough !== null || session.spooledThrough !== null;
}

function isBefore(session: Session, to: Session | null): boolean {
  return to === null || session.generation < to.generation;
}

function wordsOf({ shard, oldSession, newSession, lastSequence, reason }: Gap): string {
  return `shard ${shard}: gap (${reason}) from ${oldSession}:${lastSequence} to ${newSession} was told`;
}
