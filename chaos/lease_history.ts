/**
 * Who held the lease of which shard, and from when to when, as Redis had it.
 *
 * @module
 */

/** Of one taking. */
interface Tenure {
  readonly token: number;
  readonly replica: string;
  /** By the wall clock; a lease that is still held has no end. */
  readonly fromMs: number;
  untilMs: number;
}

export class LeaseHistory {
  readonly #tenures = new Map<number, Tenure[]>();

  /** How often a lease was taken. */
  get takings(): number {
    return [...this.#tenures.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** In the order of the tokens; one that is known already counts once. */
  took(shard: number, token: number, replica: string, atMs: number): void {
    const tenures = this.#tenures.get(shard) ?? [];
    this.#tenures.set(shard, tenures);
    const last = tenures.at(-1);
    if (last !== undefined && token <= last.token) return;
    if (last !== undefined) last.untilMs = Math.min(last.untilMs, atMs);
    tenures.push({ token, replica, fromMs: atMs, untilMs: Infinity });
  }

  letGo(shard: number, token: number, atMs: number): void {
    const last = this.#tenures.get(shard)?.at(-1);
    if (last?.token === token) last.untilMs = Math.min(last.untilMs, atMs);
  }

  /** Whether the replica held the shard then, or no more than `marginMs` before. */
  holds(replica: string, shard: number, atMs: number, marginMs: number): boolean {
    return this.#of(replica, shard).some(({ fromMs, untilMs }) =>
      atMs >= fromMs - marginMs && atMs <= untilMs + marginMs
    );
  }

  /** When the replica ceased to hold the shard, the last time before that moment; null where it had not held it. */
  heldUntilMs(replica: string, shard: number, beforeMs: number): number | null {
    return this.#of(replica, shard).findLast(({ untilMs }) => untilMs <= beforeMs)?.untilMs ?? null;
  }

  /** Whether the replica held any shard then that another has taken by `untilMs`. */
  losesAny(replica: string, fromMs: number, untilMs: number): boolean {
    return [...this.#tenures.values()].some((tenures) =>
      tenures.some((tenure, index) => {
        const next = tenures[index + 1];
        return tenure.replica === replica && tenure.fromMs <= fromMs && next !== undefined &&
          next.replica !== replica && next.fromMs > fromMs && next.fromMs <= untilMs;
      })
    );
  }

  #of(replica: string, shard: number): Tenure[] {
    return this.#tenures.get(shard)?.filter((tenure) => tenure.replica === replica) ?? [];
  }
}
