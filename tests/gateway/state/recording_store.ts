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
} from "../../../gateway/state/store.ts";
import { shownStep } from "./shown_steps.ts";

export class RecordingStore implements StateStore {
  /** Each piece of work, in order. */
  readonly pieces: (readonly StateStep[])[] = [];
  /** What is answered to the next pieces of work; behind them, that there was nothing. */
  readonly answers: Partial<StateOutcome>[] = [];
  /** Ids of the guilds that are kept, page by page. */
  kept: string[][] = [[]];
  /** Called with each piece before it is answered. */
  onPiece: () => void = () => {};

  start(events: StateStoreEvents): void {
    events.opened(null);
  }

  apply(steps: readonly StateStep[]): Promise<StateOutcome> {
    this.pieces.push(steps);
    this.onPiece();
    return Promise.resolve({ olds: [], left: 0, ...this.answers.shift() });
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

  /** All steps, in order, as lines. */
  get lines(): string[] {
    return this.pieces.flat().map(shownStep);
  }
}
