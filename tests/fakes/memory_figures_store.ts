/**
 * A store of figures in memory: it keeps what was written for the test to look at.
 *
 * @module
 */
import type {
  Figures,
  FiguresStore,
  Latency,
  LifeEvent,
  RejectedCommand,
  ReplicaFigures,
  SecondFigures,
  ShardDetails,
} from "../../gateway/figures/store.ts";
import { Holdable } from "./holdable.ts";

const HISTORY_ENTRIES = 900;
const LIFE_ENTRIES = 100;
const LATENCY_ENTRIES = 240;
const REJECTED_ENTRIES = 200;

export class MemoryFiguresStore extends Holdable implements FiguresStore {
  /** What was asked to be written, in order, done or not. */
  readonly asked: Figures[] = [];
  readonly replicas = new Map<string, ReplicaFigures>();
  readonly history = new Map<string, SecondFigures[]>();
  readonly details = new Map<number, ShardDetails>();
  readonly life = new Map<number, LifeEvent[]>();
  readonly latencies = new Map<number, Latency[]>();
  readonly rejected: RejectedCommand[] = [];
  #isAway = false;

  async forgetReplicas(name: string, heardBeforeMs: number): Promise<void> {
    await this.#answer();
    for (const [other, { heardAtMs }] of this.replicas) {
      if (other === name || heardAtMs >= heardBeforeMs) continue;
      this.replicas.delete(other);
      this.history.delete(other);
    }
  }

  async write(figures: Figures): Promise<void> {
    this.asked.push(figures);
    await this.#answer();
    const { replica, second, details, life, latencies, rejected } = figures;
    this.replicas.set(replica.name, replica);
    if (second !== null) keep(listOf(this.history, replica.name), second, HISTORY_ENTRIES);
    for (const [shard, told] of details) this.details.set(shard, told);
    const { total } = replica;
    if (total !== null && this.details.size > total) {
      for (const shard of [...this.details.keys()]) if (shard >= total) this.details.delete(shard);
    }
    for (const event of life) keep(listOf(this.life, event.shard), event, LIFE_ENTRIES);
    for (const latency of latencies) {
      keep(listOf(this.latencies, latency.shard), latency, LATENCY_ENTRIES);
    }
    for (const command of rejected) keep(this.rejected, command, REJECTED_ENTRIES);
  }

  /** From now on every call is refused, until {@link back}. */
  away(): void {
    this.#isAway = true;
  }

  back(): void {
    this.#isAway = false;
  }

  async #answer(): Promise<void> {
    await this.whenThere(() => {});
    if (this.#isAway) throw new Error("not connected");
  }
}

function listOf<Key, Item>(lists: Map<Key, Item[]>, key: Key): Item[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

function keep<Item>(list: Item[], item: Item, most: number): void {
  list.push(item);
  if (list.length > most) list.shift();
}
