import assert from "node:assert/strict";
import { EVENT_NAMES } from "../../../simulator/world/events.ts";

Deno.test("EVENT_NAMES has the 79 documented names, each once, in order", () => {
  assert.equal(EVENT_NAMES.length, 79);
  assert.deepEqual([...EVENT_NAMES], [...new Set(EVENT_NAMES)].sort());
});
