/**
 * A bot's side of the broker: takes every event from a queue and compares what came with what the simulator sent.
 *
 * @module
 */
import { type ChannelModel, connect, type ConsumeMessage } from "amqplib";
import { sha256 } from "../../simulator/ledger_digest.ts";
import type { Simulator } from "../../simulator/simulator.ts";

/** What a comparison found; all zero but `expected` and `repeated` where nothing is wrong. */
export interface Comparison {
  /** Dispatches that the simulator made and that could be had, be it by a resume. */
  readonly expected: number;
  readonly missing: number;
  readonly changed: number;
  /** Events that came behind a later one of their session, repeats left out. */
  readonly outOfOrder: number;
  /** Messages that came once more than they had to. */
  readonly repeated: number;
}

export class EventConsumer implements AsyncDisposable {
  /** `message_id` → SHA-256 of the body. */
  readonly seen = new Map<string, string>();
  readonly messages: ConsumeMessage[] = [];
  repeated = 0;
  /** The ids of what {@link untilComplete} waits for. */
  missing: ReadonlySet<string> = new Set();
  readonly #connection: ChannelModel;
  readonly #keepMessages: boolean;
  #watchers: (() => void)[] = [];

  /** `keepMessages` keeps the first 10,000 whole messages too. */
  static async open(rabbitUrl: string, queue = "gateway", keepMessages = false): Promise<EventConsumer> {
    const connection = await connect(rabbitUrl);
    const channel = await connection.createChannel();
    await channel.assertQueue(queue, { durable: true });
    await channel.prefetch(1_000);
    const consumer = new EventConsumer(connection, keepMessages);
    await channel.consume(queue, (message) => {
      if (message === null) return;
      consumer.#take(message);
      channel.ack(message);
    });
    return consumer;
  }

  private constructor(connection: ChannelModel, keepMessages: boolean) {
    this.#connection = connection;
    this.#keepMessages = keepMessages;
  }

  /** Resolves once the condition holds; it is asked again at every message. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.next();
  }

  /** Resolves at the next message. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  /** Resolves once every dispatch that can be had has come. The simulator must have been told to pause. */
  async untilComplete(simulator: Simulator): Promise<void> {
    const missing = new Set(expectedIds(simulator).filter((id) => !this.seen.has(id)));
    this.missing = missing;
    await this.until(() => {
      for (const id of missing) if (this.seen.has(id)) missing.delete(id);
      return missing.size === 0;
    });
  }

  compare(simulator: Simulator): Comparison {
    let expected = 0;
    let missing = 0;
    let changed = 0;
    let outOfOrder = 0;
    const { ledger } = simulator.control;
    const arrivals = new Map([...this.seen.keys()].map((id, index) => [id, index]));
    for (const { session } of ledger.summary().sessions) {
      let latest = -1;
      for (const entry of ledger.page(session)) {
        const id = `${session}:${entry.s}`;
        const hash = this.seen.get(id);
        if (entry.replayable) expected += 1;
        if (hash === undefined) {
          if (entry.replayable) missing += 1;
          continue;
        }
        if (hash !== entry.sha256) changed += 1;
        const arrival = arrivals.get(id) ?? -1;
        if (arrival < latest) outOfOrder += 1;
        latest = Math.max(latest, arrival);
      }
    }
    return { expected, missing, changed, outOfOrder, repeated: this.repeated };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }

  #take(message: ConsumeMessage): void {
    const id: unknown = message.properties.messageId;
    if (typeof id !== "string") throw new Error("An event came without message_id");
    if (this.seen.has(id)) this.repeated += 1;
    else this.seen.set(id, sha256(message.content));
    if (this.#keepMessages && this.messages.length < 10_000) this.messages.push(message);
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

function expectedIds(simulator: Simulator): string[] {
  const { ledger } = simulator.control;
  return ledger.summary().sessions.flatMap(({ session }) =>
    ledger.page(session).filter((entry) => entry.replayable).map((entry) => `${session}:${entry.s}`)
  );
}
