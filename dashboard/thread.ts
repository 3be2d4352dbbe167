/**
 * The dashboard on a thread of its own. Whatever goes wrong there, a full memory included, ends with that thread and is no
 * concern of the gateway's: another thread is started.
 *
 * @module
 */
import { WatchedThread } from "../gateway/adapters/threads/watched_thread.ts";
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
/** Open pages and requests are given so long at the stop. */
const STOP_MOST_MS = 1_000;

const PROGRAM = new URL("../dashboard.ts", import.meta.url);

export class DashboardThread {
  readonly #options: DashboardThreadOptions;
  readonly #thread: WatchedThread<ToThread, FromThread>;
  #missingText = "";

  constructor(options: DashboardThreadOptions) {
    this.#options = options;
    const { clock, program = PROGRAM } = options;
    this.#thread = new WatchedThread({
      program,
      name: "dashboard",
      heapMostMb: MEMORY_MOST_MB,
      stopMostMs: STOP_MOST_MS,
      clock,
      startData: () => this.#startData(),
      heard: (message) => this.#heard(message),
      looked: () => this.#tellMissing(),
      ended: (fault, pauseMs) => this.#ended(fault, pauseMs),
      hung: () => this.#thread.replace("it does not answer"),
    });
  }

  start(): void {
    this.#thread.start();
  }

  /** Ends it. Resolves within a second or so. Safe twice, and before {@link start}. */
  stop(): Promise<void> {
    return this.#thread.stop({ kind: "stop" });
  }

  #startData(): ThreadStart {
    const { settings, wantsLink } = this.#options;
    const gatewayMissing = this.#options.gatewayMissing?.() ?? null;
    this.#missingText = JSON.stringify(gatewayMissing);
    return { settings, wantsLink: wantsLink && this.#thread.startsInARow === 0, gatewayMissing };
  }

  #heard(message: FromThread): void {
    if (message.kind === "news") this.#options.tell(message.news);
    else if (message.kind === "stopped") this.#thread.end();
    else if (message.bufferBytes > MEMORY_MOST_MB * 2 ** 20) this.#thread.replace("it holds too much memory");
  }

  #tellMissing(): void {
    const missing = this.#options.gatewayMissing?.() ?? null;
    const text = JSON.stringify(missing);
    if (missing === null || text === this.#missingText) return;
    this.#missingText = text;
    this.#thread.say({ kind: "missing", gatewayMissing: missing });
  }

  #ended(fault: string, pauseMs: number): void {
    this.#options.tell({
      kind: "warning",
      message: `The dashboard is started again in ${
        pauseMs / 1_000
      } s: ${fault}. The gateway is not touched by it`,
    });
  }
}
