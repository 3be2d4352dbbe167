import assert from "node:assert/strict";
import { timestamp } from "../../../simulator/world/timestamp.ts";

Deno.test("timestamp() writes microseconds and the offset as Discord does", () => {
  assert.equal(timestamp(Date.UTC(2026, 7, 6, 12, 30, 45, 7)), "2026-08-06T12:30:45.007000+00:00");
});
