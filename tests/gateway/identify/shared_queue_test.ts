import assert from "node:assert/strict";
import { type GatewayBot, IdentifyBudget } from "../../../gateway/identify/budget.ts";
import { IdentifyQueue, type IdentifyTurn } from "../../../gateway/identify/queue.ts";
import { turnTimes } from "../../../gateway/identify/shared_turns.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryTurnStore } from "../../fakes/memory_shared_turns.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { Observations } from "../../fakes/observations.ts";

const SPACING_MS = 6_000;
const TIMES = turnTimes(SPACING_MS);

/** What all processes have in common. */
class Fleet {
  readonly clock = new ManualClock();
  readonly store = new MemoryTurnStore(this.clock);
  maxConcurrency = 1;
  remaining = 1_000;
  reads = 0;

  readonly read = (): Promise<GatewayBot> => {
    this.reads += 1;
    return Promise.resolve({
      url: "wss://gateway.example",
      shards: 1,
      sessionStartLimit: {
        total: 1_000,
        remaining: this.remaining,
        resetAfterMs: 3_600_000,
        maxConcurrency: this.maxConcurrency,
      },
    });
  };

  /** Turns the clock step by step, so that whatever is answered in between is heard. */
  async pass(ms: number): Promise<void> {
    await microtasksDone();
    const untilMs = this.clock.nowMs() + ms;
    while (true) {
      const dueMs = this.clock.deadlinesMs[0];
      if (dueMs === undefined || dueMs > untilMs) break;
      this.clock.advance(Math.max(0, dueMs - this.clock.nowMs()));
      await microtasksDone();
    }
    this.clock.advance(untilMs - this.clock.nowMs());
    await microtasksDone();
  }
}

class Process {
  readonly queue: IdentifyQueue;
  readonly budget: IdentifyBudget;
  readonly observations = new Observations();
  /** Shards that have a turn. */
  readonly turns = new Map<number, IdentifyTurn>();
  readonly #fleet: Fleet;
  /** Stops for what the process asks of the store and hears from it. */
  #held: (() => void)[] | null = null;

  constructor(fleet: Fleet, member: string) {
    this.#fleet = fleet;
    const { clock, store, read } = fleet;
    this.budget = new IdentifyBudget({ clock, dice: () => 0.5, observe: this.observations.observe, read });
    const shared = store.process(member, TIMES, () => {
      const held = this.#held;
      return held === null ? Promise.resolve() : new Promise((resolve) => held.push(resolve));
    });
    this.queue = new IdentifyQueue({
      clock,
      budget: this.budget,
      spacingMs: SPACING_MS,
      concurrency: null,
      shared: () => shared,
    });
  }

  request(...shards: number[]): void {
    for (const shard of shards) this.queue.request(shard, (turn) => this.turns.set(shard, turn));
  }

  get granted(): number[] {
    return [...this.turns.keys()];
  }

  /** Whether the turn was confirmed; undefined where nobody has said so. */
  async confirm(shard: number): Promise<boolean | undefined> {
    let isStillOurs: boolean | undefined;
    this.turns.get(shard)?.confirm((answer) => isStillOurs = answer);
    await microtasksDone();
    return isStillOurs;
  }

  /** Sends IDENTIFY. */
  async identify(shard: number): Promise<void> {
    assert.equal(await this.confirm(shard), true);
    this.turns.delete(shard);
    this.#fleet.remaining -= 1;
    this.queue.used(shard);
    await microtasksDone();
  }

  async giveBack(shard: number): Promise<void> {
    this.turns.delete(shard);
    this.queue.giveBack(shard);
    await microtasksDone();
  }

  /** Nothing reaches the store any more, nor comes from it, until {@link release}. */
  hold(): void {
    this.#held = [];
  }

  async release(): Promise<void> {
    const held = this.#held ?? [];
    this.#held = null;
    for (const resolve of held) resolve();
    await microtasksDone();
  }

  /** Dies: nothing is given back. */
  die(): void {
    this.hold();
    this.queue.stop();
    this.budget.stop();
    this.turns.clear();
  }
}

function twoProcesses(): { fleet: Fleet; one: Process; other: Process } {
  const fleet = new Fleet();
  return { fleet, one: new Process(fleet, "one"), other: new Process(fleet, "other") };
}

Deno.test("IdentifyQueue of a fleet grants a bucket to one process, spaced from the IDENTIFY that was sent", async () => {
  const { fleet, one, other } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  other.request(1);
  await fleet.pass(3_000);
  assert.deepEqual([one.granted, other.granted], [[0], []]);
  await one.identify(0);
  await fleet.pass(SPACING_MS - 1);
  assert.deepEqual(other.granted, []);
  await fleet.pass(1);
  assert.deepEqual(other.granted, [1]);
});

Deno.test("IdentifyQueue of a fleet grants other buckets to others at the same time", async () => {
  const { fleet, one, other } = twoProcesses();
  fleet.maxConcurrency = 2;
  one.request(0, 2);
  other.request(1, 3);
  await fleet.pass(0);
  assert.deepEqual([one.granted, other.granted], [[0], [1]]);
});

Deno.test("IdentifyQueue of a fleet keeps a turn while its shard connects, however long that takes", async () => {
  const { fleet, one, other } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  other.request(1);
  await fleet.pass(10 * SPACING_MS);
  assert.deepEqual(other.granted, []);
  await one.identify(0);
});

Deno.test("IdentifyQueue of a fleet waits for a process that died in its turn no longer than the spacing", async () => {
  const { fleet, one, other } = twoProcesses();
  one.request(0);
  await fleet.pass(30_000);
  other.request(1);
  await fleet.pass(0);
  one.die();
  await fleet.pass(SPACING_MS);
  assert.deepEqual(other.granted, [1]);
});

Deno.test("IdentifyQueue of a fleet waits the spacing after an IDENTIFY of which the store was not told", async () => {
  const { fleet, one, other } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  other.request(1);
  let identifiedAtMs: number | null = null;
  one.turns.get(0)?.confirm((isStillOurs) => {
    assert(isStillOurs);
    identifiedAtMs = fleet.clock.nowMs();
  });
  // The answer is on its way.
  one.hold();
  await fleet.pass(900);
  await one.release();
  assert.equal(identifiedAtMs, 900);
  one.die();
  await fleet.pass(SPACING_MS - 1);
  assert.deepEqual(other.granted, []);
  await fleet.pass(1_000);
  assert.deepEqual(other.granted, [1]);
});

Deno.test("IdentifyQueue of a fleet hears within a second that a turn was given back", async () => {
  const { fleet, one, other } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  other.request(1);
  await fleet.pass(0);
  await one.giveBack(0);
  await fleet.pass(1_000);
  assert.deepEqual(other.granted, [1]);
});

Deno.test("IdentifyQueue of a fleet gives back what it took for a shard that does not want it any more", async () => {
  const { fleet, one, other } = twoProcesses();
  await one.budget.refresh();
  one.request(0);
  await fleet.pass(0);
  await one.giveBack(0);
  one.hold();
  one.request(0);
  await fleet.pass(0);
  await one.giveBack(0);
  await one.release();
  assert.deepEqual(one.granted, []);
  other.request(1);
  await fleet.pass(0);
  assert.deepEqual(other.granted, [1]);
});

Deno.test("IdentifyQueue of a fleet gives back what it took while it was stopped", async () => {
  const { fleet, one, other } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  await one.giveBack(0);
  one.hold();
  one.request(0);
  await fleet.pass(0);
  one.queue.stop();
  await one.release();
  assert.deepEqual(one.granted, []);
  other.request(1);
  await fleet.pass(0);
  assert.deepEqual(other.granted, [1]);
});

Deno.test("IdentifyQueue of a fleet grants nothing while the store is away, and asks each second", async () => {
  const { fleet, one } = twoProcesses();
  fleet.store.away();
  one.request(0);
  await fleet.pass(60_000);
  assert.deepEqual(one.granted, []);
  fleet.store.back();
  await fleet.pass(1_000);
  assert.deepEqual(one.granted, [0]);
});

Deno.test("IdentifyQueue of a fleet confirms no turn that the store does not answer for within a second", async () => {
  const { fleet, one, other } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  one.hold();
  const answers: boolean[] = [];
  one.turns.get(0)?.confirm((isStillOurs) => answers.push(isStillOurs));
  await fleet.pass(999);
  assert.deepEqual(answers, []);
  await fleet.pass(1);
  assert.deepEqual(answers, [false]);
  await one.release();
  assert.deepEqual(answers, [false], "too late");
  await one.giveBack(0);
  other.request(1);
  await fleet.pass(0);
  assert.deepEqual(other.granted, [1], "and given back all the same");
});

Deno.test("IdentifyQueue of a fleet believes no answer that a process hears which stood still", async () => {
  const { fleet, one } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  one.hold();
  const answers: boolean[] = [];
  one.turns.get(0)?.confirm((isStillOurs) => answers.push(isStillOurs));
  await one.release();
  assert.deepEqual(answers, [true]);

  const standing = new Process(fleet, "standing");
  await one.giveBack(0);
  standing.request(1);
  await fleet.pass(0);
  standing.hold();
  const late: boolean[] = [];
  standing.turns.get(1)?.confirm((isStillOurs) => late.push(isStillOurs));
  await microtasksDone();
  fleet.clock.stall(TIMES.confirmedMs);
  await standing.release();
  assert.deepEqual(late, [false]);
});

Deno.test("IdentifyQueue of a fleet confirms no turn that has passed on to another process", async () => {
  const { fleet, one, other } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  other.request(1);
  one.hold();
  await fleet.pass(2 * SPACING_MS);
  assert.deepEqual(other.granted, [1]);
  await one.release();
  assert.equal(await one.confirm(0), false);
  await one.giveBack(0);
  await other.identify(1);
});

Deno.test("IdentifyQueue of a fleet answers no question about a turn that was given back", async () => {
  const { fleet, one } = twoProcesses();
  one.request(0);
  await fleet.pass(0);
  one.hold();
  one.turns.get(0)?.confirm(() => assert.fail("it was given back"));
  const given = one.giveBack(0);
  await one.release();
  await given;
  await fleet.pass(60_000);
  one.queue.stop();
  fleet.clock.assertIdle();
});

Deno.test("IdentifyQueue of a fleet spends the last of the budget once, and says that shards wait", async () => {
  const { fleet, one, other } = twoProcesses();
  fleet.maxConcurrency = 2;
  fleet.remaining = 1;
  one.request(0);
  other.request(1);
  await fleet.pass(0);
  assert.equal([...one.granted, ...other.granted].length, 1);
  await one.identify(0);
  await fleet.pass(30_000);
  assert.deepEqual(other.granted, []);
  assert.equal(other.observations.of("identify.exhausted").length, 1);
  fleet.remaining = 1_000;
  await fleet.pass(60_000);
  assert.deepEqual(other.granted, [1]);
});

Deno.test("IdentifyQueue of a fleet takes what others spent off its own reading", async () => {
  const { fleet, one, other } = twoProcesses();
  fleet.maxConcurrency = 16;
  fleet.remaining = 3;
  other.request(15);
  await fleet.pass(0);
  await other.giveBack(15);
  one.request(0, 1);
  await fleet.pass(0);
  for (const shard of [0, 1]) await one.identify(shard);
  other.request(2, 3);
  await fleet.pass(0);
  assert.deepEqual(other.granted, [2]);
  assert.equal(other.observations.of("identify.budget").at(-1)?.remaining, 1);
});

Deno.test("IdentifyQueue of a fleet gets a turn that came back though the budget had no other", async () => {
  const { fleet, one, other } = twoProcesses();
  fleet.maxConcurrency = 2;
  fleet.remaining = 1;
  one.request(0);
  await fleet.pass(0);
  other.request(1);
  await fleet.pass(2_000);
  assert.deepEqual(other.granted, []);
  await one.giveBack(0);
  await fleet.pass(1_000);
  assert.deepEqual(other.granted, [1]);
});

Deno.test("IdentifyQueue of a fleet reads Discord anew where nobody knows what was spent since its reading", async () => {
  const { fleet, one } = twoProcesses();
  await one.budget.refresh();
  assert.equal(fleet.reads, 1);
  one.request(0);
  await fleet.pass(0);
  assert.deepEqual([fleet.reads, one.granted], [2, [0]]);
  await one.giveBack(0);
  fleet.store.failOver();
  one.request(0);
  await fleet.pass(6_999);
  assert.deepEqual(one.granted, [], "the store may have forgotten who identified");
  await fleet.pass(1);
  assert.deepEqual(one.granted, [0]);
});

Deno.test("IdentifyQueue of a fleet leaves no timer once it is stopped and every turn is given back", async () => {
  const { fleet, one } = twoProcesses();
  one.request(0);
  await fleet.pass(5_000);
  one.queue.stop();
  await one.giveBack(0);
  fleet.clock.assertIdle();
});

Deno.test("IdentifyQueue that runs alone confirms its turns at once", () => {
  const clock = new ManualClock();
  const fleet = new Fleet();
  const budget = new IdentifyBudget({ clock, dice: () => 0.5, observe: () => {}, read: fleet.read });
  const queue = new IdentifyQueue({
    clock,
    budget,
    spacingMs: SPACING_MS,
    concurrency: null,
    shared: () => null,
  });
  const answers: boolean[] = [];
  return budget.refresh().then(() => {
    queue.request(0, (turn) => turn.confirm((isStillOurs) => answers.push(isStillOurs)));
    clock.advance(0);
    assert.deepEqual(answers, [true]);
  });
});
