/**
 * The service's own messages on RabbitMQ: refused commands, replies, news.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { ChannelModel, ConfirmChannel, Options } from "amqplib";
import type { Clock } from "../../clock.ts";
import type { NewsOutcome, Notices, ReplyBody } from "../../delivery/notices.ts";
import type { PublishOutcome } from "../../delivery/publisher.ts";
import type { Observer } from "../../observation.ts";
import { bufferView } from "../buffer_view.ts";
import type { RabbitConnection } from "./connection.ts";
import type { KeptChannel } from "./kept_channel.ts";
import { MessageLine } from "./message_line.ts";
import { shortString } from "./short_string.ts";
import { declareForNotices, NEWS_EXCHANGE, REJECTED_QUEUE } from "./topology.ts";

/** AMQP's default exchange: the routing key is the name of the queue. */
const DEFAULT_EXCHANGE = "";

interface Rejection {
  readonly body: Uint8Array;
  readonly reason: string;
  readonly stored: () => void;
  readonly abandoned: (error: Error) => void;
}

interface NewsItem {
  readonly routingKey: string;
  readonly body: Buffer;
  readonly settled: ((outcome: NewsOutcome) => void) | undefined;
}

interface Reply {
  readonly replyTo: string;
  readonly body: Buffer;
  readonly properties: Options.Publish;
}

/** Uses the connection on which events are published, and ends with it. */
export class RabbitNotices implements Notices {
  readonly #clock: Clock;
  readonly #observe: Observer;
  readonly #kept: KeptChannel<ConfirmChannel>;
  readonly #over: AbortSignal;
  #channel: ConfirmChannel | null = null;
  /** Not confirmed yet. Bounded by the commands that the broker delivers before their acknowledgement. */
  readonly #rejections = new Set<Rejection>();
  readonly #news = new MessageLine<NewsItem>({
    repeats: true,
    send: (item, done) => this.#sendNews(item, done),
    dropped: (item) => this.#dropNews(item),
    isPrecious: ({ settled }) => settled !== undefined,
  });
  #newsDropped = 0;
  /**
   * A command is acknowledged on another connection than this, so where we cannot answer now it does not come again.
   * But no answer is sent twice: RabbitMQ ends the connection of whoever publishes to certain forged names of direct
   * reply-to (541, `amq.rabbitmq.reply-to.g2dkAA==.x`), and would do so again and again.
   */
  readonly #replies = new MessageLine<Reply>({
    repeats: false,
    send: (reply, done) => this.#sendReply(reply, done),
    dropped: () => {},
    isPrecious: () => false,
  });

  constructor(connection: RabbitConnection, options: { clock: Clock; observe: Observer }) {
    this.#clock = options.clock;
    this.#observe = options.observe;
    this.#over = connection.over;
    this.#over.addEventListener("abort", () => this.#abandonRejections());
    this.#kept = connection.keepChannel({
      open: (model) => this.#open(model),
      opened: (channel) => this.#opened(channel),
      lost: () => this.#lost(),
    });
  }

  reject(body: Uint8Array, reason: string): Promise<void> {
    return new Promise((stored, abandoned) => {
      const rejection = { body, reason, stored, abandoned };
      this.#rejections.add(rejection);
      if (this.#over.aborted) this.#abandonRejections();
      else this.#sendRejection(rejection);
    });
  }

  reply(replyTo: string, correlationId: string | undefined, body: ReplyBody): void {
    this.#replies.push({
      replyTo: shortString(replyTo),
      body: Buffer.from(JSON.stringify(body)),
      properties: {
        contentType: "application/json",
        ...(correlationId === undefined ? {} : { correlationId: shortString(correlationId) }),
      },
    });
  }

  news(routingKey: string, body: unknown, settled?: (outcome: NewsOutcome) => void): void {
    if (this.#over.aborted) return;
    this.#news.push({ routingKey, body: Buffer.from(JSON.stringify(body)), settled });
  }

  async #open(model: ChannelModel): Promise<ConfirmChannel> {
    await declareForNotices(model);
    return await model.createConfirmChannel();
  }

  #opened(channel: ConfirmChannel): void {
    this.#channel = channel;
    // Only rejections are sent as mandatory.
    channel.on("return", () => {
      if (channel === this.#channel) this.#kept.giveUp(`queue ${REJECTED_QUEUE} is gone`);
    });
    for (const rejection of this.#rejections) this.#sendRejection(rejection);
    this.#replies.open();
    this.#news.open();
  }

  #lost(): void {
    this.#channel = null;
    this.#replies.close();
    this.#news.close();
  }

  #sendRejection(rejection: Rejection): void {
    this.#send(DEFAULT_EXCHANGE, REJECTED_QUEUE, bufferView(rejection.body), {
      persistent: true,
      mandatory: true,
      headers: { reason: rejection.reason },
    }, (outcome) => {
      if (outcome === "refused") return this.#tryAgain(REJECTED_QUEUE);
      this.#rejections.delete(rejection);
      rejection.stored();
    });
  }

  #sendReply({ replyTo, body, properties }: Reply, done: () => void): void {
    // Where a client's own queue refuses the answer, nobody else is to wait for it.
    this.#send(DEFAULT_EXCHANGE, replyTo, body, properties, done);
  }

  #sendNews({ routingKey, body, settled }: NewsItem, done: () => void): void {
    if (this.#newsDropped > 0) this.#observe({ kind: "news.dropped", count: this.#newsDropped });
    this.#newsDropped = 0;
    const properties = { contentType: "application/json", persistent: true };
    this.#send(NEWS_EXCHANGE, routingKey, body, properties, (outcome) => {
      if (outcome === "refused") return this.#tryAgain(routingKey);
      done();
      settled?.("confirmed");
    });
  }

  #dropNews({ settled }: NewsItem): void {
    this.#newsDropped += 1;
    if (!this.#over.aborted) settled?.("dropped");
  }

  /** Sends nothing while no channel is open. `settled` is not called once the channel is lost. */
  #send(
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties: Options.Publish,
    settled: (outcome: PublishOutcome) => void,
  ): void {
    const channel = this.#channel;
    const timestamp = Math.floor(this.#clock.wallMs() / 1_000);
    channel?.publish(
      exchange,
      routingKey,
      body,
      { ...properties, appId: "shardline", timestamp },
      (error: unknown) => {
        if (channel === this.#channel) settled(error === null ? "confirmed" : "refused");
      },
    );
  }

  /** A new channel, after a pause, sends everything again that is not settled. */
  #tryAgain(routingKey: string): void {
    this.#kept.giveUp(`the broker refused a message to ${routingKey}`);
  }

  #abandonRejections(): void {
    for (const { abandoned } of this.#rejections) {
      abandoned(new Error(`Cannot store a refused command in ${REJECTED_QUEUE}: the service is stopping`));
    }
    this.#rejections.clear();
  }
}
