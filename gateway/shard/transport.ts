/**
 * The port between a shard and its socket.
 *
 * @module
 */
import type { FrameHead } from "../protocol/frame_head.ts";

/** What became of a connection. */
export interface ConnectionEnd {
  /** The close code; 1006 where there was none. */
  readonly code: number;
  /** The peer's words, or ours where the connection could not be made; never a token. */
  readonly reason: string;
  /**
   * `refused`: it never opened. `peer`: closed or dropped from outside. `ruined`: what arrived could not be
   * decompressed, or came faster than it can be.
   */
  readonly cause: "refused" | "peer" | "ruined";
}

export interface ConnectionEvents {
  opened(): void;
  /**
   * One whole payload, decompressed. The bytes are the receiver's to keep. `head`: of one that takes several turns to
   * read, null where it cannot be read; undefined where it has not been read yet.
   */
  payload(bytes: Uint8Array, head?: FrameHead | null): void;
  /** Once, and the last call. Never after {@link Connection.leave}. */
  ended(end: ConnectionEnd): void;
}

export interface Connection {
  /** Sends one text frame. Does nothing on a connection that is not open. */
  send(text: string): void;
  /**
   * Closes with `code` (1000 or 3000–4999) and hears nothing more of the peer: no event follows this call.
   * Resolves when the close frame is out and answered, or after two seconds without an answer.
   */
  leave(code: number, reason: string): Promise<void>;
}

export interface Transport {
  connect(url: string, events: ConnectionEvents): Connection;
}
