/**
 * What every publisher of events promises.
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

/** A publisher with the broker behind it. */
export interface PublisherSubject extends AsyncDisposable {
  readonly publisher: Publisher;
  /** Lets the broker open, where it does not do so by itself. */
  open(): void;
  /** Lets the broker answer what it has, where it does not do so by itself. */
  settle(): void;
  /** From now on the broker refuses events of this type. */
  refuse(type: string): Promise<void>;
  /** Takes the broker away for a moment, with whatever is under way. */
  interrupt(): void;
  /** What a queue bound to everything has got, repeats included, once it is at least `count`. */
  delivered(count: number): Promise<DeliveredEvent[]>;
}

/** A publisher whose broker takes no body larger than this. */
export interface LimitedPublisherSubject extends PublisherSubject {
  readonly bodyMaxBytes: number;
}

export interface DeliveredEvent {
  readonly type: string;
  readonly messageId: string;
  readonly body: Uint8Array;
}

/** What the publisher said, in the order in which it said it. */
export class Openings implements PublisherEvents {
  readonly heard: ("opened" | "closed")[] = [];
  /** With what each `closed` came. */
  readonly refusals: ({ readonly bodyMaxBytes: number } | null)[] = [];
  #waiting: { count: number; resolve: () => void }[] = [];

  opened(): void {
    this.#hear("opened");
  }

  closed(refusal: { readonly bodyMaxBytes: number } | null): void {
    this.refusals.push(refusal);
    this.#hear("closed");
  }

  /** Resolves when this many have been heard. */
  heardAtLeast(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve });
      this.#wake();
    });
  }

  #hear(what: "opened" | "closed"): void {
    this.heard.push(what);
    this.#wake();
  }

  #wake(): void {
    const isDue = ({ count }: { count: number }) => this.heard.length >= count;
    for (const { resolve } of this.#waiting.filter(isDue)) resolve();
    this.#waiting = this.#waiting.filter((waiting) => !isDue(waiting));
  }
}

/** The event of this sequence, with a body that no JSON printer would give back as it is. */
export function outgoingEvent(sequence: number, changes: Partial<OutgoingEvent> = {}): OutgoingEvent {
  const type = changes.type ?? "MESSAGE_CREATE";
  const text = `{"t":"${type}", "s":${sequence},"op":0,"d":{"id":"90071992547409931","n":1.0,"e":"\\u00e9"}}`;
  return {
    shard: 3,
    session: "5e55",
    sequence,
    type,
    body: new TextEncoder().encode(text),
    receivedAtMs: 1_700_000_000_999,
    partition: null,
    trace: null,
    ...changes,
  };
}

/** Publishes, and resolves with the broker's answer. */
export function outcomeOf(publisher: Publisher, event: OutgoingEvent): Promise<PublishOutcome> {
  return new Promise((resolve) => publisher.publish(event, resolve));
}

/** Publishes, and resolves when it is confirmed. */
export async function confirmation(publisher: Publisher, event: OutgoingEvent): Promise<void> {
  assert.equal(await outcomeOf(publisher, event), "confirmed");
}

export function testPublisherContract(name: string, start: () => Promise<PublisherSubject>): void {
  Deno.test(`${name} publisher confirms each event once, in the queue as it was, in the order of the calls`, async () => {
    await using subject = await start();
    const openings = new Openings();
    subject.publisher.start(openings);
    subject.open();
    await openings.heardAtLeast(1);
    const events = Array.from(
      { length: 300 },
      (_, index) => outgoingEvent(index + 1, { type: index % 2 === 0 ? "TYPING_START" : "MESSAGE_CREATE" }),
    );
    // A large one between small ones, and one that is not text at all.
    events.push(outgoingEvent(301, { body: new Uint8Array(400_000).fill(0xff) }), outgoingEvent(302));
    const confirmed: number[] = [];
    const confirmations = events.map((event) =>
      new Promise<void>((resolve) =>
        subject.publisher.publish(event, (outcome) => {
          if (outcome === "confirmed") confirmed.push(event.sequence);
          resolve();
        })
      )
    );
    subject.settle();
    await Promise.all(confirmations);
    const delivered = await subject.delivered(events.length);
    assert.deepEqual(
      delivered.map(({ messageId }) => messageId),
      events.map(({ sequence }) => `5e55:${sequence}`),
    );
    assert.deepEqual(delivered.map(({ type }) => type), events.map(({ type }) => type));
    for (const [index, { body }] of delivered.entries()) {
      assert.deepEqual([...body], [...events[index]?.body ?? []]);
    }
    assert.deepEqual(confirmed.toSorted((a, b) => a - b), events.map(({ sequence }) => sequence));
    assert.deepEqual(openings.heard, ["opened"]);
  });

  Deno.test(`${name} publisher says closed, then opened, and answers nothing of before`, async () => {
    await using subject = await start();
    const openings = new Openings();
    subject.publisher.start(openings);
    subject.open();
    await openings.heardAtLeast(1);
    const outcomes: PublishOutcome[] = [];
    subject.publisher.publish(outgoingEvent(1), (outcome) => outcomes.push(outcome));
    subject.interrupt();
    await openings.heardAtLeast(2);
    const outcomesBefore = [...outcomes];
    assert.equal(outcomes.includes("refused"), false);
    subject.open();
    await openings.heardAtLeast(3);
    assert.deepEqual(openings.heard, ["opened", "closed", "opened"]);
    assert.deepEqual(openings.refusals, [null]);
    const again = confirmation(subject.publisher, outgoingEvent(1));
    subject.settle();
    await again;
    assert.deepEqual(outcomes, outcomesBefore);
    const delivered = await subject.delivered(1);
    assert.deepEqual([...new Set(delivered.map(({ messageId }) => messageId))], ["5e55:1"]);
  });

  Deno.test(`${name} publisher says which events were refused, stays open, and takes the others`, async () => {
    await using subject = await start();
    const openings = new Openings();
    subject.publisher.start(openings);
    subject.open();
    await openings.heardAtLeast(1);
    await subject.refuse("TYPING_START");
    const types = ["MESSAGE_CREATE", "TYPING_START", "MESSAGE_CREATE", "TYPING_START", "MESSAGE_CREATE"];
    const outcomes = types.map((type, index) =>
      outcomeOf(subject.publisher, outgoingEvent(index + 1, { type }))
    );
    subject.settle();
    assert.deepEqual(await Promise.all(outcomes), [
      "confirmed",
      "refused",
      "confirmed",
      "refused",
      "confirmed",
    ]);
    assert.deepEqual(openings.heard, ["opened"]);
  });

  Deno.test(`${name} publisher refuses events while it is closed`, async () => {
    await using subject = await start();
    const openings = new Openings();
    const publish = () => subject.publisher.publish(outgoingEvent(1), () => {});
    assert.throws(publish);
    subject.publisher.start(openings);
    assert.throws(publish);
    subject.open();
    await openings.heardAtLeast(1);
    subject.interrupt();
    await openings.heardAtLeast(2);
    assert.throws(publish);
  });

  Deno.test(`${name} publisher says nothing more once it is closed, and can be closed twice`, async () => {
    await using subject = await start();
    const openings = new Openings();
    subject.publisher.start(openings);
    subject.open();
    await openings.heardAtLeast(1);
    await Promise.all([subject.publisher.close(), subject.publisher.close()]);
    await subject.publisher.close();
    assert.deepEqual(openings.heard, ["opened"]);
    assert.throws(() => subject.publisher.publish(outgoingEvent(1), () => {}));
  });

  Deno.test(`${name} publisher closed before its start stays closed`, async () => {
    await using subject = await start();
    await subject.publisher.close();
    const openings = new Openings();
    subject.publisher.start(openings);
    await subject.publisher.close();
    assert.deepEqual(openings.heard, []);
  });
}

/** What is promised besides where the broker has a limit for the size of an event. */
export function testPublisherLimitContract(
  name: string,
  start: () => Promise<LimitedPublisherSubject>,
): void {
  Deno.test(`${name} publisher says how large an event may be when one was too large, and takes others again`, async () => {
    await using subject = await start();
    const { publisher, bodyMaxBytes } = subject;
    const openings = new Openings();
    publisher.start(openings);
    subject.open();
    await openings.heardAtLeast(1);
    const largest = outgoingEvent(1, { body: new Uint8Array(bodyMaxBytes).fill(0x20) });
    const tooLarge = outgoingEvent(2, { body: new Uint8Array(bodyMaxBytes + 1).fill(0x20) });
    const taken = confirmation(publisher, largest);
    subject.settle();
    await taken;
    const outcomes: PublishOutcome[] = [];
    publisher.publish(tooLarge, (outcome) => outcomes.push(outcome));
    publisher.publish(outgoingEvent(3), (outcome) => outcomes.push(outcome));
    subject.settle();
    await openings.heardAtLeast(2);
    assert.deepEqual(openings.refusals, [{ bodyMaxBytes }]);
    assert.deepEqual(outcomes, []);
    subject.open();
    await openings.heardAtLeast(3);
    const takenToo = confirmation(publisher, outgoingEvent(3));
    subject.settle();
    await takenToo;
    const delivered = await subject.delivered(2);
    assert.deepEqual(delivered.map(({ messageId }) => messageId), ["5e55:1", "5e55:3"]);
    assert.deepEqual(openings.heard, ["opened", "closed", "opened"]);
  });
}
