/**
 * What the bot has consumed, in a form that can be held against the simulator's ledger.
 *
 * @module
 */

import { LedgerDigest, sha256 } from "../simulator/ledger_digest.ts";
import type { ReceivedEvent } from "./bot.ts";

/** A number of events and a fingerprint of all of them, in whatever order they came. */
export interface Account {
  readonly count: number;
  readonly digest: string;
}

export class Tally {
  readonly #digest = new LedgerDigest();
  #consumed = 0;
  #repeats = 0;

  /** Every event that came, each once. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Copies beyond the first. */
  get repeats(): number {
    return this.#repeats;
  }

  /**
   * What must equal the simulator's account of what it created. RESUMED is left out on both sides: Discord does not
   * keep it for a resume, so nobody can promise it.
   */
  get account(): Account {
    return { count: this.#digest.count, digest: this.#digest.hex };
  }

  readonly add = ({ id, type, body, repeated }: ReceivedEvent): void => {
    if (repeated) {
      this.#repeats++;
      return;
    }
    this.#consumed++;
    if (type === "RESUMED") return;
    const end = id.lastIndexOf(":");
    this.#digest.add(id.slice(0, end), Number(id.slice(end + 1)), sha256(body));
  };
}
