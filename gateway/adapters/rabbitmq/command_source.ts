/**
 * Commands on their way from RabbitMQ.
 *
 * @module
 */
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { CommandSource, IncomingCommand } from "../../commands/source.ts";
import type { RabbitConnection } from "./connection.ts";
import type { KeptChannel } from "./kept_channel.ts";
import { COMMAND_QUEUE, declareForCommands } from "./topology.ts";

/**
 * Commands for a shard that is away or has spent its limit are held without acknowledgement. Without a bound they
 * would fill memory; with a narrow one, those of one shard would hold up all others.
 */
export const PREFETCH_MESSAGES = 10_000;

/** Consumes `gateway.send`. Owns its connection, and closes it. */
export class RabbitCommandSource implements CommandSource {
  readonly #connection: RabbitConnection;
  #kept: KeptChannel<Channel> | null = null;
  #handler: ((command: IncomingCommand) => void) | null = null;
  #channel: Channel | null = null;
  #consumerTag: string | null = null;

  constructor(connection: RabbitConnection) {
    this.#connection = connection;
  }

  start(handler: (command: IncomingCommand) => void): void {
    this.#handler = handler;
    this.#kept = this.#connection.keepChannel({
      open: (model) => this.#open(model),
      opened: (channel) => this.#opened(channel),
      lost: () => this.#lost(),
    });
    this.#connection.start();
  }

  quiet(): Promise<void> {
    this.#handler = null;
    if (this.#channel !== null && this.#consumerTag !== null) {
      // Nothing is handed on from here, whether the broker hears of it or not; this gives its messages to others.
      this.#channel.cancel(this.#consumerTag).catch(() => {});
    }
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#handler = null;
    await this.#connection.close();
  }

  async #open(model: ChannelModel): Promise<Channel> {
    await declareForCommands(model);
    const channel = await model.createChannel();
    await channel.prefetch(PREFETCH_MESSAGES);
    return channel;
  }

  #opened(channel: Channel): void {
    this.#channel = channel;
    if (this.#handler === null) return;
    channel.consume(COMMAND_QUEUE, (message) => this.#receive(channel, message)).then(
      ({ consumerTag }) => {
        if (channel === this.#channel) this.#consumerTag = consumerTag;
      },
      () => {}, // the channel's own error says the same, and ends it
    );
  }

  #lost(): void {
    this.#channel = null;
    this.#consumerTag = null;
  }

  #receive(channel: Channel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel) return;
    if (message === null) return this.#kept?.giveUp(`queue ${COMMAND_QUEUE} is gone`);
    this.#handler?.(incomingCommand(channel, message, () => channel === this.#channel));
  }
}

/** What came on a channel that is current for as long as `isCurrent` says. */
export function incomingCommand(
  channel: Channel,
  message: ConsumeMessage,
  isCurrent: () => boolean,
): IncomingCommand {
  const { replyTo, correlationId, timestamp } = message.properties;
  let isAcknowledged = false;
  return {
    body: message.content,
    replyTo: typeof replyTo === "string" ? replyTo : undefined,
    correlationId: typeof correlationId === "string" ? correlationId : undefined,
    sentAtMs: typeof timestamp === "number" ? timestamp * 1_000 : undefined,
    acknowledge() {
      if (isAcknowledged || !isCurrent()) return;
      isAcknowledged = true;
      channel.ack(message);
    },
    get current() {
      return isCurrent();
    },
  };
}
