import assert from "node:assert/strict";
import { Ids } from "../../bench/path/ids.ts";

Deno.test("Ids counts repeats, and first copies behind a later event of their session", () => {
  const ids = new Ids();
  const first = ["a:1", "b:7", "a:3", "a:1", "a:2", "b:8", "a:2"].map((id) => ids.add(id));
  assert.deepEqual(first, [true, true, true, false, true, true, false]);
  assert.deepEqual(ids.counts, { distinct: 5, repeats: 2, outOfOrder: 1 });
});
