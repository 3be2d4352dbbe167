/**
 * The identify queue: who may send IDENTIFY when. One turn at a time per bucket of `max_concurrency`, spaced,
 * buckets in order, and never more in a day than Discord allows: a bot that overspends has its token reset.
 * A RESUME never waits here.
 *
 * A shard takes its turn before it connects and says when IDENTIFY went out; the spacing counts from there, so
 * that a slow connection can neither bunch two IDENTIFYs together nor leave open sockets waiting for hours.
 *
 * Source: Discord gateway docs, Identifying, Rate Limiting, Sharding (Max Concurrency).
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { IdentifyBudget } from "./budget.ts";

export interface IdentifyQueueOptions {
  readonly clock: Clock;
  readonly budget: IdentifyBudget;
  /** Between two IDENTIFYs of one bucket, `SHARDS_WAIT`. */
  readonly spacingMs: number;
  /** `SHARDS_CONCURRENCY`; null takes `max_concurrency` from Discord. */
  readonly concurrency: number | null;
}

export class IdentifyQueue {
  readonly #options: IdentifyQueueOptions;
  readonly #waiting = new Map<number, () => void>();
  readonly #granted = new Set<number>();
  /** Bucket → when its next IDENTIFY may go out. */
  readonly #bucketFreeAtMs = new Map<number, number>();
  #cancelWake: (() => void) | null = null;
  #stopped = false;

  constructor(options: IdentifyQueueOptions) {
    this.#options = options;
  }

  /** Asks for a turn; `granted` is called once, when it has come. Asking twice changes nothing. */
  request(shard: number, granted: () => void): void {
    if (this.#stopped || this.#granted.has(shard) || this.#waiting.has(shard)) return;
    this.#waiting.set(shard, granted);
    // Later in this turn of the event loop, so that shards that ask together are taken in order of their ids.
    this.#wakeAt(this.#options.clock.nowMs());
  }

  /** The shard has sent IDENTIFY on its turn. */
  used(shard: number): void {
    if (!this.#granted.delete(shard)) return;
    const { clock, budget, spacingMs } = this.#options;
    budget.spend();
    this.#bucketFreeAtMs.set(this.#bucketOf(shard), clock.nowMs() + spacingMs);
    this.#pump();
  }

  /** The shard gives its turn back unused, or no longer wants one. */
  giveBack(shard: number): void {
    if (this.#waiting.delete(shard) || this.#granted.delete(shard)) this.#pump();
  }

  /** Grants nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#cancelWake?.();
    this.#cancelWake = null;
  }

  #bucketOf(shard: number): number {
    return shard % this.#concurrency();
  }

  #concurrency(): number {
    return this.#options.concurrency ?? this.#options.budget.maxConcurrency;
  }

  #pump(): void {
    if (this.#stopped || this.#waiting.size === 0) return;
    const { clock, budget } = this.#options;
    const nowMs = clock.nowMs();
    const allowance = budget.allowance(nowMs, this.#granted.size, () => this.#pump());
    if (allowance.kind === "unknown") return;
    if (allowance.kind === "none") return this.#wakeAt(allowance.untilMs);
    const concurrency = this.#concurrency();
    const waiting = [...this.#waiting].sort(([one], [other]) => one - other);
    // Buckets start in order: the whole of one run of `concurrency` shards before any of the next.
    const run = Math.floor(Math.min(waiting[0]?.[0] ?? Infinity, ...this.#granted) / concurrency);
    let left = allowance.identifies;
    let nextFreeAtMs = Infinity;
    const turns: [shard: number, granted: () => void][] = [];
    for (const [shard, granted] of waiting) {
      if (left === 0 || Math.floor(shard / concurrency) !== run) break;
      const freeAtMs = this.#bucketFreeAtMs.get(shard % concurrency) ?? nowMs;
      if (freeAtMs > nowMs) {
        nextFreeAtMs = Math.min(nextFreeAtMs, freeAtMs);
        continue;
      }
      // Two shards of one run never share a bucket, but a granted one of an earlier run may hold it.
      if ([...this.#granted].some((other) => other % concurrency === shard % concurrency)) continue;
      this.#waiting.delete(shard);
      this.#granted.add(shard);
      turns.push([shard, granted]);
      left -= 1;
    }
    if (nextFreeAtMs !== Infinity) this.#wakeAt(nextFreeAtMs);
    // Told once all is decided: a shard that is told may use its turn, or give back its own or another's, at once.
    for (const [shard, granted] of turns) {
      if (this.#granted.has(shard)) granted();
    }
  }

  #wakeAt(atMs: number): void {
    this.#cancelWake?.();
    this.#cancelWake = this.#options.clock.schedule(atMs, () => {
      this.#cancelWake = null;
      this.#pump();
    });
  }
}
