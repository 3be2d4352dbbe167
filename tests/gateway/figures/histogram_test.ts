import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram } from "../../../gateway/figures/histogram.ts";

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

Deno.test("Histogram.percentileMs() is exact for short times", () => {
  const histogram = histogramOf(Array.from({ length: 60 }, (_, ms) => ms + 0.4));
  assert.equal(histogram.percentileMs(0.5), 29);
  assert.equal(histogram.percentileMs(0.99), 59);
  assert.equal(histogram.percentileMs(0), 0);
  assert.equal(histogram.percentileMs(1), 59);
  assert.equal(histogram.count, 60);
});

Deno.test("Histogram.percentileMs() is within 2 % of the value, whatever the values are", () => {
  const times = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
      const sorted = values.toSorted((one, other) => one - other);
      const exact = sorted[Math.max(1, Math.ceil(values.length * share)) - 1] ?? 0;
      const told = histogramOf(values).percentileMs(share) ?? NaN;
      assert(Math.abs(told - exact) <= exact * 0.02, `${told} for ${exact}`);
      assert.equal(histogramOf(values).maxMs, sorted.at(-1));
    }),
    { examples: [[[63, 64], 1], [[127, 128, 129], 0.5], [[2 ** 31 - 1], 1]] },
  );
});

Deno.test("Histogram counts what no clock should say as the nearest time that may be", () => {
  assert.equal(histogramOf([-5]).percentileMs(1), 0);
  assert.equal(histogramOf([1e12]).maxMs, 2 ** 31 - 1);
});

Deno.test("Histogram has nothing to say before anything was added, and after clear()", () => {
  const histogram = new Histogram();
  assert.deepEqual([histogram.percentileMs(0.5), histogram.maxMs, histogram.count], [null, null, 0]);
  histogram.add(7_000);
  histogram.clear();
  assert.deepEqual([histogram.percentileMs(0.5), histogram.maxMs, histogram.count], [null, null, 0]);
  histogram.add(3);
  assert.deepEqual([histogram.percentileMs(0.99), histogram.maxMs], [3, 3]);
});
