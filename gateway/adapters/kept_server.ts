/**
 * An HTTP server that is not given up: a port that cannot be had, or is lost, is asked for again, because another
 * program may leave it, and because nothing else is to stop for it.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { failureText } from "../failure.ts";

export interface KeptServerOptions {
  /** What it serves, in words that fit after "Cannot serve": `metrics and probes`. */
  readonly what: string;
  /** The settings with which its address is chosen, joined with "or". */
  readonly settings: string;
  readonly hostname: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly clock: Clock;
  answer(request: Request, info: Deno.ServeHandlerInfo<Deno.NetAddr>): Response | Promise<Response>;
  /** It listens, on this port. */
  listening(port: number): void;
  warn(message: string): void;
}

/** A port that could not be had is tried again this often. */
const RETRY_AFTER_MS = 10_000;

export class KeptServer {
  readonly #options: KeptServerOptions;
  readonly #abort = new AbortController();
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;
  #cancelRetry: () => void = () => {};
  #warned = false;

  constructor(options: KeptServerOptions) {
    this.#options = options;
  }

  start(): void {
    const { what, hostname, port, warn } = this.#options;
    try {
      const server = this.#server = Deno.serve({
        hostname,
        port,
        signal: this.#abort.signal,
        onListen: () => {}, // Deno's own line is none of our log's.
        onError: (error) => {
          warn(`Cannot answer a request for ${what}: ${failureText(error)}`);
          return new Response("Internal server error\n", { status: 500 });
        },
      }, (request, info) => this.#options.answer(request, info));
      // Ends like this when the process has no descriptor left for one more connection.
      server.finished.catch((error) => this.#startLater(error));
    } catch (error) {
      return this.#startLater(error);
    }
    this.#warned = false;
    this.#options.listening(this.#server.addr.port);
  }

  /** Closes the port and every connection to it. Safe twice, and before {@link start}. */
  async stop(): Promise<void> {
    this.#cancelRetry();
    this.#abort.abort();
    await this.#server?.finished.catch(() => {}); // lost before, and told
    this.#server = null;
  }

  #startLater(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    if (!this.#warned) this.#warnOf(error);
    this.#warned = true;
    const { clock } = this.#options;
    this.#cancelRetry = clock.schedule(clock.nowMs() + RETRY_AFTER_MS, () => this.start());
  }

  #warnOf(error: unknown): void {
    const { what, settings, hostname, port, warn } = this.#options;
    warn(
      `Cannot serve ${what} on ${hostname}:${port}: ${failureText(error)}; trying again every ` +
        `${RETRY_AFTER_MS / 1000} s, set ${settings} to use another address`,
    );
  }
}
