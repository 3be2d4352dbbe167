/**
 * The outbox and the state cache before a broker, all of which come and go as drawn at random.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { EventChoice } from "../../../gateway/delivery/event_choice.ts";
import { Outbox } from "../../../gateway/delivery/outbox.ts";
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import { StatePlan } from "../../../gateway/state/plan.ts";
import { StatePublisher } from "../../../gateway/state/publisher.ts";
import { StateWriter } from "../../../gateway/state/writer.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryPublisher } from "../../fakes/memory_publisher.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { HandStore } from "./hand_store.ts";

/** One step of the cache; many; none; one, and nobody wants it published. */
const TYPES = ["CHANNEL_UPDATE", "CHANNEL_DELETE", "TYPING_START", "THREAD_UPDATE"] as const;
const UNWANTED = "THREAD_UPDATE";
const UNTOUCHED = "TYPING_START";
/** Sequences of a shard begin behind it, so that a number names one event. */
const EVENTS_PER_SHARD = 1_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ act: fc.constant("accept" as const), shard: fc.nat(1), type: fc.nat(3) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ act: fc.constant("answer" as const), left: fc.constantFrom(0, 0, 9) }),
  },
  { weight: 4, arbitrary: fc.record({ act: fc.constant("confirm" as const), index: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constantFrom("broker" as const, "store" as const) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant("turn" as const) }) },
);

type Action = typeof action extends fc.Arbitrary<infer Drawn> ? Drawn : never;

class History {
  readonly broker = new MemoryPublisher();
  readonly store = new HandStore();
  readonly accepted: OutgoingEvent[] = [];
  /** What the broker got in each of its openings, and the store in each of its own. */
  readonly published: OutgoingEvent[][] = [];
  readonly asked: number[][] = [];
  readonly #outbox: Outbox;
  readonly #isStrict: boolean;
  #isStoreOpen = false;
  #answers = 0;
  #seen = 0;
  #heard = 0;

  constructor(isStrict: boolean) {
    const { broker, store } = this;
    const clock = new ManualClock();
    const observe = () => {};
    const kept = { members: false, messages: false, presences: false, emojis: false, voices: false };
    const plan = new StatePlan({ ...kept, memberTtlMs: 0, messageTtlMs: 0, old: true });
    const writer = new StateWriter({ store, plan, nextTurn: microtasksDone });
    const choice = new EventChoice(["*"], [UNWANTED]);
    const publisher = new StatePublisher({
      publisher: broker,
      store,
      plan,
      writer,
      choice,
      isStrict,
      isOurs: () => true,
      clock,
      written: () => {},
      observe,
    });
    const nothing = () => {};
    this.#isStrict = isStrict;
    this.#outbox = new Outbox({
      publisher,
      clock,
      observe,
      maxBytes: 1_000_000_000,
      isHeeded: () => true,
      events: {
        published: nothing,
        durable: nothing,
        pointOf: () => null,
        full: nothing,
        room: nothing,
        confirmed: nothing,
        givenUp: nothing,
        unreadable: nothing,
      },
    });
    publisher.start(this.#outbox);
  }

  async act(drawn: Action): Promise<void> {
    switch (drawn.act) {
      case "accept":
        this.#accept(drawn.shard, TYPES[drawn.type] ?? UNTOUCHED);
        break;
      case "answer":
        if (this.store.unanswered > 0) this.#answer(drawn.left);
        break;
      case "confirm":
        if (drawn.index < this.broker.unconfirmed.length) this.broker.confirmNext(drawn.index);
        break;
      case "broker":
        this.#turnBroker();
        break;
      case "store":
        this.#turnStore();
        break;
      case "turn":
        await microtasksDone();
    }
    this.#look();
  }

  /** Both are there, and stay until everything is confirmed. */
  async end(): Promise<void> {
    if (!this.broker.isOpen) await this.act({ act: "broker" });
    if (!this.#isStoreOpen) await this.act({ act: "store" });
    await microtasksDone();
    while (this.store.unanswered + this.broker.unconfirmed.length > 0) {
      while (this.store.unanswered > 0) this.#answer(0);
      this.broker.confirmAll();
      await microtasksDone();
      this.#look();
    }
    assert.equal(this.#outbox.unconfirmedEvents, 0, "everything is through");
  }

  check(): void {
    for (const shard of [0, 1]) {
      const wanted = this.accepted.filter((event) => event.shard === shard && event.type !== UNWANTED);
      const all = this.published.flat().filter((event) => event.shard === shard);
      assert.deepEqual(
        [...new Set(all.map(({ sequence }) => sequence))],
        wanted.map(({ sequence }) => sequence),
        "each event, and each behind those before it",
      );
      for (const opening of this.asked) {
        const sequences = opening.filter((sequence) => Math.floor(sequence / EVENTS_PER_SHARD) === shard);
        assert.deepEqual(
          sequences,
          [...new Set(sequences)].sort((one, other) => one - other),
          "the store, in order",
        );
      }
    }
    if (this.#isStrict) this.#checkRepeats();
  }

  #checkRepeats(): void {
    const bodies = new Map<number, string>();
    for (const { sequence, body } of this.published.flat()) {
      const text = decoder.decode(body);
      assert.equal(text, bodies.get(sequence) ?? text, "a repeat is the same");
      bodies.set(sequence, text);
    }
    const touched = this.accepted.filter(({ type }) => type !== UNTOUCHED).map(({ sequence }) => sequence);
    const asked = new Set(this.asked.flat());
    assert.deepEqual(touched.filter((sequence) => !asked.has(sequence)), [], "the store has got all of them");
  }

  #accept(shard: number, type: string): void {
    const before = this.accepted.filter((event) => event.shard === shard).length;
    const sequence = shard * EVENTS_PER_SHARD + before + 1;
    const body = encoder.encode(`{"t":"${type}","s":${sequence},"op":0,"d":{"id":"${sequence}"}}`);
    const event = {
      shard,
      session: "one",
      sequence,
      type,
      body,
      receivedAtMs: 0,
      partition: null,
      trace: null,
    };
    this.accepted.push(event);
    this.#outbox.accept(event);
  }

  #answer(left: number): void {
    this.store.answer(String(this.#answers++), left);
  }

  #turnBroker(): void {
    if (this.broker.isOpen) return this.broker.drop();
    this.published.push([]);
    this.broker.open();
  }

  #turnStore(): void {
    this.#isStoreOpen = !this.#isStoreOpen;
    if (!this.#isStoreOpen) return this.store.drop();
    this.asked.push([]);
    this.store.open();
  }

  /** Notes what has come since. */
  #look(): void {
    const before = new Set(this.published.flat().map(({ sequence }) => sequence));
    for (const line of this.store.asked.slice(this.#heard)) {
      const sequence = Number(/^(?:set|delete) channel:(\d+)/.exec(line)?.[1]);
      if (Number.isNaN(sequence)) continue;
      if (this.#isStrict) assert(!before.has(sequence), `${sequence} was published, and is written again`);
      this.asked.at(-1)?.push(sequence);
    }
    this.#heard = this.store.asked.length;
    for (const event of this.broker.published.slice(this.#seen)) this.published.at(-1)?.push(event);
    this.#seen = this.broker.published.length;
  }
}

for (const isStrict of [true, false]) {
  const name = isStrict ? "that waits for its store" : "that does not wait for its store";
  Deno.test(`StatePublisher ${name} loses, doubles and reorders nothing, whatever comes and goes`, () =>
    fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 120, size: "max" }), async (actions) => {
        const history = new History(isStrict);
        await history.act({ act: "store" });
        await history.act({ act: "broker" });
        for (const drawn of actions) await history.act(drawn);
        await history.end();
        history.check();
      }),
      { numRuns: 300 },
    ));
}
