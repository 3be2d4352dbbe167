import assert from "node:assert/strict";
import fc from "fast-check";
import { EventChoice } from "../../../gateway/delivery/event_choice.ts";
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import { type StateKeeping, StatePlan } from "../../../gateway/state/plan.ts";
import { StatePublisher } from "../../../gateway/state/publisher.ts";
import { StateWriter } from "../../../gateway/state/writer.ts";
import { Openings } from "../../contracts/publisher_contract.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryPublisher } from "../../fakes/memory_publisher.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { Observations } from "../../fakes/observations.ts";
import { HandStore } from "./hand_store.ts";

const KEEPING: StateKeeping = {
  members: false,
  memberTtlMs: 0,
  messages: false,
  messageTtlMs: 0,
  presences: false,
  emojis: false,
  voices: false,
  old: true,
};

/** One step of the cache. */
const SMALL = "CHANNEL_UPDATE";
/** Many pieces of work for the cache, as long as something is left. */
const LARGE = "CHANNEL_DELETE";
/** Nothing to the cache. */
const UNTOUCHED = "TYPING_START";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Place {
  readonly shard?: number;
  readonly session?: string;
  /** As JSON. */
  readonly d?: string;
}

class Rig {
  /** Shards that other processes run. */
  readonly foreign = new Set<number>();
  readonly broker = new MemoryPublisher();
  readonly store = new HandStore();
  readonly clock = new ManualClock();
  readonly observations = new Observations();
  readonly openings = new Openings();
  readonly plan = new StatePlan(KEEPING);
  readonly publisher: StatePublisher;
  /** How long the store took for each. */
  readonly tookMs: number[] = [];
  /** `session sequence outcome` of what was settled, in order. */
  readonly settled: string[] = [];

  constructor(
    { isStrict = true, deny = [], isStarted = true }: {
      isStrict?: boolean;
      deny?: readonly string[];
      isStarted?: boolean;
    } = {},
  ) {
    const { broker, store, clock, plan, observations: { observe } } = this;
    this.publisher = new StatePublisher({
      publisher: broker,
      store,
      plan,
      writer: new StateWriter({ store, plan, nextTurn: microtasksDone }),
      choice: new EventChoice(["*"], deny),
      isStrict,
      isOurs: (shard) => !this.foreign.has(shard),
      clock,
      written: (tookMs) => this.tookMs.push(tookMs),
      observe,
    });
    if (isStarted) this.publisher.start(this.openings);
  }

  /** Where the broker and the store are there. */
  static opened(options?: { isStrict?: boolean; deny?: readonly string[] }): Rig {
    const rig = new Rig(options);
    rig.store.open();
    rig.broker.open();
    return rig;
  }

  publish(type: string, sequence: number, place: Place = {}): void {
    this.publishEvent(event(type, sequence, place));
  }

  publishEvent(event: OutgoingEvent): void {
    this.publisher.publish(event, (outcome) => {
      this.settled.push(`${event.session} ${event.sequence} ${outcome}`);
    });
  }

  async answer(old: string | null = null, left = 0): Promise<void> {
    this.store.answer(old, left);
    await microtasksDone();
  }

  /** Sequences of what the broker has got, repeats included, with what they say was kept before. */
  get got(): (number | string)[] {
    return this.broker.published.map(({ sequence, body }) => {
      const { old } = JSON.parse(decoder.decode(body));
      return old === undefined ? sequence : `${sequence} old ${JSON.stringify(old)}`;
    });
  }
}

function event(
  type: string,
  sequence: number,
  { shard = 0, session = "one", d = `{"id":"${sequence}"}` }: Place = {},
): OutgoingEvent {
  return {
    shard,
    session,
    sequence,
    type,
    body: encoder.encode(`{"t":"${type}","s":${sequence},"op":0,"d":${d}}`),
    receivedAtMs: 0,
    partition: null,
    trace: null,
  };
}

// Openings.

for (const first of ["broker", "store"] as const) {
  Deno.test(`StatePublisher opens once both are there, the ${first} first, and closes when either goes`, () => {
    const rig = new Rig();
    const second = first === "broker" ? "store" : "broker";
    rig[first].open();
    assert.deepEqual(rig.openings.heard, []);
    rig[second].open();
    assert.deepEqual(rig.openings.heard, ["opened"]);
    rig[first].drop();
    assert.deepEqual(rig.openings.heard, ["opened", "closed"]);
    rig[second].drop();
    rig[first].open();
    assert.deepEqual(rig.openings.heard, ["opened", "closed"]);
    rig[second].open();
    rig[second].drop();
    assert.deepEqual(rig.openings.heard, ["opened", "closed", "opened", "closed"]);
  });
}

Deno.test("StatePublisher says why the broker has closed, and nothing of the sort when the store has", () => {
  const rig = Rig.opened();
  rig.broker.drop({ bodyMaxBytes: 9 });
  rig.broker.open();
  rig.store.drop();
  assert.deepEqual(rig.openings.refusals, [{ bodyMaxBytes: 9 }, null]);
});

Deno.test("StatePublisher says when the store is there and when it is not, and takes from it who the bot is", () => {
  const rig = new Rig();
  rig.store.open({ botId: "7" });
  assert.equal(rig.plan.botId, "7");
  rig.store.drop();
  rig.store.open();
  assert.equal(rig.plan.botId, "7", "what has been known stays known");
  assert.deepEqual(rig.observations.all.map(({ kind }) => kind), [
    "state.opened",
    "state.closed",
    "state.opened",
  ]);
});

Deno.test("StatePublisher takes no event while it is closed", () => {
  const rig = new Rig();
  const isRefused = (why: string) => assert.throws(() => rig.publish(UNTOUCHED, 1), why);
  isRefused("before both are there");
  rig.store.open();
  isRefused("without the broker");
  rig.broker.open();
  rig.store.drop();
  isRefused("without the store");
  assert.deepEqual(rig.store.asked, []);
});

Deno.test("StatePublisher.close() closes both, and afterwards nothing is published, asked or said", async () => {
  const rig = Rig.opened();
  rig.publish(UNTOUCHED, 9, { shard: 1 });
  rig.publish(SMALL, 1);
  rig.publish(LARGE, 2);
  rig.publish(SMALL, 3);
  await microtasksDone();
  rig.broker.close = () => Promise.resolve();
  await rig.publisher.close();
  await rig.publisher.close();
  assert(rig.store.isClosed);
  await rig.answer();
  await rig.answer(null, 5);
  rig.broker.confirmNext();
  assert.deepEqual(rig.settled, []);
  assert.deepEqual(rig.got, [9]);
  assert.equal(rig.store.unanswered, 0);
  assert.throws(() => rig.publish(UNTOUCHED, 4));
  rig.store.drop();
  rig.store.open();
  assert.deepEqual(rig.openings.heard, ["opened"]);
});

Deno.test("StatePublisher that was closed before its start starts neither", async () => {
  const rig = new Rig({ isStarted: false });
  await rig.publisher.close();
  rig.publisher.start(rig.openings);
  rig.store.open();
  assert.deepEqual(rig.observations.all, []);
});

// Order.

Deno.test("StatePublisher publishes an event once the store has it, and says how long that took", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  assert.deepEqual(rig.got, []);
  rig.clock.advance(7);
  await rig.answer();
  assert.deepEqual(rig.got, [1]);
  assert.deepEqual(rig.tookMs, [7]);
  rig.broker.confirmNext();
  assert.deepEqual(rig.settled, ["one 1 confirmed"]);
});

Deno.test("StatePublisher asks for small events without waiting, and keeps their order whatever comes first", async () => {
  const rig = Rig.opened();
  for (const sequence of [1, 2, 3]) rig.publish(SMALL, sequence);
  assert.equal(rig.store.unanswered, 3);
  rig.store.answerSecond();
  rig.store.answerSecond();
  await microtasksDone();
  assert.deepEqual(rig.got, []);
  await rig.answer();
  assert.deepEqual(rig.got, [1, 2, 3]);
  rig.broker.drop();
  rig.broker.open();
  for (const sequence of [1, 2, 3]) rig.publish(SMALL, sequence);
  assert.equal(rig.store.unanswered, 0, "all three are known to be in the cache");
});

Deno.test("StatePublisher lets an event that the cache does not heed pass at once, but not past one of its shard", async () => {
  const rig = Rig.opened();
  rig.publish(UNTOUCHED, 1);
  assert.deepEqual(rig.got, [1]);
  rig.publish(SMALL, 2);
  rig.publish(UNTOUCHED, 3);
  rig.publish(UNTOUCHED, 4, { shard: 1 });
  assert.deepEqual(rig.got, [1, 4]);
  await rig.answer();
  assert.deepEqual(rig.got, [1, 4, 2, 3]);
  assert.equal(rig.store.asked.length, 1);
});

Deno.test("StatePublisher asks for nothing behind a large event of the shard before it is done; other shards go on", async () => {
  const rig = Rig.opened();
  rig.publish(LARGE, 1);
  rig.publish(SMALL, 2);
  rig.publish(UNTOUCHED, 3);
  rig.publish(LARGE, 4);
  rig.publish(SMALL, 5);
  await microtasksDone();
  rig.publish(SMALL, 6, { shard: 1 });
  assert.equal(rig.store.unanswered, 2);
  await rig.answer(null, 10);
  assert.deepEqual(rig.store.asked.at(-1), "clear channel_keys:1");
  await rig.answer();
  assert.deepEqual(rig.got, [6], "another shard's has passed");
  await rig.answer();
  assert.deepEqual(rig.got, [6, 1]);
  assert.equal(rig.store.unanswered, 2, "of the second and the fourth the store is asked, not of the fifth");
  await rig.answer();
  assert.deepEqual(rig.got, [6, 1, 2, 3]);
  await rig.answer();
  assert.deepEqual(rig.got, [6, 1, 2, 3, 4]);
  await rig.answer();
  assert.deepEqual(rig.got, [6, 1, 2, 3, 4, 5]);
});

Deno.test("StatePublisher asks for what comes behind a large event while it waits for small ones before it", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  rig.publish(LARGE, 2);
  rig.publish(SMALL, 3);
  await microtasksDone();
  assert.equal(rig.store.unanswered, 2);
  rig.store.fail("no");
  await microtasksDone();
  assert.equal(rig.store.unanswered, 1, "the third waits for the second, whatever became of the first");
  await rig.answer();
  await rig.answer();
  assert.deepEqual(rig.got, [1, 2, 3]);
});

Deno.test("StatePublisher publishes a hundred thousand events that have waited for a large one", async () => {
  const rig = Rig.opened();
  rig.publish(LARGE, 1);
  const { length } = Array.from({ length: 100_000 }, (_, index) => rig.publish(UNTOUCHED, index + 2));
  await microtasksDone();
  await rig.answer();
  const sequences = rig.broker.published.map(({ sequence }) => sequence);
  assert.deepEqual(sequences, Array.from({ length: length + 1 }, (_, index) => index + 1));
});

// What is published again.

Deno.test("StatePublisher does not write again what comes again because the broker went away, and it carries the same", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  rig.publish(UNTOUCHED, 2);
  rig.publish(LARGE, 3);
  rig.publish(SMALL, 4);
  await rig.answer('{"kept":1}');
  await rig.answer('{"kept":3}');
  await rig.answer();
  assert.deepEqual(rig.got, ['1 old {"kept":1}', 2, '3 old {"kept":3}', 4]);
  const { asked: { length } } = rig.store;
  rig.broker.drop();
  rig.broker.open();
  rig.broker.published.length = 0;
  rig.publish(SMALL, 1);
  rig.publish(UNTOUCHED, 2);
  rig.publish(LARGE, 3);
  rig.publish(SMALL, 4);
  assert.deepEqual(rig.got, ['1 old {"kept":1}', 2, '3 old {"kept":3}', 4]);
  assert.equal(rig.store.asked.length, length);
  rig.publish(SMALL, 5);
  assert.equal(rig.store.asked.length, length + 1, "what comes for the first time is written");
});

Deno.test("StatePublisher does not write again what the broker has refused", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  rig.publish(SMALL, 2);
  await rig.answer("1");
  await rig.answer("2");
  rig.broker.refuseNext();
  rig.broker.confirmNext();
  rig.publish(SMALL, 1);
  assert.deepEqual(rig.got, ["1 old 1", "2 old 2", "1 old 1"]);
  assert.equal(rig.store.asked.length, 2);
  assert.deepEqual(rig.settled, ["one 1 refused", "one 2 confirmed"]);
});

Deno.test("StatePublisher knows of each session by itself how far it is in the cache", async () => {
  const rig = Rig.opened();
  const places = ["one", "two", "three"].map((session) => ({ session }));
  for (const place of places) rig.publish(SMALL, 5, place);
  rig.publish(SMALL, 5, { session: "one", shard: 1 });
  for (let asked = 0; asked < 4; asked++) await rig.answer();
  rig.broker.drop();
  rig.broker.open();
  for (const place of places) rig.publish(SMALL, 5, place);
  assert.equal(rig.store.unanswered, 0);
  rig.publish(SMALL, 4, { session: "four" });
  assert.equal(rig.store.unanswered, 1);
});

Deno.test("StatePublisher knows of many sessions that are still on their way at once", async () => {
  const rig = Rig.opened();
  const sessions = Array.from({ length: 16 }, (_, index) => `session ${index}`);
  for (const session of sessions) {
    rig.publish(SMALL, 5, { session });
    await rig.answer();
  }
  rig.broker.drop();
  rig.broker.open();
  for (const session of sessions) rig.publish(SMALL, 5, { session });
  assert.equal(rig.store.unanswered, 0);
});

Deno.test("StatePublisher opens again once the store has answered what an earlier opening asked, and writes it once", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  rig.publish(LARGE, 2);
  rig.publish(SMALL, 3);
  await microtasksDone();
  rig.broker.drop();
  rig.broker.open();
  assert.deepEqual(rig.openings.heard, ["opened", "closed"], "two are still under way");
  await rig.answer("1");
  await rig.answer("2", 8);
  assert.deepEqual(rig.openings.heard, ["opened", "closed"], "of the second there is something left");
  await rig.answer();
  assert.deepEqual(rig.openings.heard, ["opened", "closed", "opened"]);
  assert.deepEqual(rig.got, [], "nothing of an earlier opening is published");
  for (const [index, type] of [SMALL, LARGE, SMALL].entries()) rig.publish(type, index + 1);
  await rig.answer("3");
  assert.deepEqual(rig.got, ["1 old 1", "2 old 2", "3 old 3"]);
  assert.equal(rig.store.asked.filter((line) => line.includes("channel:2")).length, 1);
});

Deno.test("StatePublisher does not wait for a store that went away while the broker was away", async () => {
  const rig = Rig.opened();
  rig.publish(LARGE, 1);
  await microtasksDone();
  rig.broker.drop();
  rig.store.drop();
  rig.store.open();
  rig.broker.open();
  assert.deepEqual(rig.openings.heard, ["opened", "closed", "opened"]);
});

Deno.test("StatePublisher writes again what the store has not answered, and not what it has", async () => {
  const rig = Rig.opened();
  for (const sequence of [1, 2, 3]) rig.publish(SMALL, sequence);
  await rig.answer("1");
  rig.store.drop();
  rig.store.open();
  assert.deepEqual(rig.got, ["1 old 1"]);
  for (const sequence of [1, 2, 3]) rig.publish(SMALL, sequence);
  assert.deepEqual(rig.got, ["1 old 1", "1 old 1"]);
  assert.equal(rig.store.unanswered, 2);
  await rig.answer("2");
  await rig.answer("3");
  assert.deepEqual(rig.got, ["1 old 1", "1 old 1", "2 old 2", "3 old 3"]);
});

Deno.test("StatePublisher does not count what the store answered as it went away, and learns of it from the next opening", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  rig.store.answer("0");
  rig.store.drop();
  await microtasksDone();
  assert.deepEqual(rig.got, []);
  rig.store.open();
  rig.publish(SMALL, 1);
  assert.deepEqual(rig.got, [1]);
  assert.equal(rig.store.unanswered, 0);
  rig.broker.drop();
  rig.broker.open();
  assert.equal(rig.openings.heard.at(-1), "opened");
});

Deno.test("StatePublisher tells no outcome of an earlier opening where only the store went away", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  await rig.answer("1");
  rig.store.drop();
  rig.broker.confirmNext();
  rig.store.open();
  assert.deepEqual(rig.settled, []);
  rig.publish(SMALL, 1);
  assert.deepEqual(rig.got, ["1 old 1", "1 old 1"]);
  rig.broker.confirmNext();
  assert.deepEqual(rig.settled, ["one 1 confirmed"]);
});

Deno.test("StatePublisher writes a large event from its beginning where the store went away in the midst of it", async () => {
  const rig = Rig.opened();
  rig.publish(LARGE, 1);
  await microtasksDone();
  await rig.answer(null, 5);
  assert.equal(rig.store.asked.length, 3);
  rig.store.drop();
  rig.store.open();
  rig.publish(LARGE, 1);
  await microtasksDone();
  assert.deepEqual(rig.store.asked.slice(3), rig.store.asked.slice(0, 2));
  assert.equal(rig.store.unanswered, 1);
  await rig.answer();
  assert.deepEqual(rig.got, [1]);
});

Deno.test("StatePublisher forgets what was kept before an event once that is confirmed", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  await rig.answer("1");
  rig.broker.confirmNext();
  rig.broker.drop();
  rig.broker.open();
  // Nobody does; but it shows that nothing is kept for it.
  rig.publish(SMALL, 1);
  assert.deepEqual(rig.got, ["1 old 1", 1]);
});

// A store that nobody waits for.

Deno.test("StatePublisher that is not strict opens and passes without the store, and writes once it is there", async () => {
  const rig = new Rig({ isStrict: false });
  rig.broker.open();
  assert.deepEqual(rig.openings.heard, ["opened"]);
  rig.publish(SMALL, 1);
  rig.publish(LARGE, 2);
  assert.deepEqual(rig.got, [1, 2]);
  rig.store.open();
  rig.publish(SMALL, 3);
  assert.deepEqual(rig.got, [1, 2]);
  await rig.answer("3");
  assert.deepEqual(rig.got, [1, 2, "3 old 3"]);
  assert.deepEqual(rig.openings.heard, ["opened"]);
});

Deno.test("StatePublisher that is not strict passes what the store was asked when it went away, in order", async () => {
  const rig = Rig.opened({ isStrict: false });
  rig.publish(SMALL, 1);
  rig.publish(UNTOUCHED, 2);
  rig.publish(LARGE, 3);
  rig.publish(SMALL, 4);
  rig.publish(SMALL, 5, { shard: 1 });
  await microtasksDone();
  rig.store.drop();
  assert.deepEqual(rig.got, [1, 2, 3, 4, 5]);
  assert.deepEqual(rig.openings.heard, ["opened"]);
  rig.store.open();
  rig.publish(LARGE, 6);
  rig.publish(SMALL, 7);
  await microtasksDone();
  await rig.answer();
  await rig.answer();
  assert.deepEqual(rig.got, [1, 2, 3, 4, 5, 6, 7]);
  rig.broker.confirmAll();
  assert.deepEqual(rig.settled.length, 7);
});

Deno.test("StatePublisher that is not strict is not held up by what a large event still did as the store went", async () => {
  const rig = Rig.opened({ isStrict: false });
  rig.publish(LARGE, 1);
  await microtasksDone();
  // The answer is there, and before the next piece is asked for, the store is gone, and there again.
  rig.store.answer(null, 5);
  rig.store.drop();
  rig.store.open();
  rig.publish(LARGE, 2);
  rig.publish(SMALL, 3);
  await microtasksDone();
  assert.equal(rig.store.asked.filter((line) => line === "clear channel_keys:1").length, 1);
  await rig.answer(null, 5);
  await rig.answer();
  assert.deepEqual(rig.got, [1, 2]);
  await rig.answer();
  assert.deepEqual(rig.got, [1, 2, 3]);
});

Deno.test("StatePublisher that is not strict opens without the answers of a store that went away", async () => {
  const rig = Rig.opened({ isStrict: false });
  rig.publish(LARGE, 1);
  await microtasksDone();
  rig.broker.drop();
  rig.broker.open();
  assert.deepEqual(rig.openings.heard, ["opened", "closed"]);
  rig.store.drop();
  assert.deepEqual(rig.openings.heard, ["opened", "closed", "opened"]);
});

Deno.test("StatePublisher marks the guilds whose events have passed the cache by, before it asks anything else", async () => {
  const rig = new Rig({ isStrict: false });
  rig.broker.open();
  const passed: [type: string, d: string][] = [
    ["CHANNEL_UPDATE", '{"id":"1","guild_id":"71"}'],
    ["CHANNEL_UPDATE", '{"id":"2","guild_id":"71"}'],
    ["CHANNEL_UPDATE", '{"id":"3"}'],
    ["GUILD_UPDATE", '{"id":"72","guild_id":"79"}'],
    ["TYPING_START", '{"channel_id":"1","guild_id":"73"}'],
    ["PRESENCE_UPDATE", '{"user":{"id":"1"},"guild_id":"74"}'],
    ["READY", '{"user":{"id":"1"},"guilds":[{"id":"76"},{"id":"77"},{"id":"72"}]}'],
  ];
  passed.forEach(([type, d], index) => rig.publishEvent(event(type, index + 1, { d })));
  assert.equal(rig.got.length, passed.length);
  rig.store.open();
  rig.publish(SMALL, 17);
  const marks = ["71", "72", "76", "77"].map((guild) => `mark ${guild} as behind`);
  assert.deepEqual(rig.store.asked, [...marks, 'set channel:17, wants old: {"id":"17"}']);
  // What was not answered is marked again, and with it what the store was asked and has not answered.
  rig.publishEvent(event(SMALL, 18, { d: '{"id":"8","guild_id":"75"}' }));
  rig.store.drop();
  rig.store.open();
  assert.deepEqual(rig.store.asked.slice(-5), [...marks, "mark 75 as behind"]);
  await rig.answer();
  rig.store.drop();
  rig.store.open();
  assert.equal(rig.store.asked.length, 6 + 5);
});

Deno.test("StatePublisher that is strict marks nothing: nothing has passed the cache by", () => {
  const rig = Rig.opened();
  rig.publishEvent(event(SMALL, 1, { d: '{"id":"1","guild_id":"71"}' }));
  rig.store.drop();
  rig.store.open();
  assert.deepEqual(rig.store.asked.filter((line) => line.startsWith("mark")), []);
});

// What was written by an earlier process.

Deno.test("StatePublisher writes nothing that the store says is written, by whatever process", async () => {
  const rig = new Rig();
  rig.store.open({
    written: [
      { shard: 0, sessions: [{ id: "old", sequence: 40 }, { id: "one", sequence: 3 }] },
      { shard: 1, sessions: [{ id: "one", sequence: 9 }] },
    ],
  });
  rig.broker.open();
  rig.publish(SMALL, 40, { session: "old" });
  rig.publish(SMALL, 2);
  rig.publish(LARGE, 3);
  rig.publish(SMALL, 9, { shard: 1 });
  assert.deepEqual(rig.got, [40, 2, 3, 9]);
  assert.deepEqual(rig.store.asked, []);
  rig.publish(SMALL, 4);
  // What a later session began with is newer than all of it.
  rig.publish(SMALL, 41, { session: "old" });
  assert.equal(rig.store.unanswered, 1);
  await rig.answer("4");
  assert.deepEqual(rig.got.slice(4), ["4 old 4", 41]);
});

for (const left of [1, 0]) {
  Deno.test(`StatePublisher writes again what a store has lost, and says that the cache lacks something: ${left} left`, async () => {
    const rig = Rig.opened();
    rig.publish("READY", 1);
    for (let answers = 0; answers < 2; answers++) {
      await microtasksDone();
      if (rig.store.unanswered > 0) await rig.answer();
    }
    rig.publish(SMALL, 2);
    await rig.answer();
    assert.deepEqual(rig.got, [1, 2]);
    rig.store.drop();
    rig.store.open({ written: left === 0 ? [] : [{ shard: 0, sessions: [{ id: "one", sequence: left }] }] });
    assert.deepEqual(rig.observations.of("state.unfilled"), [{ kind: "state.unfilled", shard: 0 }]);
    rig.publish(SMALL, 2);
    assert.equal(rig.store.unanswered, 1);
    await rig.answer();
    assert.deepEqual(rig.store.toldWritten.at(-1), { shard: 0, sessions: [{ id: "one", sequence: 2 }] });
    rig.store.drop();
    rig.store.open();
    assert.equal(rig.observations.of("state.unfilled").length, 1);
  });
}

Deno.test("StatePublisher learns what other processes wrote of a shard that it takes over, and writes none of it again", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  await rig.answer();
  rig.publish(SMALL, 1, { shard: 1 });
  await rig.answer();
  // Another has had the first shard since.
  rig.store.apply([], 0, [{ id: "one", sequence: 5 }]);
  await rig.publisher.learn([0]);
  const { length } = rig.store.asked;
  rig.publish(SMALL, 4);
  rig.publish(SMALL, 5);
  assert.equal(rig.store.asked.length, length);
  rig.publish(SMALL, 6);
  rig.publish(SMALL, 2, { shard: 1 });
  assert.equal(rig.store.unanswered, 2);
});

Deno.test("StatePublisher waits for no store that is away to learn of a shard", async () => {
  const rig = new Rig();
  await rig.publisher.learn([0]);
  rig.store.open();
  rig.store.written = () => new Promise(() => {});
  const learnt = rig.publisher.learn([0]);
  rig.store.drop();
  await learnt;
});

Deno.test("StatePublisher lets what it has left of others' shards pass the cache by", async () => {
  const rig = Rig.opened();
  rig.foreign.add(0);
  rig.publish(SMALL, 1);
  assert.deepEqual(rig.got, [1]);
  rig.publish(SMALL, 2, { shard: 1 });
  assert.equal(rig.store.unanswered, 1);
  await rig.answer();
  assert.deepEqual(rig.got, [1, 2]);
});

Deno.test("StatePublisher learns at each opening what the store had written of what it did not answer", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  rig.publish(SMALL, 2);
  rig.store.drop();
  rig.store.open({ written: [{ shard: 0, sessions: [{ id: "one", sequence: 1 }] }] });
  rig.publish(SMALL, 1);
  rig.publish(SMALL, 2);
  assert.deepEqual(rig.got, [1]);
  await rig.answer();
  assert.deepEqual(rig.got, [1, 2]);
});

Deno.test("StatePublisher tells the store how far the sessions of the shard are, the last sixteen", async () => {
  const rig = new Rig();
  rig.store.open({ written: [{ shard: 0, sessions: [{ id: "zero", sequence: 5 }] }] });
  rig.broker.open();
  rig.publish(UNTOUCHED, 1);
  rig.publish(SMALL, 2);
  rig.publish(LARGE, 3);
  rig.publish(SMALL, 8, { shard: 1 });
  await microtasksDone();
  for (let answers = 0; answers < 3; answers++) await rig.answer();
  for (const session of ["two", "three", "four"]) rig.publish(SMALL, 1, { session });
  const told = (shard: number) => rig.store.toldWritten.filter((written) => written.shard === shard);
  assert.deepEqual(told(1), [{ shard: 1, sessions: [{ id: "one", sequence: 8 }] }]);
  const shown = told(0).map(({ sessions }) => sessions.map(({ id, sequence }) => `${id} ${sequence}`).join());
  assert.deepEqual(shown, [
    "zero 5,one 2",
    "zero 5,one 3",
    "zero 5,one 3,two 1",
    "zero 5,one 3,two 1,three 1",
    "zero 5,one 3,two 1,three 1,four 1",
  ]);
  for (let session = 0; session < 20; session++) rig.publish(SMALL, 1, { session: String(session) });
  const ids = rig.store.toldWritten.at(-1)?.sessions.map(({ id }) => id);
  assert.deepEqual(ids, Array.from({ length: 16 }, (_, index) => String(index + 4)));
});

Deno.test("StatePublisher writes again what the store has not answered, though what followed asked it nothing", async () => {
  const rig = Rig.opened();
  rig.publish(SMALL, 1);
  rig.publishEvent(event("THREAD_LIST_SYNC", 2, { d: '{"guild_id":"1","threads":[]}' }));
  await microtasksDone();
  rig.store.drop();
  rig.store.open();
  rig.publish(SMALL, 1);
  assert.deepEqual(rig.got, []);
  await rig.answer();
  assert.deepEqual(rig.got, [1]);
});

Deno.test("StatePublisher says once that the cache lacks what came before, where it has not seen a session begin", () => {
  const unfilled = (rig: Rig) => rig.observations.of("state.unfilled").map(({ shard }) => shard);
  const rig = new Rig();
  rig.store.open({ written: [{ shard: 0, sessions: [{ id: "one", sequence: 5 }] }] });
  rig.broker.open();
  rig.publish(SMALL, 6);
  rig.publish("READY", 1, { shard: 1 });
  rig.publish(SMALL, 2, { shard: 1 });
  assert.deepEqual(unfilled(rig), []);
  rig.publish(UNTOUCHED, 6, { shard: 2 });
  rig.publish(SMALL, 7, { shard: 2 });
  rig.publish(SMALL, 7, { shard: 3 });
  assert.deepEqual(unfilled(rig), [2]);
});

// Events that are kept, and not published.

Deno.test("StatePublisher settles an event that nobody wants as filtered, in its turn, once the store has it", async () => {
  const rig = Rig.opened({ deny: [SMALL] });
  rig.publish(LARGE, 1);
  rig.publish(SMALL, 2);
  rig.publish(UNTOUCHED, 3);
  await microtasksDone();
  await rig.answer();
  assert.deepEqual(rig.settled, []);
  await rig.answer("2");
  assert.deepEqual(rig.settled, ["one 2 filtered"]);
  assert.deepEqual(rig.got, [1, 3]);
});

Deno.test("StatePublisher keeps the order where settling an event brings the next", async () => {
  const rig = Rig.opened({ deny: [SMALL] });
  rig.publish(LARGE, 1);
  await microtasksDone();
  rig.publisher.publish(event(SMALL, 2), () => {
    rig.publish(UNTOUCHED, 4);
    rig.publish(UNTOUCHED, 5);
  });
  rig.publish(UNTOUCHED, 3);
  await rig.answer();
  await rig.answer();
  assert.deepEqual(rig.got, [1, 3, 4, 5]);
});

// Faults.

for (const type of [SMALL, LARGE]) {
  Deno.test(`StatePublisher lets an event pass that cannot be written by a fault of ours: ${type}`, async () => {
    const rig = Rig.opened();
    rig.publish(type, 1);
    rig.publish(SMALL, 2);
    await microtasksDone();
    rig.store.fail("broken");
    await microtasksDone();
    await rig.answer("2");
    assert.deepEqual(rig.got, [1, "2 old 2"]);
    assert.deepEqual(rig.observations.of("state.failed"), [{ kind: "state.failed", type, error: "broken" }]);
  });
}

Deno.test("StatePublisher lets an event pass whose steps cannot be found by a fault of ours", () => {
  const rig = Rig.opened();
  rig.plan.steps = () => {
    throw new Error("broken");
  };
  rig.publish(SMALL, 1);
  assert.deepEqual(rig.got, [1]);
  assert.deepEqual(rig.observations.of("state.failed"), [{
    kind: "state.failed",
    type: SMALL,
    error: "broken",
  }]);
});

// What was kept before, in the body.

Deno.test("StatePublisher publishes without what was kept before where the broker would not take so much", async () => {
  const rig = Rig.opened();
  const { body } = event(SMALL, 1);
  const fitting = '{"kept":1}';
  const withIt = body.length + `,"old":${fitting}`.length;
  rig.publish(SMALL, 1);
  await rig.answer('{"kept":12}');
  rig.broker.drop({ bodyMaxBytes: withIt });
  rig.broker.open();
  rig.publish(SMALL, 1);
  rig.publish(SMALL, 2);
  await rig.answer(fitting);
  assert.deepEqual(rig.got, ['1 old {"kept":12}', 1, '2 old {"kept":1}']);
});

const space = fc.stringMatching(/^[ \n\r\t]{0,3}$/);
const value = fc.json().map((text) => encoder.encode(text));
const payload = fc.record({
  data: fc.oneof(fc.json(), fc.constantFrom('{"id":"1","n":900719925474099312345}', '"}"', '{"a":"}\\"}"}')),
  spaces: fc.array(space, { minLength: 6, maxLength: 6 }),
  isDataLast: fc.boolean(),
}).map(({ data, spaces: [a, b, c, d, e, f], isDataLast }) => {
  const head = `"t":"X"${a},${b}"op":${c}0,"s":1`;
  return isDataLast ? `{${head},"d":${data}${d}}${e}${f}` : `${f}{"d":${data}${d},${head}${e}}\n`;
});

Deno.test("StatePublisher adds what was kept before as the last member, and changes no other byte", () =>
  fc.assert(fc.asyncProperty(payload, value, async (text, old) => {
    const rig = Rig.opened();
    rig.plan.steps = () => [{ step: "delete", entity: { key: "channel:1", group: null }, wantsOld: true }];
    const published = { ...event(SMALL, 1), body: encoder.encode(text) };
    const before = Uint8Array.from(published.body);
    rig.publishEvent(published);
    await rig.answer(decoder.decode(old));
    const [{ body, ...properties } = published] = rig.broker.published;
    const { body: _, ...given } = published;
    assert.deepEqual(properties, given);
    assert.deepEqual(published.body, before);
    const out = decoder.decode(body);
    const added = `,"old":${decoder.decode(old)}`;
    const at = text.lastIndexOf("}");
    assert.equal(out, text.slice(0, at) + added + text.slice(at));
    assert.deepEqual(JSON.parse(out), { ...JSON.parse(text), old: JSON.parse(decoder.decode(old)) });
    assert.deepEqual(Object.keys(JSON.parse(out)).at(-1), "old");
  })));
