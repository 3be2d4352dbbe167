/**
 * The sending side of the transport compressions, as Discord's documents describe it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { constants, createDeflate, createZstdCompress } from "node:zlib";
import type { Compression } from "../../../gateway/protocol/gateway_url.ts";

const encoder = new TextEncoder();

/** One context for all payloads of a connection; each is flushed and none ends the stream. */
export class StreamCompressor {
  readonly #stream: ReturnType<typeof createDeflate> | ReturnType<typeof createZstdCompress>;
  readonly #flush: number;
  #chunks: Uint8Array[] = [];

  constructor(compression: Exclude<Compression, "none">) {
    const isZlib = compression === "zlib-stream";
    this.#stream = isZlib ? createDeflate() : createZstdCompress();
    this.#flush = isZlib ? constants.Z_SYNC_FLUSH : constants.ZSTD_e_flush;
    this.#stream.on("data", (chunk: Uint8Array) => this.#chunks.push(chunk));
  }

  compress(payload: string | Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve) => {
      this.#stream.write(typeof payload === "string" ? encoder.encode(payload) : payload);
      this.#stream.flush(this.#flush, () => {
        resolve(new Uint8Array(Buffer.concat(this.#chunks.splice(0))));
      });
    });
  }

  close(): void {
    this.#stream.destroy();
  }
}
