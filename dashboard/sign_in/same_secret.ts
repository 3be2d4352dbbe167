/**
 * Comparison of secrets.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";

/** Whether two texts are the same, in a time that tells neither where they differ nor how long they are. */
export function isSameSecret(one: string, other: string): boolean {
  return timingSafeEqual(digestOf(one), digestOf(other));
}

function digestOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
