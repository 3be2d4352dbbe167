/**
 * Deadlines as data: a small table of names and times. Whoever drives the machine keeps the one real timer.
 *
 * @module
 */

export class Deadlines<Name extends string> {
  readonly #atMs = new Map<Name, number>();
  /** Kept, because it is asked for after every event; undefined: to be found anew. */
  #nextMs: number | null | undefined = null;

  set(name: Name, atMs: number): void {
    this.#atMs.set(name, atMs);
    this.#nextMs = undefined;
  }

  clear(name: Name): void {
    if (this.#atMs.delete(name)) this.#nextMs = undefined;
  }

  clearAll(): void {
    this.#atMs.clear();
    this.#nextMs = null;
  }

  /** When the next one is due; null when nothing is waited for. */
  next(): number | null {
    return this.#nextMs === undefined ? this.#nextMs = this.#earliest() : this.#nextMs;
  }

  #earliest(): number | null {
    let earliest: number | null = null;
    for (const atMs of this.#atMs.values()) {
      if (earliest === null || atMs < earliest) earliest = atMs;
    }
    return earliest;
  }

  /** Removes and returns one deadline that has passed, the earliest first; null when none has. */
  takeDue(nowMs: number): Name | null {
    let due: Name | null = null;
    let earliest = Infinity;
    for (const [name, atMs] of this.#atMs) {
      if (atMs <= nowMs && atMs < earliest) {
        due = name;
        earliest = atMs;
      }
    }
    if (due !== null) this.clear(due);
    return due;
  }
}
