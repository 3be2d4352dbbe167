/**
 * The port through which commands arrive from the queue `gateway.send`.
 *
 * @module
 */

/** One message of `gateway.send`, not acknowledged yet. */
export interface IncomingCommand {
  readonly body: Uint8Array;
  readonly replyTo: string | undefined;
  readonly correlationId: string | undefined;
  /** AMQP `timestamp` of the sender in milliseconds since the epoch, where it set one. */
  readonly sentAtMs: number | undefined;
  /**
   * Acknowledges the message. Does nothing when the channel it came on is gone: the broker then delivers it
   * again.
   */
  acknowledge(): void;
  /** False once the channel it came on is gone: it will be delivered again and must not be carried out now. */
  readonly current: boolean;
}

export interface CommandSource {
  /** Consumes, in order, and reconnects for as long as it takes, until {@link close}. */
  start(handler: (command: IncomingCommand) => void): void;
  /** No further command is delivered once this has resolved. Acknowledgements still work until {@link close}. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}
