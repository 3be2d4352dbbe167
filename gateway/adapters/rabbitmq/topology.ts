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

/** For people to look at; nobody has to consume it. Past this the broker drops the oldest. */
const REJECTED_QUEUE_MESSAGES = 10_000;

/** AMQP 0-9-1 reply code: the object exists with other properties. */
const PRECONDITION_FAILED = 406;

/** The queue of a partition. */
export function partitionQueue(partition: number): string {
  return `gateway.p${partition}`;
}

/** Declares what events need: their exchange, and each default queue, bound so that it receives all of them. */
export async function declareForEvents(model: ChannelModel, defaultQueues: readonly string[]): Promise<void> {
  await declareExchange(model, EVENT_EXCHANGE, "topic");
  for (const queue of defaultQueues) {
    await declareQueue(model, queue);
    await onOwnChannel(model, (channel) => channel.bindQueue(queue, EVENT_EXCHANGE, "#"));
  }
}

/**
 * Declares a queue for each of so many partitions, bound so that each receives its own events; the exchange of events is
 * there. Those of a time with more of them stay as they are: they may hold events.
 */
export async function declarePartitions(model: ChannelModel, count: number): Promise<void> {
  await declareExchange(model, PARTITION_EXCHANGE, "headers");
  await onOwnChannel(model, (channel) => channel.bindExchange(PARTITION_EXCHANGE, EVENT_EXCHANGE, "#"));
  for (let partition = 0; partition < count; partition++) {
    await declareQueue(model, partitionQueue(partition), { arguments: { "x-single-active-consumer": true } });
  }
  await onOwnChannel(model, async (channel) => {
    for (let partition = 0; partition < count; partition++) {
      const match = { "x-match": "all", [PARTITION_HEADER]: partition };
      await channel.bindQueue(partitionQueue(partition), PARTITION_EXCHANGE, "", match);
    }
  });
}

/** Declares what the service's own messages need. */
export async function declareForNotices(model: ChannelModel): Promise<void> {
  await declareExchange(model, NEWS_EXCHANGE, "topic");
  await declareQueue(model, REJECTED_QUEUE, { maxLength: REJECTED_QUEUE_MESSAGES });
}

/** Declares what commands need. */
export async function declareForCommands(model: ChannelModel): Promise<void> {
  await declareQueue(model, COMMAND_QUEUE);
}

async function declareExchange(model: ChannelModel, name: string, type: "topic" | "headers"): Promise<void> {
  try {
    await onOwnChannel(model, (channel) => channel.assertExchange(name, type, { durable: true }));
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

/** Declares a durable queue; one that exists with other arguments is left as it is. */
async function declareQueue(
  model: ChannelModel,
  name: string,
  options: Options.AssertQueue = {},
): Promise<void> {
  try {
    await onOwnChannel(model, (channel) => channel.assertQueue(name, { ...options, durable: true }));
  } catch (error) {
    if (!isPreconditionFailed(error)) throw error;
  }
}

/** A refused declaration costs its channel, so each gets one of its own. */
async function onOwnChannel(
  model: ChannelModel,
  declare: (channel: Channel) => Promise<unknown>,
): Promise<void> {
  const channel = await model.createChannel();
  channel.on("error", () => {}); // `declare` rejects with the same
  await declare(channel);
  await channel.close();
}

function isPreconditionFailed(error: unknown): error is Error & { code: number } {
  return error instanceof Error && "code" in error && error.code === PRECONDITION_FAILED;
}
