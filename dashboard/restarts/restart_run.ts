/**
 * One rolling restart from its first shard to its last.
 *
 * Whether a shard has come back is read from its life, because a status that is written once a second does not show an
 * absence of half a second. What counts are the entries behind a mark, not their times, which are of another machine's
 * clock.
 *
 * @module
 */
import { type Clock, sleepUntil } from "../../gateway/clock.ts";
import { lifeKey } from "../contract_keys.ts";
import { type DashboardRedis, RedisAwayError } from "../redis.ts";
import { StreamEntry } from "../stream_entry.ts";
import type { Restart } from "./restart.ts";
import { LEASE_MS, MISSING_SHOWN, type RestartRecord } from "./restart_record.ts";

/** A shard that is not back by then is counted as missing, and the next one has its turn. */
export const BACK_WITHIN_MS = 60_000;
/** So many in a row that do not come back are no accident, and going on would take the whole fleet down. */
export const MISSING_IN_A_ROW_MAX = 3;
/** The gateway writes once a second. */
export const LOOK_EVERY_MS = 500;
/** As many as the gateway keeps. */
const LIFE_ENTRIES = 100;
/** Before the first entry there is. */
const BEGINNING = "0-0";

export interface RestartRunOptions {
  readonly redis: DashboardRedis;
  readonly record: RestartRecord;
  readonly clock: Clock;
  readonly restartShard: (shard: number) => Promise<boolean>;
}

/** Why no further shard has its turn. */
type Ending = "stopped" | "interrupted";

export class RestartRun {
  readonly #options: RestartRunOptions;
  readonly #signal: AbortSignal;
  #restart: Restart;
  /** When it was last certain that the lease is ours; monotonic. */
  #heldAtMs: number;

  /** @param begun Its lease has just been taken. @param signal Interrupts it. */
  constructor(options: RestartRunOptions, begun: Restart, signal: AbortSignal) {
    this.#options = options;
    this.#restart = begun;
    this.#signal = signal;
    this.#heldAtMs = options.clock.nowMs();
  }

  /** How far it has come. */
  get restart(): Restart {
    return this.#restart;
  }

  /** Restarts one shard after the other, and resolves with how that ended. */
  async through(shards: readonly number[]): Promise<Ending | "finished" | "given_up"> {
    let missingInARow = 0;
    for (const shard of shards) {
      if (missingInARow === MISSING_IN_A_ROW_MAX) return "given_up";
      this.#restart = { ...this.#restart, current: shard };
      const outcome = await this.#restartOne(shard);
      if (outcome === "stopped" || outcome === "interrupted") return outcome;
      missingInARow = outcome === "back" ? 0 : missingInARow + 1;
      this.#count(shard, outcome);
    }
    return "finished";
  }

  async #restartOne(shard: number): Promise<Ending | "back" | "missing"> {
    const { clock, restartShard } = this.#options;
    const mark = await this.#look((redis) => newestLife(redis, shard));
    if (typeof mark === "string") return mark;
    if (!await restartShard(shard)) return "missing";
    const dueMs = clock.nowMs() + BACK_WITHIN_MS;
    while (clock.nowMs() < dueMs) {
      await sleepUntil(clock, Math.min(dueMs, clock.nowMs() + LOOK_EVERY_MS), this.#signal);
      const life = await this.#look((redis) => lifeAfter(redis, shard, mark.found));
      if (typeof life === "string") return life;
      if (isBack(life.found)) return "back";
    }
    return "missing";
  }

  #count(shard: number, outcome: "back" | "missing"): void {
    const { back, missing, missingShards } = this.#restart;
    this.#restart = outcome === "back" ? { ...this.#restart, back: back + 1 } : {
      ...this.#restart,
      missing: missing + 1,
      missingShards: [...missingShards, shard].slice(0, MISSING_SHOWN),
    };
  }

  /** Asks Redis for something and holds the lease meanwhile. Waits for a Redis that is away as long as the lease lasts. */
  async #look<Found>(
    ask: (redis: DashboardRedis) => Promise<Found>,
  ): Promise<Ending | { readonly found: Found }> {
    const { redis, record, clock } = this.#options;
    while (!this.#signal.aborted) {
      const nowMs = clock.nowMs();
      try {
        const [hold, found] = await Promise.all([record.hold(this.#restart), ask(redis)]);
        if (hold === "lost") return "interrupted";
        this.#heldAtMs = nowMs;
        if (hold === "held") return { found };
        this.#restart = { ...this.#restart, stoppedBy: hold.stopBy };
        return "stopped";
      } catch (error) {
        if (!(error instanceof RedisAwayError)) throw error;
        if (nowMs >= this.#heldAtMs + LEASE_MS) return "interrupted";
      }
      await sleepUntil(clock, nowMs + LOOK_EVERY_MS, this.#signal);
    }
    return "interrupted";
  }
}

/** The id of the newest entry. */
async function newestLife(redis: DashboardRedis, shard: number): Promise<string> {
  const [entry] = await redis.ask((client) => client.xrevrange(lifeKey(shard), "+", "-", "COUNT", 1));
  return entry?.[0] ?? BEGINNING;
}

/** The kinds of what came after the mark, the oldest first. */
async function lifeAfter(redis: DashboardRedis, shard: number, mark: string): Promise<string[]> {
  const entries = await redis.ask((client) =>
    client.xrange(lifeKey(shard), `(${mark}`, "+", "COUNT", LIFE_ENTRIES)
  );
  return entries.map((entry) => new StreamEntry(entry).field("kind") ?? "");
}

/** A session that stands on a connection which was not there before. */
function isBack(kinds: readonly string[]): boolean {
  const connecting = kinds.indexOf("connecting");
  return connecting !== -1 && kinds.slice(connecting).some((kind) => kind === "resumed" || kind === "ready");
}
