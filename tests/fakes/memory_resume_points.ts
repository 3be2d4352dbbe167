/**
 * A store of resume points in memory. It answers at once, unless the test makes it wait.
 *
 * @module
 */
import type { PointChange, ResumePoints, StoredFleet, StoredShard } from "../../gateway/resume/points.ts";

/** A shard of which nothing is stored. */
const NOTHING_STORED: StoredShard = { point: null, presence: null, guilds: null };

export class MemoryResumePoints implements ResumePoints {
  /** What the store holds, shared by whoever is made from it. */
  readonly shards: Map<number, StoredShard>;
  total: number | null = null;
  /** True where another service is to have written last. */
  foreign = false;
  startedAtMs: number | null = null;
  /** Every write in the order of the calls, done or waiting. */
  readonly writes: ReadonlyMap<number, PointChange>[] = [];
  #held: (() => void)[] | null = null;

  constructor(shards: Iterable<readonly [number, Partial<StoredShard>]> = []) {
    this.shards = new Map([...shards].map(([shard, stored]) => [shard, { ...NOTHING_STORED, ...stored }]));
  }

  load(): Promise<StoredFleet> {
    return this.#whenThere(() => ({
      total: this.total,
      shards: new Map(this.shards),
      foreign: this.foreign,
    }));
  }

  begin(
    reign: { total: number; startedAtMs: number; keepSessions: boolean; imported: StoredFleet },
  ): Promise<void> {
    return this.#whenThere(() => {
      if (reign.imported.foreign) {
        // What another service wrote is the whole truth about sessions, also where it names none.
        for (const shard of this.shards.keys()) this.#change(shard, { point: null });
        for (const [shard, { point }] of reign.imported.shards) this.#change(shard, { point });
      }
      if (!reign.keepSessions) {
        for (const [shard, stored] of this.shards) {
          this.shards.set(shard, { ...stored, point: null, guilds: null });
        }
      }
      this.total = reign.total;
      this.startedAtMs = reign.startedAtMs;
      this.foreign = false;
    });
  }

  write(changes: ReadonlyMap<number, PointChange>): Promise<void> {
    this.writes.push(changes);
    return this.#whenThere(() => {
      for (const [shard, change] of changes) this.#change(shard, change);
    });
  }

  /** Calls waiting for {@link release}. */
  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  /** From now on the store is away: calls wait. */
  hold(): void {
    this.#held ??= [];
  }

  /** Carries out the oldest waiting call; the store stays away for the others. */
  releaseNext(): void {
    this.#held?.shift()?.();
  }

  /** The store is back: what waited is carried out, in order. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const carryOut of held) carryOut();
  }

  #change(shard: number, change: PointChange): void {
    this.shards.set(shard, { ...(this.shards.get(shard) ?? NOTHING_STORED), ...change });
  }

  #whenThere<Result>(carryOut: () => Result): Promise<Result> {
    if (this.#held === null) return Promise.resolve(carryOut());
    return new Promise((resolve) => this.#held?.push(() => resolve(carryOut())));
  }
}
