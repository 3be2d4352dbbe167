/**
 * Fingerprints, by which two lists of dispatches are compared without listing them.
 *
 * @module
 */
import { createHash } from "node:crypto";

const MODULUS = 1n << 256n;

/** The SHA-256 of some bytes, as 64 lower-case hexadecimal digits. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * A fingerprint of a set of dispatches in whatever order they came: the sum, modulo 2^256, of
 * `sha256("<session>:<s>:<sha256 of the payload>")`. Whoever received exactly the same dispatches the same number of
 * times has the same {@link hex}.
 */
export class LedgerDigest {
  #count = 0;
  #sum = 0n;

  /** How many dispatches were added. */
  get count(): number {
    return this.#count;
  }

  /** The fingerprint: 64 hexadecimal digits, all zero while nothing was added. */
  get hex(): string {
    return this.#sum.toString(16).padStart(64, "0");
  }

  /** Adds one dispatch; `payloadSha256` is the {@link sha256} of its exact bytes. */
  add(session: string, sequence: number, payloadSha256: string): void {
    this.#count++;
    this.#sum = (this.#sum + BigInt(`0x${sha256(`${session}:${sequence}:${payloadSha256}`)}`)) % MODULUS;
  }
}
