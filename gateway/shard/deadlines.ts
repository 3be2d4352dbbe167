/**
 * Deadlines as data: a small table of names and times. Whoever drives the machine keeps the one real timer.
 *
 * @module
 */

export class Deadlines<Name extends string> {
  readonly #atMs = new Map<Name, number>();

  set(name: Name, atMs: number): void {
    this.#atMs.set(name, atMs);
  }

  clear(name: Name): void {
    this.#atMs.delete(name);
  }

  clearAll(): void {
    this.#atMs.clear();
  }

  /** When the next one is due; null when nothing is waited for. */
  next(): number | null {
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
    if (due !== null) this.#atMs.delete(due);
    return due;
  }
}
