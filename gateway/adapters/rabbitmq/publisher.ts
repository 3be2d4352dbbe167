/**
 * Events on their way to RabbitMQ.
 *
 * @module
 */
import type { ChannelModel, ConfirmChannel } from "amqplib";
import type { Clock } from "../../clock.ts";
import type { Partitions } from "../../delivery/partitions.ts";
import type { OutgoingEvent, Publisher, PublisherEvents, PublishOutcome } from "../../delivery/publisher.ts";
import type { Observer } from "../../observation.ts";
import type { RabbitConnection } from "./connection.ts";
import { EventFrames } from "./event_frames.ts";
import type { KeptChannel } from "./kept_channel.ts";
import { type RawChannel, rawChannel } from "./raw_channel.ts";
import { bodyMaxBytesOf } from "./size_refusal.ts";
import { declareForEvents, EVENT_EXCHANGE } from "./topology.ts";
import { Unconfirmed } from "./unconfirmed.ts";

export interface RabbitPublisherOptions {
  /** Default queues: declared, and bound so that they receive every event. */
  readonly queues: readonly string[];
  /** Each has a queue of its own; null: there are none. */
  readonly partitions: Partitions | null;
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
 * A default queue, or that of a partition, that is deleted while another takes the same events makes no event come back:
 * it is declared again this often, which costs little where it is there.
 */
const DECLARE_EVERY_MS = 30_000;

/** What waits for the broker's answer. */
interface Published {
  readonly type: string;
  readonly settled: (outcome: PublishOutcome) => void;
}

interface OpenChannel {
  readonly channel: ConfirmChannel;
  readonly raw: RawChannel;
  readonly frames: EventFrames;
  readonly unconfirmed: Unconfirmed<Published>;
  /** Published in this turn, and not sent yet. */
  gathered: OutgoingEvent[];
}

/** Publishes in confirm mode. Owns its connection, and closes it. */
export class RabbitPublisher implements Publisher {
  readonly #connection: RabbitConnection;
  readonly #options: RabbitPublisherOptions;
  #kept: KeptChannel<ConfirmChannel> | null = null;
  #events: PublisherEvents | null = null;
  /** Where events go; what is still heard of any other channel is of one already left. */
  #open: OpenChannel | null = null;
  #cancelDeclaring = () => {};

  constructor(connection: RabbitConnection, options: RabbitPublisherOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  start(events: PublisherEvents): void {
    this.#events = events;
    this.#kept = this.#connection.keepChannel({
      open: (model) => this.#openChannel(model),
      opened: (channel) => this.#opened(channel),
      lost: (brokerError) => this.#lost(brokerError),
    });
    this.#connection.start();
  }

  publish(event: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void {
    const open = this.#open;
    if (open === null) throw new Error(`Cannot publish ${event.type}: no channel is open`);
    open.unconfirmed.add({ type: event.type, settled });
    open.gathered.push(event);
    // What is published in one turn goes out in one write.
    if (open.gathered.length === 1) queueMicrotask(() => this.#send(open));
  }

  async close(): Promise<void> {
    this.#events = null;
    this.#cancelDeclaring();
    await this.#connection.close();
  }

  /** The answer, false where the socket cannot keep up, is not heeded: the outbox bounds what is unconfirmed. */
  #send(open: OpenChannel): void {
    const events = open.gathered;
    open.gathered = [];
    if (open !== this.#open) return;
    for (const piece of open.frames.encode(events)) open.raw.send(piece);
  }

  async #openChannel(model: ChannelModel): Promise<ConfirmChannel> {
    await this.#declare(model);
    const channel = await model.createConfirmChannel();
    this.#keepDeclaring(model, channel);
    return channel;
  }

  #declare(model: ChannelModel): Promise<void> {
    const { queues, partitions } = this.#options;
    return declareForEvents(model, queues, partitions?.count);
  }

  /** Whether every event has a queue that was declared here. */
  get #hasQueues(): boolean {
    return this.#options.queues.length > 0 || this.#options.partitions !== null;
  }

  #keepDeclaring(model: ChannelModel, channel: ConfirmChannel): void {
    const { clock } = this.#options;
    if (!this.#hasQueues) return;
    this.#cancelDeclaring = clock.schedule(clock.nowMs() + DECLARE_EVERY_MS, async () => {
      // What goes wrong here goes wrong at the next opening too, and is told there.
      await this.#declare(model).catch(() => {});
      if (channel === this.#open?.channel) this.#keepDeclaring(model, channel);
    });
  }

  #opened(channel: ConfirmChannel): void {
    const { partitions, persistent, transientTypes, ttlMs } = this.#options;
    const raw = rawChannel(channel);
    const open: OpenChannel = {
      channel,
      raw,
      frames: new EventFrames({
        exchange: EVENT_EXCHANGE,
        channel: raw.number,
        frameMaxBytes: raw.frameMaxBytes,
        mandatory: this.#hasQueues,
        partitions,
        ttlMs,
        isPersistent: (type) => persistent && !transientTypes.has(type),
      }),
      unconfirmed: new Unconfirmed(),
      gathered: [],
    };
    this.#open = open;
    channel.on("ack", ({ deliveryTag, multiple }) => {
      open.unconfirmed.answer(deliveryTag, multiple, ({ settled }) => {
        if (open === this.#open) settled("confirmed");
      });
    });
    channel.on("nack", ({ deliveryTag, multiple }) => {
      open.unconfirmed.answer(deliveryTag, multiple, ({ type, settled }) => {
        if (open !== this.#open) return;
        this.#options.observe({ kind: "broker.refused", type });
        settled("refused");
      });
    });
    // A return comes before the confirmation of the same event, which is then that of a channel already left.
    channel.on("return", ({ fields }) => {
      if (open !== this.#open) return;
      this.#options.observe({ kind: "broker.returned", type: fields.routingKey });
      this.#kept?.giveUp(`no queue takes ${fields.routingKey}`);
    });
    this.#events?.opened();
  }

  #lost(brokerError: Error | null): void {
    this.#cancelDeclaring();
    this.#open = null;
    const bodyMaxBytes = brokerError === null ? null : bodyMaxBytesOf(brokerError);
    this.#events?.closed(bodyMaxBytes === null ? null : { bodyMaxBytes });
  }
}
