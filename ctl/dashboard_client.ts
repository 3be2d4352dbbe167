/**
 * Asks the endpoints of a dashboard.
 *
 * @module
 */
import { isObject, parsed } from "../dashboard/json_checks.ts";
import { EXIT_REFUSED } from "../gateway/exit.ts";
import { failureText } from "../gateway/failure.ts";
import { oneLine } from "../gateway/one_line.ts";
import type { Access } from "./access.ts";
import { CommandFailure, EXIT_NOT_DONE, EXIT_UNAVAILABLE } from "./failure.ts";

/** The dashboard itself waits 10 s for the gateway's answer to a command. */
const ANSWER_TIMEOUT_MS = 20_000;
/** The dashboard says once a second that it is alive. */
const SILENT_MOST_MS = 10_000;
/** Longest text of others in a line. */
const TEXT_LENGTH = 500;
/** A fleet of ten thousand, whose every shard changes, is a tenth of it. */
const MESSAGE_MOST_LENGTH = 16 * 1024 * 1024;

const UNAUTHORIZED = 401;
const TOO_MANY_TRIES = 429;
/** Those that say that the dashboard, or what it needs, is away. */
const AWAY: readonly number[] = [502, 503, 504];

export interface LiveMessage {
  readonly event: string;
  readonly data: string;
}

/** All methods throw a {@link CommandFailure} where there is no answer, or a refusal. */
export class DashboardClient {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /** What an endpoint answers. `Answer` is what `docs/api.md` says of it. */
  async get<Answer>(path: string): Promise<Answer> {
    return await this.#json(path, {}) as Answer;
  }

  /** Has an endpoint act. @param body Sent as JSON; a text as it is. */
  async post<Answer>(path: string, body: object | string): Promise<Answer> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const headers = { "content-type": "application/json" };
    return await this.#json(path, { method: "POST", headers, body: text }) as Answer;
  }

  /** Server-sent events, until the signal is aborted. Throws where the dashboard falls silent or ends the stream. */
  async *live(path: string, signal: AbortSignal): AsyncGenerator<LiveMessage> {
    const silent = new AbortController();
    let isHeard = true;
    const timer = setInterval(() => {
      if (!isHeard) silent.abort(new Error("it has fallen silent"));
      isHeard = false;
    }, SILENT_MOST_MS);
    try {
      const response = await this.#ask(path, {}, AbortSignal.any([signal, silent.signal]));
      let text = "";
      for await (const part of (response.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream())) {
        isHeard = true;
        text += part;
        const messages = text.split("\n\n");
        text = messages.pop() ?? "";
        if (text.length > MESSAGE_MOST_LENGTH) throw new Error("it sends what is no message");
        for (const message of messages) yield readMessage(message);
      }
      throw new Error("it has ended the stream");
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof CommandFailure ? error : this.#unreachable(silent.signal.reason ?? error);
    } finally {
      clearInterval(timer);
    }
  }

  async #json(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<unknown> {
    const response = await this.#ask(path, init, AbortSignal.timeout(ANSWER_TIMEOUT_MS));
    const answer = parsed(
      await response.text().catch((error) => {
        throw this.#unreachable(error);
      }),
    );
    if (!isObject(answer)) throw this.#notADashboard();
    return answer;
  }

  async #ask(
    path: string,
    init: RequestInit & { headers?: Record<string, string> },
    signal: AbortSignal,
  ): Promise<Response> {
    const { url, token } = this.#access;
    const headers = { ...init.headers, authorization: `Bearer ${token}` };
    // To follow it would hand the token to whoever is there.
    const response = await fetch(`${url}${path}`, { ...init, headers, signal, redirect: "manual" })
      .catch((error) => {
        if (error instanceof DOMException && error.name === "AbortError") throw error;
        throw this.#unreachable(error);
      });
    if (response.ok) return response;
    const answer = parsed(await response.text().catch(() => ""));
    if (!isObject(answer) || typeof answer["message"] !== "string") throw this.#notADashboard();
    const message = oneLine(answer["message"], TEXT_LENGTH);
    if (response.status === UNAUTHORIZED) {
      throw new CommandFailure(
        `The dashboard at ${url} does not take the token: ${message}; give both the same DASHBOARD_API_TOKEN`,
        EXIT_REFUSED,
      );
    }
    if (response.status === TOO_MANY_TRIES) throw new CommandFailure(message, EXIT_REFUSED);
    throw new CommandFailure(message, AWAY.includes(response.status) ? EXIT_UNAVAILABLE : EXIT_NOT_DONE);
  }

  #unreachable(error: unknown): CommandFailure {
    return new CommandFailure(
      `Cannot reach the dashboard at ${this.#access.url}: start it, or say with --url or DASHBOARD_URL where it ` +
        `is (${oneLine(failureText(error), TEXT_LENGTH)})`,
      EXIT_UNAVAILABLE,
    );
  }

  #notADashboard(): CommandFailure {
    return new CommandFailure(
      `What answers at ${this.#access.url} is no dashboard with endpoints: say with --url or DASHBOARD_URL where it is`,
      EXIT_UNAVAILABLE,
    );
  }
}

/** Of one event; a comment, or what browsers alone heed, is one without a name. */
function readMessage(text: string): LiveMessage {
  const field = (name: string) =>
    text.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
  return { event: field("event"), data: field("data") };
}
