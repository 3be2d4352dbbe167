/**
 * Watches queues: how full they are, who consumes them, and whether one fills up without anybody.
 *
 * @module
 */
import type { Channel, ChannelModel } from "amqplib";
import { type Clock, sleepUntil } from "../../gateway/clock.ts";
import { failureText } from "../../gateway/failure.ts";
import { BrokerConnection, type OpenBroker } from "../broker_connection.ts";

/** Often enough to see a minute's growth, and a few packets for the broker. */
const LOOK_EVERY_MS = 5_000;
/**
 * A broker closes the channel on which it was asked for what is not there, and writes that to its log: whoever watches a
 * queue that never comes is not to fill it. One that is about to be declared is seen soon, as the pauses grow to this.
 */
const MISSING_PAUSE_MAX_MS = 60_000;
/** A consumer that is restarted is back by then. */
const WINDOW_MS = 60_000;

/** AMQP 0-9-1 reply code: there is no such queue. */
const NOT_FOUND = 404;

export interface WatchedQueue {
  readonly name: string;
  /** Ready to be consumed. Null where it could not be looked at. */
  readonly messages: number | null;
  readonly consumers: number | null;
  /** By how many messages it is longer than a minute ago; null where it has not been watched for so long. */
  readonly changeInMinute: number | null;
  /** It has grown for a minute without a consumer, and has had none since. */
  readonly unattended: boolean;
  /** Why it could not be looked at, as half a sentence; null where it could. */
  readonly problem: string | null;
}

export interface QueuesSnapshot {
  /** When it was last looked, in milliseconds since the epoch; null before the first time. */
  readonly lookedAtMs: number | null;
  /** Why it cannot be looked now, as half a sentence; null where it can. */
  readonly problem: string | null;
  /** As they were when it was last looked. */
  readonly queues: readonly WatchedQueue[];
}

export type QueueNews =
  /** One was looked at. Where it could not be, `messages` is null. */
  | {
    readonly kind: "queue";
    readonly queue: string;
    readonly messages: number | null;
    readonly consumers: number;
    readonly unattended: boolean;
  }
  /** One has begun to be unattended. */
  | { readonly kind: "warning"; readonly message: string }
  /** One has ceased to be. */
  | { readonly kind: "notice"; readonly message: string };

export interface QueueWatcherOptions {
  readonly rabbitUrl: string;
  /** Names. */
  readonly queues: readonly string[];
  readonly clock: Clock;
  readonly tell: (news: QueueNews) => void;
}

/** It declares nothing: what is not there is not there. */
export class QueueWatcher {
  readonly #clock: Clock;
  readonly #connection: BrokerConnection;
  readonly #histories: readonly QueueHistory[];
  #lookedAtMs: number | null = null;

  constructor({ rabbitUrl, queues, clock, tell }: QueueWatcherOptions) {
    this.#clock = clock;
    this.#histories = [...new Set(queues)].map((name) => new QueueHistory(name, tell));
    // Not the one that commands are sent on: the broker stops reading what publishes when it is short of memory, and
    // just then somebody wants to see the queues.
    this.#connection = new BrokerConnection({
      url: rabbitUrl,
      purpose: "queues",
      clock,
      opened: (broker) => this.#opened(broker),
    });
  }

  /** Looks every five seconds, until {@link stop}, whether or not anybody reads it. */
  start(): void {
    this.#connection.start();
  }

  async stop(): Promise<void> {
    await this.#connection.stop();
  }

  snapshot(): QueuesSnapshot {
    const { address, problem } = this.#connection;
    return {
      lookedAtMs: this.#lookedAtMs,
      problem: problem === null ? null : `RabbitMQ at ${address} cannot be reached: ${problem}`,
      queues: this.#histories.map((history) => history.state),
    };
  }

  async #opened({ model, lost, leave }: OpenBroker): Promise<void> {
    for (const history of this.#histories) history.forget();
    await this.#look(model);
    this.#watch(model, lost).catch((error) => leave(failureText(error)));
  }

  async #watch(model: ChannelModel, lost: AbortSignal): Promise<void> {
    while (true) {
      await sleepUntil(this.#clock, this.#clock.nowMs() + LOOK_EVERY_MS, lost);
      if (lost.aborted) return;
      await this.#look(model);
    }
  }

  async #look(model: ChannelModel): Promise<void> {
    let channel: Channel | null = null;
    for (const history of this.#histories) {
      if (!history.isDue(this.#clock.nowMs())) continue;
      channel ??= await openChannel(model);
      const found: Found | string = await look(channel, history.name);
      if (typeof found === "string") {
        history.missed(found, this.#clock.nowMs());
        // The broker closes the channel on which it was asked for what is not there.
        channel = null;
      } else {
        history.add({ ...found, atMs: this.#clock.nowMs() });
      }
    }
    await channel?.close();
    this.#lookedAtMs = this.#clock.wallMs();
  }
}

interface Found {
  readonly messages: number;
  readonly consumers: number;
}

async function openChannel(model: ChannelModel): Promise<Channel> {
  const channel = await model.createChannel();
  channel.on("error", () => {}); // whoever asks is told
  return channel;
}

/** Resolves with why, where the broker does not say; rejects when the connection is lost. */
async function look(channel: Channel, name: string): Promise<Found | string> {
  try {
    const { messageCount, consumerCount } = await channel.checkQueue(name);
    return { messages: messageCount, consumers: consumerCount };
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    return error.code === NOT_FOUND ? "there is no such queue" : failureText(error);
  }
}

const NOT_LOOKED = "it has not been looked at yet";

interface Sample extends Found {
  readonly atMs: number;
}

/** One queue over the last minute. */
class QueueHistory {
  readonly name: string;
  readonly #tell: (news: QueueNews) => void;
  /** The oldest first; one of them is a minute old once it has been watched for so long. */
  #samples: Sample[] = [];
  #problem: string | null = NOT_LOOKED;
  #unattended = false;
  /** How long it was not asked for when it was missed last; 0 where it was not. */
  #pauseMs = 0;
  #dueMs = -Infinity;

  constructor(name: string, tell: (news: QueueNews) => void) {
    this.name = name;
    this.#tell = tell;
  }

  get state(): WatchedQueue {
    const newest = this.#samples.at(-1);
    return {
      name: this.name,
      messages: newest?.messages ?? null,
      consumers: newest?.consumers ?? null,
      changeInMinute: this.#changeInMinute(),
      unattended: this.#unattended,
      problem: this.#problem,
    };
  }

  /** Whether to ask for it. */
  isDue(nowMs: number): boolean {
    return nowMs >= this.#dueMs;
  }

  /** What happened since it was last looked is not known: a minute begins anew. */
  forget(): void {
    this.#samples = [];
    this.#problem = NOT_LOOKED;
    this.#found();
  }

  missed(problem: string, nowMs: number): void {
    this.#samples = [];
    this.#problem = problem;
    this.#pauseMs = Math.min(MISSING_PAUSE_MAX_MS, Math.max(LOOK_EVERY_MS, this.#pauseMs * 2));
    this.#dueMs = nowMs + this.#pauseMs;
    this.#setUnattended(false);
    this.#tellState();
  }

  add(sample: Sample): void {
    this.#samples.push(sample);
    // Of those that are a minute old the youngest stays.
    while ((this.#samples[1]?.atMs ?? Infinity) <= sample.atMs - WINDOW_MS) this.#samples.shift();
    this.#problem = null;
    this.#found();
    const hadNone = this.#samples.every(({ consumers }) => consumers === 0);
    if (sample.consumers > 0 || sample.messages === 0) this.#setUnattended(false);
    else if (hadNone && (this.#changeInMinute() ?? 0) > 0) this.#setUnattended(true);
    this.#tellState();
  }

  #found(): void {
    this.#pauseMs = 0;
    this.#dueMs = -Infinity;
  }

  #changeInMinute(): number | null {
    const [oldest] = this.#samples;
    const newest = this.#samples.at(-1);
    if (oldest === undefined || newest === undefined || newest.atMs - oldest.atMs < WINDOW_MS) return null;
    return newest.messages - oldest.messages;
  }

  #setUnattended(unattended: boolean): void {
    if (unattended === this.#unattended) return;
    this.#unattended = unattended;
    const { messages, problem } = this.state;
    if (unattended) {
      const message =
        `Queue ${this.name} has grown for a minute to ${messages} messages, and has no consumer`;
      this.#tell({ kind: "warning", message });
    } else {
      const reason = problem ?? (messages === 0 ? "it is empty" : "it has a consumer");
      this.#tell({
        kind: "notice",
        message: `Queue ${this.name} is not left unattended any more: ${reason}`,
      });
    }
  }

  #tellState(): void {
    const { name: queue, messages, consumers, unattended } = this.state;
    this.#tell({ kind: "queue", queue, messages, consumers: consumers ?? 0, unattended });
  }
}
