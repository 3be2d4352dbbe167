/**
 * The service's own messages on RabbitMQ: refused commands, replies, news.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { ChannelModel, ConfirmChannel, Options } from "amqplib";
import type { Clock } from "../../clock.ts";
import type { Notices, ReplyBody } from "../../delivery/notices.ts";
import type { Observer } from "../../observation.ts";
import { bufferView } from "./buffer_view.ts";
import type { RabbitConnection } from "./connection.ts";
import type { KeptChannel } from "./kept_channel.ts";
import { shortString } from "./short_string.ts";
import { declareForNotices, NEWS_EXCHANGE, REJECTED_QUEUE } from "./topology.ts";

/** News kept while the broker is away; past this the oldest are dropped. */
const NEWS_WAITING_MAX = 1_000;
/** News, and replies, sent and not confirmed: a blocked broker reads nothing, and amqplib would keep it all. */
const IN_FLIGHT_MAX = 1_000;

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
  readonly body: string;
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
  #newsWaiting: NewsItem[] = [];
  readonly #newsInFlight = new Set<NewsItem>();
  #newsDropped = 0;
  #repliesInFlight = 0;

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
      else if (this.#channel !== null) this.#sendRejection(this.#channel, rejection);
    });
  }

  reply(replyTo: string, correlationId: string | undefined, body: ReplyBody): void {
    // The command came on a connection to the same broker: where we cannot answer it will be delivered again.
    if (this.#channel === null || this.#repliesInFlight >= IN_FLIGHT_MAX) return;
    this.#repliesInFlight += 1;
    this.#send(
      this.#channel,
      DEFAULT_EXCHANGE,
      shortString(replyTo),
      Buffer.from(JSON.stringify(body)),
      {
        contentType: "application/json",
        ...(correlationId === undefined ? {} : { correlationId: shortString(correlationId) }),
      },
      () => this.#repliesInFlight -= 1,
    );
  }

  news(routingKey: string, body: unknown): void {
    if (this.#over.aborted) return;
    this.#newsWaiting.push({ routingKey, body: JSON.stringify(body) });
    this.#dropOldNews();
    this.#sendNews();
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
    for (const rejection of this.#rejections) this.#sendRejection(channel, rejection);
    this.#sendNews();
  }

  #lost(): void {
    this.#channel = null;
    this.#repliesInFlight = 0;
    this.#newsWaiting = [...this.#newsInFlight, ...this.#newsWaiting];
    this.#newsInFlight.clear();
    this.#dropOldNews();
  }

  #sendRejection(channel: ConfirmChannel, rejection: Rejection): void {
    this.#send(channel, DEFAULT_EXCHANGE, REJECTED_QUEUE, bufferView(rejection.body), {
      persistent: true,
      mandatory: true,
      headers: { reason: rejection.reason },
    }, () => {
      this.#rejections.delete(rejection);
      rejection.stored();
    });
  }

  #sendNews(): void {
    while (this.#channel !== null && this.#newsInFlight.size < IN_FLIGHT_MAX) {
      const item = this.#newsWaiting.shift();
      if (item === undefined) return;
      if (this.#newsDropped > 0) this.#observe({ kind: "news.dropped", count: this.#newsDropped });
      this.#newsDropped = 0;
      this.#newsInFlight.add(item);
      this.#send(this.#channel, NEWS_EXCHANGE, item.routingKey, Buffer.from(item.body), {
        contentType: "application/json",
        persistent: true,
      }, () => {
        this.#newsInFlight.delete(item);
        this.#sendNews();
      });
    }
  }

  #dropOldNews(): void {
    const excess = this.#newsWaiting.length - NEWS_WAITING_MAX;
    if (excess <= 0) return;
    this.#newsWaiting.splice(0, excess);
    this.#newsDropped += excess;
  }

  #send(
    channel: ConfirmChannel,
    exchange: string,
    routingKey: string,
    body: Buffer,
    properties: Options.Publish,
    confirmed: () => void,
  ): void {
    const timestamp = Math.floor(this.#clock.wallMs() / 1_000);
    channel.publish(
      exchange,
      routingKey,
      body,
      { ...properties, appId: "shardline", timestamp },
      (error: unknown) => {
        if (channel !== this.#channel) return;
        if (error === null) confirmed();
        else this.#kept.giveUp(`the broker refused a message to ${routingKey}`);
      },
    );
  }

  #abandonRejections(): void {
    for (const { abandoned } of this.#rejections) {
      abandoned(new Error(`Cannot store a refused command in ${REJECTED_QUEUE}: the service is stopping`));
    }
    this.#rejections.clear();
  }
}
