/**
 * How long a member may rely on what it holds: until a moment before which nobody else can have taken it.
 *
 * Others take a lease once they have watched its holder for its time and {@link TAKEN_AFTER_MS} without seeing it
 * renewed. A renewal counts from before it was sent, when they cannot have seen it yet. It counts only once a later one,
 * sent a second after its answer, was answered too: a store that fails over may forget the last second, and what it
 * had acknowledged in it.
 *
 * @module
 */

/** What a store that fails over may forget, at most. */
export const FORGOTTEN_MAX_MS = 1_000;
/** Others wait for so long beyond a member's time, so that what it loses by the rule above is not missing in its own. */
export const TAKEN_AFTER_MS = 1_250;
/** A member stops so long before others may begin: the close frames of its sockets are to be out by then. */
export const CLOSING_MS = 250;

/** Of both clocks, in milliseconds. */
export interface Moment {
  readonly nowMs: number;
  readonly wallMs: number;
}

interface Renewal {
  readonly sent: Moment;
  readonly answeredAtMs: number;
}

export class Tenure {
  readonly #spanMs: number;
  /** The newest that counts, and those after it, the oldest first. */
  #renewals: Renewal[] = [];

  /** `ttlMs`: what the member's card says. */
  constructor(ttlMs: number) {
    this.#spanMs = ttlMs + TAKEN_AFTER_MS - CLOSING_MS;
  }

  /** A renewal that was sent then has been answered. In the order in which they were sent. */
  renewed(sent: Moment, answeredAtMs: number): void {
    this.#renewals.push({ sent, answeredAtMs });
    const survives = (renewal: Renewal) => renewal.answeredAtMs <= sent.nowMs - FORGOTTEN_MAX_MS;
    const newest = this.#renewals.findLastIndex(survives);
    if (newest > 0) this.#renewals.splice(0, newest);
  }

  /** The moment from which nothing may be relied on, by the monotonic clock; -Infinity where nothing may be yet. */
  get endsAtMs(): number {
    const counting = this.#counting;
    return counting === null ? -Infinity : counting.sent.nowMs + this.#spanMs;
  }

  /**
   * Whether what is held may be relied on now. By both clocks: the monotonic one stands still while a machine sleeps, and
   * the other may be set back.
   */
  holds({ nowMs, wallMs }: Moment): boolean {
    const counting = this.#counting;
    return counting !== null && nowMs < counting.sent.nowMs + this.#spanMs &&
      wallMs < counting.sent.wallMs + this.#spanMs;
  }

  get #counting(): Renewal | null {
    const [oldest] = this.#renewals;
    const newest = this.#renewals.at(-1);
    if (oldest === undefined || newest === undefined) return null;
    return oldest.answeredAtMs <= newest.sent.nowMs - FORGOTTEN_MAX_MS ? oldest : null;
  }
}
