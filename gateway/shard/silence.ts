/**
 * Notices a connection on which nothing arrives any more though it seems alive: Discord answers heartbeats on it
 * and sends no events. How long a pause is usual is each shard's own history, because one shard serves busy guilds
 * and another a single one that sleeps at night.
 *
 * @module
 */

/** A pause so many times the longest one known is no longer taken for a quiet hour. */
const TIMES_USUAL = 3;

/** All times in monotonic milliseconds. READY and RESUMED are no dispatches here: they tell of the connection alone. */
export class Silence {
  readonly #minMs: number;
  #usualMs = 0;
  /** Since when this connection has been silent; null while there is none. */
  #sinceMs: number | null = null;
  /** True where that was a dispatch: only from one to the next is it a pause, and history. */
  #sinceDispatch = false;
  /** The silence that was last alarmed about, until Discord has shown whether it had anything to say. */
  #alarmedMs: number | null = null;

  /** `minMs`: no shorter silence is ever suspected; null: none is. */
  constructor(minMs: number | null) {
    this.#minMs = minMs ?? Infinity;
  }

  /** The longest pause known; 0 before the first. */
  get usualMs(): number {
    return this.#usualMs;
  }

  /** When the silence of this connection becomes suspect; Infinity where it never does. Moves with each dispatch. */
  get dueAtMs(): number {
    if (this.#sinceMs === null) return Infinity;
    return this.#sinceMs + Math.max(this.#minMs, TIMES_USUAL * this.#usualMs);
  }

  /** READY: the session is a new one, and nobody will know what the old one still had. */
  started(nowMs: number): void {
    this.#alarmedMs = null;
    this.#listen(nowMs);
  }

  /** RESUMED: where nothing was replayed after an alarm, there was nothing, and such a silence is usual. */
  resumed(nowMs: number): void {
    if (this.#alarmedMs !== null) this.#learn(this.#alarmedMs);
    this.#alarmedMs = null;
    this.#listen(nowMs);
  }

  /** A dispatch that is news to us, also one that is replayed. */
  dispatched(nowMs: number): void {
    this.#alarmedMs = null;
    if (this.#sinceMs === null) return;
    if (this.#sinceDispatch) this.#learn(nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    this.#sinceDispatch = true;
  }

  disconnected(): void {
    this.#sinceMs = null;
  }

  /** Takes the silence of this connection for suspect, and returns how long it is. */
  alarm(nowMs: number): number {
    const silentMs = nowMs - (this.#sinceMs ?? nowMs);
    this.#alarmedMs = silentMs;
    return silentMs;
  }

  #listen(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#sinceDispatch = false;
  }

  #learn(pauseMs: number): void {
    this.#usualMs = Math.max(this.#usualMs, pauseMs);
  }
}
