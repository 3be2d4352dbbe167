import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { ConfirmChannel } from "amqplib";
import type { RabbitConnection } from "../../../../gateway/adapters/rabbitmq/connection.ts";
import type { ChannelUser } from "../../../../gateway/adapters/rabbitmq/kept_channel.ts";
import { RabbitPublisher } from "../../../../gateway/adapters/rabbitmq/publisher.ts";
import { outgoingEvent } from "../../../contracts/publisher_contract.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { microtasksDone } from "../../../fakes/microtasks.ts";
import { publishedMessages } from "./published_frames.ts";

const CHANNEL = 1;
const FRAME_MAX_BYTES = 131_072;

/** What is sent when: channels without a broker, each with the pieces that were sent on it. */
class Line {
  #user: ChannelUser<ConfirmChannel> | null = null;
  readonly publisher = new RabbitPublisher(
    {
      keepChannel: (user: ChannelUser<ConfirmChannel>) => {
        this.#user = user;
        return { giveUp: () => {} };
      },
      start: () => {},
      close: () => Promise.resolve(),
    } as unknown as RabbitConnection,
    {
      queues: [],
      partitions: null,
      persistent: true,
      transientTypes: new Set(),
      ttlMs: 0,
      clock: new ManualClock(),
      observe: () => {},
    },
  );

  constructor() {
    this.publisher.start({ opened: () => {}, closed: () => {} });
  }

  open(): Buffer[] {
    const sent: Buffer[] = [];
    const connection = { frameMax: FRAME_MAX_BYTES, sendBytes: (bytes: Buffer) => sent.push(bytes) };
    const channel = Object.assign(new EventEmitter(), { ch: CHANNEL, connection });
    this.#user?.opened(channel as unknown as ConfirmChannel);
    return sent;
  }

  lose(): void {
    this.#user?.lost(null);
  }

  publish(sequence: number): void {
    this.publisher.publish(outgoingEvent(sequence), () => {});
  }
}

Deno.test("RabbitPublisher sends what is published in one turn in one piece, and the next turn's in another", async () => {
  const line = new Line();
  const sent = line.open();
  for (let sequence = 1; sequence <= 5; sequence++) line.publish(sequence);
  assert.equal(sent.length, 0);
  await microtasksDone();
  line.publish(6);
  await microtasksDone();
  const frames = { channel: CHANNEL, frameMaxBytes: FRAME_MAX_BYTES };
  assert.deepEqual(sent.map((piece) => publishedMessages(piece, frames).length), [5, 1]);
});

Deno.test("RabbitPublisher sends nothing on a channel that was lost in the turn of the event, nor on the next", async () => {
  const line = new Line();
  const first = line.open();
  line.publish(1);
  line.lose();
  const second = line.open();
  await microtasksDone();
  assert.deepEqual([first, second], [[], []], "the outbox publishes it again");
});
