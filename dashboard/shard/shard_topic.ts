/**
 * What keeps the page of one shard live: its figures, and what happened to it since the last message.
 *
 * @module
 */
import type { Topic } from "../fleet/live_feed.ts";
import { type ShardFigures, shardFigures } from "./shard_figures.ts";
import type { LifeEvent, ShardLatency, ShardReader, ShardSnapshot } from "./shard_reader.ts";

/** To whoever has heard everything before it, or has just joined. */
export interface ShardMessage {
  readonly figures: ShardFigures;
  /** The newest first; all that there are for whoever has just joined. */
  readonly life: readonly LifeEvent[];
  /** The oldest first; the same. */
  readonly latencies: readonly ShardLatency[];
}

export class ShardTopic implements Topic {
  readonly key: string;
  readonly event = "shard";
  readonly readsRedis = true;
  readonly #shards: ShardReader;
  readonly #id: number;
  #snapshot: ShardSnapshot | null = null;

  constructor(shards: ShardReader, id: number) {
    this.key = `shard ${id}`;
    this.#shards = shards;
    this.#id = id;
  }

  /** Null while the fleet has no such shard. */
  async read(): Promise<ShardMessage | null> {
    const before = this.#snapshot;
    this.#snapshot = await this.#shards.read(this.#id);
    return this.#snapshot && messageOf(this.#snapshot, before);
  }

  join(): ShardMessage | null {
    return this.#snapshot && messageOf(this.#snapshot, null);
  }
}

function messageOf(snapshot: ShardSnapshot, before: ShardSnapshot | null): ShardMessage {
  // Ids are unique, and what is known is at most what is kept.
  const lived = new Set(before?.life.map(({ id }) => id));
  const measured = new Set(before?.latencies.map(({ id }) => id));
  return {
    figures: shardFigures(snapshot),
    life: snapshot.life.filter(({ id }) => !lived.has(id)),
    latencies: snapshot.latencies.filter(({ id }) => !measured.has(id)),
  };
}
