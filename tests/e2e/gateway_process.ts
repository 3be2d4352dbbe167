/**
 * The service as its operators run it: a process of its own, with the permissions of `deno task start`, told by its
 * environment, heard by its log.
 *
 * @module
 */
import assert from "node:assert/strict";
import { linesOf, startProgram } from "../program.ts";

/** One line of the service's JSON log. */
export interface LogLine {
  readonly kind: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface StartOptions {
  /** A file of settings, from the project's folder; the environment wins over it. */
  readonly envFile?: string;
  /** A module, from the project's folder, that is loaded before the service. */
  readonly preload?: string;
  /** Megabytes of heap that each of its threads may have at most. */
  readonly heapMostMb?: number;
}

export class GatewayProcess implements AsyncDisposable {
  readonly lines: LogLine[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #exited: Promise<number>;
  readonly #read: Promise<void>;
  readonly #errors: Promise<string>;
  #watchers: (() => void)[] = [];
  #over = false;
  #readOn = Promise.resolve();
  #resumeReading = () => {};

  /** Starts `main.ts` with this environment and nothing of the test's own but where Deno keeps its packages. */
  static start(environment: Readonly<Record<string, string>>, options: StartOptions = {}): GatewayProcess {
    return new GatewayProcess(environment, options);
  }

  private constructor(
    environment: Readonly<Record<string, string>>,
    { envFile, preload, heapMostMb }: StartOptions,
  ) {
    const { child, exited } = startProgram("main.ts", "service", {
      flags: [
        ...(envFile === undefined ? [] : [`--env-file=${envFile}`]),
        ...(preload === undefined ? [] : [`--preload=${preload}`]),
        ...(heapMostMb === undefined ? [] : [`--v8-flags=--max-old-space-size=${heapMostMb}`]),
      ],
      env: {
        LOG_FORMAT: "json",
        LOG_LEVEL: "trace",
        PROMETHEUS_PORT: "0",
        SPOOL_PATH: "off",
        // The dashboard has tests of its own.
        ROLE: "gateway",
        ...environment,
      },
    });
    this.#child = child;
    this.#exited = exited;
    this.#read = this.#readLines();
    this.#errors = new Response(this.#child.stderr).text();
  }

  /** Resolves with the first line, seen already or still to come, that matches. Rejects when the process ends first. */
  async line(matches: (line: LogLine) => boolean): Promise<LogLine> {
    let found: LogLine | undefined;
    await this.until(() => (found = this.lines.find(matches)) !== undefined);
    assert(found !== undefined);
    return found;
  }

  /** Resolves once the condition holds; it is asked again at every line. Rejects when the process ends first. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#over) {
        const lines = [...this.lines.map((line) => JSON.stringify(line)), await this.#errors];
        throw new Error(`The service ended:\n${lines.join("\n")}`);
      }
      await this.next();
    }
  }

  /** Resolves at the next line, or at the end of the process. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  count(kind: string): number {
    return this.lines.filter((line) => line.kind === kind).length;
  }

  /** Resolves once that many shards have said READY or RESUMED. */
  async connected(shards: number): Promise<void> {
    await this.until(() => this.count("shard.ready") + this.count("shard.resumed") >= shards);
  }

  /** Base URL of metrics and probes. */
  async monitoringUrl(): Promise<string> {
    const { message } = await this.line((line) =>
      line.message.startsWith("Metrics and probes are served on")
    );
    return `http://${message.split(" ").at(-1)}`;
  }

  /** Sends the signal and waits for the end; resolves with the exit status, as a shell reports it. */
  async end(signal: Deno.Signal): Promise<number> {
    this.signal(signal);
    return await this.status();
  }

  get processId(): number {
    return this.#child.pid;
  }

  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async status(): Promise<number> {
    const code = await this.#exited;
    this.#resumeReading();
    await this.#read;
    await this.#errors;
    return code;
  }

  /** Leaves what it writes from now on in the pipe, until it has ended. */
  stopReading(): void {
    this.#readOn = new Promise((resolve) => this.#resumeReading = resolve);
  }

  /** What it wrote to standard error, once it has ended. */
  get errors(): Promise<string> {
    return this.#errors;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }

  async #readLines(): Promise<void> {
    for await (const lines of linesOf(this.#child.stdout)) {
      for (const line of lines) this.lines.push(JSON.parse(line));
      this.#wake();
      await this.#readOn;
    }
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}
