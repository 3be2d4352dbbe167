/**
 * A machine that gateway processes run on, one after the other: its wall clock, and its way to each of the others.
 *
 * @module
 */

/** Whom a machine talks to. */
export type Peer = "redis" | "broker" | "discord";

export class Machine {
  readonly name: string;
  /** By so much its wall clock is ahead of the world's. */
  skewMs = 0;
  readonly #cut = new Map<Peer, (() => void)[]>();

  constructor(name: string) {
    this.name = name;
  }

  /** Nothing gets through to this peer any more, nor from it. */
  cut(peer: Peer): void {
    if (!this.isCut(peer)) this.#cut.set(peer, []);
  }

  mend(peer: Peer): void {
    const waiting = this.#cut.get(peer) ?? [];
    this.#cut.delete(peer);
    for (const mended of waiting) mended();
  }

  isCut(peer: Peer): boolean {
    return this.#cut.has(peer);
  }

  /** Calls back once the way to this peer is mended; at once where it is not cut. */
  whenMended(peer: Peer, mended: () => void): void {
    const waiting = this.#cut.get(peer);
    if (waiting === undefined) mended();
    else waiting.push(mended);
  }
}
