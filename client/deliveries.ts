/**
 * What becomes of a message between its delivery and its acknowledgement.
 *
 * @module
 */
import type { Channel, ConsumeMessage } from "amqplib";
import { ClientError, type ClientErrorKind, reasonOf } from "./error.ts";
import type { ReceivedEvent } from "./event.ts";
import type { HandledIds } from "./handled_ids.ts";

/** A message, read. */
export interface Task {
  /** What it is called in an error: `MESSAGE_CREATE 5e55:17`. */
  readonly title: string;
  /** The same for every copy; null where nothing tells copies apart. */
  readonly id: string | null;
  readonly event?: ReceivedEvent;
  readonly run: () => unknown;
}

type Outcome = { readonly ok: true } | {
  readonly ok: false;
  readonly thrown: unknown;
};

export interface DeliveriesOptions {
  readonly handledIds: HandledIds;
  readonly onError: (error: ClientError) => void;
}

/** Runs each message's handler, once for copies that come together, and answers the broker. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #inHand: Map<string, Promise<Outcome>> = new Map();
  readonly #running: Set<Promise<void>> = new Set();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  /**
   * Takes a message.
   *
   * @param read Throws for what is no message of the contract. Null: nobody wants it, and it is acknowledged.
   * @param isCurrent Whether the channel is still open: on another one the broker delivers the message again.
   */
  take(
    channel: Channel,
    message: ConsumeMessage,
    read: (message: ConsumeMessage) => Task | null,
    isCurrent: () => boolean,
  ): void {
    const running = this.#settle(message, read).then((settle) => {
      if (isCurrent()) settle(channel);
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when no handler runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** What to answer the broker. */
  async #settle(
    message: ConsumeMessage,
    read: (message: ConsumeMessage) => Task | null,
  ): Promise<(channel: Channel) => void> {
    const reject = (channel: Channel) => channel.reject(message, false);
    let task: Task | null;
    try {
      task = read(message);
    } catch (thrown) {
      const { fields: { routingKey }, properties: { messageId } } = message;
      this.#tell("unreadable", `Cannot read ${routingKey} ${messageId ?? "without a message_id"}`, thrown);
      return reject;
    }
    if (task === null) return (channel) => channel.ack(message);
    const outcome = await this.#once(task);
    if (outcome.ok) return (channel) => channel.ack(message);
    if (message.fields.redelivered) {
      this.#tell("given_up", `Cannot handle ${task.title}, which was delivered before`, outcome.thrown, task);
      return reject;
    }
    this.#tell("handler", `Cannot handle ${task.title}, which is tried once more`, outcome.thrown, task);
    return (channel) => channel.reject(message, true);
  }

  /** Copies that come while the first is being handled share its outcome. */
  #once(task: Task): Promise<Outcome> {
    const { id } = task;
    if (id === null) return this.#run(task);
    const inHand = this.#inHand.get(id);
    if (inHand !== undefined) return inHand;
    const outcome = this.#runUnlessHandled(task, id).finally(() => this.#inHand.delete(id));
    this.#inHand.set(id, outcome);
    return outcome;
  }

  async #runUnlessHandled(task: Task, id: string): Promise<Outcome> {
    const { handledIds } = this.#options;
    if (await this.#attempt(() => handledIds.has(id)) === true) return { ok: true };
    const outcome = await this.#run(task);
    if (outcome.ok) await this.#attempt(() => handledIds.add(id));
    return outcome;
  }

  async #run({ run }: Task): Promise<Outcome> {
    try {
      await run();
      return { ok: true };
    } catch (thrown) {
      return { ok: false, thrown };
    }
  }

  /** A memory that fails costs repeats, never an event. */
  async #attempt<Result>(call: () => Result | Promise<Result>): Promise<Result | null> {
    try {
      return await call();
    } catch (thrown) {
      this.#tell("handled_ids", "Cannot ask or tell which events have been handled", thrown);
      return null;
    }
  }

  #tell(kind: ClientErrorKind, what: string, thrown: unknown, task?: Task): void {
    const event = task?.event;
    this.#options.onError(
      new ClientError(kind, `${what}: ${reasonOf(thrown)}`, {
        cause: thrown,
        ...(event !== undefined && { event }),
      }),
    );
  }
}
