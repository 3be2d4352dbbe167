/**
 * A bot that takes every event and every named gap from the broker, and comes back whenever the broker does.
 *
 * @module
 */

import { type Channel, type ChannelModel, connect, type ConsumeMessage } from "amqplib";
import type { NamedGap } from "./judgement.ts";
import type { Receipts } from "./receipts.ts";
import { sleep } from "./sleep.ts";

const EVENT_QUEUE = "gateway";
const NEWS_EXCHANGE = "gateway.events";
const GAP_QUEUE = "chaos.gaps";
/** Declared last, for what {@link Collector.start} says. */
const LAST_QUEUE = "chaos.last";
/** RabbitMQ 3 writes the newest name that was declared to disk with the next declare, or two seconds later. */
const DECLARED_MS = 2_500;

/** Messages taken and not acknowledged yet, at most. */
const PREFETCH = 500;
const RETRY_MS = 250;
const CONNECT_TIMEOUT_MS = 5_000;
/** After two missed beats a broker that says nothing is left, and tried again. */
const HEARTBEAT_SECONDS = 5;

/** Told what comes. */
export interface CollectorObserver {
  /** An event, with the time since the one before, 0 for the first. */
  received(pauseMs: number): void;
  /** An event that had not come before. */
  cameFirst(type: string, shard: number, body: Uint8Array): void;
}

export class Collector {
  readonly #url: string;
  readonly #receipts: Receipts;
  readonly #observer: CollectorObserver;
  readonly #over = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #receivedAtMs: number | null = null;
  readonly #gaps = new Map<string, NamedGap>();
  readonly #vanished = new Set<string>();
  #vanishings = 0;

  private constructor(url: string, receipts: Receipts, observer: CollectorObserver) {
    this.#url = url;
    this.#receipts = receipts;
    this.#observer = observer;
  }

  /**
   * Begins to take events, once the gateway has declared its queue. Resolves when a killed broker would still know
   * every queue that was declared so far.
   */
  static async start(rabbitUrl: string, receipts: Receipts, observer: CollectorObserver): Promise<Collector> {
    const url = new URL(rabbitUrl);
    url.searchParams.set("heartbeat", String(HEARTBEAT_SECONDS));
    const collector = new Collector(url.href, receipts, observer);
    const connection = await connect(url.href);
    const channel = await connection.createChannel();
    await declareOwn(channel);
    await channel.assertQueue(LAST_QUEUE, { durable: true });
    await connection.close();
    await sleep(DECLARED_MS);
    collector.#running = collector.#run();
    return collector;
  }

  /** Each once, however often it was named. */
  get gaps(): readonly NamedGap[] {
    return [...this.#gaps.values()];
  }

  /** How often a queue was gone, with all that was in it, when the broker came back. */
  get vanishings(): number {
    return this.#vanishings;
  }

  /** Stops; what it has not taken stays in the queue. */
  async stop(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      // That the broker is away is what this is about: it is tried again.
      await this.#connectOnce().catch(() => {});
      await sleep(RETRY_MS, this.#over.signal);
    }
  }

  async #connectOnce(): Promise<void> {
    const connection = await connect(this.#url, { timeout: CONNECT_TIMEOUT_MS });
    connection.on("error", () => {}); // "close" follows
    const closed = new Promise<void>((resolve) => connection.once("close", () => resolve()));
    const leave = () => void connection.close().catch(() => {});
    this.#over.signal.addEventListener("abort", leave);
    try {
      await Promise.race([closed, this.#consume(connection).then(() => closed)]);
    } finally {
      this.#over.signal.removeEventListener("abort", leave);
      if (this.#over.signal.aborted) await closed;
      else leave();
    }
  }

  async #consume(connection: ChannelModel): Promise<void> {
    const isThere = await hasQueue(connection, EVENT_QUEUE);
    this.#note(EVENT_QUEUE, isThere);
    this.#note(GAP_QUEUE, await hasQueue(connection, GAP_QUEUE));
    if (!isThere) throw new Error("The gateway has not declared its queue again yet");
    const channel = await connection.createChannel();
    channel.on("error", () => {}); // "close" follows
    channel.once("close", () => void connection.close().catch(() => {}));
    await declareOwn(channel);
    await channel.prefetch(PREFETCH);
    await channel.consume(GAP_QUEUE, (message) => this.#take(channel, message, this.#takeGap));
    await channel.consume(EVENT_QUEUE, (message) => this.#take(channel, message, this.#takeEvent));
  }

  #note(queue: string, isThere: boolean): void {
    if (isThere) this.#vanished.delete(queue);
    else if (!this.#vanished.has(queue)) {
      this.#vanished.add(queue);
      this.#vanishings++;
    }
  }

  #take(channel: Channel, message: ConsumeMessage | null, take: (message: ConsumeMessage) => void): void {
    if (message === null) return void channel.close().catch(() => {}); // the queue was deleted
    take(message);
    try {
      channel.ack(message);
    } catch {
      // The channel closes: the broker will give the message again.
    }
  }

  readonly #takeEvent = ({ content, properties }: ConsumeMessage): void => {
    const nowMs = performance.now();
    this.#observer.received(nowMs - (this.#receivedAtMs ?? nowMs));
    this.#receivedAtMs = nowMs;
    const type = String(properties.type);
    const isFirst = this.#receipts.add(String(properties.messageId), type, content);
    if (isFirst) this.#observer.cameFirst(type, Number(properties.headers?.["shard"]), content);
  };

  readonly #takeGap = ({ content }: ConsumeMessage): void => {
    const gap: NamedGap = JSON.parse(content.toString());
    this.#gaps.set(`${gap.old_session} ${gap.new_session} ${gap.last_sequence} ${gap.reason}`, gap);
  };
}

async function declareOwn(channel: Channel): Promise<void> {
  await channel.assertExchange(NEWS_EXCHANGE, "topic", { durable: true });
  await channel.assertQueue(GAP_QUEUE, { durable: true });
  await channel.bindQueue(GAP_QUEUE, NEWS_EXCHANGE, "shard.*.gap");
}

async function hasQueue(connection: ChannelModel, queue: string): Promise<boolean> {
  const channel = await connection.createChannel();
  channel.on("error", () => {}); // checkQueue() rejects with it
  try {
    await channel.checkQueue(queue);
    await channel.close();
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes("NOT_FOUND")) return false;
    throw error;
  }
}
