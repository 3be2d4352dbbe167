import assert from "node:assert/strict";
import fc from "fast-check";
import { POPULATION, Population } from "../../../simulator/world/population.ts";
import { DISCORD_OPENED_MS, snowflakeMs } from "../../../simulator/world/snowflake.ts";

const START_MS = Date.UTC(2026, 7, 6);
const population = new Population(5, START_MS);
const people = fc.integer({ min: 0, max: POPULATION - 1 });

Deno.test("Population.user() makes the same person from the same number", () => {
  fc.assert(fc.property(people, (person) => {
    assert.deepEqual(new Population(5, START_MS).user(person), population.user(person));
  }));
});

Deno.test("Population.userId() grows with the number, so that no two people share one", () => {
  fc.assert(fc.property(people, people, (one, other) => {
    const difference = BigInt(population.userId(one)) - BigInt(population.userId(other));
    assert.equal(Math.sign(Number(difference)), Math.sign(one - other));
  }));
});

Deno.test("Population.userId() is of an account opened before the start", () => {
  fc.assert(fc.property(people, (person) => {
    const openedMs = snowflakeMs(population.userId(person));
    assert.ok(openedMs >= DISCORD_OPENED_MS && openedMs < START_MS);
  }));
});

Deno.test("Population.walk() meets nobody twice", () => {
  const strides = fc.integer({ min: 1, max: POPULATION - 1 });
  fc.assert(
    fc.property(people, strides, (start, stride) => {
      const met = new Set<number>();
      for (let step = 0; step < 2_000; step++) met.add(population.walk(start, stride, step));
      assert.equal(met.size, 2_000);
    }),
    { numRuns: 20 },
  );
});

Deno.test("Population has a prime number of people, on which walking rests", () => {
  for (let divisor = 2; divisor * divisor <= POPULATION; divisor++) {
    assert.notEqual(POPULATION % divisor, 0, `divisible by ${divisor}`);
  }
});
