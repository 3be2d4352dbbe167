/**
 * What one simulated Redis server holds. Another that takes its place begins with a copy of an earlier moment.
 *
 * @module
 */
import type { StoredShard } from "../../gateway/resume/points.ts";
import { MemoryLeases } from "../fakes/memory_leases.ts";
import type { VirtualClock } from "./virtual_clock.ts";

export class RedisStore {
  readonly #clock: VirtualClock;
  readonly leases: MemoryLeases;
  readonly shards: Map<number, StoredShard>;
  /** By so much its clock is ahead of the world's. */
  readonly skewMs: number;
  total: number | null = null;
  bot: string | null = null;
  /** It answers nobody any more. */
  isGone = false;

  constructor(clock: VirtualClock, { skewMs = 0, shards = new Map<number, StoredShard>() } = {}) {
    this.#clock = clock;
    this.skewMs = skewMs;
    this.shards = shards;
    this.leases = new MemoryLeases(() => clock.wallMs() + skewMs);
  }

  /** A server that knows by now all that this one knows, and nothing that comes from now on. */
  copy(skewMs: number): RedisStore {
    const copy = new RedisStore(this.#clock, { skewMs, shards: new Map(this.shards) });
    copy.leases.restore(this.leases.everything);
    copy.total = this.total;
    copy.bot = this.bot;
    return copy;
  }
}
