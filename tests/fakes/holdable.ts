/**
 * What fakes of servers have in common: their calls can be held up.
 *
 * @module
 */

export class Holdable {
  #held: (() => void)[] | null = null;

  /** Calls waiting for {@link release}. */
  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  /** From now on calls wait. */
  hold(): void {
    this.#held ??= [];
  }

  /** Carries out the oldest waiting call; the others still wait. */
  releaseNext(): void {
    this.#held?.shift()?.();
  }

  /** What waited is carried out, in order, and what comes at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const carryOut of held) carryOut();
  }

  protected whenThere<Result>(carryOut: () => Result): Promise<Result> {
    if (this.#held === null) return Promise.resolve(carryOut());
    return new Promise((resolve) => this.#held?.push(() => resolve(carryOut())));
  }
}
