/**
 * The worker threads that the shards of a process are spread over, as the main thread has them: it starts each and starts it
 * again, and makes one service of them.
 *
 * A worker that does not answer any more cannot be ended by itself, and another in its place would find its folder locked:
 * the process is to end then.
 *
 * @module
 */
import type { Clock } from "../../clock.ts";
import { type Exit, EXIT_SOFTWARE } from "../../exit.ts";
import { type SharedTurns, type TurnTimes } from "../../identify/shared_turns.ts";
import { TurnStore } from "../../identify/turn_store.ts";
import type { Observation, Observer } from "../../observation.ts";
import { WatchedThread } from "../threads/watched_thread.ts";
import type { FromWorker, ToWorker, WorkerFigures, WorkerQuestion, WorkerStart } from "./messages.ts";
import { answerTurns } from "./thread_turns.ts";
import type { WorkersMetrics } from "./workers_metrics.ts";

export interface WorkerPoolOptions {
  /** What runs on each thread. */
  readonly program: URL;
  readonly workers: number;
  /** What all of them are started with. */
  readonly start: Pick<WorkerStart, "environment" | "files" | "replicaName">;
  readonly turnTimes: TurnTimes;
  readonly heapMostMb: number;
  readonly clock: Clock;
  readonly metrics: Pick<WorkersMetrics, "text" | "ended">;
  /** What the main thread itself has to say. */
  readonly observe: Observer;
  /** What a worker has seen. */
  readonly heard: (worker: number, observation: Observation) => void;
}

/** The service's own stop takes nine seconds at most. */
const STOP_MOST_MS = 9_300;
/** A worker that has not said by then what it has counted is left out of a scrape: what it said before stands. */
const FIGURES_MOST_MS = 1_000;

interface PoolWorker {
  readonly number: number;
  readonly thread: WatchedThread<ToWorker, FromWorker>;
  readonly processId: string;
  turns: SharedTurns;
  /** What keeps it from being ready; null: it has not said yet. */
  missing: readonly string[] | null;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #turns: TurnStore;
  readonly #workers: readonly PoolWorker[];
  /** Who waits for a worker's figures, by the number of the question. */
  readonly #reading = new Map<number, (figures: WorkerFigures | null) => void>();
  #reads = 0;
  /** How many shards the first worker has begun to run, or what that was changed to. */
  #total: number | null = null;
  #exit: (exit: Exit) => void = () => {};

  /** Resolves where the service cannot go on. */
  readonly failed: Promise<Exit>;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#turns = new TurnStore(options.clock);
    this.failed = new Promise((resolve) => this.#exit = resolve);
    this.#workers = Array.from({ length: options.workers }, (_, at) => this.#create(at + 1));
  }

  start(): void {
    for (const { thread } of this.#workers) thread.start();
  }

  /** Stops all of them at the same time, each in order. Resolves within ten seconds. Safe twice. */
  async stop(): Promise<void> {
    await Promise.all(this.#workers.map(({ thread }) => thread.stop({ kind: "stop" })));
  }

  /** What keeps the service from being ready: of each worker, and `worker 2` where one does not run. */
  get missing(): readonly string[] {
    const missing = this.#workers.flatMap(({ number, missing }) => missing ?? [`worker ${number}`]);
    return [...new Set(missing)];
  }

  /** Whether all of them run. */
  get isWhole(): boolean {
    return this.#workers.every(({ missing }) => missing !== null);
  }

  /** The metrics of the whole service, in Prometheus's text format. */
  async metricsText(): Promise<string> {
    const figures = await Promise.all(this.#workers.map(async (worker) => {
      const ofWorker = await this.#read(worker);
      return ofWorker === null ? [] : [[worker.number, ofWorker] as const];
    }));
    return await this.#options.metrics.text(new Map(figures.flat()));
  }

  #create(number: number): PoolWorker {
    const { program, clock, heapMostMb } = this.#options;
    const worker: PoolWorker = {
      number,
      processId: crypto.randomUUID(),
      turns: this.#newTurns(),
      missing: null,
      thread: new WatchedThread({
        program,
        name: `worker-${number}`,
        heapMostMb,
        stopMostMs: STOP_MOST_MS,
        clock,
        startData: () => this.#startData(worker),
        heard: (message) => this.#heard(worker, message),
        ended: (fault, pauseMs) => this.#ended(worker, fault, pauseMs),
        hung: () => this.#hung(worker),
      }),
    };
    return worker;
  }

  #newTurns(): SharedTurns {
    return this.#turns.of(crypto.randomUUID(), this.#options.turnTimes);
  }

  #startData({ number, processId, turns }: PoolWorker): WorkerStart {
    return { ...this.#options.start, number, processId, turnsMember: turns.member };
  }

  #heard(worker: PoolWorker, message: FromWorker): void {
    switch (message.kind) {
      case "alive":
        worker.missing = message.missing;
        return;
      case "observed":
        return this.#options.heard(worker.number, message.observation);
      case "figures":
        return this.#reading.get(message.id)?.(message.figures);
      case "asked":
        this.#answer(worker, message.question).then((answer) =>
          worker.thread.say({ kind: "answer", id: message.id, answer })
        );
        return;
      case "begun":
        this.#total = message.total;
        return;
      case "failed":
        return this.#exit(message.exit);
      case "fault":
        return worker.thread.replace(message.message);
      case "stopped":
        return worker.thread.end();
    }
  }

  #answer({ turns }: PoolWorker, question: WorkerQuestion): Promise<unknown> {
    return question.call === "begun" ? Promise.resolve({ total: this.#total }) : answerTurns(turns, question);
  }

  #ended(worker: PoolWorker, error: string, startsInMs: number): void {
    const { metrics, observe } = this.#options;
    this.#turns.left(worker.turns.member);
    worker.turns = this.#newTurns();
    worker.missing = null;
    metrics.ended(worker.number);
    observe({ kind: "worker.ended", worker: worker.number, error, startsInMs });
  }

  #hung(worker: PoolWorker): void {
    worker.missing = null;
    worker.thread.abandon();
    this.#exit({
      status: EXIT_SOFTWARE,
      message:
        `Please report this fault: worker ${worker.number} does not answer any more, and a thread in an ` +
        "endless loop cannot be ended by itself, so all shards are left until the service is started again",
    });
  }

  #read(worker: PoolWorker): Promise<WorkerFigures | null> {
    if (worker.missing === null) return Promise.resolve(null);
    const { clock } = this.#options;
    const id = ++this.#reads;
    return new Promise((resolve) => {
      const answer = (figures: WorkerFigures | null) => {
        cancel();
        this.#reading.delete(id);
        resolve(figures);
      };
      const cancel = clock.schedule(clock.nowMs() + FIGURES_MOST_MS, () => answer(null));
      this.#reading.set(id, answer);
      worker.thread.say({ kind: "read", id });
    });
  }
}
