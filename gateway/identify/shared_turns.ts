/**
 * The port between the identify queues of a fleet: turns that are out in any process, each bucket to one of them,
 * and what all of them have spent of the daily budget. The store keeps the time; whoever asks it may be gone before
 * the answer.
 *
 * A turn is **held** while its shard connects, and passes on by itself unless it is kept. It is **confirmed** right
 * before IDENTIFY is sent, which counts it as spent and keeps the bucket for as long as that IDENTIFY may concern
 * others, whatever becomes of the process or of the store's connection. It is **used** once IDENTIFY was sent.
 *
 * @module
 */

/** How long things take, in milliseconds. The same in every process of a fleet. */
export interface TurnTimes {
  /** Between two IDENTIFYs of one bucket. */
  readonly spacingMs: number;
  /** How long a held turn lasts that nobody keeps. */
  readonly holdMs: number;
  /** How long after it asked to have its turn confirmed a shard may send IDENTIFY. */
  readonly confirmedMs: number;
  /** How long an IDENTIFY may be on its way before Discord has counted it. */
  readonly underWayMs: number;
}

/** A store that answers more slowly is of no use, and what is confirmed for longer holds its bucket for longer. */
const CONFIRMED_MS = 1_000;
const UNDER_WAY_MS = 5_000;
/** A turn must bear some answers that are late. */
const HOLD_MIN_MS = 1_000;
/** More than Discord's own spacing: an operator's longer one is a wish for calm, and nothing to wait for the dead for. */
const SPACING_HEEDED_MS = 6_000;

export function turnTimes(spacingMs: number): TurnTimes {
  return {
    spacingMs,
    holdMs: Math.min(SPACING_HEEDED_MS, Math.max(HOLD_MIN_MS, spacingMs)),
    confirmedMs: CONFIRMED_MS,
    underWayMs: UNDER_WAY_MS,
  };
}

/**
 * How long a store that has another's memory, or may have lost some of its own, grants nothing: by then whatever it
 * does not know of is over for Discord.
 */
export function settlingMs({ spacingMs, confirmedMs, underWayMs }: TurnTimes): number {
  return confirmedMs + Math.max(Math.min(SPACING_HEEDED_MS, spacingMs), underWayMs);
}

/** One turn of one shard. No two turns have the same token, nor have two processes. */
export interface SharedTurn {
  readonly shard: number;
  /** `<member>/<number>`. */
  readonly token: string;
}

/** A place in the order of all that the fleet has spent. What was spent before it is in any reading that begins after. */
export type SpendMark = string;

export interface AskedTurns {
  /** The most wanted first. */
  readonly turns: readonly SharedTurn[];
  /** Number of buckets. Where others know of another number, nothing is shared by that one either. */
  readonly concurrency: number;
  /** What Discord said is left of the budget. */
  readonly remaining: number;
  /** The newest mark that was known before Discord was asked that; null where none was. */
  readonly mark: SpendMark | null;
}

export type TurnOutcome =
  | { readonly kind: "taken" }
  /** Nobody has it before `waitMs` from now, unless it is given back. */
  | { readonly kind: "busy"; readonly waitMs: number }
  /** With the turns that are out nothing is left of the budget. */
  | { readonly kind: "unaffordable" };

export type TurnsAnswer =
  /** The store may have forgotten what was before it: nothing is granted before `waitMs` from now. */
  | { readonly kind: "unsettled"; readonly waitMs: number }
  /** How much was spent since `asked.mark` is not known: Discord is to be asked again, after this mark. */
  | { readonly kind: "uncounted"; readonly mark: SpendMark }
  | {
    readonly kind: "counted";
    readonly mark: SpendMark;
    /** What is left of `asked.remaining`; turns that are out are not taken off. May be below 0. */
    readonly left: number;
    /** In the order of `asked.turns`. */
    readonly outcomes: readonly TurnOutcome[];
  };

/** Never rejects: a store that is away, or answers with an error, says so once to whoever observes it. */
export interface SharedTurns {
  /** Of this process; no other has it, before or after. */
  readonly member: string;
  readonly times: TurnTimes;
  /** Takes what is free. Null: no answer; what was taken all the same passes on by itself. */
  take(asked: AskedTurns): Promise<TurnsAnswer | null>;
  /** Begins the hold anew, of each turn that is still held. */
  keep(turns: readonly SharedTurn[]): Promise<void>;
  /**
   * Spends a turn that is still held. True: IDENTIFY may be sent until `confirmedMs` after this was called. False: it is
   * held no more, or there was no answer.
   */
  confirm(turn: SharedTurn): Promise<boolean>;
  /** IDENTIFY has been sent on a confirmed turn: its bucket is free after the spacing. */
  used(turn: SharedTurn): Promise<void>;
  /** Frees the bucket of a turn that was not used. */
  giveBack(turn: SharedTurn): Promise<void>;
}
