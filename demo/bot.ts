/**
 * A small bot behind the gateway: it takes events from a queue, drops repeats, answers `!ping` through Discord's REST
 * API, and sets its presence and asks for members through the gateway's command queue.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Channel, type ChannelModel, connect, type ConsumeMessage } from "amqplib";

/** Where the bot finds everybody. */
export interface BotOptions {
  /** `amqp://` URL of the broker that the gateway publishes to. */
  readonly rabbitUrl: string;
  /** Base of Discord's REST API with its version: `https://discord.com/api/v10`. */
  readonly restUrl: string;
  readonly token: string;
  /** Told of every event once, and of every repeat that was dropped. Never awaited. */
  readonly observe?: (event: ReceivedEvent) => void;
  /** Told of every command's outcome: whether the gateway carried it out. Never awaited. */
  readonly observeOutcome?: (ok: boolean) => void;
}

/** An event as it came from the queue. */
export interface ReceivedEvent {
  /** `<session>:<sequence>`, the same for every repeat. */
  readonly id: string;
  /** `MESSAGE_CREATE`. */
  readonly type: string;
  /** The payload as Discord sent it. */
  readonly body: Uint8Array;
  readonly repeated: boolean;
}

const CONSUMER = "events";
/** Events taken from the broker and not acknowledged yet, at most. */
const PREFETCH = 200;
/** Repeats come soon after the first copy; older ids are forgotten. */
const REMEMBERED_IDS = 200_000;

/** The fields that this bot reads. */
interface Payload {
  readonly d?: {
    readonly id?: string;
    readonly content?: string;
    readonly channel_id?: string;
    readonly unavailable?: boolean;
    readonly author?: { readonly bot?: boolean };
  } | null;
}

/** What the gateway answers to a command. */
interface Outcome {
  readonly ok?: boolean;
}

export class ExampleBot {
  readonly #options: BotOptions;
  readonly #connection: ChannelModel;
  readonly #channel: Channel;
  readonly #replyQueue: string;
  readonly #seen = new Set<string>();
  readonly #handling = new Set<Promise<void>>();
  /** Pings that were answered or could not be, and messages whose body is no JSON. */
  readonly counts = { answered: 0, unanswered: 0, unreadable: 0 };

  private constructor(options: BotOptions, connection: ChannelModel, channel: Channel, replyQueue: string) {
    this.#options = options;
    this.#connection = connection;
    this.#channel = channel;
    this.#replyQueue = replyQueue;
  }

  /** Connects and begins to take events from the queue `gateway`. */
  static async start(options: BotOptions): Promise<ExampleBot> {
    const connection = await connect(options.rabbitUrl);
    const channel = await connection.createChannel();
    await channel.prefetch(PREFETCH);
    await channel.assertQueue("gateway", { durable: true });
    const replies = await channel.assertQueue("", { exclusive: true });
    const bot = new ExampleBot(options, connection, channel, replies.queue);
    await channel.consume(replies.queue, (message) => message && bot.#hearReply(message), { noAck: true });
    await channel.consume("gateway", (message) => message && bot.#take(message), { consumerTag: CONSUMER });
    return bot;
  }

  /** Finishes what it has begun, then leaves; what it has not begun stays in the queue. */
  async stop(): Promise<void> {
    await this.#channel.cancel(CONSUMER);
    await Promise.all(this.#handling);
    // Acknowledgements still on their way would be lost with the connection; the channel's close comes after them.
    await this.#channel.close();
    await this.#connection.close();
  }

  #take(message: ConsumeMessage): void {
    const handled = this.#handle(message).finally(() => {
      // Acknowledged only now: had the bot died before, the broker would give the event to the next one.
      this.#channel.ack(message);
      this.#handling.delete(handled);
    });
    this.#handling.add(handled);
  }

  async #handle({ content, properties }: ConsumeMessage): Promise<void> {
    const event = { id: String(properties.messageId), type: String(properties.type), body: content };
    const repeated = this.#seen.has(event.id);
    this.#options.observe?.({ ...event, repeated });
    if (repeated) return;
    this.#remember(event.id);

    const payload = this.#read<Payload>(content);
    if (payload === null) return;
    const shard = Number(properties.headers?.shard);
    const d = payload.d ?? {};
    if (event.type === "READY") {
      this.#command(shard, 3, {
        since: null,
        activities: [{ name: "the demo", type: 3 }],
        status: "online",
        afk: false,
      });
    } else if (event.type === "GUILD_CREATE" && d.id !== undefined && !d.unavailable) {
      this.#command(shard, 8, { guild_id: d.id, query: "a", limit: 10 });
    } else if (event.type === "MESSAGE_CREATE" && d.content === "!ping" && !d.author?.bot) {
      await this.#say(d.channel_id ?? "", "Pong!");
    }
  }

  /** Null where the body is no JSON: the gateway passes on whatever Discord sends. */
  #read<Body>(content: Uint8Array): Body | null {
    try {
      return JSON.parse(new TextDecoder().decode(content));
    } catch {
      this.counts.unreadable++;
      return null;
    }
  }

  #remember(id: string): void {
    this.#seen.add(id);
    if (this.#seen.size > REMEMBERED_IDS) {
      const [oldest = ""] = this.#seen;
      this.#seen.delete(oldest);
    }
  }

  /** Has the gateway send a payload on one of its shards; its answer comes to the reply queue. */
  #command(shard: number, op: number, d: unknown): void {
    const command = { op: 0, shard, data: { op, d } };
    this.#channel.sendToQueue("gateway.send", Buffer.from(JSON.stringify(command)), {
      contentType: "application/json",
      replyTo: this.#replyQueue,
      correlationId: crypto.randomUUID(),
    });
  }

  #hearReply({ content }: ConsumeMessage): void {
    const outcome = this.#read<Outcome>(content);
    if (outcome !== null) this.#options.observeOutcome?.(outcome.ok === true);
  }

  /** A message that Discord does not take is not tried again: this is an example. */
  async #say(channelId: string, content: string): Promise<void> {
    try {
      const response = await fetch(`${this.#options.restUrl}/channels/${channelId}/messages`, {
        method: "POST",
        headers: { authorization: `Bot ${this.#options.token}`, "content-type": "application/json" },
        body: JSON.stringify({ content }),
      });
      await response.body?.cancel();
      if (response.ok) this.counts.answered++;
      else this.counts.unanswered++;
    } catch {
      this.counts.unanswered++;
    }
  }
}
