/**
 * Transport compression: how the payloads of one connection become WebSocket messages.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { constants, createDeflate, createZstdCompress } from "node:zlib";

/** Transport compression as a client asks for it in the URL (Discord docs, Encoding and Compression). */
export type Compression = "none" | "zlib-stream" | "zstd-stream";

/** What a payload looks like on the wire. */
export interface WireMessage {
  readonly bytes: Buffer;
  readonly binary: boolean;
}

/** Turns the payloads of one connection into WebSocket messages, in order. */
export interface Encoder {
  /** Calls `deliver` once with the messages of this payload, after those of all payloads before it. */
  encode(payload: Buffer, deliver: (messages: WireMessage[]) => void): void;
  /** Calls back once everything encoded before has been delivered. */
  settled(callback: () => void): void;
  /** Frees the compressor; what is not delivered yet never will be. */
  close(): void;
}

/** Each payload is one text message. */
class PlainEncoder implements Encoder {
  encode(payload: Buffer, deliver: (messages: WireMessage[]) => void): void {
    deliver([{ bytes: payload, binary: false }]);
  }

  settled(callback: () => void): void {
    callback();
  }

  close(): void {}
}

/** What both of Node's compressors have that is needed here. */
interface Compressor {
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  on(event: "error", listener: () => void): unknown;
  write(chunk: Buffer, callback: () => void): boolean;
  destroy(): unknown;
}

interface Job {
  readonly payload: Buffer;
  readonly deliver: (messages: WireMessage[]) => void;
}

/** One compression context for a whole connection, flushed after each payload and never ended. */
class StreamEncoder implements Encoder {
  readonly #compressor: Compressor;
  readonly #split: (compressed: Buffer) => Buffer[];
  /** What is being compressed comes first. */
  #jobs: Job[] = [];
  #waiting: (() => void)[] = [];
  #chunks: Buffer[] = [];
  #closed = false;

  constructor(compressor: Compressor, split: (compressed: Buffer) => Buffer[]) {
    this.#compressor = compressor;
    this.#split = split;
    compressor.on("data", (chunk) => this.#chunks.push(chunk));
    compressor.on("error", () => this.close());
  }

  encode(payload: Buffer, deliver: (messages: WireMessage[]) => void): void {
    if (this.#closed) return;
    this.#jobs.push({ payload, deliver });
    if (this.#jobs.length === 1) this.#compressNext();
  }

  settled(callback: () => void): void {
    if (this.#jobs.length === 0) callback();
    else this.#waiting.push(callback);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#jobs = [];
    this.#compressor.destroy();
    this.#settle();
  }

  /**
   * One at a time: with several writes under way their callbacks come together, and nobody could tell whose bytes are
   * whose.
   */
  #compressNext(): void {
    const [job] = this.#jobs;
    if (job === undefined) return this.#settle();
    this.#compressor.write(job.payload, () => {
      if (this.#closed) return;
      const compressed = Buffer.concat(this.#chunks);
      this.#chunks = [];
      job.deliver(this.#split(compressed).map((bytes) => ({ bytes, binary: true })));
      this.#jobs.shift();
      this.#compressNext();
    });
  }

  #settle(): void {
    const callbacks = this.#waiting;
    this.#waiting = [];
    for (const callback of callbacks) callback();
  }
}

/** The end of a Z_SYNC_FLUSH, by which a client knows that a payload is whole. */
const SYNC_FLUSH_SUFFIX = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/**
 * Cuts one compressed payload into at most `count` messages. Only the last ends in the suffix of a flush: where one
 * would end so by chance, it takes one byte more.
 */
export function splitMessage(compressed: Buffer, count: number): Buffer[] {
  const pieceBytes = Math.max(1, Math.ceil(compressed.length / count));
  const pieces: Buffer[] = [];
  let start = 0;
  while (start < compressed.length) {
    let end = Math.min(compressed.length, start + pieceBytes);
    // The suffix is looked for across pieces, because a client looks for it at the end of all it has so far.
    if (end < compressed.length && compressed.subarray(0, end).subarray(-4).equals(SYNC_FLUSH_SUFFIX)) end++;
    pieces.push(compressed.subarray(start, end));
    start = end;
  }
  return pieces;
}

/** The window of Discord's own zstd frames: 256 KiB, as recorded from a live HELLO. */
const ZSTD_WINDOW_LOG = 18;

/** How zlib-stream is written; what Discord's level is, is not known. */
export interface ZlibTerms {
  /** From 1, the fastest, to 9. */
  readonly level: number;
  /** Asked before each payload: into how many messages it is cut. */
  readonly messageCount: () => number;
}

/** An encoder for a new connection. */
export function createEncoder(compression: Compression, { level, messageCount }: ZlibTerms): Encoder {
  switch (compression) {
    case "none":
      return new PlainEncoder();
    case "zlib-stream":
      return new StreamEncoder(
        createDeflate({ level, flush: constants.Z_SYNC_FLUSH }),
        (compressed) => splitMessage(compressed, messageCount()),
      );
    case "zstd-stream":
      // One message is one payload here, so it is never cut.
      return new StreamEncoder(
        createZstdCompress({
          flush: constants.ZSTD_e_flush,
          params: { [constants.ZSTD_c_windowLog]: ZSTD_WINDOW_LOG },
        }),
        (compressed) => [compressed],
      );
  }
}
