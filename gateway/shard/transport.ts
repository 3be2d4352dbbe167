/**
 * The port between a shard and its socket.
 *
 * @module
 */

/** What became of a connection. */
export interface ConnectionEnd {
  /** The close code; 1006 where there was none. */
  readonly code: number;
  /** The peer's words, or ours where the connection could not be made; never a token. */
  readonly reason: string;
  /**
   * `refused`: it never opened. `peer`: closed or dropped from outside. `ruined`: what arrived could not be
   * decompressed.
   */
  readonly cause: "refused" | "peer" | "ruined";
}

export interface ConnectionEvents {
  opened(): void;
  /**
   * One whole payload, decompressed. The bytes are the receiver's to keep. Where it answers with a promise, which
   * never rejects, nothing more is to be told of this connection until then.
   */
  payload(bytes: Uint8Array): void | Promise<void>;
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
