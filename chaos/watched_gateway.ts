/**
 * The gateway under test: ended and started on purpose, and watched for what nobody asked for.
 *
 * @module
 */

import { type Gateway, type GatewayMachine, startGateway } from "../harness/gateway.ts";
import { sleep } from "./sleep.ts";

/** What is looked at once a second. */
export interface Vitals {
  readonly memoryBytes: number;
  /** One turn of its event loop, as just measured. */
  readonly lagSeconds: number;
}

/** When it did not run, by the wall clock. */
export interface Pause {
  readonly fromMs: number;
  readonly untilMs: number;
}

const SAMPLE_INTERVAL_MS = 1_000;
/** A gateway that is paused answers later, or never. */
const SAMPLE_DEADLINE_MS = 900;
/** How long an orderly stop may take (the wire contract, Process). */
const STOP_DEADLINE_MS = 10_000;

export class WatchedGateway {
  readonly #gateway: Gateway;
  readonly #observe: (vitals: Vitals) => void;
  readonly #over = new AbortController();
  readonly #sampling: Promise<void>;
  #expectedToEnd = false;
  #watching: Promise<void>;
  #crashes: string[] = [];
  #lateStops = 0;
  #vitals: Vitals | null = null;
  #pauses: Pause[] = [];

  private constructor(gateway: Gateway, observe: (vitals: Vitals) => void) {
    this.#gateway = gateway;
    this.#observe = observe;
    this.#watching = this.#watch();
    this.#sampling = this.#sample();
  }

  /**
   * Starts it with these settings, on another machine where one is given; `observe` is told its vitals once a second while
   * it answers.
   */
  static async start(
    settings: Readonly<Record<string, string>>,
    observe: (vitals: Vitals) => void,
    machine?: GatewayMachine,
  ): Promise<WatchedGateway> {
    return new WatchedGateway(await startGateway(settings, machine), observe);
  }

  /** How it ended each time that nobody had ended it; it was started again. */
  get crashes(): readonly string[] {
    return this.#crashes;
  }

  /** Orderly stops that took longer than they may, or had another exit status than 0. */
  get lateStops(): number {
    return this.#lateStops;
  }

  /** What it said of itself last; null before it has. */
  get vitals(): Vitals | null {
    return this.#vitals;
  }

  get processId(): number {
    return this.#gateway.server.processId;
  }

  get logPath(): string {
    return this.#gateway.server.logPath;
  }

  get spoolPath(): string {
    return this.#gateway.spoolPath;
  }

  async kill(): Promise<void> {
    this.#expectedToEnd = true;
    await this.#gateway.server.kill();
    await this.#watching;
  }

  /** SIGTERM; one that does not end in time is killed. */
  async stop(): Promise<void> {
    this.#expectedToEnd = true;
    const { server } = this.#gateway;
    const inTime = new AbortController();
    const stopping = server.terminate();
    const exit = await Promise.race([stopping, sleep(STOP_DEADLINE_MS, inTime.signal)]);
    inTime.abort();
    if (exit?.code !== 0) this.#lateStops++;
    if (exit === undefined) {
      await server.kill();
      await stopping;
    }
    await this.#watching;
  }

  async start(): Promise<void> {
    await this.#gateway.server.restart();
    this.#expectedToEnd = false;
    this.#watching = this.#watch();
  }

  /** Those that are over. */
  get pauses(): readonly Pause[] {
    return this.#pauses;
  }

  /** Stops its clock; resolves with what lets it go on. */
  async pause(): Promise<() => Promise<void>> {
    const { server } = this.#gateway;
    const fromMs = Date.now();
    await server.pause();
    return async () => {
      this.#pauses.push({ fromMs, untilMs: Date.now() });
      await server.resume();
    };
  }

  /** Ends it for good and removes its spool and log. */
  async end(): Promise<void> {
    this.#expectedToEnd = true;
    this.#over.abort();
    await this.#sampling;
    await this.#gateway.server.stop();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { server } = this.#gateway;
    const { code, signal } = await server.exited();
    if (this.#expectedToEnd) return;
    this.#crashes.push(signal ?? `status ${code}`);
    try {
      await this.start();
    } catch (error) {
      // Ended on purpose while it was starting again.
      if (!this.#expectedToEnd) throw error;
    }
  }

  async #sample(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const vitals = await readVitals(this.#gateway.monitoringUrl);
      if (vitals !== null) {
        this.#vitals = vitals;
        this.#observe(vitals);
      }
      await sleep(SAMPLE_INTERVAL_MS, this.#over.signal);
    }
  }
}

/** Null where it does not answer: it is paused, or being started. */
async function readVitals(monitoringUrl: string): Promise<Vitals | null> {
  try {
    const response = await fetch(`${monitoringUrl}/metrics`, {
      signal: AbortSignal.timeout(SAMPLE_DEADLINE_MS),
    });
    return parseVitals(await response.text());
  } catch {
    return null;
  }
}

/** Reads the text of `/metrics`. What is not there counts as 0. */
export function parseVitals(metrics: string): Vitals {
  const values = new Map(
    metrics.split("\n").filter((line) => !line.startsWith("#")).map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
  return {
    memoryBytes: values.get("process_resident_memory_bytes") ?? 0,
    lagSeconds: values.get("process_event_loop_lag_seconds") ?? 0,
  };
}
