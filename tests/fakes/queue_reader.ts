/**
 * A consumer of RabbitMQ that remembers what it got.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Channel, type ChannelModel, connect, type ConsumeMessage } from "amqplib";

export class QueueReader implements AsyncDisposable {
  readonly url: string;
  readonly channel: Channel;
  readonly #model: ChannelModel;
  readonly #messages = new Map<string, ConsumeMessage[]>();
  #wake: (() => void)[] = [];

  private constructor(url: string, model: ChannelModel, channel: Channel) {
    this.url = url;
    this.#model = model;
    this.channel = channel;
  }

  static async connect(url: string): Promise<QueueReader> {
    const model = await connect(url);
    model.on("error", () => {}); // a broker that is stopped on purpose
    return new QueueReader(url, model, await model.createChannel());
  }

  /** All that has come from a queue since it was first asked for, once it is at least `count` messages. */
  async read(queue: string, count: number): Promise<ConsumeMessage[]> {
    let messages = this.#messages.get(queue);
    if (messages === undefined) {
      messages = [];
      this.#messages.set(queue, messages);
      await this.channel.consume(queue, (message) => this.#keep(queue, message), { noAck: true });
    }
    while (messages.length < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return [...messages];
  }

  /** Declares a queue that lives as long as this reader, bound to an exchange. */
  async bindOwnQueue(exchange: string, pattern: string): Promise<string> {
    const { queue } = await this.channel.assertQueue("", { exclusive: true });
    await this.channel.bindQueue(queue, exchange, pattern);
    return queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model.close();
  }

  #keep(queue: string, message: ConsumeMessage | null): void {
    assert(message !== null, `queue ${queue} was deleted`);
    this.#messages.get(queue)?.push(message);
    for (const wake of this.#wake.splice(0)) wake();
  }
}
