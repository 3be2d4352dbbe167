import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededDice } from "./seeded_dice.ts";

Deno.test("SeededDice rolls the same for the same seed, and otherwise for its neighbour", () => {
  const rolls = (seed: number) => {
    const dice = new SeededDice(seed);
    return Array.from({ length: 8 }, dice.roll);
  };
  assert.deepEqual(rolls(5), rolls(5));
  assert.notDeepEqual(rolls(5), rolls(6));
});

Deno.test("SeededDice.between() gives whole numbers from the lowest to the highest, and all of them", () => {
  fc.assert(fc.property(fc.nat(), fc.integer({ min: -5, max: 5 }), fc.nat(5), (seed, lowest, span) => {
    const dice = new SeededDice(seed);
    const rolled = new Set(Array.from({ length: 400 }, () => dice.between(lowest, lowest + span)));
    assert.deepEqual(
      [...rolled].toSorted((one, other) => one - other),
      Array.from({ length: span + 1 }, (_, index) => lowest + index),
    );
  }));
});

Deno.test("SeededDice.fork() gives dice that the first ones do not move", () => {
  const dice = new SeededDice(1);
  const fork = dice.fork();
  const expected = new SeededDice(1).fork().roll();
  dice.roll();
  assert.equal(fork.roll(), expected);
});

Deno.test("SeededDice.pick() refuses to pick of nothing", () => {
  assert.throws(() => new SeededDice(1).pick([]), RangeError);
});
