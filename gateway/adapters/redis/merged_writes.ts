/**
 * Writes, one at a time.
 *
 * @module
 */

/**
 * One write is under way at a time, so that none overtakes another; those that come meanwhile are merged into the
 * next, so that an outage leaves one write waiting, however long it is.
 */
export class MergedWrites<Change> {
  readonly #merge: (earlier: Change, later: Change) => Change;
  readonly #write: (changes: ReadonlyMap<number, Change>) => Promise<void>;
  #current: Promise<unknown> = Promise.resolve();
  #next: { changes: Map<number, Change>; written: Promise<void> } | null = null;

  /** `merge` makes one change of two to the same shard. */
  constructor(
    merge: (earlier: Change, later: Change) => Change,
    write: (changes: ReadonlyMap<number, Change>) => Promise<void>,
  ) {
    this.#merge = merge;
    this.#write = write;
  }

  /** Resolves when these changes, or later ones in their place, are written. */
  add(changes: Iterable<readonly [number, Change]>): Promise<void> {
    const next = this.#next ??= this.#afterCurrent();
    for (const [shard, change] of changes) {
      const earlier = next.changes.get(shard);
      next.changes.set(shard, earlier === undefined ? change : this.#merge(earlier, change));
    }
    return next.written;
  }

  #afterCurrent(): { changes: Map<number, Change>; written: Promise<void> } {
    const changes = new Map<number, Change>();
    const written = this.#current.then(() => {
      this.#next = null;
      return this.#write(changes);
    });
    this.#current = written.catch(() => {}); // for whoever added them to hear
    return { changes, written };
  }
}
