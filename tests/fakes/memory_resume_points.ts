/**
 * A store of resume points in memory. It answers at once, unless the test makes it wait.
 *
 * @module
 */
import type {
  PointChange,
  Reign,
  ResumePoints,
  StoredFleet,
  StoredShard,
} from "../../gateway/resume/points.ts";
import { Holdable } from "./holdable.ts";

/** A shard of which nothing is stored. */
const NOTHING_STORED: StoredShard = { point: null, lost: [], presence: null, guilds: null };

export class MemoryResumePoints extends Holdable implements ResumePoints {
  /** What the store holds, shared by whoever is made from it. */
  readonly shards: Map<number, StoredShard>;
  total: number | null = null;
  bot: string | null = null;
  /** True where another service is to have written last: the points in {@link shards} are its own, the rest is older. */
  foreign = false;
  startedAtMs: number | null = null;
  /** Shards that another process runs. */
  readonly fenced = new Set<number>();
  /** Every write in the order of the calls, done or waiting. */
  readonly writes: ReadonlyMap<number, PointChange>[] = [];

  constructor(shards: Iterable<readonly [number, Partial<StoredShard>]> = []) {
    super();
    this.shards = new Map([...shards].map(([shard, stored]) => [shard, { ...NOTHING_STORED, ...stored }]));
  }

  load(): Promise<StoredFleet> {
    return this.whenThere(() => ({
      total: this.total,
      bot: this.foreign ? null : this.bot,
      shards: new Map(
        [...this.shards].map(([shard, stored]) => [
          shard,
          this.foreign ? { ...NOTHING_STORED, point: stored.point, lost: stored.lost } : stored,
        ]),
      ),
      foreign: this.foreign,
    }));
  }

  read(shards: readonly number[]): Promise<ReadonlyMap<number, StoredShard>> {
    return this.whenThere(() => new Map([...this.shards].filter(([shard]) => shards.includes(shard))));
  }

  begin({ total, bot, startedAtMs, keepSessions, lost, imported }: Reign): Promise<boolean> {
    return this.whenThere(() => {
      if (imported.foreign) {
        for (const [shard, { lost }] of this.shards) this.shards.set(shard, { ...NOTHING_STORED, lost });
        this.bot = null;
        for (const [shard, { point }] of imported.shards) this.#change(shard, { point });
      }
      if (!keepSessions) {
        const isOtherBot = this.bot !== null && bot !== null && this.bot !== bot;
        this.bot = null;
        for (const [shard, stored] of this.shards) {
          const presence = isOtherBot ? null : stored.presence;
          this.shards.set(shard, { ...stored, point: null, presence, guilds: null });
        }
      }
      for (const [shard, sessions] of lost) this.#change(shard, { lost: sessions });
      this.total = total;
      this.bot = bot ?? this.bot;
      this.startedAtMs = startedAtMs;
      this.foreign = false;
      return true;
    });
  }

  write(changes: ReadonlyMap<number, PointChange>): Promise<ReadonlySet<number>> {
    this.writes.push(changes);
    return this.whenThere(() => {
      const fenced = new Set<number>();
      for (const [shard, change] of changes) {
        if (this.fenced.has(shard)) fenced.add(shard);
        else this.#change(shard, change);
      }
      return fenced;
    });
  }

  forget(): void {}

  #change(shard: number, change: PointChange): void {
    this.shards.set(shard, { ...(this.shards.get(shard) ?? NOTHING_STORED), ...change });
  }
}
