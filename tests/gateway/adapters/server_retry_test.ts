import assert from "node:assert/strict";
import { serverRetryDelayMs } from "../../../gateway/adapters/server_retry.ts";

Deno.test("serverRetryDelayMs() doubles from 100 ms to 5 s, and stays there", () => {
  const longestMs = [0, 1, 2, 3, 4, 5, 6, 7, 5_000].map((attempt) => serverRetryDelayMs(attempt, () => 1));
  assert.deepEqual(longestMs, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
});

Deno.test("serverRetryDelayMs() is at least half of the longest", () => {
  assert.equal(serverRetryDelayMs(2, () => 0), 200);
  assert.equal(serverRetryDelayMs(9, () => 0), 2_500);
});
