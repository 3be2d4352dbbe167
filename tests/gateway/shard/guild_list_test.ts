import assert from "node:assert/strict";
import fc from "fast-check";
import { GuildList } from "../../../gateway/shard/guild_list.ts";

Deno.test("GuildList holds each guild once, whatever order it was given", () => {
  const list = new GuildList([3n, 1n, 3n, 2n]);
  assert.deepEqual(list.ids(), [1n, 2n, 3n]);
});

Deno.test("GuildList tells guilds apart that are the same as numbers", () => {
  const list = new GuildList([9007199254740993n]);
  assert.equal(list.remove(9007199254740992n), false);
  assert.equal(list.add(9007199254740992n), true);
  assert.deepEqual(list.ids(), [9007199254740992n, 9007199254740993n]);
});

Deno.test("GuildList is a set of 64-bit ids, whatever is added and removed", () => {
  // From a small range, so that guilds meet again, and from the whole of it.
  const id = fc.oneof(fc.bigInt(0n, 20n), fc.bigInt(0n, 2n ** 64n - 1n));
  const step = fc.record({ kind: fc.constantFrom("add", "remove"), id });
  fc.assert(fc.property(fc.array(id), fc.array(step, { size: "+1" }), (first, steps) => {
    const list = new GuildList(first);
    const model = new Set(first);
    for (const { kind, id } of steps) {
      const known = model.has(id);
      if (kind === "add") {
        assert.equal(list.add(id), !known);
        model.add(id);
      } else {
        assert.equal(list.remove(id), known);
        model.delete(id);
      }
    }
    assert.deepEqual(list.ids(), [...model].sort((one, other) => one < other ? -1 : 1));
  }));
});
