/**
 * Spreads events over partitions, so that those of one guild stay in order while several consumers work.
 *
 * @module
 */
import { type FrameHead, readFrameHead, readOwner } from "../protocol/frame_head.ts";

/** FNV-1a, 32 bits (the FNV Non-Cryptographic Hash Algorithm, section 5). */
const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class Partitions {
  /** How many there are. */
  readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  /**
   * The partition of an event, from 0 on: by its guild; where it is of none, by its channel or user; 0 where it is of
   * nobody.
   *
   * @param head Of the same bytes; read anew where nobody has it any more.
   */
  of(bytes: Uint8Array, head: FrameHead | null = readFrameHead(bytes)): number {
    const owner = head === null ? null : readOwner(bytes, head);
    return owner === null ? 0 : hashOf(owner) % this.count;
  }
}

/** Of the decimal digits of an id. Consumers may rely on it (wire contract, Partitions). */
function hashOf(id: bigint): number {
  const digits = String(id);
  let hash = FNV_OFFSET_BASIS;
  for (let index = 0; index < digits.length; index++) {
    hash = Math.imul(hash ^ digits.charCodeAt(index), FNV_PRIME);
  }
  return hash >>> 0;
}
