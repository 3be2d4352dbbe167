/**
 * A broker for events in memory, moved by hand: it opens, confirms and goes away when the test says so.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { OutgoingEvent, Publisher, PublisherEvents } from "../../gateway/delivery/publisher.ts";

interface Unconfirmed {
  readonly event: OutgoingEvent;
  readonly confirmed: () => void;
}

export class MemoryPublisher implements Publisher {
  /** Every event handed over, repeats included, in the order of the calls. */
  readonly published: OutgoingEvent[] = [];
  /** Every event confirmed, in the order of the confirmations. */
  readonly confirmed: OutgoingEvent[] = [];
  #unconfirmed: Unconfirmed[] = [];
  #events: PublisherEvents | null = null;
  #isOpen = false;
  #isClosed = false;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Handed over in the current opening and not confirmed yet, oldest first. */
  get unconfirmed(): readonly OutgoingEvent[] {
    return this.#unconfirmed.map(({ event }) => event);
  }

  start(events: PublisherEvents): void {
    assert.equal(this.#events, null, "a publisher is started once");
    if (!this.#isClosed) this.#events = events;
  }

  publish(event: OutgoingEvent, confirmed: () => void): void {
    assert(this.#isOpen, `${event.type} published while the broker takes no events`);
    this.published.push(event);
    this.#unconfirmed.push({ event, confirmed });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#isOpen = false;
    this.#unconfirmed = [];
    return Promise.resolve();
  }

  /** The broker is there: `opened` is called before this returns. */
  open(): void {
    assert(this.#events !== null && !this.#isClosed, "only a started publisher opens");
    assert(!this.#isOpen, "the broker is open already");
    this.#isOpen = true;
    this.#events.opened();
  }

  /** The broker goes away with everything unconfirmed: `closed` is called before this returns. */
  drop(): void {
    assert(this.#isOpen, "only an open broker goes away");
    this.#isOpen = false;
    this.#unconfirmed = [];
    this.#events?.closed();
  }

  /** Confirms the oldest unconfirmed event, or the one at `index`: a broker confirms in any order. */
  confirmNext(index = 0): void {
    const [next] = this.#unconfirmed.splice(index, 1);
    assert(next !== undefined, "nothing is unconfirmed");
    this.confirmed.push(next.event);
    next.confirmed();
  }

  /** Confirms all that is unconfirmed, what is published meanwhile included. */
  confirmAll(): void {
    while (this.#unconfirmed.length > 0) this.confirmNext();
  }
}
