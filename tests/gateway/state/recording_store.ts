/**
 * A store of the state cache that keeps nothing: it remembers what it was asked, and answers what a test says.
 *
 * @module
 */
import type {
  GuildPage,
  StateOutcome,
  StateStep,
  StateStore,
  StateStoreEvents,
  WrittenShard,
} from "../../../gateway/state/store.ts";
import { shownStep } from "./shown_steps.ts";

export class RecordingStore implements StateStore {
  /** Each piece of work, in order. */
  readonly pieces: (readonly StateStep[])[] = [];
  /** What is answered to the next pieces of work; behind them, that there was nothing. */
  readonly answers: Partial<StateOutcome>[] = [];
  /** Ids of the guilds that are kept, page by page. */
  kept: string[][] = [[]];
  /** What it was told that is written, in order. */
  readonly toldWritten: WrittenShard[] = [];
  /** Called with each piece before it is answered. */
  onPiece: () => void = () => {};

  start(events: StateStoreEvents): void {
    events.opened({ botId: null, written: [] });
  }

  apply(
    steps: readonly StateStep[],
    shard?: number,
    written?: WrittenShard["sessions"],
  ): Promise<StateOutcome> {
    if (shard !== undefined && written !== undefined) this.toldWritten.push({ shard, sessions: written });
    if (steps.length === 0) return Promise.resolve({ olds: [], left: 0 });
    this.pieces.push(steps);
    this.onPiece();
    return Promise.resolve({ olds: [], left: 0, ...this.answers.shift() });
  }

  written(): Promise<readonly WrittenShard[]> {
    return Promise.resolve([]);
  }

  guilds(page: string | null): Promise<GuildPage> {
    const at = Number(page);
    return Promise.resolve({
      ids: this.kept[at] ?? [],
      next: at + 1 < this.kept.length ? String(at + 1) : null,
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** All steps but marks, in order, as lines. */
  get lines(): string[] {
    return this.pieces.flat().filter(({ step }) => step !== "mark").map(shownStep);
  }

  /** All steps, in order, as lines. */
  get linesWithMarks(): string[] {
    return this.pieces.flat().map(shownStep);
  }
}
