import assert from "node:assert/strict";
import fc from "fast-check";
import { type GatewayBot, IdentifyBudget } from "../../../gateway/identify/budget.ts";
import { IdentifyQueue } from "../../../gateway/identify/queue.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { SessionStarts } from "./session_starts.ts";

const SPACING_MS = 6_000;
const DAY_MS = 86_400_000;

interface RigOptions {
  maxConcurrency?: number;
  concurrency?: number | null;
  spacingMs?: number;
  remaining?: number;
  resetAfterMs?: number;
}

class QueueRig {
  readonly clock = new ManualClock();
  readonly queue: IdentifyQueue;
  readonly budget: IdentifyBudget;
  readonly resetAfterMs: number;
  remaining: number;
  reads = 0;
  /** Shards that hold a turn, in the order of the grants. */
  readonly granted: number[] = [];
  /** Every grant there was. */
  readonly grants: { shard: number; atMs: number }[] = [];

  constructor(options: RigOptions = {}) {
    const { maxConcurrency = 1, concurrency = null, spacingMs = SPACING_MS } = options;
    this.remaining = options.remaining ?? 1_000;
    this.resetAfterMs = options.resetAfterMs ?? DAY_MS;
    this.budget = new IdentifyBudget({
      clock: this.clock,
      dice: () => 0.5,
      observe: () => {},
      read: (): Promise<GatewayBot> => {
        this.reads += 1;
        const limit = { total: 1_000, remaining: this.remaining, resetAfterMs: this.resetAfterMs };
        const sessionStartLimit = { ...limit, maxConcurrency };
        return Promise.resolve({ url: "wss://gateway.example", shards: 1, sessionStartLimit });
      },
    });
    this.queue = new IdentifyQueue({
      clock: this.clock,
      budget: this.budget,
      spacingMs,
      concurrency,
      shared: () => null,
    });
  }

  request(...shards: number[]): void {
    for (const shard of shards) {
      this.queue.request(shard, () => {
        this.granted.push(shard);
        this.grants.push({ shard, atMs: this.clock.nowMs() });
      });
    }
  }

  /** The shard sends IDENTIFY. */
  use(shard: number): void {
    this.#release(shard);
    this.remaining -= 1;
    this.queue.used(shard);
  }

  giveBack(shard: number): void {
    this.#release(shard);
    this.queue.giveBack(shard);
  }

  /** Turns the clock and lets Discord answer. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await microtasksDone();
  }

  #release(shard: number): void {
    const index = this.granted.indexOf(shard);
    if (index !== -1) this.granted.splice(index, 1);
  }
}

Deno.test("IdentifyQueue grants the first turn as soon as the budget is known", async () => {
  const rig = new QueueRig();
  rig.request(0);
  assert.deepEqual(rig.granted, []);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [0]);
});

Deno.test("IdentifyQueue spaces the IDENTIFYs of a bucket from the one that was sent, not from its turn", async () => {
  const rig = new QueueRig();
  rig.request(0, 1);
  await rig.pass(0);
  await rig.pass(20_000);
  assert.deepEqual(rig.granted, [0], "a slow connection holds its turn");
  rig.use(0);
  await rig.pass(SPACING_MS - 1);
  assert.deepEqual(rig.granted, []);
  await rig.pass(1);
  assert.deepEqual(rig.granted, [1]);
  assert.equal(rig.grants.at(-1)?.atMs, 26_000);
});

Deno.test("IdentifyQueue grants the whole of one run together, one shard a bucket", async () => {
  const rig = new QueueRig({ maxConcurrency: 4 });
  rig.request(3, 1, 0, 2, 5, 4);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [0, 1, 2, 3]);
});

Deno.test("IdentifyQueue begins no run before every shard of the one before has identified", async () => {
  const rig = new QueueRig({ maxConcurrency: 2 });
  rig.request(0, 1, 2, 3);
  await rig.pass(0);
  rig.use(0);
  await rig.pass(60_000);
  assert.deepEqual(rig.granted, [1], "bucket 0 is free, but shard 2 belongs to the next run");
  rig.use(1);
  await rig.pass(SPACING_MS - 1);
  assert.deepEqual(rig.granted, [2], "bucket 0 has been free for long, bucket 1 has not");
  await rig.pass(1);
  assert.deepEqual(rig.granted, [2, 3]);
});

Deno.test("IdentifyQueue takes a shard of an earlier run first, though it asked later", async () => {
  const rig = new QueueRig({ maxConcurrency: 2 });
  rig.request(4, 6);
  await rig.pass(0);
  rig.request(0);
  rig.use(4);
  await rig.pass(SPACING_MS);
  assert.deepEqual(rig.granted, [0]);
});

Deno.test("IdentifyQueue takes SHARDS_CONCURRENCY over Discord's number", async () => {
  const rig = new QueueRig({ maxConcurrency: 16, concurrency: 2 });
  rig.request(0, 1, 2, 3);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [0, 1]);
});

Deno.test("IdentifyQueue without spacing grants the next turn when one is used", async () => {
  const rig = new QueueRig({ spacingMs: 0 });
  rig.request(0, 1, 2);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [0]);
  rig.use(0);
  assert.deepEqual(rig.granted, [1]);
  rig.use(1);
  assert.deepEqual(rig.granted, [2]);
});

Deno.test("IdentifyQueue grants one turn to a shard that asks twice", async () => {
  const rig = new QueueRig();
  rig.request(0);
  rig.queue.request(0, () => assert.fail("the first request stands"));
  await rig.pass(0);
  rig.request(0);
  await rig.pass(60_000);
  assert.deepEqual(rig.grants.map(({ shard }) => shard), [0]);
  rig.use(0);
  await rig.pass(SPACING_MS);
  assert.deepEqual(rig.granted, [], "asked while it held the turn");
  rig.request(0);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [0], "another turn, once the first is used");
});

Deno.test("IdentifyQueue lets a shard that has its turn give back another's at once", async () => {
  const rig = new QueueRig({ maxConcurrency: 2 });
  rig.queue.request(0, () => {
    rig.giveBack(1);
    rig.queue.giveBack(0);
  });
  rig.request(1);
  await rig.pass(0);
  rig.request(2, 3);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [2, 3], "whoever gave back holds nothing up");
});

Deno.test("IdentifyQueue grants no more than the budget has where a turn is used at once", async () => {
  const rig = new QueueRig({ maxConcurrency: 3, remaining: 2 });
  rig.queue.request(0, () => rig.use(0));
  rig.request(1, 2);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [1]);
});

Deno.test("IdentifyQueue.giveBack() lets the next shard have the turn at once", async () => {
  const rig = new QueueRig();
  rig.request(0, 1);
  await rig.pass(0);
  rig.giveBack(0);
  assert.deepEqual(rig.granted, [1]);
});

Deno.test("IdentifyQueue.giveBack() of a shard that still waits takes its request back", async () => {
  const rig = new QueueRig();
  rig.request(0, 1, 2);
  await rig.pass(0);
  rig.giveBack(1);
  rig.use(0);
  await rig.pass(SPACING_MS);
  assert.deepEqual(rig.granted, [2]);
});

Deno.test("IdentifyQueue.used() and giveBack() of a shard without a turn change nothing", async () => {
  const rig = new QueueRig();
  await rig.budget.refresh();
  rig.queue.used(7);
  rig.queue.giveBack(7);
  rig.request(0);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [0]);
  assert.deepEqual(rig.budget.allowance(0, 0, () => {}), { kind: "some", identifies: 1_000 });
});

Deno.test("IdentifyQueue looks each minute whether an exhausted budget has been filled again, and waits", async () => {
  const rig = new QueueRig({ remaining: 0, resetAfterMs: 3_600_000 });
  rig.request(0);
  await rig.pass(0);
  assert.deepEqual(rig.clock.deadlinesMs, [60_000]);
  await rig.pass(60_000);
  assert.equal(rig.reads, 2);
  assert.deepEqual(rig.granted, []);
  rig.remaining = 1_000;
  await rig.pass(60_000);
  assert.equal(rig.reads, 3);
  assert.deepEqual(rig.granted, [0]);
});

Deno.test("IdentifyQueue grants no more turns together than the budget has", async () => {
  const rig = new QueueRig({ maxConcurrency: 16, remaining: 2 });
  rig.request(0, 1, 2, 3);
  await rig.pass(0);
  assert.deepEqual(rig.granted, [0, 1]);
  rig.giveBack(0);
  assert.deepEqual(rig.granted, [1, 2], "a turn that comes back unused is another's");
});

Deno.test("IdentifyQueue.stop() grants nothing more and leaves no timer", async () => {
  const rig = new QueueRig();
  rig.request(0, 1);
  await rig.pass(0);
  rig.use(0);
  rig.queue.stop();
  rig.request(2);
  rig.clock.assertIdle();
  await rig.pass(60_000);
  assert.deepEqual(rig.granted, []);
});

// Whatever shards do and whenever Discord answers: order, spacing and budget are kept.

type Step =
  | { kind: "request"; shard: number }
  | { kind: "use"; at: number }
  | { kind: "giveBack"; shard: number }
  | { kind: "pass"; ms: number }
  | { kind: "answering"; answering: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("request"), shard: fc.nat(11) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("use"), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("giveBack"), shard: fc.nat(11) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("pass"),
      ms: fc.oneof(fc.nat(2_000), fc.constantFrom(0, 1, 2_999, 3_000, 5_000, 60_000)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("answering"), answering: fc.boolean() }) },
);

Deno.test("IdentifyQueue keeps budget, spacing and order through any history", async () => {
  const options = fc.record({
    concurrency: fc.integer({ min: 1, max: 4 }),
    spacingMs: fc.constantFrom(0, 3_000),
    total: fc.integer({ min: 1, max: 8 }),
    wayMs: fc.constantFrom(0, 1, 1_000, 4_000),
  });
  await fc.assert(
    fc.asyncProperty(
      options,
      fc.array(step, { maxLength: 120, size: "max" }),
      async ({ concurrency, spacingMs, total, wayMs }, steps) => {
        const clock = new ManualClock();
        const discord = new SessionStarts(clock, { total, windowMs: 100_000, wayMs });
        let answering = true;
        const budget = new IdentifyBudget({
          clock,
          dice: () => 0.5,
          observe: () => {},
          read: () => {
            const { remaining, resetAfterMs } = discord;
            const limit = { total, remaining, resetAfterMs, maxConcurrency: concurrency };
            return Promise.resolve(
              answering ? { url: "wss://gateway.example", shards: 1, sessionStartLimit: limit } : null,
            );
          },
        });
        const queue = new IdentifyQueue({ clock, budget, spacingMs, concurrency: null, shared: () => null });
        const waiting = new Set<number>();
        const granted: number[] = [];
        const identifiedAtMs = new Map<number, number>();
        const runOf = (shard: number) => Math.floor(shard / concurrency);
        const grant = (shard: number) => {
          assert(waiting.delete(shard), "a turn was granted to a shard that does not wait for one");
          const bucket = shard % concurrency;
          assert(granted.every((other) => other % concurrency !== bucket), "two turns in one bucket");
          assert(clock.nowMs() >= (identifiedAtMs.get(bucket) ?? -Infinity) + spacingMs, "too early");
          for (const other of waiting) {
            assert(
              runOf(other) >= runOf(shard),
              `shard ${shard} came before shard ${other} of an earlier run`,
            );
          }
          granted.push(shard);
        };

        for (const step of steps) {
          switch (step.kind) {
            case "request":
              if (granted.includes(step.shard)) break;
              waiting.add(step.shard);
              queue.request(step.shard, () => grant(step.shard));
              break;
            case "use": {
              const [shard] = granted.splice(step.at % granted.length, 1);
              if (shard === undefined) break;
              identifiedAtMs.set(shard % concurrency, clock.nowMs());
              discord.identify();
              queue.used(shard);
              break;
            }
            case "giveBack": {
              waiting.delete(step.shard);
              const index = granted.indexOf(step.shard);
              if (index !== -1) granted.splice(index, 1);
              queue.giveBack(step.shard);
              break;
            }
            case "pass":
              clock.advance(step.ms);
              break;
            case "answering":
              answering = step.answering;
          }
          await microtasksDone();
        }

        // And nobody is forgotten: with Discord answering, every shard that waits gets its turn.
        answering = true;
        for (let round = 0; round < 200 && (waiting.size > 0 || granted.length > 0); round += 1) {
          const [shard] = granted.splice(0, 1);
          if (shard !== undefined) {
            identifiedAtMs.set(shard % concurrency, clock.nowMs());
            discord.identify();
            queue.used(shard);
          }
          clock.advance(10_000);
          await microtasksDone();
        }
        assert.deepEqual([...waiting], []);
        assert(discord.remaining >= 0);
        queue.stop();
        budget.stop();
        clock.assertIdle();
      },
    ),
    { numRuns: 200 },
  );
});
