import assert from "node:assert/strict";
import fc from "fast-check";
import { reconnectDelayMs } from "../../../gateway/shard/backoff.ts";

Deno.test("reconnectDelayMs() spreads the first reconnect over half a second", () => {
  assert.equal(reconnectDelayMs(0, () => 0), 0);
  assert.equal(reconnectDelayMs(0, () => 0.5), 250);
});

Deno.test("reconnectDelayMs() doubles from a second to a minute, each between half and the whole of it", () => {
  const wholeMs = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
  for (const [index, whole] of wholeMs.entries()) {
    assert.equal(reconnectDelayMs(index + 1, () => 0), whole / 2);
    assert.equal(reconnectDelayMs(index + 1, () => 0.5), whole * 0.75);
  }
});

Deno.test("reconnectDelayMs() is never more than a minute, and from the second attempt never less than half a second", () => {
  const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(fc.property(fc.nat(), dice, (attempt, dice) => {
    const delayMs = reconnectDelayMs(attempt, () => dice);
    assert(delayMs >= (attempt === 0 ? 0 : 500));
    assert(delayMs <= 60_000);
  }));
});
