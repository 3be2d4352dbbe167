/**
 * Sends commands to the gateway and waits for its answers.
 *
 * A connection of its own, made for the first command: one that the broker has blocked for publishing must not hold
 * back acknowledgements.
 *
 * @module
 */
import { type Channel, type ChannelModel, type ConsumeMessage, IllegalOperationError } from "amqplib";
import { Buffer } from "node:buffer";
import type { Command, CommandErrorCode, CommandOutcome } from "./command.ts";
import { KeptConnection, type KeptConnectionOptions } from "./connection.ts";
import { COMMAND_QUEUE, declareQueue } from "./declare.ts";
import { reasonOf } from "./error.ts";
import { isTimerDelay, TIMER_DELAY_MOST_MS } from "./timer.ts";

/** RabbitMQ's own queue for answers, one for each channel (RabbitMQ docs, Direct Reply-to). */
const REPLY_QUEUE = "amq.rabbitmq.reply-to";

interface PendingCommand {
  readonly body: Buffer;
  readonly dueMs: number;
  readonly settle: (outcome: CommandOutcome) => void;
  isSent: boolean;
}

export class CommandSender {
  readonly #options: Omit<KeptConnectionOptions, "setUp">;
  readonly #pending: Map<string, PendingCommand> = new Map();
  #connection: KeptConnection | null = null;
  #channel: Channel | null = null;
  #isClosed = false;

  constructor(options: Omit<KeptConnectionOptions, "setUp">) {
    this.#options = options;
  }

  /** What became of the command, within so many ms. Never rejects. */
  async send(command: Command, timeoutMs: number): Promise<CommandOutcome> {
    if (this.#isClosed) return failure("not_sent", "The client was stopped");
    if (!isTimerDelay(timeoutMs)) {
      return failure(
        "not_sent",
        `Cannot wait ${timeoutMs} ms: timeoutMs must be from 0 to ${TIMER_DELAY_MOST_MS}`,
      );
    }
    let body: Buffer;
    try {
      body = Buffer.from(JSON.stringify(command));
    } catch (thrown) {
      return failure(
        "not_sent",
        `Cannot write the command as JSON, in which ids are strings: ${reasonOf(thrown)}`,
      );
    }
    try {
      this.#connection ??= new KeptConnection({ ...this.#options, setUp: (model) => this.#open(model) });
    } catch (thrown) {
      return failure("not_sent", reasonOf(thrown)); // the URL is none
    }
    const correlationId = crypto.randomUUID();
    return await new Promise((resolve) => {
      const pending: PendingCommand = {
        body,
        dueMs: Date.now() + timeoutMs,
        isSent: false,
        settle: (outcome) => {
          clearTimeout(timer);
          this.#pending.delete(correlationId);
          resolve(outcome);
        },
      };
      const timer = setTimeout(() => {
        pending.settle(
          pending.isSent
            ? failure("no_reply", `The gateway did not answer within ${timeoutMs} ms`)
            : failure("not_sent", `RabbitMQ could not be reached within ${timeoutMs} ms`),
        );
      }, timeoutMs);
      this.#pending.set(correlationId, pending);
      if (this.#channel !== null) {
        publish(this.#channel, correlationId, pending);
      }
    });
  }

  /** Ends the connection; what is still waited for has no reply. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.close(this.#channel);
    for (const pending of [...this.#pending.values()]) {
      pending.settle(failure(pending.isSent ? "no_reply" : "not_sent", "The client was stopped"));
    }
  }

  async #open(model: ChannelModel): Promise<void> {
    await declareQueue(model, COMMAND_QUEUE);
    const channel = await model.createChannel();
    channel.on("error", (error) => this.#connection?.renew(error));
    channel.on("close", () => this.#lost(channel));
    channel.on("return", ({ properties }) => {
      this.#pending.get(properties.correlationId)?.settle(
        failure("not_sent", `There is no queue ${COMMAND_QUEUE}`),
      );
    });
    await channel.consume(REPLY_QUEUE, (message) => message !== null && this.#hear(message), { noAck: true });
    this.#channel = channel;
    for (const [correlationId, pending] of this.#pending) {
      publish(channel, correlationId, pending);
    }
  }

  /** Answers come to the channel that asked, or never. */
  #lost(channel: Channel): void {
    if (channel !== this.#channel) return;
    this.#channel = null;
    for (const pending of [...this.#pending.values()]) {
      if (pending.isSent) {
        pending.settle(failure("no_reply", "The connection to RabbitMQ was lost before an answer came"));
      }
    }
  }

  #hear({ properties, content }: ConsumeMessage): void {
    const pending = this.#pending.get(properties.correlationId);
    if (pending === undefined) return; // it came too late
    try {
      pending.settle(JSON.parse(content.toString()));
    } catch {
      pending.settle(failure("no_reply", "The answer is not JSON"));
    }
  }
}

/** The broker drops it when nobody waits for it any more, so that a gateway that was away does not carry it out late. */
function publish(channel: Channel, correlationId: string, pending: PendingCommand): void {
  try {
    channel.sendToQueue(COMMAND_QUEUE, pending.body, {
      contentType: "application/json",
      persistent: true,
      mandatory: true,
      replyTo: REPLY_QUEUE,
      correlationId,
      timestamp: Math.floor(Date.now() / 1_000),
      expiration: String(Math.max(0, Math.ceil(pending.dueMs - Date.now()))),
    });
    pending.isSent = true;
  } catch (error) {
    // The channel is being closed. The next one sends it.
    if (!(error instanceof IllegalOperationError)) throw error;
  }
}

function failure(error: CommandErrorCode, message: string): CommandOutcome {
  return { ok: false, error, message };
}
