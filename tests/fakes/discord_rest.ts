/**
 * A REST API of Discord's on a local port that answers what the test tells it.
 *
 * @module
 */

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  /** Parsed JSON; null where there was no body. */
  readonly body: unknown;
}

type Answer = () => Response | Promise<Response>;

export class DiscordRest {
  readonly requests: ReceivedRequest[] = [];
  /** Answers the requests for which {@link next} holds nothing. */
  otherwise: Answer = () => new Response(null, { status: 204 });
  readonly #next: Answer[] = [];
  readonly #abort = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #waiting: (() => void)[] = [];

  constructor() {
    const { signal } = this.#abort;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, signal, onListen: () => {} },
      async (request) => {
        const text = await request.text();
        this.requests.push({
          method: request.method,
          path: new URL(request.url).pathname,
          headers: request.headers,
          body: text === "" ? null : JSON.parse(text),
        });
        for (const resolve of this.#waiting.splice(0)) resolve();
        return await (this.#next.shift() ?? this.otherwise)();
      },
    );
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/api`;
  }

  /** Answers the next requests that have no answer yet, in order. */
  next(...answers: Answer[]): void {
    this.#next.push(...answers);
  }

  /** Resolves when `count` requests have come since the start. */
  async received(count: number): Promise<void> {
    while (this.requests.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#server.finished;
  }
}

/** An answer without a body: only its status matters. */
export function status(code: number): Answer {
  return () => new Response(null, { status: code });
}

export function json(body: unknown, init: ResponseInit = {}): Answer {
  return () => Response.json(body, init);
}

/** Discord's own refusal. */
export function rateLimited(
  { retryAfter, global = false, headers = {} }: {
    retryAfter: number;
    global?: boolean;
    headers?: Record<string, string>;
  },
): Answer {
  const body = { message: "You are being rate limited.", retry_after: retryAfter, global };
  const retryAfterHeader = { "retry-after": String(Math.ceil(retryAfter)) };
  return json(body, { status: 429, headers: { ...retryAfterHeader, ...headers } });
}
