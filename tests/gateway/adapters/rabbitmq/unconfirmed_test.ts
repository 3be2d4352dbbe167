import assert from "node:assert/strict";
import fc from "fast-check";
import { Unconfirmed } from "../../../../gateway/adapters/rabbitmq/unconfirmed.ts";

/** Messages are their own numbers. Returns those that the answer was about, in the order of the calls. */
function settledBy(unconfirmed: Unconfirmed<number>, tag: number, multiple: boolean): number[] {
  const settled: number[] = [];
  unconfirmed.answer(tag, multiple, (message) => settled.push(message));
  return settled;
}

function withMessages(count: number): Unconfirmed<number> {
  const unconfirmed = new Unconfirmed<number>();
  for (let tag = 1; tag <= count; tag++) unconfirmed.add(tag);
  return unconfirmed;
}

Deno.test("Unconfirmed.answer() settles the message of that number alone, whatever the order", () => {
  const unconfirmed = withMessages(3);
  assert.deepEqual(settledBy(unconfirmed, 2, false), [2]);
  assert.deepEqual(settledBy(unconfirmed, 3, false), [3]);
  assert.deepEqual(settledBy(unconfirmed, 1, false), [1]);
});

Deno.test("Unconfirmed.answer() with multiple settles all up to it that were not answered before, oldest first", () => {
  const unconfirmed = withMessages(5);
  assert.deepEqual(settledBy(unconfirmed, 2, false), [2]);
  assert.deepEqual(settledBy(unconfirmed, 4, true), [1, 3, 4]);
  assert.deepEqual(settledBy(unconfirmed, 5, true), [5]);
});

Deno.test("Unconfirmed.answer() takes 0 with multiple for all that there is", () => {
  const unconfirmed = withMessages(4);
  assert.deepEqual(settledBy(unconfirmed, 3, false), [3]);
  assert.deepEqual(settledBy(unconfirmed, 0, true), [1, 2, 4]);
  assert.deepEqual(settledBy(unconfirmed, 0, true), []);
});

Deno.test("Unconfirmed.answer() takes 0 without multiple for nothing, because no message has that number", () => {
  const unconfirmed = withMessages(2);
  assert.deepEqual(settledBy(unconfirmed, 0, false), []);
  assert.deepEqual(settledBy(unconfirmed, 2, true), [1, 2]);
});

Deno.test("Unconfirmed.answer() settles nothing twice", () => {
  const unconfirmed = withMessages(4);
  assert.deepEqual(settledBy(unconfirmed, 3, false), [3]);
  assert.deepEqual(settledBy(unconfirmed, 3, false), []);
  assert.deepEqual(settledBy(unconfirmed, 3, true), [1, 2]);
  assert.deepEqual(settledBy(unconfirmed, 3, true), []);
  assert.deepEqual(settledBy(unconfirmed, 1, false), []);
  assert.deepEqual(settledBy(unconfirmed, 4, false), [4]);
});

Deno.test("Unconfirmed.answer() of numbers that were never given settles what there is below them, and comes to an end", () => {
  for (const tag of [3, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const unconfirmed = withMessages(2);
    assert.deepEqual(settledBy(unconfirmed, tag, false), []);
    assert.deepEqual(settledBy(unconfirmed, tag, true), [1, 2]);
    unconfirmed.add(3);
    assert.deepEqual(settledBy(unconfirmed, 3, false), [3]);
  }
});

Deno.test("Unconfirmed.answer() leaves alone what is added while it calls back", () => {
  for (const tag of [0, 2, 10]) {
    const unconfirmed = withMessages(2);
    const settled: number[] = [];
    unconfirmed.answer(tag, true, (message) => {
      settled.push(message);
      unconfirmed.add(message + 2);
    });
    assert.deepEqual(settled, [1, 2]);
    assert.deepEqual(settledBy(unconfirmed, 4, false), [4]);
    assert.deepEqual(settledBy(unconfirmed, 3, false), [3]);
  }
});

Deno.test("Unconfirmed counts on over many thousand messages, however many are on their way", () => {
  for (const underWay of [1, 2, 1_023, 1_024, 1_025, 3_000]) {
    const unconfirmed = withMessages(underWay);
    for (let tag = 1; tag <= 20_000; tag++) {
      unconfirmed.add(underWay + tag);
      assert.deepEqual(settledBy(unconfirmed, tag, tag % 7 === 0), [tag]);
    }
    assert.equal(settledBy(unconfirmed, 0, true).length, underWay);
  }
});

interface Step {
  /** Published before the answer. */
  readonly added: number;
  /** Which number is answered, given the unanswered ones and how many there have been. */
  readonly tag: (waiting: readonly number[], given: number) => number;
  readonly multiple: boolean;
  /** How many of its callbacks publish another. */
  readonly addedWithin: number;
}

const tag: fc.Arbitrary<Step["tag"]> = fc.oneof(
  {
    arbitrary: fc.nat().map((pick) => (waiting: readonly number[]) => waiting[pick % waiting.length] ?? 1),
    weight: 4,
  },
  { arbitrary: fc.nat(3).map((pick) => (waiting: readonly number[]) => waiting[pick] ?? 1), weight: 2 },
  {
    arbitrary: fc.nat().map((pick) => (_: readonly number[], given: number) => pick % (given + 1)),
    weight: 2,
  },
  fc.integer({ min: 1, max: 5 }).map((more) => (_: readonly number[], given: number) => given + more),
  fc.constantFrom(0, -1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER).map((tag) => () => tag),
);
const step: fc.Arbitrary<Step> = fc.record({
  added: fc.oneof(
    { arbitrary: fc.nat(3), weight: 8 },
    // Across the bound at which an answered front is let go of.
    fc.integer({ min: 1_000, max: 1_100 }),
  ),
  tag,
  multiple: fc.boolean(),
  addedWithin: fc.nat(3),
});

Deno.test("Unconfirmed does as a plain table of numbers and messages would, whatever is answered in which order", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
    const unconfirmed = new Unconfirmed<number>();
    const waiting = new Set<number>();
    let given = 0;
    const add = () => {
      given += 1;
      waiting.add(given);
      unconfirmed.add(given);
    };
    const settledAs = (tag: number, multiple: boolean, addedWithin: number) => {
      const expected = [...waiting].filter((message) =>
        multiple ? tag === 0 || message <= tag : message === tag
      );
      for (const message of expected) waiting.delete(message);
      const settled: number[] = [];
      unconfirmed.answer(tag, multiple, (message) => {
        settled.push(message);
        if (settled.length <= addedWithin) add();
      });
      assert.deepEqual(settled, expected);
    };
    for (const { added, tag, multiple, addedWithin } of steps) {
      for (let count = 0; count < added; count++) add();
      settledAs(tag([...waiting], given), multiple, addedWithin);
    }
    settledAs(0, true, 0);
    add();
    settledAs(given, false, 0);
  }));
});
