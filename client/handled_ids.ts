/**
 * Which events have been handled, so that repeats can be dropped.
 *
 * @module
 */

/**
 * Remembers ids. An id is asked for before the handler runs and added after it has resolved: added before, an event
 * whose consumer died in between would be lost.
 */
export interface HandledIds {
  has(id: string): boolean | Promise<boolean>;
  add(id: string): void | Promise<void>;
}

/** Repeats come soon after the first copy: this is an hour of 28 events a second. */
const DEFAULT_IDS_MOST = 100_000;

/** In the memory of this process; the oldest are forgotten. */
export class MemoryHandledIds implements HandledIds {
  readonly #idsMost: number;
  readonly #ids: Set<string> = new Set();

  /** @param idsMost How many are kept. */
  constructor(idsMost: number = DEFAULT_IDS_MOST) {
    this.#idsMost = idsMost;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
    if (this.#ids.size <= this.#idsMost) return;
    const [oldest] = this.#ids;
    if (oldest !== undefined) this.#ids.delete(oldest);
  }
}
