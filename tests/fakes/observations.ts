/**
 * An observer that remembers.
 *
 * @module
 */
import type { Observation, Observer } from "../../gateway/observation.ts";

type Kind = Observation["kind"];
type Of<Wanted extends Kind> = Extract<Observation, { kind: Wanted }>;

export class Observations {
  readonly all: Observation[] = [];
  readonly #waiting = new Set<() => void>();

  readonly observe: Observer = (observation) => {
    this.all.push(observation);
    for (const look of [...this.#waiting]) look();
  };

  of<Wanted extends Kind>(kind: Wanted): Of<Wanted>[] {
    return this.all.filter((observation): observation is Of<Wanted> => observation.kind === kind);
  }

  /** Resolves with the first `count` of a kind, at once where they are there. */
  async first<Wanted extends Kind>(kind: Wanted, count = 1): Promise<Of<Wanted>[]> {
    await this.#until(() => this.of(kind).length >= count);
    return this.of(kind).slice(0, count);
  }

  #until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isTrue()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}
