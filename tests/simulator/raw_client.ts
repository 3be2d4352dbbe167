import { Buffer } from "node:buffer";
import { constants, createInflate, createZstdDecompress, inflateSync } from "node:zlib";
import type { Compression } from "../../simulator/encoder.ts";

/** A payload as it came. */
export interface Payload {
  readonly op: number;
  readonly d: Readonly<Record<string, unknown>>;
  readonly s: number | null;
  readonly t: string | null;
  readonly text: string;
}

/** How the connection ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

type Arrival = { readonly payload: Payload } | { readonly closed: Closed };

/** Undoes one connection's compression, a message at a time. */
interface Decoder {
  decode(bytes: Uint8Array): Promise<string[]>;
  close(): void;
}

class InflateDecoder implements Decoder {
  readonly #inflate = createInflate({ flush: constants.Z_SYNC_FLUSH });
  #received = Buffer.alloc(0);
  #chunks: Buffer[] = [];

  constructor() {
    this.#inflate.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
  }

  async decode(bytes: Uint8Array): Promise<string[]> {
    this.#received = Buffer.concat([this.#received, bytes]);
    if (!this.#received.subarray(-4).equals(Buffer.from([0, 0, 0xff, 0xff]))) return [];
    const whole = this.#received;
    this.#received = Buffer.alloc(0);
    await new Promise<void>((resolve) => this.#inflate.write(whole, () => resolve()));
    return [Buffer.concat(this.#chunks.splice(0)).toString()];
  }

  close(): void {
    this.#inflate.destroy();
  }
}

class ZstdDecoder implements Decoder {
  readonly #decompress = createZstdDecompress();
  #chunks: Buffer[] = [];

  constructor() {
    this.#decompress.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
  }

  async decode(bytes: Uint8Array): Promise<string[]> {
    await new Promise<void>((resolve) => this.#decompress.write(bytes, () => resolve()));
    return [Buffer.concat(this.#chunks.splice(0)).toString()];
  }

  close(): void {
    this.#decompress.destroy();
  }
}

/** A gateway client without any cleverness: a test says what is sent, and looks at everything that comes. */
export class RawClient {
  readonly #socket: WebSocket;
  readonly #decoder: Decoder | null;
  readonly #arrivals: Arrival[] = [];
  #wake = () => {};
  #decoding = Promise.resolve();
  /** Resolves when the connection is over, whoever ended it. */
  readonly ended: Promise<void>;
  /** Every message as it came over the wire. */
  readonly messages: (string | Uint8Array)[] = [];

  constructor(url: string, options: { version?: string | null; compression?: Compression } = {}) {
    const { version = "10", compression = "none" } = options;
    const address = new URL(url);
    if (version !== null) address.searchParams.set("v", version);
    address.searchParams.set("encoding", "json");
    if (compression !== "none") address.searchParams.set("compress", compression);
    this.#decoder = compression === "none"
      ? null
      : compression === "zlib-stream"
      ? new InflateDecoder()
      : new ZstdDecoder();
    this.#socket = new WebSocket(address);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("message", ({ data }) => {
      const message = typeof data === "string" ? data : new Uint8Array(data);
      this.messages.push(message);
      this.#decoding = this.#decoding.then(() => this.#take(message));
    });
    this.#socket.addEventListener("error", () => {});
    this.ended = new Promise((resolve) => {
      this.#socket.addEventListener("close", ({ code, reason }) => {
        this.#decoding = this.#decoding.then(() => {
          this.#decoder?.close();
          // Deno says 0 where there was no close frame.
          this.#arrive({ closed: { code: code === 0 ? 1006 : code, reason } });
          resolve();
        });
      });
    });
  }

  send(op: number, d: unknown): void {
    this.sendText(JSON.stringify({ op, d }));
  }

  sendText(text: string | Uint8Array<ArrayBuffer>): void {
    this.#socket.send(text);
  }

  /** The next payload. Throws where the connection is closed instead. */
  async next(): Promise<Payload> {
    const arrival = await this.#next();
    if ("closed" in arrival) throw new Error(`Cannot read a payload: closed with ${arrival.closed.code}`);
    return arrival.payload;
  }

  /** The next payload, which must have this opcode. */
  async expect(op: number): Promise<Payload> {
    const payload = await this.next();
    if (payload.op !== op) throw new Error(`Expected op ${op}, got ${payload.text.slice(0, 200)}`);
    return payload;
  }

  /** The next dispatch of this name; dispatches of other names before it are passed over. */
  async dispatch(name: string): Promise<Payload> {
    for (;;) {
      const payload = await this.next();
      if (payload.op !== 0) throw new Error(`Expected ${name}, got op ${payload.op}`);
      if (payload.t === name) return payload;
    }
  }

  /**
   * Every payload up to the answer to a heartbeat sent now. Since payloads come in order, this proves what did not come,
   * without waiting.
   */
  async settle(): Promise<Payload[]> {
    this.send(1, null);
    const payloads: Payload[] = [];
    for (;;) {
      const payload = await this.next();
      if (payload.op === 11) return payloads;
      payloads.push(payload);
    }
  }

  /** How the server closed; payloads before it are passed over. */
  async closed(): Promise<Closed> {
    for (;;) {
      const arrival = await this.#next();
      if ("closed" in arrival) return arrival.closed;
    }
  }

  /** Closes with a code, or with an empty close frame where there is none, and waits for the end. */
  async close(code?: number): Promise<void> {
    if (code === undefined) this.#socket.close();
    else this.#socket.close(code);
    await this.closed();
  }

  async #next(): Promise<Arrival> {
    while (this.#arrivals.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#arrivals.shift() as Arrival;
  }

  async #take(message: string | Uint8Array): Promise<void> {
    for (const text of await this.#decode(message)) {
      this.#arrive({ payload: { ...JSON.parse(text), text } });
    }
  }

  /** Without transport compression a binary message is one payload compressed by itself. */
  async #decode(message: string | Uint8Array): Promise<string[]> {
    if (typeof message === "string") return [message];
    return this.#decoder === null ? [inflateSync(message).toString()] : await this.#decoder.decode(message);
  }

  #arrive(arrival: Arrival): void {
    this.#arrivals.push(arrival);
    this.#wake();
  }
}
