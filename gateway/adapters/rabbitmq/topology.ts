/**
 * The exchanges and queues of the wire contract, and how they are declared.
 *
 * @module
 */
import type { Channel, ChannelModel, Options } from "amqplib";

/** Topic exchange to which every event is published; the routing key is its name. */
export const EVENT_EXCHANGE = "gateway";
/** Headers exchange that hands each event to the queue of its partition. */
export const PARTITION_EXCHANGE = "gateway.partitions";
/** Header of an event that names its partition. */
export const PARTITION_HEADER = "partition";
/** Topic exchange of the service's own news. */
export const NEWS_EXCHANGE = "gateway.events";
/** Queue of the commands to the gateway. */
export const COMMAND_QUEUE = "gateway.send";
/** Queue of the commands that were refused. */
export const REJECTED_QUEUE = "gateway.send.rejected";
/** Queue of what a fleet's members tell the router of its commands. Only the router consumes it. */
export const REPORT_QUEUE = "gateway.send.reports";

/** For people to look at; nobody has to consume it. Past this the broker drops the oldest. */
const REJECTED_QUEUE_MESSAGES = 10_000;

/** A queue that a member has declared and never consumed goes after this. */
const UNUSED_QUEUE_MS = 60_000;

/** AMQP 0-9-1 reply code: the object exists with other properties. */
const PRECONDITION_FAILED = 406;

/** The queue of a partition. */
export function partitionQueue(partition: number): string {
  return `gateway.p${partition}`;
}

/** No other name of ours begins so, whatever the id of a member is. */
const MEMBER_QUEUE_PREFIX = "gateway.send.to.";

/** The queue of what the router passes to a member of a fleet. */
export function memberQueue(member: string): string {
  return MEMBER_QUEUE_PREFIX + member;
}

/** The member whose queue has this name of {@link memberQueue}. */
export function memberOfQueue(queue: string): string {
  return queue.slice(MEMBER_QUEUE_PREFIX.length);
}

/**
 * Of a queue that goes with its consumer. Durable all the same: queues that are neither durable nor exclusive are
 * deprecated since RabbitMQ 4. Classic, because only there a consumer can be the only one.
 */
export const CONSUMER_QUEUE: Options.AssertQueue = {
  durable: true,
  autoDelete: true,
  expires: UNUSED_QUEUE_MS,
  arguments: { "x-queue-type": "classic" },
};

/**
 * Declares what events need: their exchange, and each default queue, bound so that it receives all of them. With
 * partitions a queue for each of so many besides, bound so that each receives its own events; those of a time with more
 * of them stay as they are, for they may hold events.
 */
export async function declareForEvents(
  model: ChannelModel,
  defaultQueues: readonly string[],
  partitionCount = 0,
): Promise<void> {
  await using declarations = new Declarations(model);
  await declarations.exchange(EVENT_EXCHANGE, "topic");
  for (const queue of defaultQueues) {
    await declarations.queue(queue);
    await declarations.declare((channel) => channel.bindQueue(queue, EVENT_EXCHANGE, "#"));
  }
  if (partitionCount === 0) return;
  await declarations.exchange(PARTITION_EXCHANGE, "headers");
  await declarations.declare((channel) => channel.bindExchange(PARTITION_EXCHANGE, EVENT_EXCHANGE, "#"));
  for (let partition = 0; partition < partitionCount; partition++) {
    const queue = partitionQueue(partition);
    const match = { "x-match": "all", [PARTITION_HEADER]: partition };
    await declarations.queue(queue, { arguments: { "x-single-active-consumer": true } });
    await declarations.declare((channel) => channel.bindQueue(queue, PARTITION_EXCHANGE, "", match));
  }
}

/** Declares what the service's own messages need. */
export async function declareForNotices(model: ChannelModel): Promise<void> {
  await using declarations = new Declarations(model);
  await declarations.exchange(NEWS_EXCHANGE, "topic");
  await declarations.queue(REJECTED_QUEUE, { maxLength: REJECTED_QUEUE_MESSAGES });
}

/** Declares what commands need. */
export async function declareForCommands(model: ChannelModel): Promise<void> {
  await using declarations = new Declarations(model);
  await declarations.queue(COMMAND_QUEUE);
}

/** Declares one thing after the other on one channel. What the broker refuses costs it: the rest gets another. */
class Declarations implements AsyncDisposable {
  readonly #model: ChannelModel;
  /** Null until it is needed. */
  #channel: Channel | null = null;

  constructor(model: ChannelModel) {
    this.#model = model;
  }

  async exchange(name: string, type: "topic" | "headers"): Promise<void> {
    try {
      await this.declare((channel) => channel.assertExchange(name, type, { durable: true }));
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error;
      // Another type would route otherwise than promised; anything else about it (an alternate exchange, say) is
      // the operator's choice.
      if (!error.message.includes("inequivalent arg 'type'")) return;
      throw new Error(
        `Cannot declare ${type} exchange ${name}: it exists with another type; delete it, or use another virtual host`,
        { cause: error },
      );
    }
  }

  /** A durable queue; one that exists with other arguments is left as it is. */
  async queue(name: string, options: Options.AssertQueue = {}): Promise<void> {
    try {
      await this.declare((channel) => channel.assertQueue(name, { ...options, durable: true }));
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error;
    }
  }

  async declare(declaration: (channel: Channel) => Promise<unknown>): Promise<void> {
    const channel = this.#channel ?? await this.#open();
    this.#channel = null;
    await declaration(channel);
    this.#channel = channel;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channel?.close();
  }

  async #open(): Promise<Channel> {
    const channel = await this.#model.createChannel();
    channel.on("error", () => {}); // the declaration rejects with the same
    return channel;
  }
}

function isPreconditionFailed(error: unknown): error is Error & { code: number } {
  return error instanceof Error && "code" in error && error.code === PRECONDITION_FAILED;
}
