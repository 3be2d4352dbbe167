/**
 * A session: what IDENTIFY began, and what outlives its connection.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Account } from "./account.ts";
import type { Ledger } from "./ledger.ts";
import { dispatchPayload, type KeyOrder } from "./payload.ts";
import { ReplayBuffer } from "./replay_buffer.ts";
import type { SlidingWindow } from "./sliding_window.ts";

/** The connection of a session, as the session sees it. */
export interface SessionLink {
  readonly id: number;
  sendPayload(payload: Buffer): void;
  /** Another connection has resumed the session: this one gets nothing more and is closed. */
  replaced(): void;
}

/** What IDENTIFY fixed for as long as the session lives. */
export interface SessionTerms {
  readonly account: Account;
  readonly shardId: number;
  readonly shardCount: number;
  readonly intents: number;
  readonly largeThreshold: number;
  /** Events kept for a resume. */
  readonly replayCapacity: number;
}

/** One session: its numbering, its replay buffer, its presence. It outlives its connections. */
export class Session {
  readonly id: string;
  readonly account: Account;
  readonly shardId: number;
  readonly shardCount: number;
  readonly intents: number;
  readonly largeThreshold: number;
  readonly presences: SlidingWindow;
  readonly #replayCapacity: number;
  readonly #ledger: Ledger;
  readonly #buffer = new ReplayBuffer();
  #link: SessionLink | null = null;
  #sequence = 0;
  #sequenceAtDetach = 0;
  #sequenceAcknowledged = 0;
  /** How many of the next dispatches an injected fault loses, and how many it sends twice. */
  toLose = 0;
  toDuplicate = 0;
  /** The presence last accepted: an op 3 body, or null where none was set. */
  presence: Readonly<Record<string, unknown>> | null = null;

  constructor(id: string, terms: SessionTerms, presences: SlidingWindow, ledger: Ledger) {
    this.id = id;
    this.account = terms.account;
    this.shardId = terms.shardId;
    this.shardCount = terms.shardCount;
    this.intents = terms.intents;
    this.largeThreshold = terms.largeThreshold;
    this.#replayCapacity = terms.replayCapacity;
    this.presences = presences;
    this.#ledger = ledger;
  }

  /** The number of the newest dispatch. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The highest number that a heartbeat or RESUME has named. */
  get sequenceAcknowledged(): number {
    return this.#sequenceAcknowledged;
  }

  get link(): SessionLink | null {
    return this.#link;
  }

  get buffered(): number {
    return this.#buffer.size;
  }

  /** True where so much was dispatched without a connection that the buffer cannot hold it. */
  get overflowed(): boolean {
    return this.#link === null && this.#sequence - this.#sequenceAtDetach > this.#replayCapacity;
  }

  attach(link: SessionLink): void {
    const former = this.#link;
    this.#link = link;
    former?.replaced();
  }

  detach(): void {
    this.#link = null;
    this.#sequenceAtDetach = this.#sequence;
  }

  /** Numbers a dispatch, keeps it for a resume, and sends it where there is a connection. */
  dispatch(name: string, data: Buffer, order: KeyOrder): void {
    const sequence = ++this.#sequence;
    const payload = dispatchPayload(name, sequence, data, order);
    const lost = this.toLose > 0;
    this.#ledger.record(this, sequence, name, payload, !lost);
    if (lost) {
      this.toLose--;
      return;
    }
    this.#buffer.push({ sequence, payload }, this.#replayCapacity);
    this.#link?.sendPayload(payload);
    if (this.toDuplicate > 0 && this.#link !== null) {
      this.toDuplicate--;
      this.#link.sendPayload(payload);
    }
  }

  /** Numbers and sends RESUMED, which is not kept: a later replay shows a gap at its number. */
  dispatchResumed(data: Buffer, order: KeyOrder): void {
    const sequence = ++this.#sequence;
    const payload = dispatchPayload("RESUMED", sequence, data, order);
    this.#ledger.record(this, sequence, "RESUMED", payload, false);
    this.#link?.sendPayload(payload);
  }

  /** True where everything after `sequence` can still be replayed. */
  canReplayAfter(sequence: number): boolean {
    return sequence >= this.#buffer.forgottenThrough;
  }

  /** Sends again everything after `sequence`, byte for byte. */
  replayAfter(sequence: number): void {
    for (const entry of this.#buffer.after(sequence)) this.#link?.sendPayload(entry.payload);
  }

  /** The client named the newest number it has handled; with `trim` nothing up to it can be replayed any more. */
  acknowledge(sequence: number, trim: boolean): void {
    this.#sequenceAcknowledged = Math.max(this.#sequenceAcknowledged, Math.min(sequence, this.#sequence));
    if (trim) this.#buffer.trim(sequence);
  }
}
