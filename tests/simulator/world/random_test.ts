import assert from "node:assert/strict";
import fc from "fast-check";
import { CONCERN, Random, streamSeed } from "../../../simulator/world/random.ts";

const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

Deno.test("Random yields the same draws from the same state", () => {
  fc.assert(fc.property(fc.integer(), (state) => {
    const one = new Random(state);
    const other = new Random(state);
    for (let draw = 0; draw < 20; draw++) assert.equal(one.bits(), other.bits());
  }));
});

Deno.test("Random.restart() goes back to the first draw of a stream", () => {
  const random = new Random(7);
  const first = random.bits();
  random.bits();
  random.restart(7);
  assert.equal(random.bits(), first);
});

Deno.test("Random.below() and Random.between() stay in their ranges", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 1_000_000 }), fc.integer(), (state, count, least) => {
      const random = new Random(state);
      const below = random.below(count);
      assert.ok(Number.isInteger(below) && below >= 0 && below < count);
      const between = random.between(least, least + count);
      assert.ok(between >= least && between <= least + count);
    }),
  );
});

Deno.test("Random.below() reaches every number about equally often", () => {
  const random = new Random(3);
  const counts = new Array<number>(10).fill(0);
  for (let draw = 0; draw < 10_000; draw++) counts[random.below(10)]! += 1;
  for (const count of counts) assert.ok(count > 850 && count < 1_150, `${counts}`);
});

Deno.test("Random.chance() never happens at 0 and always at 1", () => {
  const random = new Random(4);
  for (let draw = 0; draw < 1_000; draw++) {
    assert.equal(random.chance(0), false);
    assert.equal(random.chance(1), true);
  }
});

Deno.test("Random.pick() refuses an empty list", () => {
  assert.throws(() => new Random(1).pick([]), {
    name: "RangeError",
    message: "Cannot pick an item: the list is empty",
  });
});

Deno.test("Random.hex() has as many digits as asked", () => {
  assert.match(new Random(1).hex(32), /^[0-9a-f]{32}$/);
});

Deno.test("streamSeed() is an unsigned 32-bit number, the same for the same numbers", () => {
  fc.assert(fc.property(seeds, fc.nat(), fc.nat(), (seed, first, second) => {
    const state = streamSeed(seed, CONCERN.user, first, second);
    assert.ok(Number.isInteger(state) && state >= 0 && state < 2 ** 32);
    assert.equal(streamSeed(seed, CONCERN.user, first, second), state);
  }));
});

Deno.test("streamSeed() tells apart seeds, concerns and numbers that differ by one", () => {
  fc.assert(fc.property(seeds, fc.nat(), fc.nat(), (seed, first, second) => {
    const states = [
      streamSeed(seed, CONCERN.user, first, second),
      streamSeed(seed === 0 ? 1 : seed - 1, CONCERN.user, first, second),
      streamSeed(seed, CONCERN.guild, first, second),
      streamSeed(seed, CONCERN.user, first + 1, second),
      streamSeed(seed, CONCERN.user, first, second + 1),
    ];
    assert.equal(new Set(states).size, states.length);
  }));
});

Deno.test("streamSeed() uses the bits of a seed above the 32nd", () => {
  assert.notEqual(streamSeed(5, CONCERN.user), streamSeed(5 + 2 ** 32, CONCERN.user));
});
