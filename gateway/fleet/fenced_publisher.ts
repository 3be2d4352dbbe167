/**
 * Stands before the broker, innermost, and lets nothing through that this process may not publish: before each event it
 * asks whether what is held may be relied on at that very moment. To its user the broker is away meanwhile.
 *
 * @module
 */
import type { OutgoingEvent, Publisher, PublisherEvents, PublishOutcome } from "../delivery/publisher.ts";

export class FencedPublisher implements Publisher {
  readonly #publisher: Publisher;
  readonly #holds: () => boolean;
  #events: PublisherEvents | null = null;
  #isBrokerOpen = false;
  /** As its user was told last. */
  #isOpen = false;

  /** `holds`: whether anything may be published now. */
  constructor(publisher: Publisher, holds: () => boolean) {
    this.#publisher = publisher;
    this.#holds = holds;
  }

  start(events: PublisherEvents): void {
    this.#events = events;
    this.#publisher.start({
      opened: () => {
        this.#isBrokerOpen = true;
        this.review();
      },
      closed: (refusal) => {
        this.#isBrokerOpen = false;
        if (!this.#isOpen) return;
        this.#isOpen = false;
        events.closed(refusal);
      },
    });
  }

  /** Whether anything may be published may have changed. */
  review(): void {
    const isOpen = this.#isBrokerOpen && this.#holds();
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    if (isOpen) this.#events?.opened();
    else this.#events?.closed(null);
  }

  publish(event: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void {
    if (this.#holds()) this.#publisher.publish(event, settled);
    else this.review();
  }

  close(): Promise<void> {
    this.#events = null;
    return this.#publisher.close();
  }
}
