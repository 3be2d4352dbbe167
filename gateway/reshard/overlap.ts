/**
 * What two sessions have both seen. A guild's happenings come once in each session that has it, in its own time and under
 * its own sequence; what names them for both is their name and the bytes of `d`.
 *
 * @module
 */
import type { OutgoingEvent } from "../delivery/publisher.ts";
import { readFrameHead } from "../protocol/frame_head.ts";
import { MALFORMED, skipValue } from "../protocol/json_scan.ts";

/** The same for the same happening in every session, and for no other: of a name and the bytes of `d`. */
export type Digest = (name: string, data: Uint8Array) => string;

const NO_DATA = new Uint8Array();

export function digestOf({ type, body }: Pick<OutgoingEvent, "type" | "body">, digest: Digest): string {
  const start = readFrameHead(body)?.dataStart ?? MALFORMED;
  const end = start === MALFORMED ? MALFORMED : skipValue(body, start);
  return digest(type, end === MALFORMED ? NO_DATA : body.subarray(start, end));
}

/** A multiset: what has happened twice is matched twice, and no more often. */
export class Overlap {
  readonly #counts = new Map<string, number>();

  constructor(digests: Iterable<string> = []) {
    for (const digest of digests) this.add(digest);
  }

  add(digest: string): void {
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
  }

  /** Whether it is there; once of it is not there any more then. */
  match(digest: string): boolean {
    const count = this.#counts.get(digest);
    if (count === undefined) return false;
    if (count === 1) this.#counts.delete(digest);
    else this.#counts.set(digest, count - 1);
    return true;
  }
}
