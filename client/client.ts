/**
 * The client: handlers, the queues that feed them, and commands.
 *
 * @module
 */
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { GatewayDispatchEvents } from "discord-api-types/v10";
import type { Command, CommandOutcome } from "./command.ts";
import { CommandSender } from "./command_sender.ts";
import { KeptConnection, within } from "./connection.ts";
import { bindQueue, declareQueue, EVENT_EXCHANGE, GAP_KEY, NEWS_EXCHANGE } from "./declare.ts";
import { Deliveries, type Task } from "./deliveries.ts";
import { type ClientError, guarded } from "./error.ts";
import type { EventHandler, EventName, ReceivedEvent } from "./event.ts";
import { type Gap, type GapHandler, gapId } from "./gap.ts";
import { type HandledIds, MemoryHandledIds } from "./handled_ids.ts";
import { isTimerDelay, TIMER_DELAY_MOST_MS } from "./timer.ts";

export interface ClientOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps://`. Default: this machine. */
  readonly url?: string;
  /** The queue to consume. Default: `gateway`, which has every event. */
  readonly queue?: string;
  /** Events for which the queue is bound: it is the bot's own then. `#` is all. Default: it is bound already. */
  readonly bind?: readonly (EventName | "#")[];
  /** How many events are handled at once, 1 to 65,535. With 1, those of a shard are handled in order. Default: 100. */
  readonly prefetch?: number;
  /** The memory by which repeats are dropped. Default: a {@link MemoryHandledIds}. */
  readonly handledIds?: HandledIds;
  /**
   * How long to wait before each further try of a handler that failed, in ms. After the last one the event is rejected.
   * Default: 1,000, 5,000 and 25,000.
   */
  readonly retryDelaysMs?: readonly number[];
  /** How long {@link ShardlineClient.stop} waits for running handlers, in ms. Default: 10,000. */
  readonly stopTimeoutMs?: number;
  /** What the broker's own lists call the connections. Default: `shardline client`. */
  readonly name?: string;
  /** Told of what nobody awaits: failed handlers, lost connections. `console.error` will do. */
  readonly onError: (error: ClientError) => void;
}

const DEFAULT_URL = "amqp://127.0.0.1";
const DEFAULT_QUEUE = "gateway";
const DEFAULT_PREFETCH = 100;
/** Of AMQP's field for it. */
const PREFETCH_MOST = 65_535;
/** Half a minute in all: a database or a service that is started again is back by then. */
const DEFAULT_RETRY_DELAYS_MS = [1_000, 5_000, 25_000];
const DEFAULT_STOP_TIMEOUT_MS = 10_000;
const DEFAULT_COMMAND_TIMEOUT_MS = 30_000;
/** How long the broker may take to say that it sends no more events. */
const CANCEL_TIMEOUT_MS = 2_000;

type AnyHandler = (data: unknown, event: ReceivedEvent) => unknown;

interface Consumer {
  readonly queue: string;
  readonly declare: (model: ChannelModel) => Promise<void>;
  readonly read: (message: ConsumeMessage) => Task | null;
}

/**
 * @example
 * ```ts
 * const client = new ShardlineClient({ url: process.env.RABBIT_URL, onError: console.error });
 * client.on("MESSAGE_CREATE", async (message) => console.log(message.content));
 * await client.start();
 * ```
 */
export class ShardlineClient {
  readonly #options: Required<Omit<ClientOptions, "bind">>;
  readonly #handlers: Map<string, AnyHandler> = new Map();
  readonly #consumers: Consumer[] = [];
  readonly #deliveries: Deliveries;
  readonly #commands: CommandSender;
  #connection: KeptConnection | null = null;
  #channel: Channel | null = null;
  #consumerTags: string[] = [];
  #stopped: Promise<void> | null = null;

  /** Throws a RangeError where `prefetch` or one of `retryDelaysMs` is out of its range, a TypeError without `onError`. */
  constructor(options: ClientOptions) {
    const { bind, ...given } = options;
    if (typeof given.onError !== "function") {
      throw new TypeError(
        "Cannot do without onError, which is told of what nobody awaits: console.error will do",
      );
    }
    this.#options = {
      url: DEFAULT_URL,
      queue: DEFAULT_QUEUE,
      prefetch: DEFAULT_PREFETCH,
      handledIds: new MemoryHandledIds(),
      retryDelaysMs: DEFAULT_RETRY_DELAYS_MS,
      stopTimeoutMs: DEFAULT_STOP_TIMEOUT_MS,
      name: "shardline client",
      ...withoutUndefined(given),
      onError: guarded(given.onError),
    };
    const { url, queue, prefetch, handledIds, retryDelaysMs, name, onError } = this.#options;
    if (!Number.isInteger(prefetch) || prefetch < 1 || prefetch > PREFETCH_MOST) {
      throw new RangeError(
        `Cannot take ${prefetch} events at once: prefetch must be from 1 to ${PREFETCH_MOST}`,
      );
    }
    const delayMs = retryDelaysMs.find((each) => !isTimerDelay(each));
    if (delayMs !== undefined) {
      throw new RangeError(
        `Cannot wait ${delayMs} ms: each of retryDelaysMs must be from 0 to ${TIMER_DELAY_MOST_MS}`,
      );
    }
    this.#deliveries = new Deliveries({ handledIds, retryDelaysMs, onError });
    this.#commands = new CommandSender({ url, name: `${name} (commands)`, onError });
    this.#consumers.push({
      queue,
      declare: (model) =>
        bind === undefined ? declareQueue(model, queue) : bindQueue(model, queue, EVENT_EXCHANGE, bind),
      read: (message) => this.#readEvent(message),
    });
  }

  /**
   * Hands every event of this name to the handler, and acknowledges it when the handler has resolved. Events without a
   * handler are acknowledged at once. Call it before {@link start}.
   *
   * @throws Error where the event has a handler already.
   */
  on<Name extends EventName | GatewayDispatchEvents>(name: Name, handler: EventHandler<`${Name}`>): this {
    if (this.#handlers.has(name)) {
      throw new Error(`Cannot add a handler: ${name} has one already`);
    }
    this.#handlers.set(name, handler as AnyHandler);
    return this;
  }

  /**
   * Hands the news of gaps (events that are missing for good) to the handler. Call it before {@link start}.
   *
   * @param queue A durable queue of the bot's own for them; it is declared and bound.
   */
  onGap(queue: string, handler: GapHandler): this {
    this.#consumers.push({
      queue,
      declare: (model) => bindQueue(model, queue, NEWS_EXCHANGE, [GAP_KEY]),
      read: ({ content }) => {
        const gap: Gap = parse(content);
        return {
          title: `a gap of shard ${gap.shard}`,
          id: `${queue}:${gapId(gap)}`,
          run: () => handler(gap),
        };
      },
    });
    return this;
  }

  /**
   * Connects and begins to consume; resolves when it does. A broker that is not there is waited for, and `onError` told.
   * From then on a lost connection is made again, after 0.5 s, 1 s, 2 s … 30 s.
   *
   * @throws TypeError where the URL is none of a broker, Error where it was started or stopped before.
   */
  async start(): Promise<void> {
    if (this.#connection !== null || this.#stopped !== null) {
      throw new Error("Cannot start: a client starts once; make another one");
    }
    const { url, name, onError } = this.#options;
    this.#connection = new KeptConnection({ url, name, onError, setUp: (model) => this.#open(model) });
    await this.#connection.connected();
  }

  /**
   * Sends a command to the gateway, and resolves with what became of it; a failure is a value too. Works without
   * {@link start}.
   *
   * @param options `timeoutMs`: how long to wait for the answer. Default: 30,000.
   */
  command(command: Command, options: { readonly timeoutMs?: number } = {}): Promise<CommandOutcome> {
    return this.#commands.send(command, options.timeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS);
  }

  /**
   * Takes no further event, waits for running handlers within `stopTimeoutMs`, and disconnects. What was not
   * acknowledged goes back to the queue, what waits to be tried again among it. Safe twice.
   */
  stop(): Promise<void> {
    return this.#stopped ??= this.#stop();
  }

  async #stop(): Promise<void> {
    const channel = this.#channel;
    const cancelled = this.#consumerTags.map(async (tag) => await channel?.cancel(tag));
    await within(CANCEL_TIMEOUT_MS, Promise.all(cancelled));
    await within(this.#options.stopTimeoutMs, this.#deliveries.stop());
    const open = this.#channel;
    this.#channel = null; // handlers that are still running acknowledge nothing any more
    await Promise.all([this.#connection?.close(open), this.#commands.close()]);
  }

  async #open(model: ChannelModel): Promise<void> {
    for (const { declare } of this.#consumers) await declare(model);
    const channel = await model.createChannel();
    channel.on("error", (error) => this.#connection?.renew(error));
    channel.on("close", () => {
      if (channel === this.#channel) this.#channel = null;
    });
    await channel.prefetch(this.#options.prefetch);
    this.#channel = channel;
    this.#consumerTags = [];
    for (const { queue, read } of this.#consumers) {
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message === null) {
          return this.#connection?.renew(new Error(`queue ${queue} is gone`));
        }
        if (this.#stopped === null) this.#take(channel, message, read);
      });
      this.#consumerTags.push(consumerTag);
    }
  }

  #take(channel: Channel, message: ConsumeMessage, read: Consumer["read"]): void {
    this.#deliveries.take(channel, message, read, () => channel === this.#channel);
  }

  #readEvent({ content, fields, properties }: ConsumeMessage): Task | null {
    // Of an event that came by way of a dead-letter exchange the routing key may be another.
    const name: unknown = properties.type ?? fields.routingKey;
    if (typeof name !== "string") throw new Error("it has no type");
    const handler = this.#handlers.get(name);
    if (handler === undefined) return null;
    const { messageId, timestamp, headers } = properties;
    const traceparent: unknown = headers?.["traceparent"];
    const event: ReceivedEvent = {
      name,
      id: typeof messageId === "string" ? messageId : "",
      shard: Number(headers?.["shard"]),
      receivedAt: new Date(Number(timestamp) * 1_000),
      redelivered: fields.redelivered,
      traceparent: typeof traceparent === "string" ? traceparent : null,
      body: content,
    };
    const { d }: { d: unknown } = parse(content);
    return {
      title: `${name} ${event.id}`,
      // Several queues may share a memory: what the one's consumer has handled the other's has not.
      id: event.id === "" ? null : `${this.#options.queue}:${event.id}`,
      event,
      run: () => handler(d, event),
    };
  }
}

/** Discord's bytes may be invalid UTF-8, which JSON in the client's memory cannot be: see `event.body` for those. */
function parse<Value>(content: Uint8Array): Value {
  const value: unknown = JSON.parse(new TextDecoder().decode(content));
  if (typeof value !== "object" || value === null) {
    throw new Error("it is not a JSON object");
  }
  return value as Value;
}

/** `{ url: process.env.RABBIT_URL }` means the default where that is unset. */
function withoutUndefined<Given extends object>(given: Given): Given {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given;
}
