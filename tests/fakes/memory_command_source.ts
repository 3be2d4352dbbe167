/**
 * The queue `gateway.send` in memory: it delivers what the test puts in, and again after the channel is lost.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { CommandSource, IncomingCommand } from "../../gateway/commands/source.ts";

/** What a sender may set besides the body. */
export interface SentProperties {
  replyTo?: string;
  correlationId?: string;
  sentAtMs?: number;
}

interface Message {
  readonly body: Uint8Array;
  readonly properties: SentProperties;
}

export class MemoryCommandSource implements CommandSource {
  /** Put in and not acknowledged, oldest first. */
  #messages: Message[] = [];
  #delivered = new Set<Message>();
  #handler: ((command: IncomingCommand) => void) | null = null;
  #channel = 0;
  #isOpen = true;
  #isQuiet = false;
  #isClosed = false;

  start(handler: (command: IncomingCommand) => void): void {
    assert.equal(this.#handler, null, "a command source is started once");
    this.#handler = handler;
    this.#deliver();
  }

  quiet(): Promise<void> {
    this.#isQuiet = true;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#isQuiet = true;
    this.#isClosed = true;
    this.#isOpen = false;
    return Promise.resolve();
  }

  get isStarted(): boolean {
    return this.#handler !== null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What is in the queue and not acknowledged, delivered or not, oldest first. */
  get unacknowledged(): string[] {
    return this.#messages.map(({ body }) => new TextDecoder().decode(body));
  }

  /** A bot sends a command: bytes as they are, text as UTF-8, anything else as JSON. */
  send(command: unknown, properties: SentProperties = {}): void {
    const body = command instanceof Uint8Array
      ? command
      : new TextEncoder().encode(typeof command === "string" ? command : JSON.stringify(command));
    this.#messages.push({ body, properties });
    this.#deliver();
  }

  /** The channel is lost: nothing delivered so far is current any more. */
  drop(): void {
    assert(this.#isOpen, "only an open channel is lost");
    this.#isOpen = false;
    this.#delivered.clear();
  }

  /** A new channel: what was not acknowledged is delivered again. */
  open(): void {
    assert(!this.#isOpen && !this.#isClosed, "only a lost channel is opened again");
    this.#channel += 1;
    this.#isOpen = true;
    this.#deliver();
  }

  #deliver(): void {
    for (const message of [...this.#messages]) {
      if (!this.#isOpen || this.#isQuiet || this.#handler === null) return;
      if (this.#delivered.has(message)) continue;
      this.#delivered.add(message);
      this.#handler(this.#incoming(message));
    }
  }

  #incoming(message: Message): IncomingCommand {
    const channel = this.#channel;
    const isCurrent = () => this.#isOpen && channel === this.#channel;
    return {
      body: message.body,
      replyTo: message.properties.replyTo,
      correlationId: message.properties.correlationId,
      sentAtMs: message.properties.sentAtMs,
      acknowledge: () => {
        if (isCurrent()) this.#messages = this.#messages.filter((other) => other !== message);
      },
      get current() {
        return isCurrent();
      },
    };
  }
}
