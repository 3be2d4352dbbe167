/**
 * The HTTP port for Prometheus and for probes.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";

/** What the pages are made from. */
export interface MonitoringSources {
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** What keeps the service from being ready. Empty: it is ready. */
  missing(): readonly string[];
}

export interface MonitoringServerOptions {
  readonly hostname: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly sources: MonitoringSources;
  readonly clock: Clock;
  readonly observe: Observer;
}

/** A port that could not be had is tried again this often. */
const RETRY_AFTER_MS = 10_000;

type Page = (sources: MonitoringSources) => Response | Promise<Response>;

const alive: Page = () => Response.json({ status: "OK" });

const PAGES: ReadonlyMap<string, Page> = new Map<string, Page>([
  [
    "/metrics",
    async ({ metrics }) =>
      new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } }),
  ],
  ["/healthcheck", alive],
  ["/livez", alive],
  ["/readyz", (sources) => {
    const missing = sources.missing();
    return Response.json(missing, { status: missing.length === 0 ? 200 : 503 });
  }],
]);

/** Answers one request for a monitoring page; 404 for any other path. */
export async function answerMonitoring(request: Request, sources: MonitoringSources): Promise<Response> {
  const page = PAGES.get(new URL(request.url).pathname);
  if (page === undefined) return new Response("Not found\n", { status: 404 });
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("Method not allowed\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  return await page(sources);
}

/** Serves the monitoring pages. A port that cannot be had is no reason to stop: it is asked for again. */
export class MonitoringServer {
  readonly #options: MonitoringServerOptions;
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;
  #abort = new AbortController();
  #cancelRetry: () => void = () => {};
  #warned = false;

  constructor(options: MonitoringServerOptions) {
    this.#options = options;
  }

  start(): void {
    const { hostname, port, sources, clock, observe } = this.#options;
    const address = `${hostname}:${port}`;
    try {
      this.#server = Deno.serve({
        hostname,
        port,
        signal: this.#abort.signal,
        onListen: () => {}, // Deno's own line is none of our log's.
        onError(error) {
          observe({
            kind: "service.warning",
            message: `Cannot answer a monitoring request: ${failureText(error)}`,
          });
          return new Response("Internal server error\n", { status: 500 });
        },
      }, (request) => answerMonitoring(request, sources));
    } catch (error) {
      if (!this.#warned) {
        const message =
          `Cannot serve metrics and probes on ${address}: ${failureText(error)}; trying again every ` +
          `${RETRY_AFTER_MS / 1000} s, set PROMETHEUS_HOST or PROMETHEUS_PORT to use another address`;
        observe({ kind: "service.warning", message });
        this.#warned = true;
      }
      this.#cancelRetry = clock.schedule(clock.nowMs() + RETRY_AFTER_MS, () => this.start());
      return;
    }
    const actual = `${hostname}:${this.#server.addr.port}`;
    observe({ kind: "service.notice", message: `Metrics and probes are served on ${actual}` });
  }

  /** Closes the port and every connection to it. Safe twice, and before {@link start}. */
  async stop(): Promise<void> {
    this.#cancelRetry();
    this.#abort.abort();
    await this.#server?.finished;
    this.#server = null;
  }
}
