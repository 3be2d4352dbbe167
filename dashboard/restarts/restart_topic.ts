/**
 * What keeps the page of rolling restarts live.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import type { Topic } from "../fleet/live_feed.ts";
import { shardListText } from "../shard_list.ts";
import type { Restart } from "./restart.ts";
import type { RollingRestart } from "./rolling_restart.ts";

/** A restart as pages show it: plain data. */
export interface RestartFigures extends Omit<Restart, "id" | "missingShards"> {
  readonly atMs: number;
  /** Those that did not come back, or the first of them: `3, 7-9`. */
  readonly missingText: string;
}

export function restartFigures({ id: _, missingShards, ...restart }: Restart, atMs: number): RestartFigures {
  const unnamed = restart.missing - missingShards.length;
  const named = shardListText(missingShards.toSorted((one, other) => one - other));
  return { ...restart, atMs, missingText: unnamed > 0 ? `${named} and ${unnamed} more` : named };
}

export class RestartTopic implements Topic {
  readonly key = "restart";
  readonly event = "restart";
  readonly readsRedis = true;
  readonly #restarts: RollingRestart;
  readonly #clock: Clock;

  constructor({ restarts, clock }: { readonly restarts: RollingRestart; readonly clock: Clock }) {
    this.#restarts = restarts;
    this.#clock = clock;
  }

  /** Null where there was none. */
  async read(): Promise<RestartFigures | null> {
    const restart = await this.#restarts.read();
    return restart && restartFigures(restart, this.#clock.wallMs());
  }
}
