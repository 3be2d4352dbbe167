/**
 * No connection carries more than Discord's limit of client frames.
 *
 * @module
 */
import type { Report } from "../report.ts";

/** 120 frames per 60 s and connection (Discord gateway docs, Rate Limiting). */
const FRAMES = 120;
const WINDOW_MS = 60_000;

export class SendChecker {
  readonly #report: Report;
  /** Connection → when its latest frames came. */
  readonly #sentAtMs = new Map<number, number[]>();

  constructor(report: Report) {
    this.#report = report;
  }

  sent(connection: number, atMs: number): void {
    let times = this.#sentAtMs.get(connection);
    if (times === undefined) this.#sentAtMs.set(connection, times = []);
    times.push(atMs);
    if (times.length <= FRAMES) return;
    const first = times.shift() ?? 0;
    if (atMs - first >= WINDOW_MS) return;
    this.#report(`connection ${connection}: ${FRAMES + 1} frames within ${atMs - first} ms`);
  }

  closed(connection: number): void {
    this.#sentAtMs.delete(connection);
  }
}
