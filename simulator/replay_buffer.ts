/**
 * What Discord keeps of a session, to send it again after a RESUME.
 *
 * @module
 */
import type { Buffer } from "node:buffer";

/** A dispatch kept for a RESUME. */
export interface ReplayEntry {
  readonly sequence: number;
  readonly payload: Buffer;
}

/** The latest dispatches of one session, oldest first. */
export class ReplayBuffer {
  #entries: ReplayEntry[] = [];
  #start = 0;
  #forgottenThrough = 0;

  get size(): number {
    return this.#entries.length - this.#start;
  }

  /** The highest sequence that can no longer be replayed; 0 while everything can. */
  get forgottenThrough(): number {
    return this.#forgottenThrough;
  }

  /** Adds a dispatch, and forgets the oldest ones beyond `capacity`. */
  push(entry: ReplayEntry, capacity: number): void {
    this.#entries.push(entry);
    while (this.size > capacity) this.#forgetOldest();
  }

  /** Forgets everything up to and including `sequence`. */
  trim(sequence: number): void {
    for (;;) {
      const oldest = this.#entries[this.#start];
      if (oldest === undefined || oldest.sequence > sequence) return;
      this.#forgetOldest();
    }
  }

  /** The entries after `sequence`, in order. */
  after(sequence: number): ReplayEntry[] {
    return this.#entries.slice(this.#start).filter((entry) => entry.sequence > sequence);
  }

  #forgetOldest(): void {
    const oldest = this.#entries[this.#start++];
    if (oldest !== undefined) this.#forgottenThrough = oldest.sequence;
    // The dead front is cut off only when it is half of the array, which keeps a push cheap on average.
    if (this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }
}
