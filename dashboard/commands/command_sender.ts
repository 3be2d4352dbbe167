/**
 * Sends commands to the gateway through the queue `gateway.send`, and hears what became of them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { ConfirmChannel, ConsumeMessage } from "amqplib";
import type { Clock } from "../../gateway/clock.ts";
import { oneLine } from "../../gateway/one_line.ts";
import { BrokerConnection, type OpenBroker } from "../broker_connection.ts";
import { isObject, parsed } from "../json_checks.ts";

/** Queue of the commands to the gateway, which declares it (the wire contract, Exchanges and queues). */
export const COMMAND_QUEUE = "gateway.send";
/** AMQP's default exchange: the routing key is the name of the queue. */
const DEFAULT_EXCHANGE = "";

/** As long as a person waits for a page. A gateway answers within milliseconds unless it holds the command. */
export const ANSWER_TIMEOUT_MS = 10_000;
/** Commands that wait for their answers at a time; whoever sends more than that is no person. */
const WAITING_MOST = 100;
/** Longest error code and sentence that are handed on from a reply, in UTF-16 units. */
const ERROR_LENGTH = 50;
const MESSAGE_LENGTH = 300;

/** A command of the wire contract, or the very text of one: numbers beyond 2^53 do not survive as values. */
export type OutgoingCommand =
  | { readonly op: 0 | 1; readonly shard: number | readonly number[] | "all"; readonly data?: unknown }
  | { readonly text: string };

export type CommandOutcome =
  /** Carried out. */
  | { readonly kind: "accepted" }
  /** @param error Code of the wire contract. @param message One sentence. */
  | { readonly kind: "refused"; readonly error: string; readonly message: string }
  /** It is in the queue of somebody who answers nothing. */
  | { readonly kind: "sent" }
  /** It lies in the queue, or is held by the gateway; nobody has answered within 10 s. */
  | { readonly kind: "no_answer" }
  /** It may be in the queue, or not. @param problem As with the next. */
  | { readonly kind: "unknown"; readonly problem: string }
  /** @param problem Why, as half a sentence without a full stop. */
  | { readonly kind: "not_sent"; readonly problem: string };

interface WaitingCommand {
  /** Whether somebody answers it. */
  readonly isAnswered: boolean;
  isConfirmed: boolean;
  readonly settle: (outcome: CommandOutcome) => void;
}

/** What is used of a connection while it stands. */
interface Line {
  readonly channel: ConfirmChannel;
  readonly replyTo: string;
}

export class CommandSender {
  readonly #clock: Clock;
  readonly #connection: BrokerConnection;
  #line: Line | null = null;
  /** By correlation id. */
  readonly #waiting = new Map<string, WaitingCommand>();
  #sending = 0;

  /** @param rabbitUrl As {@link BrokerConnection} takes it. */
  constructor({ rabbitUrl, clock }: { readonly rabbitUrl: string; readonly clock: Clock }) {
    this.#clock = clock;
    this.#connection = new BrokerConnection({
      url: rabbitUrl,
      purpose: "commands",
      clock,
      opened: (broker) => this.#opened(broker),
    });
  }

  /** Connects, and reconnects until {@link stop}. */
  start(): void {
    this.#connection.start();
  }

  /** Whoever waits for an answer has their outcome when this resolves. */
  async stop(): Promise<void> {
    await this.#connection.stop();
  }

  /**
   * Sends a command as it is, and waits for what becomes of it, 10 s at most. Never rejects.
   *
   * @param options.isAnswered False where whoever takes it answers nothing.
   */
  async send(command: OutgoingCommand, { isAnswered = true } = {}): Promise<CommandOutcome> {
    if (this.#sending === WAITING_MOST) {
      return notSent(`${WAITING_MOST} commands wait for their answers already`);
    }
    this.#sending += 1;
    try {
      if (this.#line === null) await this.#connection.tried;
      const { problem } = this.#connection;
      if (problem !== null || this.#line === null) {
        return notSent(`RabbitMQ at ${this.#connection.address} cannot be used: ${problem}`);
      }
      const body = "text" in command ? command.text : JSON.stringify(command);
      return await this.#publish(this.#line, Buffer.from(body), isAnswered);
    } finally {
      this.#sending -= 1;
    }
  }

  #publish({ channel, replyTo }: Line, body: Buffer, isAnswered: boolean): Promise<CommandOutcome> {
    const correlationId = crypto.randomUUID();
    return new Promise((resolve) => {
      const command: WaitingCommand = {
        isAnswered,
        isConfirmed: false,
        settle: (outcome) => {
          if (!this.#waiting.delete(correlationId)) return;
          cancelTimeout();
          resolve(outcome);
        },
      };
      const cancelTimeout = this.#clock.schedule(
        this.#clock.nowMs() + ANSWER_TIMEOUT_MS,
        () => command.settle(unanswered(command, "did not confirm it in time")),
      );
      this.#waiting.set(correlationId, command);
      const properties = {
        persistent: true,
        // Comes back where nobody has declared the queue: that is the gateway's to do.
        mandatory: true,
        contentType: "application/json",
        appId: "shardline dashboard",
        // The gateway counts COMMAND_TTL from here: what waits for it too long is not carried out.
        timestamp: Math.floor(this.#clock.wallMs() / 1_000),
        replyTo,
        correlationId,
      };
      channel.publish(DEFAULT_EXCHANGE, COMMAND_QUEUE, body, properties, (error: unknown) => {
        if (error !== null) return command.settle(notSent("RabbitMQ refused it"));
        command.isConfirmed = true;
        if (!command.isAnswered) command.settle({ kind: "sent" });
      });
    });
  }

  async #opened({ model, lost, leave }: OpenBroker): Promise<void> {
    const channel = await model.createConfirmChannel();
    channel.on("error", (error: Error) => leave(error.message));
    // Before amqplib's own listener, which answers all that is unconfirmed as if the broker had refused it.
    channel.prependListener("close", () => leave("its channel was closed by the broker"));
    channel.on("return", ({ properties }) => this.#returned(properties.correlationId));
    const { queue } = await channel.assertQueue("", { exclusive: true, autoDelete: true, durable: false });
    await channel.consume(queue, (message) => {
      if (message === null) leave("the queue of its replies is gone");
      else this.#replied(message);
    }, { noAck: true });
    if (lost.aborted) return;
    this.#line = { channel, replyTo: queue };
    lost.addEventListener("abort", () => this.#lost());
  }

  #lost(): void {
    this.#line = null;
    for (const command of [...this.#waiting.values()]) {
      command.settle(unanswered(command, "was lost before it confirmed it"));
    }
  }

  #returned(correlationId: unknown): void {
    const problem = `there is no queue ${COMMAND_QUEUE}: no gateway has run on this RabbitMQ yet`;
    this.#waiting.get(String(correlationId))?.settle(notSent(problem));
  }

  /** Whoever knows the queue can write to it: what is no reply is passed over. */
  #replied({ properties, content }: ConsumeMessage): void {
    const outcome = readReply(content);
    if (outcome !== null) this.#waiting.get(String(properties.correlationId))?.settle(outcome);
  }
}

function notSent(problem: string): CommandOutcome {
  return { kind: "not_sent", problem };
}

/** @param how What became of RabbitMQ. */
function unanswered({ isConfirmed }: WaitingCommand, how: string): CommandOutcome {
  if (isConfirmed) return { kind: "no_answer" };
  return { kind: "unknown", problem: `RabbitMQ ${how}` };
}

/** Null for what the wire contract does not know (Commands, replies). */
function readReply(content: Uint8Array): CommandOutcome | null {
  const reply = parsed(new TextDecoder().decode(content));
  if (!isObject(reply)) return null;
  const { ok, error, message } = reply;
  if (ok === true) return { kind: "accepted" };
  if (ok !== false || typeof error !== "string" || typeof message !== "string") return null;
  return {
    kind: "refused",
    error: oneLine(error, ERROR_LENGTH),
    message: oneLine(message, MESSAGE_LENGTH),
  };
}
