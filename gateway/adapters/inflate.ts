/**
 * Decompresses what one connection receives (Discord gateway docs, Encoding and Compression). The transport
 * compressions keep one context for the whole connection, so every connection has an inflater of its own.
 *
 * @module
 */
import { failureText } from "../failure.ts";
import type { Compression } from "../protocol/gateway_url.ts";
import { createDecompressor, type Decompressor } from "./raw_zlib.ts";
import { nextTurn, TURN_MAX_BYTES } from "./turns.ts";

/** What one WebSocket message came to. */
export type Inflated =
  /** The bytes are the receiver's to keep. */
  | { readonly kind: "payload"; readonly bytes: Uint8Array }
  /** More messages belong to this payload. */
  | { readonly kind: "partial" }
  /** The context is lost, and with it the connection: nothing more can be decompressed. */
  | { readonly kind: "ruined"; readonly error: string };

export interface Inflater {
  /**
   * Takes the next message of the connection; the one after it only once there is an answer, which is at once but for
   * what is so large that others would wait for it. Never throws nor rejects.
   */
  inflate(message: Uint8Array<ArrayBuffer>): Inflated | Promise<Inflated>;
  /** Lets go of everything, at any time; what is being inflated then is `ruined`. Safe twice. */
  close(): void;
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
      return new StreamInflater(createDecompressor("zlib"), new FlushSuffix(), payloadMaxBytes);
    case "zstd-stream":
      return new StreamInflater(createDecompressor("zstd"), WHOLE_MESSAGES, payloadMaxBytes);
    case "none":
      return uncompressed;
  }
}

/** For what is not compressed at all. */
export const uncompressed: Inflater = {
  inflate: (message) => wholePayload(message),
  close: () => {},
};

/** To receive what is large, and to hand it on, takes a turn of the event loop each, so that others have theirs between. */
function wholePayload(bytes: Uint8Array): Inflated | Promise<Inflated> {
  const payload: Inflated = { kind: "payload", bytes };
  return bytes.length > TURN_MAX_BYTES ? nextTurn().then(() => payload) : payload;
}

const PARTIAL: Inflated = { kind: "partial" };

/** Whether a payload ends with a message. */
interface PayloadEnd {
  isAt(message: Uint8Array): boolean;
}

/** One message is one payload. */
const WHOLE_MESSAGES: PayloadEnd = { isAt: () => true };

/** Z_SYNC_FLUSH leaves these last four bytes, 00 00 FF FF: the end of a payload. */
const FLUSH_SUFFIX = 0x0000_ffff;
const NO_SUFFIX = 0xffff_ffff;

class FlushSuffix implements PayloadEnd {
  /** The last four bytes received of the current payload, because the suffix itself can be cut. */
  #suffix = NO_SUFFIX;

  isAt(message: Uint8Array): boolean {
    for (let at = Math.max(0, message.length - 4); at < message.length; at++) {
      this.#suffix = ((this.#suffix << 8) | message[at]!) >>> 0;
    }
    if (this.#suffix !== FLUSH_SUFFIX) return false;
    this.#suffix = NO_SUFFIX;
    return true;
  }
}

/**
 * All connections inflate into the same block, each behind what the one before it left there, and when it is full into
 * the next: memory of its own for every event costs more than to inflate it. A block stays as long as anything that is
 * in it, which is why it is no larger.
 */
const BLOCK_BYTES = 32 * 1024;
/** With less room than this a block counts as full: what is cut in two has to be copied together. */
const ROOM_MIN_BYTES = 4 * 1024;
let block = new Uint8Array(BLOCK_BYTES);
let blockUsedBytes = 0;

class StreamInflater implements Inflater {
  readonly #decompressor: Decompressor;
  readonly #payloadEnd: PayloadEnd;
  readonly #payloadMaxBytes: number;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(decompressor: Decompressor, payloadEnd: PayloadEnd, payloadMaxBytes: number) {
    this.#decompressor = decompressor;
    this.#payloadEnd = payloadEnd;
    this.#payloadMaxBytes = payloadMaxBytes;
  }

  inflate(message: Uint8Array<ArrayBuffer>): Inflated | Promise<Inflated> {
    return this.#inflateFrom(message, 0);
  }

  close(): void {
    this.#decompressor.close();
  }

  #inflateFrom(message: Uint8Array<ArrayBuffer>, messageFrom: number): Inflated | Promise<Inflated> {
    const turnEndBytes = this.#sizeBytes + TURN_MAX_BYTES;
    let at = messageFrom;
    try {
      while (this.#sizeBytes < turnEndBytes) {
        if (BLOCK_BYTES - blockUsedBytes < ROOM_MIN_BYTES) {
          block = new Uint8Array(BLOCK_BYTES);
          blockUsedBytes = 0;
        }
        const from = blockUsedBytes;
        const { outputBytes, inputLeftBytes } = this.#decompressor.step(message, at, block, from);
        blockUsedBytes += outputBytes;
        at = message.length - inputLeftBytes;
        this.#sizeBytes += outputBytes;
        if (this.#sizeBytes > this.#payloadMaxBytes) {
          return this.#ruin(`a payload has more than ${this.#payloadMaxBytes} bytes`);
        }
        if (outputBytes > 0) this.#chunks.push(block.subarray(from, blockUsedBytes));
        if (blockUsedBytes === BLOCK_BYTES) continue;
        if (inputLeftBytes > 0) return this.#ruin("the stream has ended, and goes on");
        return this.#payloadEnd.isAt(message) ? wholePayload(this.#take()) : PARTIAL;
      }
    } catch (error) {
      return this.#ruin(failureText(error));
    }
    return nextTurn().then(() => this.#inflateFrom(message, at));
  }

  #ruin(error: string): Inflated {
    this.close();
    this.#chunks = [];
    return { kind: "ruined", error };
  }

  /** The payload; what came in one chunk is handed on without another copy. */
  #take(): Uint8Array {
    const chunks = this.#chunks;
    const sizeBytes = this.#sizeBytes;
    this.#chunks = [];
    this.#sizeBytes = 0;
    if (chunks.length === 1) return chunks[0]!;
    const payload = new Uint8Array(sizeBytes);
    let at = 0;
    for (const chunk of chunks) {
      payload.set(chunk, at);
      at += chunk.length;
    }
    return payload;
  }
}
