/**
 * The router's way to `gateway.send` and to the queues of a fleet's members.
 *
 * One channel does it all: what a router still passes on after RabbitMQ has given its place to another comes on a
 * channel that is closed there, and is nobody's.
 *
 * @module
 */
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { type Clock, sleepUntil } from "../../clock.ts";
import type { PassedCommand, RouterLink, RouterLinkUser } from "../../commands/links.ts";
import { bufferView } from "../buffer_view.ts";
import { incomingCommand, PREFETCH_MESSAGES } from "./command_source.ts";
import type { RabbitConnection } from "./connection.ts";
import type { KeptChannel } from "./kept_channel.ts";
import { passingProperties, readReport, STREAM_HEADER } from "./passed_commands.ts";
import {
  COMMAND_QUEUE,
  CONSUMER_QUEUE,
  declareForCommands,
  memberOfQueue,
  memberQueue,
  REPORT_QUEUE,
} from "./topology.ts";

/** How often a member asks whether there is a router still. */
const ASK_MS = 1_000;

/** AMQP 0-9-1 reply codes: somebody else is the only consumer; the queue has gone with the one before. */
const ACCESS_REFUSED = 403;
const NOT_FOUND = 404;

/** Shares its connection with the member's link, and closes it. */
export class RabbitRouterLink implements RouterLink {
  readonly #connection: RabbitConnection;
  readonly #clock: Clock;
  readonly #quiet = new AbortController();
  #kept: KeptChannel<Channel> | null = null;
  #user: RouterLinkUser | null = null;
  #channel: Channel | null = null;

  constructor(connection: RabbitConnection, { clock }: { clock: Clock }) {
    this.#connection = connection;
    this.#clock = clock;
    connection.over.addEventListener("abort", () => this.#quiet.abort());
  }

  start(user: RouterLinkUser): void {
    this.#user = user;
    this.#kept = this.#connection.keepChannel({
      open: (model) => this.#open(model),
      opened: (channel) => this.#opened(channel),
      lost: () => this.#lost(),
    });
    this.#connection.start();
  }

  pass(member: string, command: PassedCommand): void {
    this.#channel?.sendToQueue(memberQueue(member), bufferView(command.body), passingProperties(command));
  }

  async quiet(): Promise<void> {
    this.#quiet.abort();
    await this.#kept?.end();
  }

  async close(): Promise<void> {
    this.#quiet.abort();
    await this.#connection.close();
  }

  async #open(model: ChannelModel): Promise<Channel> {
    await declareForCommands(model);
    for (;;) {
      const channel = await model.createChannel();
      channel.on("error", () => {}); // what was asked for rejects with the same
      await channel.prefetch(PREFETCH_MESSAGES);
      if (await this.#becomeRouter(channel)) return channel;
    }
  }

  /**
   * Waits until this process is the only consumer of the reports, which makes it the router: a quorum queue does not
   * know only consumers, and `gateway.send` may be one. False where another was quicker, at the cost of the channel.
   */
  async #becomeRouter(channel: Channel): Promise<boolean> {
    const quiet = this.#quiet.signal;
    for (;;) {
      if (quiet.aborted) throw new Error("another is to become the router"); // and nobody is told: it is over
      const { consumerCount } = await channel.assertQueue(REPORT_QUEUE, CONSUMER_QUEUE);
      if (consumerCount === 0) break;
      await sleepUntil(this.#clock, this.#clock.nowMs() + ASK_MS, quiet);
    }
    try {
      const hear = (message: ConsumeMessage | null) => this.#hear(channel, message);
      await channel.consume(REPORT_QUEUE, hear, { noAck: true, exclusive: true });
      return true;
    } catch (error) {
      if (isCode(error, ACCESS_REFUSED) || isCode(error, NOT_FOUND)) return false;
      throw error;
    }
  }

  #opened(channel: Channel): void {
    this.#channel = channel;
    channel.on("return", ({ fields, properties }) => {
      const stream: unknown = properties.headers?.[STREAM_HEADER];
      if (channel !== this.#channel || typeof stream !== "string") return;
      this.#user?.returned(memberOfQueue(fields.routingKey), stream);
    });
    this.#user?.opened();
    const take = (message: ConsumeMessage | null) => this.#take(channel, message);
    channel.consume(COMMAND_QUEUE, take, { exclusive: true }).catch(() => {
      // The channel's own error says the same, and ends it.
    });
  }

  #lost(): void {
    this.#channel = null;
    this.#user?.closed();
  }

  #take(channel: Channel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel) return;
    if (message === null) return this.#kept?.giveUp(`queue ${COMMAND_QUEUE} is gone`);
    this.#user?.command(incomingCommand(channel, message, () => channel === this.#channel));
  }

  #hear(channel: Channel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel) return;
    if (message === null) return this.#kept?.giveUp(`queue ${REPORT_QUEUE} is gone`);
    const report = readReport(message.content);
    if (report !== null) this.#user?.reported(report);
  }
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
