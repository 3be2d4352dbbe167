/**
 * The heartbeats of one connection: which are unacknowledged, and what that says.
 *
 * @module
 */

export class Heartbeat {
  readonly intervalMs: number;
  /** Oldest first: ACKs come in the order of the beats. */
  readonly #unacknowledged: { sentAtMs: number; regular: boolean }[] = [];

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  /** `regular`: sent because it was due, not because the server asked for one in between. */
  sent(nowMs: number, regular: boolean): void {
    this.#unacknowledged.push({ sentAtMs: nowMs, regular });
  }

  /** The round trip in milliseconds; null where no beat was waiting for an ACK. */
  acknowledged(nowMs: number): number | null {
    const beat = this.#unacknowledged.shift();
    return beat === undefined ? null : nowMs - beat.sentAtMs;
  }

  /**
   * Whether the connection is dead, asked when the next beat is due: the regular one before it has no ACK
   * (Discord gateway docs, Sending Heartbeats). A beat that the server asked for proves nothing: it may have
   * been sent a moment ago.
   */
  get zombie(): boolean {
    return this.#unacknowledged.some((beat) => beat.regular);
  }
}
