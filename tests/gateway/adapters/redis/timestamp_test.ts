import assert from "node:assert/strict";
import { timestampText } from "../../../../gateway/adapters/redis/timestamp.ts";

Deno.test("timestampText() has six digits of a second and no zone, always", () => {
  assert.equal(timestampText(Date.UTC(2026, 10, 3, 4, 5, 6, 7)), "2026-11-03T04:05:06.007000");
  assert.equal(timestampText(0), "1970-01-01T00:00:00.000000");
  assert.equal(timestampText(1_700_000_000_123.9), "2023-11-14T22:13:20.123000");
});
