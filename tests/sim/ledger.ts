/**
 * The truth about every session and dispatch of a simulated history, as nobody inside the gateway can know it.
 * The simulated surroundings write it, the checkers read it.
 *
 * @module
 */

/** Why a session can be resumed no more. */
export type SessionEnd =
  /** Discord's own doing. */
  | "expired"
  | "overflowed"
  | "dropped"
  /** Asked for: a restart with a fresh session, other intents, another total. */
  | "replaced"
  /** Behind what the gateway itself had reported as safe, so that Discord no longer kept it. */
  | "trimmed"
  /** The gateway went on with a new session though nobody had ended this one. */
  | "abandoned";

/** One dispatch of one session. */
export interface Dispatch {
  readonly session: Session;
  readonly sequence: number;
  /** Null: a dispatch without a name, which nobody gets. */
  readonly type: string | null;
  readonly body: Uint8Array;
  /** False for what Discord does not send again after a RESUME. */
  readonly isReplayable: boolean;
  /** Number of the newest gateway process that got it; 0: none has. */
  receivedBy: number;
  /** When the first got it; Infinity: none has. */
  receivedAtMs: number;
  /** It is in the queue. */
  isTaken: boolean;
  /** A gateway process was told so. */
  isConfirmed: boolean;
  /** How often the broker would not take it. */
  refusals: number;
  /** It was durable in the spool, and is to reach the queue from there. */
  isSpooled: boolean;
  /** The spool that held it was damaged, or the broker never takes it: it need not reach the queue. */
  isExcused: boolean;
  /** The gateway says that the broker refuses it for good: points may move over it, its gap is still to be told. */
  isGivenUp: boolean;
}

export interface Session {
  readonly id: string;
  readonly shard: number;
  readonly total: number;
  readonly intents: number;
  /** Counts the sessions of one shard. */
  readonly generation: number;
  /** By sequence less one: Discord numbers the dispatches of a session from 1 without a hole. */
  readonly dispatches: Dispatch[];
  /** When its READY reached which gateway process first; null: it has reached none. */
  begun: { readonly process: number; readonly atMs: number } | null;
  end: SessionEnd | null;
  /** The spool that held its newest point was damaged. */
  isSpoolDamaged: boolean;
  /** Everything up to here is confirmed to a gateway process, or excused. */
  confirmedThrough: number;
  /** Everything up to here is confirmed, in the spool, or excused. */
  safeThrough: number;
  /** The furthest point that Redis has stored, and not forgotten since; null: none. */
  storedThrough: number | null;
  /** The furthest point that the spool has stored; null: none. */
  spooledThrough: number | null;
  /** The furthest that was ever stored, in Redis or in a spool, and may be reported to Discord; null: none. */
  durableThrough: number | null;
}

export class Ledger {
  readonly #sessions = new Map<string, Session>();
  readonly #generations = new Map<number, number>();

  get sessions(): IteratorObject<Session> {
    return this.#sessions.values();
  }

  session(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  begin(session: Pick<Session, "id" | "shard" | "total" | "intents">): Session {
    const generation = (this.#generations.get(session.shard) ?? 0) + 1;
    this.#generations.set(session.shard, generation);
    const begun: Session = {
      ...session,
      generation,
      dispatches: [],
      begun: null,
      end: null,
      isSpoolDamaged: false,
      confirmedThrough: 0,
      safeThrough: 0,
      storedThrough: null,
      spooledThrough: null,
      durableThrough: null,
    };
    this.#sessions.set(begun.id, begun);
    return begun;
  }

  append(
    session: Session,
    dispatch: Pick<Dispatch, "type" | "body" | "isReplayable">,
  ): Dispatch {
    const appended: Dispatch = {
      ...dispatch,
      session,
      sequence: session.dispatches.length + 1,
      receivedBy: 0,
      receivedAtMs: Infinity,
      isTaken: false,
      isConfirmed: false,
      refusals: 0,
      isSpooled: false,
      isExcused: false,
      isGivenUp: false,
    };
    session.dispatches.push(appended);
    return appended;
  }

  dispatch(sessionId: string, sequence: number): Dispatch | undefined {
    return this.#sessions.get(sessionId)?.dispatches[sequence - 1];
  }
}

/** Moves {@link Session.confirmedThrough} and {@link Session.safeThrough} on as far as is true by now. */
export function settleSession(session: Session): void {
  const { dispatches } = session;
  for (let next; (next = dispatches[session.confirmedThrough]) !== undefined && isConfirmed(next);) {
    session.confirmedThrough += 1;
  }
  session.safeThrough = Math.max(session.safeThrough, session.confirmedThrough);
  for (let next; (next = dispatches[session.safeThrough]) !== undefined && isSafe(next);) {
    session.safeThrough += 1;
  }
}

/** Nobody waits for a dispatch without a name, nor for one that cannot be asked for again. */
function isConfirmed(dispatch: Dispatch): boolean {
  return dispatch.isConfirmed || dispatch.isExcused || dispatch.isGivenUp || dispatch.type === null ||
    !dispatch.isReplayable;
}

function isSafe(dispatch: Dispatch): boolean {
  return isConfirmed(dispatch) || dispatch.isSpooled;
}

/** The last sequence that a gateway can be expected to have come to. `runs`: whether the shard is with this process now. */
export function reachableSequence(session: Session, runs: (process: number) => boolean): number {
  const last = session.dispatches.findLast(({ isReplayable, receivedBy }) =>
    isReplayable || runs(receivedBy)
  );
  return last?.sequence ?? 0;
}
