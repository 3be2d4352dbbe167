/**
 * What a broker says of a whole connection, in bytes.
 *
 * @module
 */

/** A frame of class connection (10) on channel 0 (AMQP 0-9-1, 2.3.5). Its arguments are given as they are encoded. */
export function connectionFrame(method: number, encodedArguments: string): Uint8Array {
  const payload = [0, 10, 0, method, ...new TextEncoder().encode(encodedArguments)];
  return new Uint8Array([1, 0, 0, 0, 0, 0, payload.length, ...payload, 0xce]);
}
