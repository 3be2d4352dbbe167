/**
 * A bot's side of the commands: sends them to `gateway.send`, and sees what becomes of them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Options } from "amqplib";
import type { QueueReader } from "../fakes/queue_reader.ts";

/** A message of `gateway.send.rejected`. */
export interface Rejected {
  readonly reason: unknown;
  readonly body: Buffer;
}

const COMMANDS = "gateway.send";
const REJECTED = "gateway.send.rejected";
const NEWS = "gateway.events";

export class CommandSender {
  /** The bot's connection. */
  readonly broker: QueueReader;

  private constructor(broker: QueueReader) {
    this.broker = broker;
  }

  /** Declares its names as the wire contract has them, so that nothing depends on who comes first. */
  static async open(broker: QueueReader): Promise<CommandSender> {
    await broker.channel.assertQueue(COMMANDS, { durable: true });
    await broker.channel.assertQueue(REJECTED, { durable: true, maxLength: 10_000 });
    await broker.channel.assertExchange(NEWS, "topic", { durable: true });
    return new CommandSender(broker);
  }

  /** Sends a body: a text or bytes as they are, anything else as JSON. */
  send(body: unknown, properties: Options.Publish = {}): void {
    const bytes = typeof body === "string" || body instanceof Uint8Array
      ? Buffer.from(body as Uint8Array)
      : Buffer.from(JSON.stringify(body));
    this.broker.channel.sendToQueue(COMMANDS, bytes, properties);
  }

  /** All that was refused since the test began, once it is at least `count`. */
  async rejected(count: number): Promise<Rejected[]> {
    const messages = await this.broker.read(REJECTED, count);
    return messages.map(({ properties, content }) => ({
      reason: properties.headers?.["reason"],
      body: content,
    }));
  }

  /** Resolves once that many commands lie in the queue, delivered to nobody. */
  async waiting(count: number): Promise<void> {
    let ready;
    do ready = await this.broker.channel.checkQueue(COMMANDS); while (ready.messageCount !== count);
  }
}
