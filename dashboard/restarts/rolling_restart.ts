/**
 * Restarts many shards, one after the other, so that never more than one of them is away for it. There is one such
 * restart at a time over all dashboards on this Redis.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Clock } from "../../gateway/clock.ts";
import { failureText } from "../../gateway/failure.ts";
import type { AuditLog } from "../audit/audit_log.ts";
import type { FleetSnapshot, IdentifyBudget } from "../fleet/fleet_snapshot.ts";
import type { DashboardRedis } from "../redis.ts";
import { shardListText } from "../shard_list.ts";
import type { Restart, RestartMode } from "./restart.ts";
import { RestartRecord } from "./restart_record.ts";
import { RestartRun } from "./restart_run.ts";

/** The action as the audit has it. */
export const ROLLING_RESTART = "Rolling restart";

/** Who acts, and from where: for the audit. */
export interface Actor {
  readonly who: string;
  readonly role: string;
  readonly address: string;
}

/** As the audit calls it. */
export const ROLLING_RESTART_NAMES: Readonly<Record<RestartMode, string>> = {
  resume: ROLLING_RESTART,
  identify: `${ROLLING_RESTART} with new sessions`,
};

/**
 * The budget that a restart of so many shards would overspend; null where it lasts, or is not known. The shards past it
 * would wait for the next day's, and each of them would count as one that does not come back.
 */
export function tooSmallBudget(
  mode: RestartMode,
  shards: number,
  { atMs, sums: { identify } }: FleetSnapshot,
): IdentifyBudget | null {
  // One that was renewed since it was asked for is not known.
  const isKnown = mode === "identify" && identify !== null && identify.resetsAtMs > atMs;
  return isKnown && identify.remaining < shards ? identify : null;
}

export interface RollingRestartOptions {
  readonly redis: DashboardRedis;
  readonly clock: Clock;
  readonly audit: AuditLog;
  /** Has the gateway reconnect a shard; false where it did not take the command. Never rejects. */
  readonly restartShard: (shard: number, mode: RestartMode) => Promise<boolean>;
  /** Hears of a restart that ended as nobody could foresee, as one line for the log. */
  readonly tellFault: (message: string) => void;
}

export class RollingRestart {
  readonly #options: RollingRestartOptions;
  readonly #record: RestartRecord;
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: RollingRestartOptions) {
    this.#options = options;
    this.#record = new RestartRecord(options.redis);
  }

  /**
   * Begins with the first of the shards, and resolves before it is back; false where a restart is under way already, on
   * this dashboard or another.
   *
   * @throws RedisAwayError
   */
  async start(shards: readonly number[], by: Actor, mode: RestartMode = "resume"): Promise<boolean> {
    const restart: Restart = {
      id: randomUUID(),
      mode,
      state: "running",
      startedBy: by.who,
      startedAtMs: this.#options.clock.wallMs(),
      endedAtMs: null,
      total: shards.length,
      back: 0,
      missing: 0,
      missingShards: [],
      current: null,
      stoppedBy: null,
    };
    const audited = { ...by, action: ROLLING_RESTART_NAMES[mode], shards: shardListText(shards) };
    const isTaken = !this.#closing.signal.aborted && await this.#record.take(restart);
    await this.#options.audit.record({
      ...audited,
      outcome: isTaken ? "Begun" : "Refused: one is under way",
    });
    if (!isTaken) return false;
    this.#running = this.#run(
      restart,
      shards,
      mode,
      (outcome) => this.#options.audit.record({ ...audited, outcome }),
    );
    return true;
  }

  /**
   * Asks the restart that is under way to end, wherever it runs; false where there is none, or it was asked already.
   *
   * @throws RedisAwayError
   */
  async stop(by: Actor): Promise<boolean> {
    const isAsked = await this.#record.askToStop(by.who);
    const outcome = isAsked ? "Asked for" : "Refused: none is under way";
    await this.#options.audit.record({ ...by, action: "Stop rolling restart", shards: "none", outcome });
    return isAsked;
  }

  /**
   * The restart that is under way, else the last that was; null where there was none.
   *
   * @throws RedisAwayError
   */
  async read(): Promise<Restart | null> {
    return await this.#record.read();
  }

  /** Resolves once this dashboard runs none. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Begins no more, and ends what this dashboard runs as interrupted. Safe twice. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  /** Never rejects. */
  async #run(
    begun: Restart,
    shards: readonly number[],
    mode: RestartMode,
    audit: (outcome: string) => Promise<unknown>,
  ): Promise<void> {
    const { clock, tellFault, restartShard } = this.#options;
    const run = new RestartRun(
      { ...this.#options, record: this.#record, restartShard: (shard) => restartShard(shard, mode) },
      begun,
      this.#closing.signal,
    );
    const state = await run.through(shards).catch((error) => {
      tellFault(`Rolling restart ended by a fault: ${failureText(error)}`);
      return "interrupted" as const;
    });
    const ended: Restart = { ...run.restart, state, current: null, endedAtMs: clock.wallMs() };
    // Where Redis does not take it, it shows as interrupted once its lease has ended.
    await this.#record.end(ended).catch((error) => {
      tellFault(`Cannot write down how a rolling restart ended: ${failureText(error)}`);
    });
    await audit(endingText(ended));
  }
}

const ENDING_WORDS: Readonly<Record<Restart["state"], string>> = {
  running: "Running",
  finished: "Finished",
  stopped: "Stopped",
  given_up: "Given up",
  interrupted: "Interrupted",
};

function endingText({ state, stoppedBy, total, back, missing }: Restart): string {
  const by = stoppedBy === null ? "" : ` by ${stoppedBy}`;
  return `${ENDING_WORDS[state]}${by}: ${back} of ${total} back, ${missing} not`;
}
