/**
 * The bytes under a channel of amqplib, for frames that are put together elsewhere.
 *
 * amqplib has no public way to send them. This is all of what is its own that the service uses; the version is pinned.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Channel } from "amqplib";

export interface RawChannel {
  readonly number: number;
  /** The largest frame that both sides take, in bytes; amqplib's own number where neither has a limit. */
  readonly frameMaxBytes: number;
  /** Sends whole frames, behind all that was sent so before. */
  send(frames: Buffer): void;
}

interface Internals {
  readonly ch: number;
  readonly connection: { readonly frameMax: number; sendBytes(bytes: Buffer): void };
}

/** Throws where amqplib is another than this was written for. */
export function rawChannel(channel: Channel): RawChannel {
  const { ch, connection } = channel as unknown as Internals;
  if (
    typeof ch !== "number" || typeof connection?.frameMax !== "number" ||
    typeof connection.sendBytes !== "function"
  ) throw new Error("This version of amqplib sends its frames another way");
  return {
    number: ch,
    frameMaxBytes: connection.frameMax,
    send: (frames) => connection.sendBytes(frames),
  };
}
