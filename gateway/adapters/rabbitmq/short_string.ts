/**
 * AMQP short strings: routing keys, correlation ids.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** Limit of a short string (AMQP 0-9-1, 4.2.5.3). */
const SHORT_STRING_BYTES = 255;

/**
 * Cuts what is too long for a short string. What a client sent as one is longer only where it was no UTF-8, because
 * each byte replaced takes three; an answer that goes astray is better than an encoder's error, which would take the
 * channel with it.
 */
export function shortString(text: string): string {
  // Three bytes are the most that one UTF-16 unit becomes.
  if (text.length * 3 <= SHORT_STRING_BYTES) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= SHORT_STRING_BYTES) return text;
  let end = SHORT_STRING_BYTES;
  while (isContinuation(bytes[end])) end--;
  return bytes.toString("utf8", 0, end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
