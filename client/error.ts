/**
 * What can go wrong where nobody awaits it.
 *
 * @module
 */
import type { ReceivedEvent } from "./event.ts";

/**
 * - `connection`: RabbitMQ cannot be reached, or the connection was lost; it is tried again.
 * - `handler`: a handler failed; the event is tried again.
 * - `given_up`: a handler failed at the last try; the event was rejected.
 * - `unreadable`: a message is not JSON, or lacks what the contract promises; it was rejected.
 * - `handled_ids`: the memory of handled events failed; events are handled without it, repeats among them.
 */
export type ClientErrorKind =
  | "connection"
  | "handler"
  | "given_up"
  | "unreadable"
  | "handled_ids";

/** Given to `onError`. `cause` is what was thrown. */
export class ClientError extends Error {
  override readonly name = "ClientError";
  readonly kind: ClientErrorKind;
  /** The event that it is about; absent where it is about a connection, or a message that is no event. */
  readonly event: ReceivedEvent | undefined;

  constructor(kind: ClientErrorKind, message: string, options: { cause: unknown; event?: ReceivedEvent }) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.event = options.event;
  }
}

/** The words of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * The bot's own `onError`, which must not end the bot: what it throws, or rejects with, is dropped, for there is nobody
 * else to be told.
 */
export function guarded(onError: (error: ClientError) => unknown): (error: ClientError) => void {
  return (error) => {
    (async () => await onError(error))().catch(() => {});
  };
}
