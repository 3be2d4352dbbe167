/**
 * What came out of the queue, kept small enough for hours of it.
 *
 * @module
 */

import { sha256 } from "../simulator/ledger_digest.ts";

/** What came of one session; both lists are by sequence number, with holes where nothing came. */
export interface SessionReceipts {
  /** SHA-256 of the body. */
  readonly hashes: readonly (string | undefined)[];
  /** Its place among the first copies of all sessions. */
  readonly arrivals: readonly (number | undefined)[];
}

const NOTHING: SessionReceipts = { hashes: [], arrivals: [] };

export class Receipts {
  readonly #sessions = new Map<string, { hashes: string[]; arrivals: number[] }>();
  #distinct = 0;
  #replayable = 0;
  #repeats = 0;
  #alteredRepeats = 0;

  /** Different events. */
  get distinct(): number {
    return this.#distinct;
  }

  /** Of these, those that Discord keeps for a resume: all but RESUMED. */
  get replayable(): number {
    return this.#replayable;
  }

  /** Copies beyond the first. */
  get repeats(): number {
    return this.#repeats;
  }

  /** Copies with other bytes than the first. */
  get alteredRepeats(): number {
    return this.#alteredRepeats;
  }

  get sessions(): Iterable<string> {
    return this.#sessions.keys();
  }

  of(session: string): SessionReceipts {
    return this.#sessions.get(session) ?? NOTHING;
  }

  /**
   * @param id `<session>:<sequence>`
   * @returns Whether it is the first copy.
   */
  add(id: string, type: string, body: Uint8Array): boolean {
    const end = id.lastIndexOf(":");
    const { hashes, arrivals } = this.#session(id.slice(0, end));
    const sequence = Number(id.slice(end + 1));
    const hash = sha256(body);
    const known = hashes[sequence];
    if (known === undefined) {
      hashes[sequence] = hash;
      arrivals[sequence] = this.#distinct++;
      if (type !== "RESUMED") this.#replayable++;
    } else {
      this.#repeats++;
      if (known !== hash) this.#alteredRepeats++;
    }
    return known === undefined;
  }

  #session(session: string): { hashes: string[]; arrivals: number[] } {
    let receipts = this.#sessions.get(session);
    if (receipts === undefined) this.#sessions.set(session, receipts = { hashes: [], arrivals: [] });
    return receipts;
  }
}
