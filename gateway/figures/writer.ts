/**
 * Keeps the figures in the store up to date: once a second, one write under way at a time. Nobody waits for them,
 * and nothing is lost with them but a look back.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";
import type { FiguresGatherer } from "./gatherer.ts";
import type { FiguresStore } from "./store.ts";

const WRITE_EVERY_MS = 1_000;
/**
 * A process that has not been heard for so long is forgotten by the next one that starts: as far as whoever watches looks
 * back. One that was replaced is part of what was.
 */
const FORGET_AFTER_MS = 15 * 60_000;

export interface FiguresWriterOptions {
  readonly store: FiguresStore;
  readonly gatherer: FiguresGatherer;
  readonly replicaName: string;
  /** Whether the store takes writes, as far as is known: where it does not, none is tried. */
  readonly isStoreThere: () => boolean;
  readonly clock: Clock;
  readonly observe: Observer;
}

export class FiguresWriter {
  readonly #options: FiguresWriterOptions;
  #writing: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;
  #dueMs = 0;
  #hasForgotten = false;
  /** One line in the log for an outage, however many writes it costs. */
  #isRefusalReported = false;
  #isStopped = false;

  constructor(options: FiguresWriterOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isStopped || this.#cancelTimer !== null) return;
    this.#dueMs = this.#options.clock.nowMs();
    this.#schedule();
  }

  /** Writes a last time that this process has stopped, and no more after it. Safe before {@link start}, and twice. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#writing;
    if (this.#options.isStoreThere()) await this.#write();
  }

  /** In step with the clock, so that what is counted in between is that of a second; a late turn is not caught up. */
  #schedule(): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    this.#dueMs += WRITE_EVERY_MS;
    if (this.#dueMs <= nowMs) this.#dueMs = nowMs + WRITE_EVERY_MS;
    this.#cancelTimer = clock.schedule(this.#dueMs, () => {
      this.#schedule();
      this.#turn();
    });
  }

  #turn(): void {
    const { gatherer, isStoreThere } = this.#options;
    if (this.#writing !== null || !isStoreThere()) return gatherer.skip();
    this.#writing = this.#write().finally(() => this.#writing = null);
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { store, gatherer, replicaName, clock, observe } = this.#options;
    const figures = gatherer.take({ stopped: this.#isStopped });
    try {
      if (!this.#hasForgotten) {
        await store.forgetReplicas(replicaName, clock.wallMs() - FORGET_AFTER_MS);
        this.#hasForgotten = true;
      }
      await store.write(figures);
      this.#isRefusalReported = false;
    } catch (error) {
      gatherer.notWritten();
      // At its end the store is left without another word.
      if (this.#isRefusalReported || this.#isStopped) return;
      this.#isRefusalReported = true;
      observe({ kind: "figures.refused", error: failureText(error) });
    }
  }
}
