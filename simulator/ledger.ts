/**
 * The ledger: every dispatch that was ever made, whether or not anybody received it. A client's own list is
 * compared with it.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { LedgerDigest, sha256 } from "./ledger_digest.ts";

/** One dispatch as the simulator created it, whether or not anybody received it yet. */
export interface LedgerEntry {
  readonly s: number;
  readonly t: string;
  /** SHA-256 of the exact bytes of the payload. */
  readonly sha256: string;
  /**
   * False where a client that missed it can never get it again: RESUMED, which is not kept for a resume, and what an
   * injected fault lost.
   */
  readonly replayable: boolean;
}

export interface LedgerSummary {
  /** All dispatches created, and their {@link LedgerDigest}. */
  readonly count: number;
  readonly digest: string;
  /** The same without those that cannot be replayed. */
  readonly replayable: { readonly count: number; readonly digest: string };
  /** False where the ledger reached its size and lists only the earlier dispatches; the counts above still hold. */
  readonly complete: boolean;
  readonly sessions: readonly LedgerSession[];
}

export interface LedgerSession {
  readonly session: string;
  readonly shard: number;
  readonly count: number;
  readonly lastSequence: number;
}

interface Account {
  readonly shard: number;
  readonly entries: LedgerEntry[];
  count: number;
  lastSequence: number;
}

/** Writes down every dispatch that was created, so that a test can prove that none is missing and none was changed. */
export class Ledger {
  readonly #entriesMax: number;
  readonly #all = new LedgerDigest();
  readonly #replayable = new LedgerDigest();
  readonly #sessions = new Map<string, Account>();
  #listed = 0;

  /** Lists at most `entriesMax` dispatches one by one; 0 writes nothing down at all. */
  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  record(
    session: { id: string; shardId: number },
    s: number,
    t: string,
    payload: Buffer,
    replayable: boolean,
  ) {
    if (this.#entriesMax === 0) return;
    const entry = { s, t, sha256: sha256(payload), replayable };
    this.#all.add(session.id, s, entry.sha256);
    if (replayable) this.#replayable.add(session.id, s, entry.sha256);
    const account = this.#account(session);
    account.count++;
    account.lastSequence = s;
    if (this.#listed >= this.#entriesMax) return;
    this.#listed++;
    account.entries.push(entry);
  }

  summary(): LedgerSummary {
    return {
      count: this.#all.count,
      digest: this.#all.hex,
      replayable: { count: this.#replayable.count, digest: this.#replayable.hex },
      complete: this.#listed === this.#all.count,
      sessions: [...this.#sessions].map(([session, { shard, count, lastSequence }]) => ({
        session,
        shard,
        count,
        lastSequence,
      })),
    };
  }

  /** Up to `limit` entries of a session with `s` above `after`, in order; none for a session that never was. */
  page(session: string, after = 0, limit = Infinity): readonly LedgerEntry[] {
    const entries = this.#sessions.get(session)?.entries ?? [];
    const start = entries.findIndex((entry) => entry.s > after);
    return start === -1 ? [] : entries.slice(start, start + limit);
  }

  #account(session: { id: string; shardId: number }): Account {
    const known = this.#sessions.get(session.id);
    if (known !== undefined) return known;
    const account = { shard: session.shardId, entries: [], count: 0, lastSequence: 0 };
    this.#sessions.set(session.id, account);
    return account;
  }
}
