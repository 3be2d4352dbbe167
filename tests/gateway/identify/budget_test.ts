import assert from "node:assert/strict";
import { type Allowance, type GatewayBot, IdentifyBudget } from "../../../gateway/identify/budget.ts";
import type { Observation } from "../../../gateway/observation.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

const DAY_MS = 86_400_000;

class BudgetRig {
  readonly clock = new ManualClock();
  readonly observed: Observation[] = [];
  readonly budget: IdentifyBudget;
  /** What Discord says; null: it does not answer. */
  remaining: number | null = 1_000;
  resetAfterMs = DAY_MS;
  reads = 0;
  changes = 0;
  #held: (() => void)[] | null = null;

  constructor() {
    this.budget = new IdentifyBudget({
      clock: this.clock,
      dice: () => 0.5,
      observe: (observation) => this.observed.push(observation),
      read: () => {
        this.reads += 1;
        const answer = this.#answer();
        const held = this.#held;
        if (held === null) return Promise.resolve(answer);
        return new Promise((resolve) => held.push(() => resolve(answer)));
      },
    });
  }

  /** Answers of Discord's wait from now on for {@link release}. */
  hold(): void {
    this.#held = [];
  }

  async release(): Promise<void> {
    for (const answer of this.#held ?? []) answer();
    this.#held = null;
    await microtasksDone();
  }

  ask(granted = 0): Allowance {
    return this.budget.allowance(this.clock.nowMs(), granted, () => this.changes += 1);
  }

  /** Asks, and once more after the reading that this may have started. */
  async askUntilKnown(granted = 0): Promise<Allowance> {
    const allowance = this.ask(granted);
    if (allowance.kind !== "unknown") return allowance;
    await microtasksDone();
    return this.ask(granted);
  }

  of<Kind extends Observation["kind"]>(kind: Kind): Extract<Observation, { kind: Kind }>[] {
    return this.observed.filter((seen): seen is Extract<Observation, { kind: Kind }> => seen.kind === kind);
  }

  #answer(): GatewayBot | null {
    if (this.remaining === null) return null;
    return {
      url: "wss://gateway.example",
      shards: 4,
      sessionStartLimit: {
        total: 1_000,
        remaining: this.remaining,
        resetAfterMs: this.resetAfterMs,
        maxConcurrency: 16,
      },
    };
  }
}

Deno.test("IdentifyBudget.allowance() is unknown before the first reading, which it starts", async () => {
  const rig = new BudgetRig();
  assert.deepEqual([rig.budget.gateway, rig.budget.maxConcurrency], [null, 1]);
  assert.deepEqual(rig.ask(), { kind: "unknown" });
  await microtasksDone();
  assert.equal(rig.changes, 1);
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 1_000 });
  assert.equal(rig.budget.gateway?.shards, 4);
  assert.equal(rig.budget.maxConcurrency, 16);
  assert.deepEqual(rig.of("identify.budget"), [
    { kind: "identify.budget", remaining: 1_000, total: 1_000, resetsInMs: DAY_MS },
  ]);
});

Deno.test("IdentifyBudget.allowance() tells once of a reading, however often it is asked meanwhile", async () => {
  const rig = new BudgetRig();
  rig.hold();
  for (let asked = 0; asked < 3; asked++) assert.deepEqual(rig.ask(), { kind: "unknown" });
  await rig.release();
  assert.equal(rig.changes, 1);
  rig.clock.advance(5_000);
  rig.ask();
  await microtasksDone();
  assert.equal(rig.changes, 2, "and of the next");
});

Deno.test("IdentifyBudget.refresh() asks Discord once for all who wait", async () => {
  const rig = new BudgetRig();
  await Promise.all([rig.budget.refresh(), rig.budget.refresh(), rig.budget.refresh()]);
  assert.equal(rig.reads, 1);
});

Deno.test("IdentifyBudget.allowance() relies on a reading for five seconds, then on the next", async () => {
  const rig = new BudgetRig();
  await rig.budget.refresh();
  rig.remaining = 3;
  rig.clock.advance(4_999);
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 1_000 });
  rig.clock.advance(1);
  assert.deepEqual(rig.ask(), { kind: "unknown" });
  await microtasksDone();
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 3 });
  assert.equal(rig.reads, 2);
});

Deno.test("IdentifyBudget.allowance() takes off what is spent and what is granted", async () => {
  const rig = new BudgetRig();
  rig.remaining = 5;
  await rig.budget.refresh();
  rig.budget.spend();
  assert.deepEqual(rig.ask(3), { kind: "some", identifies: 1 });
  assert.deepEqual(rig.ask(4), { kind: "some", identifies: 0 });
});

Deno.test("IdentifyBudget counts an IDENTIFY twice that a reading may have missed, not one that it has", async () => {
  const rig = new BudgetRig();
  await rig.budget.refresh();
  rig.budget.spend();
  rig.clock.advance(1_000);
  rig.budget.spend();
  rig.clock.advance(4_000);
  rig.remaining = 998;
  rig.hold();
  const read = rig.budget.refresh();
  rig.budget.spend();
  await rig.release();
  await read;
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 996 });
});

Deno.test("IdentifyBudget never shows less than nothing", async () => {
  const rig = new BudgetRig();
  rig.remaining = 3;
  await rig.budget.refresh();
  rig.budget.spend();
  rig.budget.spend();
  rig.remaining = 1;
  await rig.budget.refresh();
  assert.equal(rig.of("identify.budget").at(-1)?.remaining, 0);
});

Deno.test("IdentifyBudget asks again, once a reading is old, before it believes its own count of none", async () => {
  const rig = new BudgetRig();
  rig.remaining = 1;
  await rig.budget.refresh();
  rig.clock.advance(1_000);
  rig.budget.spend();
  assert.deepEqual(rig.ask(), { kind: "none", untilMs: 5_000 });
  rig.clock.advance(4_000);
  rig.remaining = 2;
  assert.deepEqual(await rig.askUntilKnown(), { kind: "some", identifies: 1 });
  assert.deepEqual(rig.of("identify.exhausted"), []);
});

Deno.test("IdentifyBudget allows none where Discord says so, asks again each minute, and says it once", async () => {
  const rig = new BudgetRig();
  rig.remaining = 0;
  rig.resetAfterMs = 90_000;
  await rig.budget.refresh();
  assert.deepEqual(rig.ask(), { kind: "none", untilMs: 60_000 });
  assert.deepEqual(rig.ask(), { kind: "none", untilMs: 60_000 });
  rig.clock.advance(60_000);
  rig.resetAfterMs = 30_000;
  assert.deepEqual(await rig.askUntilKnown(), { kind: "none", untilMs: 90_000 });
  assert.deepEqual(rig.of("identify.exhausted"), [{ kind: "identify.exhausted", resetsInMs: 90_000 }]);
  rig.clock.advance(30_000);
  rig.remaining = 5;
  assert.deepEqual(await rig.askUntilKnown(), { kind: "some", identifies: 5 });
});

Deno.test("IdentifyBudget reads anew at the reset, however young its reading is", async () => {
  const rig = new BudgetRig();
  rig.remaining = 0;
  rig.resetAfterMs = 2_000;
  await rig.budget.refresh();
  rig.clock.advance(2_000);
  rig.remaining = 1_000;
  assert.deepEqual(rig.ask(), { kind: "unknown" });
  await microtasksDone();
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 1_000 });
});

Deno.test("IdentifyBudget asks a Discord that does not answer again, after pauses up to half a minute", async () => {
  const rig = new BudgetRig();
  rig.remaining = null;
  const pausesMs: number[] = [];
  await rig.budget.refresh();
  for (let round = 0; round < 8; round += 1) {
    const again = rig.budget.refresh();
    const [dueMs] = rig.clock.deadlinesMs;
    assert(dueMs !== undefined);
    pausesMs.push(dueMs - rig.clock.nowMs());
    assert.equal(rig.reads, round + 1, "not before the pause is over");
    rig.clock.advance(dueMs - rig.clock.nowMs());
    await again;
  }
  assert.deepEqual(pausesMs, [750, 1_500, 3_000, 6_000, 12_000, 22_500, 22_500, 22_500]);
});

Deno.test("IdentifyBudget pauses no more once Discord has answered", async () => {
  const rig = new BudgetRig();
  rig.remaining = null;
  await rig.budget.refresh();
  rig.remaining = 7;
  const again = rig.budget.refresh();
  rig.clock.advance(750);
  await again;
  await rig.budget.refresh();
  assert.equal(rig.reads, 3);
  rig.clock.assertIdle();
});

Deno.test("IdentifyBudget counts an older reading down for ten minutes while Discord does not answer", async () => {
  const rig = new BudgetRig();
  rig.remaining = 2;
  await rig.budget.refresh();
  rig.remaining = null;
  rig.clock.advance(5_000);
  assert.deepEqual(rig.ask(), { kind: "unknown" }, "the first attempt may yet succeed");
  await microtasksDone();
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 2 });
  rig.budget.spend();
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 1 });
  rig.budget.spend();
  assert.deepEqual(rig.ask(), { kind: "unknown" }, "nothing left to count down, and a reading is under way");
  rig.budget.stop();
});

Deno.test("IdentifyBudget relies on no reading older than ten minutes", async () => {
  const rig = new BudgetRig();
  await rig.budget.refresh();
  rig.remaining = null;
  rig.clock.advance(5_000);
  rig.ask();
  await microtasksDone();
  rig.clock.advance(595_000);
  await microtasksDone();
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 1_000 });
  rig.clock.advance(1);
  assert.deepEqual(rig.ask(), { kind: "unknown" });
  rig.budget.stop();
});

Deno.test("IdentifyBudget relies on no reading over a reset that Discord has not confirmed", async () => {
  const rig = new BudgetRig();
  rig.resetAfterMs = 60_000;
  await rig.budget.refresh();
  rig.remaining = null;
  rig.clock.advance(60_000);
  assert.deepEqual(rig.ask(), { kind: "unknown" });
  await microtasksDone();
  assert.deepEqual(rig.ask(), { kind: "unknown" });
  rig.budget.stop();
});

Deno.test("IdentifyBudget warns of a low budget once until the reset", async () => {
  const rig = new BudgetRig();
  rig.remaining = 101;
  rig.resetAfterMs = 60_000;
  await rig.budget.refresh();
  assert.deepEqual(rig.of("identify.low"), []);
  rig.budget.spend();
  rig.budget.spend();
  assert.deepEqual(rig.of("identify.low"), [
    { kind: "identify.low", remaining: 100, total: 1_000, resetsInMs: 60_000 },
  ]);
  rig.clock.advance(60_000);
  rig.remaining = 90;
  await rig.budget.refresh();
  assert.equal(rig.of("identify.low").length, 2);
});

Deno.test("IdentifyBudget.freshen() reads where the last reading is old, and only then", async () => {
  const rig = new BudgetRig();
  rig.budget.freshen();
  await microtasksDone();
  rig.clock.advance(4_999);
  rig.budget.freshen();
  assert.equal(rig.reads, 1);
  rig.clock.advance(1);
  rig.budget.freshen();
  await microtasksDone();
  assert.equal(rig.reads, 2);
});

Deno.test("IdentifyBudget.stop() ends a pause without another reading", async () => {
  const rig = new BudgetRig();
  rig.remaining = null;
  await rig.budget.refresh();
  const again = rig.budget.refresh();
  rig.budget.stop();
  await again;
  assert.equal(rig.reads, 1);
  await rig.budget.refresh();
  assert.equal(rig.reads, 1);
  rig.clock.assertIdle();
});

// What a fleet counts.

Deno.test("IdentifyBudget dates a reading by the mark that was known when Discord was asked", async () => {
  const rig = new BudgetRig();
  await rig.budget.refresh();
  assert.equal(rig.budget.reading?.mark, null);
  rig.budget.dateReadings("1-5");
  rig.hold();
  const read = rig.budget.refresh();
  rig.budget.dateReadings("1-9");
  await rig.release();
  await read;
  assert.equal(rig.budget.reading?.mark, "1-5");
  await rig.budget.refresh();
  assert.equal(rig.budget.reading?.mark, "1-9");
});

Deno.test("IdentifyBudget.counted() is what is left of that reading, and of no later one", async () => {
  const rig = new BudgetRig();
  await rig.budget.refresh();
  const first = rig.budget.gateway;
  assert(first !== null);
  rig.budget.counted(first, 700);
  rig.budget.counted(first, 700);
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 700 });
  assert.deepEqual(rig.of("identify.budget").map(({ remaining }) => remaining), [1_000, 700]);
  rig.budget.counted(first, -3);
  assert.deepEqual(rig.ask(), { kind: "none", untilMs: 5_000 });
  await rig.budget.refresh();
  rig.budget.counted(first, 1);
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 1_000 });
});

Deno.test("IdentifyBudget relies no more on a reading that nothing can be counted from, whatever Discord answers", async () => {
  const rig = new BudgetRig();
  await rig.budget.refresh();
  const first = rig.budget.gateway;
  assert(first !== null);
  rig.remaining = null;
  rig.budget.uncountable(first);
  assert.deepEqual(rig.ask(), { kind: "unknown" });
  await microtasksDone();
  assert.deepEqual(rig.ask(), { kind: "unknown" });
  rig.remaining = 7;
  rig.clock.advance(1_000);
  await microtasksDone();
  rig.budget.uncountable(first);
  assert.deepEqual(rig.ask(), { kind: "some", identifies: 7 });
});

Deno.test("IdentifyBudget is asked again at the moment that it named, though times have fractions", async () => {
  const rig = new BudgetRig();
  rig.remaining = 1;
  rig.clock.advance(22_348 / 7);
  await rig.budget.refresh();
  rig.budget.spend();
  const allowance = rig.ask();
  assert(allowance.kind === "none");
  assert(allowance.untilMs - rig.clock.nowMs() < 5_000, "the difference loses a bit");
  const asked: string[] = [];
  rig.clock.schedule(allowance.untilMs, () => asked.push(rig.ask().kind));
  rig.clock.advance(5_001);
  assert.deepEqual(asked, ["unknown"]);
});
