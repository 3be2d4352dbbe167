/**
 * Decompresses what one connection receives (Discord gateway docs, Encoding and Compression). The transport
 * compressions keep one context for the whole connection, so every connection has an inflater of its own.
 *
 * @module
 */
import { createZstdDecompress } from "node:zlib";
import { failureText } from "../failure.ts";
import type { Compression } from "../protocol/gateway_url.ts";
import { ZstdBlocks } from "./zstd_blocks.ts";

/** What one WebSocket message came to. */
export type Inflated =
  /** The bytes are the receiver's to keep. */
  | { readonly kind: "payload"; readonly bytes: Uint8Array }
  /** More messages belong to this payload. */
  | { readonly kind: "partial" }
  /** The context is lost, and with it the connection: nothing more can be decompressed. */
  | { readonly kind: "ruined"; readonly error: string };

export interface Inflater {
  /** Takes the next message of the connection; the one after it only once this has resolved. Never rejects. */
  inflate(message: Uint8Array<ArrayBuffer>): Promise<Inflated>;
  /** Lets go of everything, at any time; what is being inflated then is `ruined`. Safe twice. */
  close(): Promise<void>;
}

/**
 * Discord names no limit for what it sends. The largest payloads known, READY and GUILD_CREATE, have tens of
 * megabytes; whatever goes far beyond that is a fault or an attack, and must not take the process's memory.
 */
const PAYLOAD_MAX_BYTES = 256 * 1024 * 1024;

/** `payloadMaxBytes`: the size of a decompressed payload above which the stream counts as ruined. */
export function createInflater(compression: Compression, payloadMaxBytes = PAYLOAD_MAX_BYTES): Inflater {
  switch (compression) {
    case "zlib-stream":
      return new ZlibInflater(payloadMaxBytes);
    case "zstd-stream":
      return new ZstdInflater(payloadMaxBytes);
    case "none":
      return uncompressed;
  }
}

const uncompressed: Inflater = {
  inflate: (message) => Promise.resolve({ kind: "payload", bytes: message }),
  close: () => Promise.resolve(),
};

const PARTIAL: Inflated = { kind: "partial" };

/** Z_SYNC_FLUSH leaves these last four bytes, 00 00 FF FF: the end of a payload. */
const FLUSH_SUFFIX = 0x0000_ffff;
const NO_SUFFIX = 0xffff_ffff;

/**
 * What is inflated in one step, so that the limit of a payload is looked at between the steps: deflate makes at
 * most 1032 bytes of one (zlib's technical details), so a step adds 66 MB at worst.
 */
const STEP_MAX_BYTES = 64 * 1024;

/**
 * Deno's decompressor puts out at most one chunk for each write, with everything that the input so far decodes
 * to, and `write` resolves only after a read that was waiting has been given that chunk (found by trying, with
 * Deno 2.9; a test holds it). So when the write of a flush suffix has resolved, the payload is whole.
 */
class ZlibInflater implements Inflater {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: Output;
  /** The last four bytes received of the current payload, because the suffix itself can be cut. */
  #suffix = NO_SUFFIX;

  constructor(payloadMaxBytes: number) {
    const { writable, readable } = new DecompressionStream("deflate");
    this.#output = new Output(payloadMaxBytes);
    this.#writer = writable.getWriter();
    // A failure is told by the write that it befell.
    this.#writer.closed.catch(() => {});
    collect(readable.getReader(), this.#output).catch(() => {});
  }

  async inflate(message: Uint8Array<ArrayBuffer>): Promise<Inflated> {
    try {
      for (let from = 0; from < message.length; from += STEP_MAX_BYTES) {
        await this.#writer.write(message.subarray(from, from + STEP_MAX_BYTES));
        if (this.#output.isTooLarge) return { kind: "ruined", error: this.#output.tooLarge };
      }
    } catch (error) {
      return { kind: "ruined", error: failureText(error) };
    }
    for (const byte of message.subarray(-4)) this.#suffix = ((this.#suffix << 8) | byte) >>> 0;
    if (this.#suffix !== FLUSH_SUFFIX) return PARTIAL;
    this.#suffix = NO_SUFFIX;
    return { kind: "payload", bytes: this.#output.take() };
  }

  async close(): Promise<void> {
    await this.#writer.abort(new Error("closed")).catch(() => {});
  }
}

async function collect(reader: ReadableStreamDefaultReader<Uint8Array>, output: Output): Promise<void> {
  for (let read = await reader.read(); !read.done; read = await reader.read()) output.add(read.value);
}

/** One message is one payload, flushed, so what its blocks put out is the payload. */
class ZstdInflater implements Inflater {
  readonly #stream = createZstdDecompress();
  readonly #blocks = new ZstdBlocks();
  readonly #output: Output;
  readonly #closed = Promise.withResolvers<void>();
  #error = "closed";
  /** Settles the write in work: after an error the stream does not call back. */
  #settleWrite: () => void = () => {};

  constructor(payloadMaxBytes: number) {
    this.#output = new Output(payloadMaxBytes);
    this.#stream.on("data", (chunk: Uint8Array) => this.#output.add(chunk));
    this.#stream.on("error", (error) => this.#error = failureText(error));
    this.#stream.on("close", () => {
      this.#settleWrite();
      this.#closed.resolve();
    });
  }

  async inflate(message: Uint8Array<ArrayBuffer>): Promise<Inflated> {
    const pieces = this.#blocks.cut(message);
    if (pieces === null) this.#stream.destroy(new Error("the message does not consist of whole zstd blocks"));
    for (const piece of pieces ?? []) {
      if (this.#stream.destroyed) break;
      await this.#write(piece);
      if (this.#output.isTooLarge) this.#stream.destroy(new Error(this.#output.tooLarge));
    }
    if (!this.#stream.destroyed) return { kind: "payload", bytes: this.#output.take() };
    await this.#closed.promise;
    return { kind: "ruined", error: this.#error };
  }

  close(): Promise<void> {
    this.#stream.destroy();
    return this.#closed.promise;
  }

  #write(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#settleWrite = resolve;
      this.#stream.write(piece, () => resolve());
    });
  }
}

/** Gathers the chunks of one payload. */
class Output {
  readonly #payloadMaxBytes: number;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(payloadMaxBytes: number) {
    this.#payloadMaxBytes = payloadMaxBytes;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
  }

  get isTooLarge(): boolean {
    return this.#sizeBytes > this.#payloadMaxBytes;
  }

  get tooLarge(): string {
    return `a payload has more than ${this.#payloadMaxBytes} bytes`;
  }

  /** The payload; what came in one chunk is handed on without a copy. */
  take(): Uint8Array {
    const [first = new Uint8Array(), ...others] = this.#chunks;
    const sizeBytes = this.#sizeBytes;
    this.#chunks = [];
    this.#sizeBytes = 0;
    // A chunk of node:zlib is a Buffer, whose slice() shares where everybody expects a copy.
    if (others.length === 0) return new Uint8Array(first.buffer, first.byteOffset, first.length);
    const payload = new Uint8Array(sizeBytes);
    let at = 0;
    for (const chunk of [first, ...others]) {
      payload.set(chunk, at);
      at += chunk.length;
    }
    return payload;
  }
}
