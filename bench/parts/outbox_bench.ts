/**
 * The outbox by itself: from the moment an event is accepted until its shard's sequence has moved over it, with a broker
 * that costs nothing. It never looks into a body, so there is one size of them.
 *
 * @module
 */
import { systemClock } from "../../gateway/clock.ts";
import { Outbox } from "../../gateway/delivery/outbox.ts";
import { ConfirmingPublisher } from "./confirming_publisher.ts";
import { BATCH, COMMON_SIZE, EVENTS, outgoingEvents } from "./events.ts";
import { failLoudly } from "./fail_loudly.ts";
import { FLEET, shardsText } from "./fleet.ts";
import { once } from "./once.ts";

const BROKERS = [{ together: 1, says: "at once" }, { together: 50, says: "50 together" }];

for (const { together, says } of BROKERS) {
  for (const shards of [16, FLEET]) {
    const rig = once(() => new OutboxRig(together, shards));
    Deno.bench({
      name: `outbox, confirmed ${says}, ${shardsText(shards)}, ${BATCH}`,
      group: "outbox",
      baseline: together === 1 && shards === 16,
      fn: () => rig().batch(),
    });
  }
}

class OutboxRig {
  readonly #outbox: Outbox;
  readonly #events;
  #confirmed = 0;

  constructor(together: number, shards: number) {
    const publisher = new ConfirmingPublisher(together);
    this.#events = outgoingEvents(COMMON_SIZE, shards);
    this.#outbox = new Outbox({
      publisher,
      clock: systemClock,
      observe: failLoudly,
      maxBytes: 64 * 1024 * 1024,
      isHeeded: () => true,
      events: {
        published: () => {},
        durable: () => {},
        pointOf: () => null,
        full: () => {},
        room: () => {},
        confirmed: () => this.#confirmed += 1,
        givenUp: () => {},
        unreadable: () => {},
      },
    });
    publisher.start({
      opened: () => this.#outbox.opened(),
      closed: (refusal) => this.#outbox.closed(refusal),
    });
  }

  batch(): void {
    this.#confirmed = 0;
    for (const event of this.#events) this.#outbox.accept(event);
    if (this.#confirmed !== EVENTS) {
      throw new Error(`Cannot confirm ${EVENTS} events: ${this.#confirmed} are`);
    }
  }
}
