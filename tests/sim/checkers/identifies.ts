/**
 * IDENTIFYs of one bucket are spaced, those of a day stay within the budget, and only IDENTIFYs are counted.
 *
 * @module
 */
import type { Report } from "../report.ts";

/** Discord gateway docs, Rate Limiting (Max Concurrency). */
const SPACING_MS = 5_000;
/** An IDENTIFY that was sent so shortly before a reading of the budget may be counted twice. */
const COUNTED_TWICE_MS = 6_000;

export class IdentifyChecker {
  readonly #report: Report;
  /** Bucket → process and time of its last IDENTIFY. */
  readonly #last = new Map<number, { process: number; atMs: number }>();
  readonly #sentAtMs: number[] = [];
  readonly #isShared: boolean;
  #isRaised = false;

  /** `isShared`: processes tell each other when they identify. */
  constructor(report: Report, { isShared = false } = {}) {
    this.#report = report;
    this.#isShared = isShared;
  }

  /** Discord got an IDENTIFY; `remaining` is what the budget had left before it. */
  identified(identify: { process: number; bucket: number; atMs: number; remaining: number }): void {
    const { process, bucket, atMs, remaining } = identify;
    const last = this.#last.get(bucket);
    // Alone, a process that has just started cannot know when the one before it sent its last.
    const isKnown = this.#isShared || last?.process === process;
    if (last !== undefined && isKnown && atMs - last.atMs < SPACING_MS) {
      this.#report(`bucket ${bucket}: two IDENTIFYs within ${atMs - last.atMs} ms`);
    }
    if (remaining <= 0) this.#report(`bucket ${bucket}: an IDENTIFY beyond the daily budget`);
    this.#last.set(bucket, { process, atMs });
  }

  /** The gateway is about to send one. */
  sent(atMs: number): void {
    this.#sentAtMs.push(atMs);
  }

  /** The budget is larger from now on: what the gateway counts may be of before. */
  raised(): void {
    this.#isRaised = true;
  }

  /** The gateway counts so many as left, Discord `remaining`; the last reading of the budget was at `readAtMs`. */
  counted(counted: { left: number; remaining: number; readAtMs: number }): void {
    const { left, remaining, readAtMs } = counted;
    const twice = this.#sentAtMs.filter((sentAtMs) => sentAtMs > readAtMs - COUNTED_TWICE_MS);
    // One is counted just before it is sent.
    const least = remaining - twice.length - 1;
    if (left < least && !this.#isRaised) {
      this.#report(`the gateway counts ${left} IDENTIFYs as left, of ${remaining}: others were counted too`);
    }
  }
}
