/**
 * The queue of a fleet's member, and its way to the router.
 *
 * @module
 */
import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import type { MemberLink, MemberLinkUser, MemberReport } from "../../commands/links.ts";
import type { RabbitConnection } from "./connection.ts";
import type { KeptChannel } from "./kept_channel.ts";
import { readPassedCommand, writeReport } from "./passed_commands.ts";
import { CONSUMER_QUEUE, memberQueue, REPORT_QUEUE } from "./topology.ts";

/** Shares its connection with the router's link, and closes it. */
export class RabbitMemberLink implements MemberLink {
  readonly #connection: RabbitConnection;
  readonly #queue: string;
  #kept: KeptChannel<Channel> | null = null;
  #user: MemberLinkUser | null = null;
  #channel: Channel | null = null;
  #hasQueue = false;
  #isQuiet = false;

  constructor(connection: RabbitConnection, { member }: { member: string }) {
    this.#connection = connection;
    this.#queue = memberQueue(member);
  }

  start(user: MemberLinkUser): void {
    this.#user = user;
    this.#kept = this.#connection.keepChannel({
      open: (model) => this.#open(model),
      opened: (channel) => this.#opened(channel),
      lost: () => this.#lost(),
    });
    this.#connection.start();
  }

  report(report: MemberReport): void {
    this.#channel?.sendToQueue(REPORT_QUEUE, writeReport(report), { contentType: "application/json" });
  }

  async quiet(): Promise<void> {
    this.#isQuiet = true;
    await this.#channel?.deleteQueue(this.#queue).catch(() => {}); // gone with its channel
  }

  async close(): Promise<void> {
    this.#isQuiet = true;
    await this.#connection.close();
  }

  async #open(model: ChannelModel): Promise<Channel> {
    const channel = await model.createChannel();
    if (this.#isQuiet) return channel;
    channel.on("error", () => {}); // what was asked for rejects with the same
    // One that is left from an earlier connection, which the broker may not know to be lost.
    await channel.deleteQueue(this.#queue);
    await channel.assertQueue(this.#queue, CONSUMER_QUEUE);
    return channel;
  }

  #opened(channel: Channel): void {
    this.#channel = channel;
    this.#hasQueue = !this.#isQuiet;
    if (!this.#hasQueue) return;
    const take = (message: ConsumeMessage | null) => this.#take(channel, message);
    channel.consume(this.#queue, take, { noAck: true, exclusive: true }).catch(() => {
      // The channel's own error says the same, and ends it.
    });
    this.#user?.opened();
  }

  #lost(): void {
    this.#channel = null;
    if (this.#hasQueue) this.#user?.closed();
  }

  #take(channel: Channel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel || this.#isQuiet) return;
    if (message === null) return this.#kept?.giveUp(`queue ${this.#queue} is gone`);
    const command = readPassedCommand(message);
    if (command !== null) this.#user?.passed(command);
  }
}
