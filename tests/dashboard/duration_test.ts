import assert from "node:assert/strict";
import { durationText } from "../../dashboard/duration.ts";

Deno.test("durationText() uses two units at most", () => {
  const texts = [0, 999, 1_000, 41_250, 60_000, 185_000, 3_599_900, 7_800_000, 200_000_000].map(durationText);
  assert.deepEqual(texts, [
    "0 s",
    "999 ms",
    "1 s",
    "41.25 s",
    "1 min",
    "3 min 5 s",
    "1 h",
    "2 h 10 min",
    "2 d 8 h",
  ]);
});
