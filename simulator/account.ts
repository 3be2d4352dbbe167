/**
 * A bot's account: what Discord limits across all shards of one token.
 *
 * @module
 */
import type { SimulatorClock } from "./clock.ts";
import type { Knobs } from "./knobs.ts";

const DAY_MS = 86_400_000;

/** The `session_start_limit` of GET /gateway/bot. `reset_after` is in milliseconds. */
export interface SessionStartLimit {
  readonly total: number;
  readonly remaining: number;
  readonly reset_after: number;
  readonly max_concurrency: number;
}

/** What Discord keeps about one bot, whatever its shards: its token, its daily quota, its identify buckets. */
export class Account {
  /** Place in the list of tokens, by which the outside names it without saying the token. */
  readonly index: number;
  readonly #token: string;
  readonly #knobs: Knobs;
  readonly #clock: SimulatorClock;
  #valid = true;
  #startsUsed = 0;
  #dayStartMs: number;
  readonly #identifiedAtMs = new Map<number, number>();
  readonly #membersListedAtMs = new Map<bigint, number>();

  constructor(index: number, token: string, knobs: Knobs, clock: SimulatorClock) {
    this.index = index;
    this.#token = token;
    this.#knobs = knobs;
    this.#clock = clock;
    this.#dayStartMs = clock.nowMs();
  }

  get valid(): boolean {
    return this.#valid;
  }

  /** True for this bot's token while it is valid, with or without the `Bot ` that some clients put before it. */
  accepts(token: string): boolean {
    return this.#valid && token.replace(/^Bot /, "") === this.#token;
  }

  /** From now on the token is refused, as after a leak or an overspent quota. */
  revoke(): void {
    this.#valid = false;
  }

  /** The token is valid again and the quota unspent. */
  reset(): void {
    this.#valid = true;
    this.#startsUsed = 0;
    this.#dayStartMs = this.#clock.nowMs();
    this.#identifiedAtMs.clear();
  }

  sessionStartLimit(): SessionStartLimit {
    this.#turnDay();
    return {
      total: this.#knobs.sessionStartTotal,
      remaining: Math.max(0, this.#knobs.sessionStartTotal - this.#startsUsed),
      reset_after: this.#dayStartMs + DAY_MS - this.#clock.nowMs(),
      max_concurrency: this.#knobs.maxConcurrency,
    };
  }

  /** Makes the next IDENTIFY the one that overspends. */
  spendQuota(): void {
    this.#turnDay();
    this.#startsUsed = this.#knobs.sessionStartTotal;
  }

  /**
   * Asks to start a session of a shard, and takes a place in quota and bucket where it may. Buckets are
   * `shard_id % max_concurrency`, one IDENTIFY per window each (Discord docs, Rate Limiting).
   */
  startSession(shardId: number): "started" | "quota-spent" | "bucket-busy" {
    if (this.sessionStartLimit().remaining === 0) return "quota-spent";
    const bucket = shardId % this.#knobs.maxConcurrency;
    const nowMs = this.#clock.nowMs();
    if (nowMs - (this.#identifiedAtMs.get(bucket) ?? -Infinity) < this.#knobs.identifyWindowMs) {
      return "bucket-busy";
    }
    this.#identifiedAtMs.set(bucket, nowMs);
    this.#startsUsed++;
    return "started";
  }

  /** Asks for the full member list of a guild: 0 where it may have it, else the milliseconds to wait. */
  requestMembers(guildId: bigint): number {
    const nowMs = this.#clock.nowMs();
    const waitMs = (this.#membersListedAtMs.get(guildId) ?? -Infinity) + this.#knobs.memberRequestWindowMs -
      nowMs;
    if (waitMs > 0) return waitMs;
    this.#membersListedAtMs.set(guildId, nowMs);
    return 0;
  }

  #turnDay(): void {
    while (this.#clock.nowMs() >= this.#dayStartMs + DAY_MS) {
      this.#dayStartMs += DAY_MS;
      this.#startsUsed = 0;
    }
  }
}
