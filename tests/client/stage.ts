/**
 * What a test of the client plays on: clean servers, the gateway's side of the broker, and clients that are stopped with
 * the test.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Options } from "amqplib";
import {
  type ClientError,
  type ClientOptions,
  type ReceivedEvent,
  ShardlineClient,
} from "../../client/mod.ts";
import type { BrokerNames } from "../../harness/test_servers.ts";
import { beforeDeadline } from "../deadline.ts";
import { QueueReader } from "../fakes/queue_reader.ts";
import { testServers } from "../servers.ts";

const DEADLINE_MS = 20_000;

/**
 * A part of a message that nobody has announced, on a connection's first channel (AMQP 0-9-1: 3 is a body, 0xce a frame's
 * end). Who hears it closes that channel, and keeps the connection.
 */
export const STRAY_BODY = new Uint8Array([3, 0, 1, 0, 0, 0, 1, 0, 0xce]);

/** A test on a stage of its own. One that waits in vain fails instead of hanging. */
export function onClientStage(
  own: Partial<BrokerNames>,
  play: (stage: ClientStage) => Promise<void>,
): () => Promise<void> {
  return async () => {
    await using stage = await ClientStage.open(own);
    await beforeDeadline(
      play(stage),
      () => `errors: ${stage.errors.map((error) => error.message).join("; ")}`,
      DEADLINE_MS,
    );
  };
}

export class ClientStage implements AsyncDisposable {
  readonly rabbitUrl: string;
  readonly redisUrl: string;
  /** The gateway's side of the broker. */
  readonly broker: QueueReader;
  /** What clients have told. */
  readonly errors: ClientError[] = [];
  readonly #clients: ShardlineClient[] = [];
  #wake: (() => void)[] = [];

  static async open(own: Partial<BrokerNames>): Promise<ClientStage> {
    const { rabbitUrl, redisUrl } = await testServers(own);
    const broker = await QueueReader.connect(rabbitUrl);
    await broker.channel.assertExchange("gateway", "topic", { durable: true });
    await broker.channel.assertExchange("gateway.events", "topic", { durable: true });
    await broker.channel.assertQueue("gateway", { durable: true });
    await broker.channel.bindQueue("gateway", "gateway", "#");
    return new ClientStage(rabbitUrl, redisUrl, broker);
  }

  private constructor(rabbitUrl: string, redisUrl: string, broker: QueueReader) {
    this.rabbitUrl = rabbitUrl;
    this.redisUrl = redisUrl;
    this.broker = broker;
  }

  /** A client that is not started yet. */
  client(options: Partial<ClientOptions> = {}): ShardlineClient {
    const client = new ShardlineClient({
      url: this.rabbitUrl,
      onError: (error) => {
        this.errors.push(error);
        this.changed();
      },
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /**
   * A client that is not started yet, and the ids of the MESSAGE_CREATEs that its handler has been given.
   *
   * @param handle The rest of the handler.
   */
  noting(
    options: Partial<ClientOptions> = {},
    handle: (event: ReceivedEvent) => unknown = () => {},
  ): { readonly client: ShardlineClient; readonly ids: readonly string[] } {
    const ids: string[] = [];
    const client = this.client(options).on("MESSAGE_CREATE", (_, event) => {
      ids.push(event.id);
      this.changed();
      return handle(event);
    });
    return { client, ids };
  }

  /** Publishes an event as the gateway does. */
  publish(name: string, d: unknown, { s = 1, ...properties }: Options.Publish & { s?: number } = {}): void {
    const body = typeof d === "string" || d instanceof Uint8Array
      ? Buffer.from(d as Uint8Array)
      : Buffer.from(JSON.stringify({ t: name, s, op: 0, d }));
    this.broker.channel.publish("gateway", name, body, {
      contentType: "application/json",
      type: name,
      messageId: `5e55:${s}`,
      timestamp: 1_764_000_000,
      appId: "shardline",
      headers: { shard: 3 },
      ...properties,
    });
  }

  /** Something has happened that {@link until} may wait for. */
  changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves once the condition holds; it is asked again whenever {@link changed} is called. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Resolves once a queue has so many messages that nobody has taken. */
  async waiting(queue: string, count: number): Promise<void> {
    let found;
    do found = await this.broker.channel.checkQueue(queue); while (found.messageCount !== count);
  }

  /** Resolves once a queue has no consumer. */
  async deserted(queue: string): Promise<void> {
    let found;
    do found = await this.broker.channel.checkQueue(queue); while (found.consumerCount > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
    await this.broker[Symbol.asyncDispose]();
  }
}
