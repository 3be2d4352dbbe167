/**
 * The two routes of Discord's REST API that a gateway needs: where to connect, and writing a message.
 *
 * Nothing is retried and nothing waits in here: what came of a request is a value, and the caller, who knows
 * what it is worth, decides. A request that Discord would refuse for its rate limits does not go out.
 *
 * @module
 */
import type { Clock } from "../../clock.ts";
import { failureText } from "../../failure.ts";
import type { GatewayBot } from "../../identify/budget.ts";
import { readGatewayBot } from "./gateway_bot.ts";
import { RateLimits } from "./rate_limits.ts";

export interface RestOptions {
  /** `https://discord.com/api`, with or without a slash at its end. */
  readonly apiUrl: string;
  readonly apiVersion: number;
  readonly token: string;
  /** `DiscordBot (<url>, <version>)`: Cloudflare may block others (Discord docs, Reference, User Agent). */
  readonly userAgent: string;
  readonly clock: Clock;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

export type RestOutcome<Value> = { kind: "ok"; value: Value } | RestFailure;

export type RestFailure =
  /** 401. Asking again is pointless, and 10,000 refused requests in 10 minutes ban the address. */
  | { kind: "token_refused" }
  /** To be tried after `retryAfterMs`. `status` is null where the request was held back by us. */
  | { kind: "limited"; retryAfterMs: number; status: 429 | null }
  /** `status` is null where no answer came. `retry`: it may go better later. */
  | { kind: "failed"; status: number | null; retry: boolean; message: string };

/** A rich embed, as far as we use it (Discord docs, Message Resource, Embed Object). */
export interface Embed {
  readonly title: string;
  readonly description?: string;
  readonly color: number;
  /** ISO 8601. */
  readonly timestamp: string;
}

export interface NewMessage {
  /** At most 10, and 6,000 characters over all of them. */
  readonly embeds: readonly Embed[];
  /** At most 25 characters. A message sent again with the same nonce is not posted a second time. */
  readonly nonce: string;
}

const REQUEST_TIMEOUT_MS = 10_000;

/** Far more than either answer has. */
const ANSWER_MAX_BYTES = 1_048_576;

/** Of a foreign text in a message of ours. */
const WORDS_MAX_LENGTH = 200;

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined where it was none. */
  readonly body: unknown;
}

export class RestClient {
  readonly #options: RestOptions;
  readonly #base: string;
  readonly #limits = new RateLimits();
  #messagesRefused = false;

  constructor(options: RestOptions) {
    this.#options = options;
    this.#base = `${options.apiUrl.replace(/\/+$/, "")}/v${options.apiVersion}`;
  }

  async getGatewayBot(signal?: AbortSignal): Promise<RestOutcome<GatewayBot>> {
    const answer = await this.#ask("GET", "/gateway/bot", undefined, signal);
    if ("kind" in answer) return answer;
    const gateway = readGatewayBot(answer.body);
    if (typeof gateway !== "string") return { kind: "ok", value: gateway };
    const message = `its answer cannot be read: ${gateway}`;
    return { kind: "failed", status: answer.status, retry: true, message };
  }

  /** After a 401 no message is sent any more: each further one would only count towards a ban. */
  async createMessage(
    channelId: string,
    message: NewMessage,
    signal?: AbortSignal,
  ): Promise<RestOutcome<undefined>> {
    if (this.#messagesRefused) return { kind: "token_refused" };
    // Text of ours may hold names that others chose: nobody is pinged by it.
    const body = { ...message, enforce_nonce: true, allowed_mentions: { parse: [] } };
    const answer = await this.#ask(
      "POST",
      `/channels/${encodeURIComponent(channelId)}/messages`,
      body,
      signal,
    );
    if (!("kind" in answer)) return { kind: "ok", value: undefined };
    if (answer.kind === "token_refused") this.#messagesRefused = true;
    return answer;
  }

  async #ask(
    method: "GET" | "POST",
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Answer | RestFailure> {
    const { clock } = this.#options;
    const route = `${method} ${path}`;
    const waitMs = this.#limits.waitMs(route, clock.nowMs());
    if (waitMs > 0) return { kind: "limited", retryAfterMs: waitMs, status: null };
    this.#limits.spend(route);

    let answer: Answer;
    try {
      answer = await this.#exchange(method, path, body, signal);
    } catch (error) {
      const message = this.#readable(failureText(error));
      return { kind: "failed", status: null, retry: true, message };
    }

    const { status } = answer;
    const retryAfterMs = this.#limits.learn(route, answer, clock.nowMs());
    if (status >= 200 && status < 300) return answer;
    if (status === 401) return { kind: "token_refused" };
    if (status === 429) return { kind: "limited", retryAfterMs, status };
    const words = status < 400 ? "this is not the API, check API_URL" : this.#readable(wordsOf(answer));
    const message = words === "" ? `answered ${status}` : `answered ${status}: ${words}`;
    return { kind: "failed", status, retry: status >= 500 || status === 408, message };
  }

  /** One request and its whole answer, within {@link REQUEST_TIMEOUT_MS}. Throws where there is none. */
  async #exchange(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { clock, token, userAgent, fetch } = this.#options;
    const timeout = new AbortController();
    const cancelTimeout = clock.schedule(clock.nowMs() + REQUEST_TIMEOUT_MS, () => {
      timeout.abort(new Error(`no answer within ${REQUEST_TIMEOUT_MS / 1000} s`));
    });
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        headers: {
          authorization: `Bot ${token}`,
          "user-agent": userAgent,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "manual", // The token is for this address and no other.
        signal: signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]),
      });
      const { status, headers } = response;
      return { status, headers, body: parsed(await readText(response, ANSWER_MAX_BYTES)) };
    } finally {
      cancelTimeout();
    }
  }

  /** One short line. An error of the runtime may quote the header it refused, an answer may echo it. */
  #readable(words: string): string {
    const clean = words.replaceAll(this.#options.token, "<redacted>").replaceAll(/\p{Cc}+/gu, " ");
    return clean.slice(0, WORDS_MAX_LENGTH).toWellFormed();
  }
}

async function readText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // HTML of a proxy, most likely.
  }
}

/** Discord's own words for a refusal, where it gives some: `Missing Access (code 50001)`. */
function wordsOf({ body }: Answer): string {
  if (typeof body !== "object" || body === null) return "";
  const { message, code } = body as Record<string, unknown>;
  if (typeof message !== "string") return "";
  return typeof code === "number" ? `${message} (code ${code})` : message;
}
