/**
 * Events on their way to RabbitMQ.
 *
 * @module
 */
import type { ChannelModel, ConfirmChannel } from "amqplib";
import type { Clock } from "../../clock.ts";
import type { OutgoingEvent, Publisher, PublisherEvents, PublishOutcome } from "../../delivery/publisher.ts";
import type { Observer } from "../../observation.ts";
import { bufferView } from "./buffer_view.ts";
import type { RabbitConnection } from "./connection.ts";
import type { KeptChannel } from "./kept_channel.ts";
import { bodyMaxBytesOf } from "./size_refusal.ts";
import { declareForEvents, EVENT_EXCHANGE } from "./topology.ts";

export interface RabbitPublisherOptions {
  /** Default queues: declared, and bound so that they receive every event. */
  readonly queues: readonly string[];
  /** Whether the broker keeps events on disk. */
  readonly persistent: boolean;
  /** Names of events that it keeps in memory all the same. */
  readonly transientTypes: ReadonlySet<string>;
  /** How long an event may wait in a queue; 0 = for ever. */
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly observe: Observer;
}

/**
 * A default queue that is deleted while another takes the same events makes no event come back: it is declared again
 * this often, which costs nothing where it is there.
 */
const DECLARE_EVERY_MS = 30_000;

/** Publishes in confirm mode. Owns its connection, and closes it. */
export class RabbitPublisher implements Publisher {
  readonly #connection: RabbitConnection;
  readonly #options: RabbitPublisherOptions;
  #kept: KeptChannel<ConfirmChannel> | null = null;
  #events: PublisherEvents | null = null;
  /** The channel that events go to; callbacks of any other are those of a channel already left. */
  #channel: ConfirmChannel | null = null;
  #cancelDeclaring = () => {};

  constructor(connection: RabbitConnection, options: RabbitPublisherOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  start(events: PublisherEvents): void {
    this.#events = events;
    this.#kept = this.#connection.keepChannel({
      open: (model) => this.#open(model),
      opened: (channel) => this.#opened(channel),
      lost: (brokerError) => this.#lost(brokerError),
    });
    this.#connection.start();
  }

  publish(event: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void {
    const channel = this.#channel;
    if (channel === null) throw new Error(`Cannot publish ${event.type}: no channel is open`);
    const { queues, persistent, transientTypes, ttlMs } = this.#options;
    // The answer, false where the socket cannot keep up, is not heeded: the outbox bounds what is unconfirmed.
    channel.publish(EVENT_EXCHANGE, event.type, bufferView(event.body), {
      contentType: "application/json",
      persistent: persistent && !transientTypes.has(event.type),
      type: event.type,
      messageId: `${event.session}:${event.sequence}`,
      timestamp: Math.floor(event.receivedAtMs / 1_000),
      appId: "shardline",
      headers: { shard: event.shard },
      mandatory: queues.length > 0,
      ...(ttlMs > 0 ? { expiration: String(ttlMs) } : {}),
    }, (error: unknown) => {
      if (channel !== this.#channel) return;
      if (error === null) return settled("confirmed");
      this.#options.observe({ kind: "broker.refused", type: event.type });
      settled("refused");
    });
  }

  async close(): Promise<void> {
    this.#events = null;
    this.#cancelDeclaring();
    await this.#connection.close();
  }

  async #open(model: ChannelModel): Promise<ConfirmChannel> {
    await declareForEvents(model, this.#options.queues);
    const channel = await model.createConfirmChannel();
    this.#keepDeclaring(model, channel);
    return channel;
  }

  #keepDeclaring(model: ChannelModel, channel: ConfirmChannel): void {
    const { clock, queues } = this.#options;
    if (queues.length === 0) return;
    this.#cancelDeclaring = clock.schedule(clock.nowMs() + DECLARE_EVERY_MS, async () => {
      // What goes wrong here goes wrong at the next opening too, and is told there.
      await declareForEvents(model, queues).catch(() => {});
      if (channel === this.#channel) this.#keepDeclaring(model, channel);
    });
  }

  #opened(channel: ConfirmChannel): void {
    this.#channel = channel;
    // A return comes before the confirmation of the same event, which is then that of a channel already left.
    channel.on("return", ({ fields }) => {
      if (channel !== this.#channel) return;
      this.#options.observe({ kind: "broker.returned", type: fields.routingKey });
      this.#kept?.giveUp(`no queue takes ${fields.routingKey}`);
    });
    this.#events?.opened();
  }

  #lost(brokerError: Error | null): void {
    this.#cancelDeclaring();
    this.#channel = null;
    const bodyMaxBytes = brokerError === null ? null : bodyMaxBytesOf(brokerError);
    this.#events?.closed(bodyMaxBytes === null ? null : { bodyMaxBytes });
  }
}
