/**
 * Cuts a zstd stream behind each of its blocks (RFC 8878, Zstandard Frames).
 *
 * The runtime's decompressor needs that: an error in the first step of a write is an error of the stream, but one
 * in a later step of the same write, after a full buffer of output, is thrown where nobody can catch it and would
 * end the process (Deno 2.9). A write that holds one block meets its errors in the first step.
 *
 * @module
 */

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;
const CHECKSUM_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const REPEATED_BYTE = 1;
const RESERVED = 3;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;

export class ZstdBlocks {
  #inFrame = false;
  #hasChecksum = false;

  /**
   * The pieces of the connection's next message, each with one block at most; null where it does not consist of
   * whole ones, as a flushed message does.
   */
  cut(message: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] | null {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let start = 0; start < message.length;) {
      const blockStart = this.#inFrame ? start : this.#behindFrameHeader(message, start);
      if (blockStart === null || blockStart + BLOCK_HEADER_BYTES > message.length) return null;
      const header = message[blockStart]! | (message[blockStart + 1]! << 8) |
        (message[blockStart + 2]! << 16);
      const isLast = (header & 1) === 1;
      const type = (header >> 1) & 3;
      if (type === RESERVED) return null;
      const end = blockStart + BLOCK_HEADER_BYTES + (type === REPEATED_BYTE ? 1 : header >> 3);
      pieces.push(message.subarray(start, end));
      start = end;
      this.#inFrame = !isLast;
      if (isLast && this.#hasChecksum) {
        pieces.push(message.subarray(start, start + CHECKSUM_BYTES));
        start += CHECKSUM_BYTES;
      }
      if (start > message.length) return null;
    }
    return pieces;
  }

  /** Where the first block of the frame that starts here is; null where no frame does. */
  #behindFrameHeader(message: Uint8Array, start: number): number | null {
    if (MAGIC.some((byte, index) => message[start + index] !== byte)) return null;
    const descriptorAt = start + MAGIC.length;
    const descriptor = message[descriptorAt];
    if (descriptor === undefined) return null;
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const contentSizeFlag = descriptor >> 6;
    const contentSizeBytes = contentSizeFlag === 0 && isSingleSegment
      ? 1
      : CONTENT_SIZE_BYTES[contentSizeFlag]!;
    const windowBytes = isSingleSegment ? 0 : 1;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    return descriptorAt + 1 + windowBytes + DICTIONARY_ID_BYTES[descriptor & 3]! + contentSizeBytes;
  }
}
