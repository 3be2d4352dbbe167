/**
 * The decompressors of `node:zlib` without the streams around them: what a message holds is there when the call
 * returns, without a promise, and whoever calls says where it goes.
 *
 * Node has no public way to feed a decompressor bit by bit and get an answer at once. This is all of what is its own
 * that the service uses (`_handle` and `_writeState`, on which published packages lean as well); tests hold how it
 * behaves in the runtime's pinned version.
 *
 * @module
 */
import { constants, createInflate, createZstdDecompress } from "node:zlib";
import { failureText } from "../failure.ts";

/** What one step came to. */
export interface Step {
  readonly outputBytes: number;
  /** Input that is not used up: there was no more room for output, or the stream has ended. */
  readonly inputLeftBytes: number;
}

export interface Decompressor {
  /**
   * Goes on with the input from `inputAt`, and fills the output from `outputAt`. Throws where the input is damaged;
   * nothing more can be decompressed then.
   */
  step(input: Uint8Array, inputAt: number, output: Uint8Array, outputAt: number): Step;
  /** Lets go of its memory. Safe twice. */
  close(): void;
}

interface Internals {
  readonly _handle: {
    writeSync(
      ...args: [
        flush: number,
        input: Uint8Array,
        inputAt: number,
        inputBytes: number,
        output: Uint8Array,
        outputAt: number,
        outputBytes: number,
      ]
    ): void;
    onerror: (message: string) => void;
  };
  /** Room left in the output, and input left, after a write. */
  readonly _writeState: Uint32Array;
}

/** The least that Node takes: the output of the stream itself is never used. */
const OWN_CHUNK_BYTES = constants.Z_MIN_CHUNK;

export function createDecompressor(format: "zlib" | "zstd"): Decompressor {
  const stream = format === "zlib"
    ? createInflate({ chunkSize: OWN_CHUNK_BYTES })
    : createZstdDecompress({ chunkSize: OWN_CHUNK_BYTES });
  const flush = format === "zlib" ? constants.Z_SYNC_FLUSH : constants.ZSTD_e_flush;
  const { _handle: handle, _writeState: state } = stream as unknown as Internals;
  if (typeof handle?.writeSync !== "function" || !(state instanceof Uint32Array)) {
    throw new Error("This version of the runtime decompresses another way");
  }
  let error: string | null = null;
  handle.onerror = (message) => error = message;
  let isClosed = false;
  return {
    step(input, inputAt, output, outputAt) {
      if (isClosed) throw new Error("closed");
      const roomBytes = output.length - outputAt;
      try {
        handle.writeSync(flush, input, inputAt, input.length - inputAt, output, outputAt, roomBytes);
      } catch (thrown) {
        error = failureText(thrown);
      }
      if (error !== null) throw new Error(error);
      return { outputBytes: roomBytes - (state[0] ?? 0), inputLeftBytes: state[1] ?? 0 };
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      stream.destroy();
    },
  };
}
