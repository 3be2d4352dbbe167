/**
 * What becomes of a message between its delivery and its acknowledgement.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Channel, type ConsumeMessage, IllegalOperationError } from "amqplib";
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

/** `given_back`: nobody has handled it yet, and this process is about to end. */
type Outcome = "handled" | "given_up" | "given_back";

export interface DeliveriesOptions {
  readonly handledIds: HandledIds;
  /** How long to wait before each further try, in ms; after the last one the message is given up. */
  readonly retryDelaysMs: readonly number[];
  readonly onError: (error: ClientError) => void;
}

/** Runs each message's handler, once for copies that come together, and answers the broker. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #inHand: Map<string, Promise<Outcome>> = new Map();
  readonly #running: Set<Promise<void>> = new Set();
  readonly #stopping: AbortController = new AbortController();

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
      if (isCurrent()) answer(channel, settle);
    }).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Gives back what waits to be tried again, and resolves when no handler runs. */
  async stop(): Promise<void> {
    this.#stopping.abort();
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
    if (outcome === "handled") return (channel) => channel.ack(message);
    if (outcome === "given_up") return reject;
    return (channel) => channel.reject(message, true);
  }

  /** Copies that come while the first is being handled share its outcome. */
  #once(task: Task): Promise<Outcome> {
    const { id } = task;
    if (id === null) return this.#run(task);
    const inHand = this.#inHand.get(id);
    if (inHand !== undefined) return inHand;
    const outcome = this.#run(task).finally(() => this.#inHand.delete(id));
    this.#inHand.set(id, outcome);
    return outcome;
  }

  /**
   * Runs the handler until it succeeds, or has failed often enough. The tries are counted here and not by the broker's
   * `redelivered`, which is also true of a message that waited in a process that died, and was never handled. Meanwhile
   * the message stays with this process: its place of `prefetch` is taken, so that a fault of every handler stops the
   * flow instead of using up the messages.
   */
  async #run(task: Task): Promise<Outcome> {
    const { retryDelaysMs } = this.#options;
    for (let tries = 1;; tries++) {
      // Each time: where a connection was lost, another consumer may have had the message meanwhile.
      if (await this.#isHandled(task)) return "handled";
      try {
        await task.run();
        await this.#remember(task);
        return "handled";
      } catch (thrown) {
        const delayMs = retryDelaysMs[tries - 1];
        if (delayMs === undefined) {
          this.#tell("given_up", `Cannot handle ${task.title}, given up after try ${tries}`, thrown, task);
          return "given_up";
        }
        this.#tell("handler", `Cannot handle ${task.title}, which is tried again`, thrown, task);
        const { signal } = this.#stopping;
        await delay(delayMs, undefined, { signal }).catch(() => {}); // stopped
        if (signal.aborted) return "given_back";
      }
    }
  }

  async #isHandled({ id }: Task): Promise<boolean> {
    return id !== null && await this.#attempt(() => this.#options.handledIds.has(id)) === true;
  }

  async #remember({ id }: Task): Promise<void> {
    if (id !== null) await this.#attempt(() => this.#options.handledIds.add(id));
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

/** A channel that is being closed takes no answer, and the broker delivers the message again. */
function answer(channel: Channel, settle: (channel: Channel) => void): void {
  try {
    settle(channel);
  } catch (error) {
    if (!(error instanceof IllegalOperationError)) throw error;
  }
}
