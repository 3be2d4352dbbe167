/**
 * What keeps the page of queues live.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import type { Topic } from "../fleet/live_feed.ts";
import type { QueuesSnapshot, QueueWatcher } from "./queue_watcher.ts";

/** All queues as pages show them: plain data. */
export interface QueueFigures extends Omit<QueuesSnapshot, "lookedAtMs"> {
  /** How long ago that was in milliseconds, where it cannot be looked now; null where it can, or never could. */
  readonly lookedAgoMs: number | null;
}

export function queueFigures({ lookedAtMs, problem, queues }: QueuesSnapshot, nowMs: number): QueueFigures {
  return {
    problem,
    queues,
    lookedAgoMs: problem === null || lookedAtMs === null ? null : nowMs - lookedAtMs,
  };
}

export class QueuesTopic implements Topic {
  readonly key = "queues";
  readonly event = "queues";
  readonly readsRedis = false;
  readonly #queues: QueueWatcher;
  readonly #clock: Clock;

  constructor({ queues, clock }: { readonly queues: QueueWatcher; readonly clock: Clock }) {
    this.#queues = queues;
    this.#clock = clock;
  }

  read(): Promise<QueueFigures> {
    return Promise.resolve(queueFigures(this.#queues.snapshot(), this.#clock.wallMs()));
  }
}
