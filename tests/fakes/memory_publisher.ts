/**
 * A broker for events in memory, moved by hand: it opens, confirms, refuses and goes away when the test says so.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  OutgoingEvent,
  Publisher,
  PublisherEvents,
  PublishOutcome,
} from "../../gateway/delivery/publisher.ts";

interface Unsettled {
  readonly event: OutgoingEvent;
  readonly settled: (outcome: PublishOutcome) => void;
}

export class MemoryPublisher implements Publisher {
  /** Every event handed over, repeats included, in the order of the calls. */
  readonly published: OutgoingEvent[] = [];
  /** Every event confirmed, in the order of the confirmations. */
  readonly confirmed: OutgoingEvent[] = [];
  #unsettled: Unsettled[] = [];
  #events: PublisherEvents | null = null;
  #isOpen = false;
  #isClosed = false;

  get isStarted(): boolean {
    return this.#events !== null && !this.#isClosed;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Handed over in the current opening and not settled yet, oldest first. */
  get unconfirmed(): readonly OutgoingEvent[] {
    return this.#unsettled.map(({ event }) => event);
  }

  start(events: PublisherEvents): void {
    assert.equal(this.#events, null, "a publisher is started once");
    if (!this.#isClosed) this.#events = events;
  }

  publish(event: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void {
    assert(this.#isOpen, `${event.type} published while the broker takes no events`);
    this.published.push(event);
    this.#unsettled.push({ event, settled });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#isOpen = false;
    this.#unsettled = [];
    return Promise.resolve();
  }

  /** The broker is there: `opened` is called before this returns. */
  open(): void {
    assert(this.#events !== null && !this.#isClosed, "only a started publisher opens");
    assert(!this.#isOpen, "the broker is open already");
    this.#isOpen = true;
    this.#events.opened();
  }

  /**
   * The broker goes away with everything unconfirmed: `closed` is called before this returns. With a refusal it
   * goes because an event was larger than it takes.
   */
  drop(refusal: { readonly bodyMaxBytes: number } | null = null): void {
    assert(this.#isOpen, "only an open broker goes away");
    this.#isOpen = false;
    this.#unsettled = [];
    this.#events?.closed(refusal);
  }

  /** Confirms the oldest unconfirmed event, or the one at `index`: a broker confirms in any order. */
  confirmNext(index = 0): void {
    const { event, settled } = this.#take(index);
    this.confirmed.push(event);
    settled("confirmed");
  }

  /** Confirms all that is unconfirmed, what is published meanwhile included. */
  confirmAll(): void {
    while (this.#unsettled.length > 0) this.confirmNext();
  }

  /** Refuses the oldest unconfirmed event, or the one at `index`, and goes on taking others. */
  refuseNext(index = 0): void {
    this.#take(index).settled("refused");
  }

  /** Says of the oldest unconfirmed event, or the one at `index`, that nobody wants it. */
  filterNext(index = 0): void {
    this.#take(index).settled("filtered");
  }

  #take(index: number): Unsettled {
    const [next] = this.#unsettled.splice(index, 1);
    assert(next !== undefined, "nothing is unconfirmed");
    return next;
  }
}
