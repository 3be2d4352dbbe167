/**
 * What RabbitMQ's management interface knows and AMQP does not tell: who is bound to the events, and how fast queues
 * move.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Clock } from "../../gateway/clock.ts";
import { failureText } from "../../gateway/failure.ts";
import { isCount, isObject, parsed } from "../json_checks.ts";

/** Exchange to which every event is published (the wire contract, Exchanges and queues). */
const EVENT_EXCHANGE = "gateway";

/** It gathers statistics itself every five seconds (RabbitMQ docs, Management, Statistics Interval). */
const KEPT_MS = 5_000;
/** As long as a page is worth waiting for. */
const ANSWER_TIMEOUT_MS = 3_000;
/** A binding takes some 200 bytes, so this is thousands of them. */
const ANSWER_MAX_BYTES = 1024 * 1024;
/** What a page can show and somebody can read. */
const BINDINGS_MOST = 500;

/** Ids and figures of a queue that are of use here; the whole is several times as large. */
const QUEUE_COLUMNS = [
  "messages_unacknowledged",
  "message_bytes",
  "message_stats.publish_details.rate",
  "message_stats.ack_details.rate",
  "message_stats.deliver_no_ack_details.rate",
].join(",");

export interface Binding {
  readonly destination: string;
  readonly destinationType: "queue" | "exchange";
  readonly routingKey: string;
}

/** Null where it is not told: rates are only known of queues that something has happened to. */
export interface QueueFigures {
  /** Delivered, and not acknowledged yet. */
  readonly unacknowledged: number | null;
  readonly bytes: number | null;
  readonly inPerSecond: number | null;
  /** Acknowledged, or delivered to consumers that do not acknowledge. */
  readonly outPerSecond: number | null;
}

export interface ManagementAnswer {
  /** Of exchange `gateway`, 500 at most. */
  readonly bindings: readonly Binding[];
  /** How many more there are. */
  readonly bindingsLeftOut: number;
  readonly queues: ReadonlyMap<string, QueueFigures>;
  /** Why not all is known, as half a sentence and without user and password; null where it is. */
  readonly problem: string | null;
}

export interface ManagementClientOptions {
  /** Base of the interface, with user and password where they are not RabbitMQ's own. */
  readonly managementUrl: string;
  /** Names the virtual host. */
  readonly rabbitUrl: string;
  /** Names of the queues whose figures are asked for. */
  readonly queues: readonly string[];
  readonly clock: Clock;
}

/** Why it did not answer, in words without user and password. */
class ManagementError extends Error {
  override readonly name = "ManagementError";
}

export class ManagementClient {
  readonly #queues: readonly string[];
  readonly #clock: Clock;
  readonly #base: string;
  /** Whom people look for: `host:port`. */
  readonly #address: string;
  readonly #authorization: string;
  readonly #host: string;
  #kept: { readonly untilMs: number; readonly answer: Promise<ManagementAnswer> } | null = null;

  /** Throws a TypeError for what is not a URL, and a URIError where user or password is not percent-encoded. */
  constructor({ managementUrl, rabbitUrl, queues, clock }: ManagementClientOptions) {
    const url = new URL(managementUrl);
    const [user, password] = url.username === "" && url.password === ""
      ? ["guest", "guest"]
      : [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    this.#address = url.host;
    this.#base = `${url.origin}${url.pathname.replace(/\/+$/, "")}/api`;
    this.#host = virtualHostOf(rabbitUrl);
    this.#queues = queues;
    this.#clock = clock;
  }

  /** Asks, or hands on what was answered in the last five seconds: many pages cost no more than one. Never rejects. */
  ask(): Promise<ManagementAnswer> {
    const nowMs = this.#clock.nowMs();
    if (this.#kept === null || nowMs >= this.#kept.untilMs) {
      this.#kept = { untilMs: nowMs + KEPT_MS, answer: this.#askAll() };
    }
    return this.#kept.answer;
  }

  async #askAll(): Promise<ManagementAnswer> {
    const problems: string[] = [];
    const tried = async <Answer>(asked: Promise<Answer>, otherwise: Answer): Promise<Answer> => {
      try {
        return await asked;
      } catch (error) {
        if (!(error instanceof ManagementError)) throw error;
        problems.push(error.message);
        return otherwise;
      }
    };
    const bindings = await tried(this.#bindings(), []);
    const queues = new Map<string, QueueFigures>();
    for (const name of this.#queues) {
      // Whoever did not answer one question is not asked the next.
      if (problems.length > 0) break;
      const figures = await tried(this.#figures(name), null);
      if (figures !== null) queues.set(name, figures);
    }
    return {
      bindings: bindings.slice(0, BINDINGS_MOST),
      bindingsLeftOut: Math.max(0, bindings.length - BINDINGS_MOST),
      queues,
      problem: problems[0] ?? null,
    };
  }

  async #bindings(): Promise<Binding[]> {
    const path = `exchanges/${encodeURIComponent(this.#host)}/${EVENT_EXCHANGE}/bindings/source`;
    const value = await this.#get(path);
    if (value === null) {
      throw new ManagementError(`there is no exchange ${EVENT_EXCHANGE} in virtual host ${this.#host}`);
    }
    if (!Array.isArray(value)) throw this.#notManagement();
    return value.flatMap((item) => bindingOf(item) ?? []);
  }

  /** Null for a queue that is not there. */
  async #figures(queue: string): Promise<QueueFigures | null> {
    const path = `queues/${encodeURIComponent(this.#host)}/${encodeURIComponent(queue)}`;
    const answer = await this.#get(`${path}?columns=${QUEUE_COLUMNS}`);
    if (answer === null) return null;
    // Where none of it has been measured yet, RabbitMQ answers an empty list.
    const value = Array.isArray(answer) && answer.length === 0 ? {} : answer;
    if (!isObject(value)) throw this.#notManagement();
    const statistics = isObject(value["message_stats"]) ? value["message_stats"] : {};
    return {
      unacknowledged: countOf(value["messages_unacknowledged"]),
      bytes: countOf(value["message_bytes"]),
      inPerSecond: rateOf(statistics["publish_details"]),
      outPerSecond: sumOf(
        rateOf(statistics["ack_details"]),
        rateOf(statistics["deliver_no_ack_details"]),
      ),
    };
  }

  /** What an address says; null where there is nothing. */
  async #get(path: string): Promise<unknown> {
    const over = new AbortController();
    const cancel = this.#clock.schedule(this.#clock.nowMs() + ANSWER_TIMEOUT_MS, () => over.abort());
    try {
      const response = await fetch(`${this.#base}/${path}`, {
        headers: { accept: "application/json", authorization: this.#authorization },
        // Elsewhere the password is nobody's business.
        redirect: "manual",
        signal: over.signal,
      });
      const text = await boundedText(response);
      if (response.status === 404) return null;
      if (response.status === 401 || response.status === 403) {
        throw new ManagementError(
          `${this.#address} refuses user and password, or lets this user see nothing`,
        );
      }
      const value = response.ok && text !== null ? parsed(text) : undefined;
      if (text === null) throw new ManagementError(`the answer of ${this.#address} is too large`);
      if (value === undefined) throw this.#notManagement();
      return value;
    } catch (error) {
      if (error instanceof ManagementError) throw error;
      const reason = over.signal.aborted ? "it has not answered in time" : reasonOf(error);
      throw new ManagementError(`${this.#address} cannot be asked: ${reason}`, { cause: error });
    } finally {
      cancel();
    }
  }

  #notManagement(): ManagementError {
    return new ManagementError(`what answers at ${this.#address} is no RabbitMQ management interface`);
  }
}

/** As amqplib reads it: what follows the first slash; nothing there is `/`. */
export function virtualHostOf(rabbitUrl: string): string {
  return decodeURIComponent(new URL(rabbitUrl).pathname.slice(1)) || "/";
}

/** Null where there is more than can be taken; the rest is not read then. */
async function boundedText(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels what has not been read.
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > ANSWER_MAX_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** `fetch` names the whole address in its message, and says the reason in the cause. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined
    ? failureText(error.cause)
    : "the connection failed";
}

function bindingOf(item: unknown): Binding | null {
  if (!isObject(item)) return null;
  const { destination, destination_type, routing_key } = item;
  if (typeof destination !== "string" || typeof routing_key !== "string") return null;
  if (destination_type !== "queue" && destination_type !== "exchange") return null;
  return { destination, destinationType: destination_type, routingKey: routing_key };
}

function countOf(value: unknown): number | null {
  return isCount(value) ? value : null;
}

function rateOf(details: unknown): number | null {
  const rate = isObject(details) ? details["rate"] : null;
  return typeof rate === "number" && rate >= 0 ? rate : null;
}

function sumOf(one: number | null, other: number | null): number | null {
  return one === null ? other : one + (other ?? 0);
}
