/**
 * Bytes as amqplib takes them.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** The same bytes, not copied. */
export function bufferView(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
