import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DISCORD_EPOCH_MS,
  IDS_PER_MILLISECOND,
  snowflake,
  snowflakeMs,
  SnowflakeSequence,
} from "../../../simulator/world/snowflake.ts";

Deno.test("snowflakeMs() reads the example of Discord's documentation", () => {
  assert.equal(snowflakeMs("175928847299117063"), 1_462_015_105_796);
});

Deno.test("snowflake() keeps the millisecond and the low bits it was given", () => {
  const times = fc.integer({ min: DISCORD_EPOCH_MS, max: DISCORD_EPOCH_MS + 2 ** 42 - 1 });
  fc.assert(fc.property(times, fc.integer({ min: 0, max: 2 ** 22 - 1 }), (atMs, low) => {
    const id = snowflake(atMs, low);
    assert.equal(snowflakeMs(id), atMs);
    assert.equal(Number(id & 0x3f_ffffn), low);
  }));
});

Deno.test("SnowflakeSequence.next() never repeats an id, be the clock still, late or early", () => {
  const nowMs = Date.UTC(2026, 7, 6);
  fc.assert(fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 500 }), (steps) => {
    const ids = new SnowflakeSequence();
    const given = steps.map((step) => ids.next(nowMs + step));
    assert.equal(new Set(given).size, given.length);
    for (const [index, id] of given.entries()) {
      assert.equal(snowflakeMs(id), nowMs + (steps[index] as number));
    }
  }));
});

Deno.test("SnowflakeSequence.next() stays clear of the ids that are derived from an index", () => {
  const ids = new SnowflakeSequence();
  for (let call = 0; call < 10_000; call++) {
    const low = Number(BigInt(ids.next(DISCORD_EPOCH_MS)) & 0x3f_ffffn);
    assert.ok(low >= IDS_PER_MILLISECOND && low < 2 * IDS_PER_MILLISECOND);
  }
});
