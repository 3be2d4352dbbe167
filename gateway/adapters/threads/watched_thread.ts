/**
 * A program on a thread of its own, watched: one that ends, throws or fills its memory is started again after a pause that
 * grows, and one that does not answer any more is noticed.
 *
 * The program says once a second that it is alive, in whatever message. An endless loop is noticed and cannot be ended:
 * the runtime's `terminate()` waits for the loop to come back to its event loop.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import type { Clock } from "../../clock.ts";

export interface WatchedThreadOptions<FromThread> {
  readonly program: URL;
  /** Shown by the system's tools, and in what the runtime says of a thread that has thrown. */
  readonly name: string;
  /** Of its heap; past it the thread is ended. */
  readonly heapMostMb: number;
  /** How long it may take to end by itself at {@link WatchedThread.stop}. */
  readonly stopMostMs: number;
  readonly clock: Clock;
  /** What it is started with; asked at each start. */
  readonly startData: () => unknown;
  readonly heard: (message: FromThread) => void;
  /** Each second while it runs. */
  readonly looked?: () => void;
  /** It has ended by itself, and is started again after so long. */
  readonly ended: (fault: string, pauseMs: number) => void;
  /** It says nothing any more. Called once for each thread: it is to be replaced, or abandoned. */
  readonly hung: () => void;
}

const SILENT_MOST_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
/** A look that is so late was held up with the whole process, the thread included. */
const LATE_MS = 2_000;
/** Before another thread is started; doubled each time in a row. */
const PAUSE_MS = 1_000;
const PAUSE_MOST_MS = 60_000;
/** A thread that has run for so long had no fault of its start. */
const SOUND_AFTER_MS = 60_000;

export class WatchedThread<ToThread, FromThread> {
  readonly #options: WatchedThreadOptions<FromThread>;
  #worker: Worker | null = null;
  /** Has been told to end. */
  #stopping: Worker | null = null;
  #startedAtMs = 0;
  #heardAtMs = 0;
  #startsInARow = 0;
  #cancelTimer: () => void = () => {};

  constructor(options: WatchedThreadOptions<FromThread>) {
    this.#options = options;
  }

  start(): void {
    const { program, name, heapMostMb, clock, startData, heard } = this.#options;
    this.#startedAtMs = this.#heardAtMs = clock.nowMs();
    const worker = new Worker(program, {
      workerData: startData(),
      name,
      resourceLimits: { maxOldGenerationSizeMb: heapMostMb },
    });
    this.#worker = worker;
    let fault = "it has ended";
    worker.on("message", (message: FromThread) => {
      // Also what it says while it is stopped, and nothing of one that is left to itself.
      if (worker !== this.#worker && worker !== this.#stopping) return;
      this.#heardAtMs = clock.nowMs();
      heard(message);
    });
    worker.on("error", (error: unknown) => fault = error instanceof Error ? error.message : String(error));
    worker.on("exit", () => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#startAgain(fault);
    });
    this.#lookLater();
  }

  /** Says it to the thread that runs; nobody hears it where none does. */
  say(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  /** How many times it had been started in a row, each soon after the last. */
  get startsInARow(): number {
    return this.#startsInARow;
  }

  /** Ends the thread that runs, for this reason, and starts another like one that has ended by itself. */
  replace(fault: string): void {
    if (this.#worker === null) return;
    this.abandon();
    this.#startAgain(fault);
  }

  /** Has nothing more to do with the thread that runs. It ends when it comes back to its event loop, if it does. */
  abandon(): void {
    const worker = this.#worker;
    // First: its end is heard of at once.
    this.#worker = null;
    this.#cancelTimer();
    void worker?.terminate();
  }

  /**
   * Has it end: `farewell` is said to it, and it is to end by itself then, or to be ended by {@link end}. Resolves when it has
   * ended, or the time for that is over. Safe twice, and before {@link start}.
   */
  async stop(farewell: ToThread): Promise<void> {
    this.#cancelTimer();
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) return;
    this.#stopping = worker;
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    worker.postMessage(farewell);
    const { clock, stopMostMs } = this.#options;
    const cancel = clock.schedule(clock.nowMs() + stopMostMs, () => this.end());
    await ended;
    cancel();
  }

  /** It has stopped, and has nothing more to do. */
  end(): void {
    void this.#stopping?.terminate();
  }

  #lookLater(): void {
    const { clock } = this.#options;
    const dueAtMs = clock.nowMs() + LOOK_EVERY_MS;
    this.#cancelTimer = clock.schedule(dueAtMs, () => this.#look(dueAtMs));
  }

  #look(dueAtMs: number): void {
    const { clock, looked, hung } = this.#options;
    if (clock.nowMs() - dueAtMs > LATE_MS) this.#heardAtMs = clock.nowMs();
    if (clock.nowMs() - this.#heardAtMs > SILENT_MOST_MS) return hung();
    looked?.();
    this.#lookLater();
  }

  #startAgain(fault: string): void {
    const { clock, ended } = this.#options;
    this.#cancelTimer();
    if (clock.nowMs() - this.#startedAtMs > SOUND_AFTER_MS) this.#startsInARow = 0;
    const pauseMs = Math.min(PAUSE_MS * 2 ** this.#startsInARow, PAUSE_MOST_MS);
    this.#startsInARow += 1;
    this.#cancelTimer = clock.schedule(clock.nowMs() + pauseMs, () => this.start());
    ended(fault, pauseMs);
  }
}
