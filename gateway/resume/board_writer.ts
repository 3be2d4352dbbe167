/**
 * Writes the board for others: once a second while something changed, and once more on shutdown.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";
import type { Board, ShardEntry } from "./board.ts";

const WRITE_EVERY_MS = 1_000;

/** Whoever knows which entries have moved. */
export interface BoardEntries {
  takeChanged(): ShardEntry[];
  /** Counts them as moved again: the board could not be written. */
  putBack(entries: Iterable<ShardEntry>): void;
}

export class BoardWriter {
  readonly #board: Board;
  readonly #entries: BoardEntries;
  readonly #composes: () => boolean;
  readonly #isShared: boolean;
  readonly #clock: Clock;
  readonly #observe: Observer;
  #sessionsMoved = false;
  #writing: Promise<void> | null = null;
  #cancelTimer: (() => void) | null = null;

  /**
   * `composes`: whether this process writes what others read, or leaves that to another member of its fleet. `isShared`:
   * whether it is in one.
   */
  constructor(options: {
    board: Board;
    entries: BoardEntries;
    composes: () => boolean;
    isShared: boolean;
    clock: Clock;
    observe: Observer;
  }) {
    this.#board = options.board;
    this.#composes = options.composes;
    this.#isShared = options.isShared;
    this.#entries = options.entries;
    this.#clock = options.clock;
    this.#observe = options.observe;
  }

  start(): void {
    this.#cancelTimer = this.#clock.schedule(this.#clock.nowMs() + WRITE_EVERY_MS, () => {
      this.start();
      // A store that hangs is not written to a second time: what moves meanwhile is gathered.
      if (this.#writing === null) this.#write();
    });
  }

  /** Resume points were stored: the sessions on the board are older than they. */
  sessionsMoved(): void {
    this.#sessionsMoved = true;
  }

  /** Writes a last time, and no more after it. Safe before {@link start}. */
  async stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    await this.#writing;
    this.#write();
    await this.#writing;
  }

  #write(): void {
    const changed = this.#entries.takeChanged();
    const composes = this.#composes();
    if (changed.length === 0 && !(composes && this.#isDue)) return;
    this.#sessionsMoved = false;
    this.#writing = this.#board.publish(changed, composes).catch((error: unknown) => {
      this.#entries.putBack(changed);
      this.#sessionsMoved = true;
      this.#observe({
        kind: "board.refused",
        error: failureText(error),
      });
    }).finally(() => this.#writing = null);
  }

  /** Where others take part too, nobody tells of what moved there. */
  get #isDue(): boolean {
    return this.#sessionsMoved || this.#isShared;
  }
}
