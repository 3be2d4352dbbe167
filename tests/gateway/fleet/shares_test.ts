import assert from "node:assert/strict";
import fc from "fast-check";
import { shareOut, type Sharer } from "../../../gateway/fleet/shares.ts";

function sharer(id: string, fields: Partial<Sharer> = {}): Sharer {
  return { id, first: 0, last: Infinity, most: Infinity, leaving: false, ...fields };
}

/** Member → its shards. */
function shown(shares: ReadonlyMap<number, string>): Record<string, number[]> {
  const shown: Record<string, number[]> = {};
  for (const [shard, id] of [...shares].sort(([one], [other]) => one - other)) (shown[id] ??= []).push(shard);
  return shown;
}

function held(shares: Record<string, number[]>): Map<number, string> {
  return new Map(
    Object.entries(shares).flatMap(([id, shards]) => shards.map((shard) => [shard, id] as const)),
  );
}

Deno.test("shareOut() gives all shards to one who is alone", () => {
  assert.deepEqual(shown(shareOut(4, [sharer("a")], new Map())), { a: [0, 1, 2, 3] });
});

Deno.test("shareOut() gives a newcomer its share, and moves nothing else", () => {
  const shares = shareOut(
    9,
    [sharer("a"), sharer("b"), sharer("c")],
    held({ a: [0, 1, 2, 3], b: [4, 5, 6, 7, 8] }),
  );
  assert.deepEqual(shown(shares), { a: [0, 1, 2], b: [4, 5, 6], c: [3, 7, 8] });
});

Deno.test("shareOut() leaves everything as it is where loads differ by one", () => {
  const holders = held({ a: [0, 3, 4], b: [1, 2] });
  assert.deepEqual(shareOut(5, [sharer("a"), sharer("b")], holders), holders);
});

Deno.test("shareOut() shares what a member that is gone has left", () => {
  const holders = held({ a: [0, 1], gone: [2, 3], b: [4, 5] });
  assert.deepEqual(shown(shareOut(6, [sharer("a"), sharer("b")], holders)), { a: [0, 1, 2], b: [3, 4, 5] });
});

Deno.test("shareOut() takes from a leaving member what others have room for", () => {
  const holders = held({ a: [0, 1], b: [2, 3] });
  const leaving = [sharer("a"), sharer("b", { leaving: true })];
  assert.deepEqual(shown(shareOut(4, leaving, holders)), { a: [0, 1, 2, 3] });
  const full = [sharer("a", { most: 3 }), sharer("b", { leaving: true })];
  assert.deepEqual(shown(shareOut(4, full, holders)), { a: [0, 1, 2], b: [3] });
  assert.deepEqual(shown(shareOut(4, [sharer("b", { leaving: true })], holders)), { b: [2, 3] });
});

Deno.test("shareOut() gives no member more than it takes, or other shards than it may run", () => {
  const sharers = [sharer("a", { most: 2 }), sharer("b", { first: 6 }), sharer("c", { last: 3, most: 1 })];
  assert.deepEqual(shown(shareOut(8, sharers, new Map())), { a: [0, 2], b: [6, 7], c: [1] });
});

Deno.test("shareOut() gives nobody what is reserved", () => {
  assert.deepEqual(shown(shareOut(4, [sharer("a")], new Map(), new Set([1, 2]))), { a: [0, 3] });
});

Deno.test("shareOut() says the same whatever the order of the members", () => {
  const sharers = [sharer("c"), sharer("a"), sharer("b")];
  const holders = held({ c: [0, 1, 2, 3, 4, 5, 6] });
  assert.deepEqual(shareOut(8, sharers, holders), shareOut(8, sharers.toReversed(), holders));
});

Deno.test("shareOut() is fair, moves as little as it can, and says the same once it is done", () => {
  const members = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1 });
  const holders = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "gone", ""), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(fc.property(members, holders, (ids, holding) => {
    const held = new Map([...holding.entries()].filter(([, id]) => id !== ""));
    const sharers = ids.map((id) => sharer(id));
    const shares = shareOut(holding.length, sharers, held);
    assert.equal(shares.size, holding.length);
    const countOf = (id: string, of: ReadonlyMap<number, string>) =>
      [...of.values()].filter((holder) => holder === id).length;
    const counts = ids.map((id) => countOf(id, shares));
    assert(Math.max(...counts) - Math.min(...counts) <= 1);
    // Nobody who gives gets, and who gives had too many.
    for (const id of ids) {
      const kept = [...held].filter(([shard, holder]) => holder === id && shares.get(shard) === id).length;
      assert.equal(kept, Math.min(countOf(id, held), countOf(id, shares)));
    }
    assert.deepEqual(shareOut(holding.length, sharers, shares), shares);
  }));
});
