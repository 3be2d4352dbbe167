/**
 * Shards' connections over the runtime's own WebSocket.
 *
 * @module
 */
import { type Clock, sleepUntil } from "../clock.ts";
import { LEAVE_RESUMABLY } from "../protocol/close_codes.ts";
import type { Compression } from "../protocol/gateway_url.ts";
import type { Connection, ConnectionEnd, ConnectionEvents, Transport } from "../shard/transport.ts";
import { failureText } from "../failure.ts";
import { LargeFrameReader } from "../protocol/frame_head.ts";
import { createInflater, type Inflated, type Inflater, uncompressed } from "./inflate.ts";
import { nextTurn, TURN_MAX_BYTES } from "./turns.ts";

/** No close frame came (RFC 6455, 7.4.1). */
const NO_CLOSE_FRAME = 1006;
/** How long the peer may take to answer a close frame. */
const CLOSE_ANSWER_MAX_MS = 2_000;
/**
 * A WebSocket cannot be told to wait, so there is a bound to what waits here, for each connection by itself. Beyond
 * it the stream counts as ruined, is left resumably, and Discord replays.
 */
const WAITING_MAX_BYTES = 64 * 1024 * 1024;

const encoder = new TextEncoder();

export interface WebSocketTransportOptions {
  /** As asked for in the URLs that will be connected to. */
  readonly compression: Compression;
  readonly clock: Clock;
  /** A connection with more than so much received and not yet read counts as ruined; by default 64 MiB. */
  readonly waitingMaxBytes?: number;
  /** Makes the inflater of each connection; by default the real one. */
  readonly inflaterFor?: (compression: Compression) => Inflater;
}

export class WebSocketTransport implements Transport {
  readonly #options: WebSocketTransportOptions;

  constructor(options: WebSocketTransportOptions) {
    this.#options = options;
  }

  connect(url: string, events: ConnectionEvents): Connection {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url);
    } catch (error) {
      return new RefusedConnection(constructionFailure(error), events);
    }
    return new WebSocketConnection(socket, this.#options, events);
  }
}

/** The message of a syntax error quotes the URL, query and all. */
function constructionFailure(error: unknown): string {
  const isSyntaxError = error instanceof DOMException && error.name === "SyntaxError";
  return isSyntaxError ? "not a WebSocket URL" : failureText(error);
}

/** A connection that could not even be tried. */
class RefusedConnection implements Connection {
  #events: ConnectionEvents | null;

  constructor(reason: string, events: ConnectionEvents) {
    this.#events = events;
    // Later, because whoever connects does not have the connection yet.
    queueMicrotask(() => this.#events?.ended({ code: NO_CLOSE_FRAME, reason, cause: "refused" }));
  }

  send(): void {}

  leave(): Promise<void> {
    this.#events = null;
    return Promise.resolve();
  }
}

class WebSocketConnection implements Connection {
  readonly #socket: WebSocket;
  readonly #inflater: Inflater;
  readonly #clock: Clock;
  readonly #waitingMaxBytes: number;
  /** Null once the last event was told or the connection was left. */
  #events: ConnectionEvents | null;
  /** Messages in the order of their arrival. */
  readonly #waiting: { readonly bytes: Uint8Array<ArrayBuffer>; readonly isText: boolean }[] = [];
  #waitingBytes = 0;
  #isDelivering = false;
  #opened = false;
  #error = "";
  /** Set when the socket has closed: told once all that came before it is delivered. */
  #end: ConnectionEnd | null = null;
  readonly #closed = Promise.withResolvers<void>();
  #left: Promise<void> | null = null;

  constructor(socket: WebSocket, options: WebSocketTransportOptions, events: ConnectionEvents) {
    this.#socket = socket;
    this.#inflater = (options.inflaterFor ?? createInflater)(options.compression);
    this.#clock = options.clock;
    this.#waitingMaxBytes = options.waitingMaxBytes ?? WAITING_MAX_BYTES;
    this.#events = events;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#opened = true;
      this.#events?.opened();
    };
    socket.onmessage = (message: MessageEvent<string | ArrayBuffer>) => this.#receive(message.data);
    socket.onerror = (event) => {
      if (event instanceof ErrorEvent) this.#error = event.message;
    };
    socket.onclose = (event) => {
      this.#end = this.#opened
        ? { code: event.code || NO_CLOSE_FRAME, reason: event.reason || this.#error, cause: "peer" }
        : { code: NO_CLOSE_FRAME, reason: this.#error, cause: "refused" };
      this.#closed.resolve();
      this.#deliver();
    };
  }

  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  leave(code: number, reason: string): Promise<void> {
    this.#events = null;
    return this.#close(code, reason);
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#events === null) return;
    const isText = typeof data === "string";
    const bytes = isText ? encoder.encode(data) : new Uint8Array(data);
    // What is taken up at once does not wait, however large it is.
    if (this.#isDelivering && this.#waitingBytes + bytes.length > this.#waitingMaxBytes) {
      return this.#ruin(`more than ${this.#waitingMaxBytes} bytes wait to be read`);
    }
    this.#waitingBytes += bytes.length;
    this.#waiting.push({ bytes, isText });
    this.#deliver();
  }

  /** Delivers what waits, one message after the other, and then the end, if it has come. */
  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#events !== null) {
      const message = this.#waiting.shift();
      if (message === undefined) break;
      const { bytes, isText } = message;
      this.#waitingBytes -= bytes.length;
      // Discord compresses no texts.
      const inflated = (isText ? uncompressed : this.#inflater).inflate(bytes);
      const taken = inflated instanceof Promise
        ? inflated.then((later) => this.#take(later))
        : this.#take(inflated);
      if (taken instanceof Promise) {
        taken.then(() => {
          this.#isDelivering = false;
          this.#deliver();
        });
        return;
      }
    }
    this.#isDelivering = false;
    if (this.#end !== null) {
      this.#close(LEAVE_RESUMABLY, "");
      this.#tellEnd(this.#end);
    }
  }

  #take(inflated: Inflated): void | Promise<void> {
    if (inflated.kind === "ruined") return this.#ruin(inflated.error);
    if (inflated.kind === "partial") return;
    const { bytes } = inflated;
    if (bytes.length > TURN_MAX_BYTES) return this.#takeLarge(bytes);
    this.#events?.payload(bytes);
  }

  async #takeLarge(bytes: Uint8Array): Promise<void> {
    const reader = new LargeFrameReader(bytes);
    while (!reader.read(TURN_MAX_BYTES)) {
      await nextTurn();
      if (this.#events === null) return;
    }
    this.#events?.payload(bytes, reader.head);
  }

  #ruin(error: string): void {
    this.#close(LEAVE_RESUMABLY, "stream ruined");
    this.#tellEnd({ code: LEAVE_RESUMABLY, reason: error, cause: "ruined" });
  }

  #tellEnd(end: ConnectionEnd): void {
    const events = this.#events;
    this.#events = null;
    events?.ended(end);
  }

  /**
   * Closes the socket and lets go of everything. The runtime's WebSocket cannot be dropped: one whose peer does
   * not answer is given up, and stays with the runtime until the peer or the network ends it.
   */
  #close(code: number, reason: string): Promise<void> {
    return this.#left ??= this.#release(code, reason);
  }

  async #release(code: number, reason: string): Promise<void> {
    this.#waiting.length = 0;
    this.#socket.close(code, reason);
    const answered = new AbortController();
    this.#closed.promise.then(() => answered.abort());
    const answerDueMs = this.#clock.nowMs() + CLOSE_ANSWER_MAX_MS;
    this.#inflater.close();
    await sleepUntil(this.#clock, answerDueMs, answered.signal);
  }
}
