/**
 * The metrics of a service whose shards run on worker threads: what the main thread has observed itself, and the sums of what
 * the workers have. What a worker had counted when it was last asked stays counted when it has ended, so that no sum
 * goes back.
 *
 * @module
 */
import { AggregatorRegistry } from "prom-client";
import { eventCountsText } from "../event_counts_text.ts";
import type { FamiliesSnapshot, Metrics } from "../metrics.ts";
import type { WorkerFigures } from "./messages.ts";
import { packCounts, type PackedCounts, SummedCounts } from "./packed_counts.ts";

/** What only grows. */
const GROWING: ReadonlySet<string> = new Set(["counter", "histogram"]);

export class WorkersMetrics {
  readonly #own: Pick<Metrics, "contentType" | "families">;
  /** As each worker said last. */
  readonly #last = new Map<number, WorkerFigures>();
  /** Of threads that have ended. */
  #past: WorkerFigures | null = null;
  #retired: Promise<void> = Promise.resolve();

  constructor(own: Pick<Metrics, "contentType" | "families">) {
    this.#own = own;
  }

  get contentType(): string {
    return this.#own.contentType;
  }

  /** Everything, in Prometheus's text format 0.0.4. `figures`: by the number of each worker that has answered. */
  async text(figures: ReadonlyMap<number, WorkerFigures>): Promise<string> {
    await this.#retired;
    for (const [number, ofWorker] of figures) this.#last.set(number, ofWorker);
    const own = await this.#own.families();
    const all = [...this.#past === null ? [] : [this.#past], ...this.#last.values()];
    const families = AggregatorRegistry.aggregate([own, ...all.map(({ families }) => families)]);
    return `${await families.metrics()}\n${await eventCountsText(sumOf(all.map(({ counts }) => counts)))}`;
  }

  /** The worker's thread has ended; another one begins to count anew. */
  ended(number: number): void {
    this.#retired = this.#retired.then(() => this.#retire(number));
  }

  async #retire(number: number): Promise<void> {
    const last = this.#last.get(number);
    if (last === undefined) return;
    const past = [...this.#past === null ? [] : [this.#past], last];
    const families: FamiliesSnapshot = await AggregatorRegistry
      .aggregate(past.map(({ families }) => families.filter(({ type }) => GROWING.has(String(type)))))
      .getMetricsAsJSON();
    this.#last.delete(number);
    this.#past = { families, counts: packCounts(sumOf(past.map(({ counts }) => counts))) };
  }
}

function sumOf(counts: readonly PackedCounts[]): SummedCounts {
  const sum = new SummedCounts();
  for (const one of counts) sum.add(one);
  return sum;
}
