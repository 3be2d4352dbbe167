/**
 * The gateway's side of `gateway.send`, as far as the dashboard sees it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { ConsumeMessage } from "amqplib";
import { QueueReader } from "../fakes/queue_reader.ts";

export interface FakeGateway extends AsyncDisposable {
  readonly broker: QueueReader;
  /** What has come, the oldest first. */
  readonly commands: readonly ConsumeMessage[];
}

/** @param answers What is said to the first command, the second, and so on; to those behind the last nothing. */
export async function fakeGateway(
  rabbitUrl: string,
  answers: readonly unknown[] = [],
): Promise<FakeGateway> {
  const broker = await QueueReader.connect(rabbitUrl);
  const commands: ConsumeMessage[] = [];
  await broker.channel.assertQueue("gateway.send", { durable: true });
  await broker.channel.consume("gateway.send", (message) => {
    if (message === null) return;
    const answer = answers[commands.length];
    commands.push(message);
    broker.channel.ack(message);
    if (answer === undefined) return;
    const { replyTo, correlationId } = message.properties;
    const text = typeof answer === "string" ? answer : JSON.stringify(answer);
    broker.channel.sendToQueue(replyTo, Buffer.from(text), { correlationId });
  });
  return { broker, commands, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() };
}
