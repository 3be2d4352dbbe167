/**
 * The exchanges and queues of the wire contract that a consumer needs, and how it declares them.
 *
 * @module
 */
import type { Channel, ChannelModel } from "amqplib";

/** Every event is published here; the routing key is its name. */
export const EVENT_EXCHANGE = "gateway";
/** The gateway's news is published here. */
export const NEWS_EXCHANGE = "gateway.events";
/** The news of gaps. */
export const GAP_KEY = "shard.*.gap";
export const COMMAND_QUEUE = "gateway.send";

/** AMQP 0-9-1 reply code: the object exists with other properties. */
const PRECONDITION_FAILED = 406;

/** Declares a durable queue; one that exists with other arguments is used as it is. */
export async function declareQueue(model: ChannelModel, name: string): Promise<void> {
  await unlessOtherwise(onOwnChannel(model, (channel) => channel.assertQueue(name, { durable: true })));
}

/** Binds a queue to an exchange, and declares both where they are not there: whoever starts first declares. */
export async function bindQueue(
  model: ChannelModel,
  queue: string,
  exchange: string,
  keys: readonly string[],
): Promise<void> {
  await declareQueue(model, queue);
  await unlessOtherwise(
    onOwnChannel(model, (channel) => channel.assertExchange(exchange, "topic", { durable: true })),
  );
  await onOwnChannel(model, async (channel) => {
    for (const key of keys) await channel.bindQueue(queue, exchange, key);
  });
}

/** What exists with other arguments is the operator's choice, as it is for the gateway. */
async function unlessOtherwise(declared: Promise<void>): Promise<void> {
  try {
    await declared;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === PRECONDITION_FAILED)) throw error;
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
