/**
 * Publishing to a real RabbitMQ in confirm mode, kept on disk, through the connection of the service. What a broker
 * takes, on the same machine, is part of the time until it has confirmed.
 *
 * @module
 */
import { connect } from "amqplib";
import { RabbitConnection } from "../../gateway/adapters/rabbitmq/connection.ts";
import { RabbitPublisher } from "../../gateway/adapters/rabbitmq/publisher.ts";
import { systemClock } from "../../gateway/clock.ts";
import type { OutgoingEvent } from "../../gateway/delivery/publisher.ts";
import { BATCH, COMMON_SIZE, outgoingEvents, SIZES, sizeText } from "./events.ts";
import { failLoudly } from "./fail_loudly.ts";
import { once } from "./once.ts";
import { rabbitUrl } from "./servers.ts";

const QUEUE = "gateway";
const SHARDS = 16;

for (const until of ["handed over", "until confirmed"] as const) {
  for (const bytes of SIZES) {
    const events = once(() => outgoingEvents(bytes, SHARDS));
    Deno.bench({
      name: `publish, ${until}, ${sizeText(bytes)}, ${BATCH}`,
      group: `publish, ${until}`,
      baseline: bytes === COMMON_SIZE,
      fn: async (bench) => {
        const { publisher, empty } = await broker();
        const batch = new Batch(events());
        bench.start();
        batch.publish(publisher);
        if (until === "handed over") bench.end();
        await batch.confirmed;
        if (until === "until confirmed") bench.end();
        await empty();
      },
    });
  }
}

/** The publisher, and what empties its queue: nobody consumes here. */
const broker = once(async () => {
  const url = await rabbitUrl();
  const shared = { clock: systemClock, observe: failLoudly };
  const connection = new RabbitConnection({ url, purpose: "publishing", dice: Math.random, ...shared });
  const publisher = new RabbitPublisher(connection, {
    queues: [QUEUE],
    partitions: null,
    persistent: true,
    transientTypes: new Set(),
    ttlMs: 0,
    ...shared,
  });
  await new Promise<void>((opened) =>
    publisher.start({
      opened,
      closed: () => {
        throw new Error("Cannot measure any further: the channel was closed");
      },
    })
  );
  const channel = await (await connect(url)).createChannel();
  return { publisher, empty: () => channel.purgeQueue(QUEUE) };
});

/** Some events, and whether all of them are confirmed. */
class Batch {
  readonly #events: readonly OutgoingEvent[];
  readonly #confirmed = Promise.withResolvers<void>();
  #missing: number;

  constructor(events: readonly OutgoingEvent[]) {
    this.#events = events;
    this.#missing = events.length;
  }

  get confirmed(): Promise<void> {
    return this.#confirmed.promise;
  }

  publish(publisher: RabbitPublisher): void {
    for (const event of this.#events) {
      publisher.publish(event, () => {
        this.#missing -= 1;
        if (this.#missing === 0) this.#confirmed.resolve();
      });
    }
  }
}
