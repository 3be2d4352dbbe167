/**
 * The dashboard on a thread of its own. Whatever goes wrong there, an endless loop and a full memory included, ends
 * with that thread and is no concern of the gateway's: another thread is started.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import type { Clock } from "../gateway/clock.ts";
import type { DashboardNews } from "./services.ts";
import type { DashboardSettings } from "./settings.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread_messages.ts";

export interface DashboardThreadOptions {
  readonly settings: DashboardSettings;
  readonly wantsLink: boolean;
  readonly clock: Clock;
  readonly tell: (news: DashboardNews) => void;
  /** What keeps the gateway beside it from being ready; null where none runs beside it. */
  readonly gatewayMissing: (() => readonly string[]) | null;
  /** The thread's program; tests hand in others. */
  readonly program?: URL;
}

/** Far more than it needs, of its heap, and of what it holds besides; past either the thread is ended. */
const MEMORY_MOST_MB = 256;
/** The thread says once a second that it is alive. Loading it takes about one. */
const SILENT_MOST_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
/** A look that is so late was held up with the whole process, the thread included. */
const LATE_MS = 2_000;
/** Before another thread is started; doubled each time in a row. */
const PAUSE_MS = 1_000;
const PAUSE_MOST_MS = 60_000;
/** A thread that has run for so long had no fault of its start. */
const SOUND_AFTER_MS = 60_000;
/** Open pages and requests are given so long at the stop. */
const STOP_MOST_MS = 1_000;

const PROGRAM = new URL("../dashboard.ts", import.meta.url);

export class DashboardThread {
  readonly #options: DashboardThreadOptions;
  #worker: Worker | null = null;
  #startedAtMs = 0;
  #heardAtMs = 0;
  #startsInARow = 0;
  #missingText = "";
  #isStopping = false;
  #cancelTimer: () => void = () => {};

  constructor(options: DashboardThreadOptions) {
    this.#options = options;
  }

  start(): void {
    const { settings, wantsLink, clock, program = PROGRAM } = this.#options;
    const gatewayMissing = this.#options.gatewayMissing?.() ?? null;
    const workerData: ThreadStart = {
      settings,
      wantsLink: wantsLink && this.#startsInARow === 0,
      gatewayMissing,
    };
    this.#missingText = JSON.stringify(gatewayMissing);
    this.#startedAtMs = this.#heardAtMs = clock.nowMs();
    const worker = new Worker(program, {
      workerData,
      name: "dashboard",
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MOST_MB },
    });
    this.#worker = worker;
    let fault = "it has ended";
    worker.on("message", (message: FromThread) => {
      this.#heardAtMs = clock.nowMs();
      if (message.kind === "news") this.#options.tell(message.news);
      else if (message.kind === "stopped") void worker.terminate();
      else if (this.#worker === worker && message.bufferBytes > MEMORY_MOST_MB * 2 ** 20) {
        this.#ended("it holds too much memory");
      }
    });
    worker.on("error", (error: unknown) => fault = error instanceof Error ? error.message : String(error));
    worker.on("exit", () => {
      if (this.#worker === worker) this.#ended(fault);
    });
    this.#lookLater();
  }

  /** Ends it. Resolves within a second or so. Safe twice, and before {@link start}. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelTimer();
    const worker = this.#worker;
    this.#worker = null;
    if (worker === null) return;
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    const stop: ToThread = { kind: "stop" };
    worker.postMessage(stop);
    const { clock } = this.#options;
    const cancel = clock.schedule(clock.nowMs() + STOP_MOST_MS, () => void worker.terminate());
    await ended;
    cancel();
  }

  #lookLater(): void {
    const { clock } = this.#options;
    const dueAtMs = clock.nowMs() + LOOK_EVERY_MS;
    this.#cancelTimer = clock.schedule(dueAtMs, () => this.#look(dueAtMs));
  }

  #look(dueAtMs: number): void {
    const { clock, gatewayMissing } = this.#options;
    if (clock.nowMs() - dueAtMs > LATE_MS) this.#heardAtMs = clock.nowMs();
    if (clock.nowMs() - this.#heardAtMs > SILENT_MOST_MS) return this.#ended("it does not answer");
    const missing = gatewayMissing?.() ?? null;
    const text = JSON.stringify(missing);
    if (missing !== null && text !== this.#missingText) {
      this.#missingText = text;
      const message: ToThread = { kind: "missing", gatewayMissing: missing };
      this.#worker?.postMessage(message);
    }
    this.#lookLater();
  }

  #ended(fault: string): void {
    const { clock, tell } = this.#options;
    const worker = this.#worker;
    this.#worker = null;
    this.#cancelTimer();
    void worker?.terminate();
    if (this.#isStopping) return;
    if (clock.nowMs() - this.#startedAtMs > SOUND_AFTER_MS) this.#startsInARow = 0;
    const pauseMs = Math.min(PAUSE_MS * 2 ** this.#startsInARow, PAUSE_MOST_MS);
    this.#startsInARow += 1;
    tell({
      kind: "warning",
      message: `The dashboard is started again in ${
        pauseMs / 1_000
      } s: ${fault}. The gateway is not touched by it`,
    });
    this.#cancelTimer = clock.schedule(clock.nowMs() + pauseMs, () => this.start());
  }
}
