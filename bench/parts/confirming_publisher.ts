/**
 * A broker that costs nothing: it confirms in the turn in which it is given an event.
 *
 * @module
 */
import type { OutgoingEvent, Publisher, PublisherEvents } from "../../gateway/delivery/publisher.ts";

type Settled = Parameters<Publisher["publish"]>[1];

export class ConfirmingPublisher implements Publisher {
  readonly #together: number;
  #waiting: Settled[] = [];

  /** Confirms so many together; 1: each at once. */
  constructor(together: number) {
    this.#together = together;
  }

  start(events: PublisherEvents): void {
    events.opened();
  }

  publish(_event: OutgoingEvent, settled: Settled): void {
    this.#waiting.push(settled);
    if (this.#waiting.length < this.#together) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const settled of waiting) settled("confirmed");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
