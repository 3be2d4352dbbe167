/**
 * Sums what many histories had in them.
 *
 * @module
 */
import type { Fault } from "./plan.ts";
import type { Verdict } from "./world.ts";

const HOUR_MS = 3_600_000;

export class Tally {
  readonly #faults = new Map<Fault, number>();
  #seeds = 0;
  #virtualMs = 0;
  #dispatched = 0;
  #repeated = 0;
  #spooled = 0;
  #gaps = 0;
  #unknownSessions = 0;
  #fleets = 0;
  #leases = 0;
  #heldShards = 0;
  #cachedShards = 0;

  add(verdict: Verdict): void {
    this.#seeds += 1;
    this.#virtualMs += verdict.virtualMs;
    this.#dispatched += verdict.dispatched;
    this.#repeated += verdict.repeated;
    this.#spooled += verdict.spooled;
    this.#gaps += verdict.gaps;
    this.#unknownSessions += verdict.unknownSessions;
    this.#fleets += verdict.plan.fleet === null ? 0 : 1;
    this.#leases += verdict.leasesTaken;
    this.#heldShards += verdict.cached.held;
    this.#cachedShards += verdict.cached.shards;
    for (const [fault, count] of verdict.faults) {
      this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + count);
    }
  }

  text({ firstSeed, tookMs }: { firstSeed: number; tookMs: number }): string {
    const faults = [...this.#faults].toSorted(([one], [other]) => one < other ? -1 : 1)
      .map(([fault, count]) => `  ${fault.padEnd(22)} ${count}`);
    return [
      ...faults,
      `seeds ${firstSeed} to ${firstSeed + this.#seeds - 1}: every promise kept in ` +
      `${(this.#virtualMs / HOUR_MS).toFixed(1)} virtual hours, ${this.#dispatched} events, ` +
      `${this.#spooled} spooled, ${this.#repeated} repeats, ${this.#gaps} gaps told, ` +
      `${this.#unknownSessions} sessions that nobody could write down, ` +
      `the caches of ${this.#heldShards} of ${this.#cachedShards} shards held against the model, ` +
      `${this.#fleets} fleets in which leases of shards were taken ${this.#leases} times, ` +
      `${(tookMs / this.#seeds).toFixed(1)} ms a seed`,
    ].join("\n");
  }
}
