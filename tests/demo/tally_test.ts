import assert from "node:assert/strict";
import { Tally } from "../../demo/tally.ts";
import { LedgerDigest, sha256 } from "../../simulator/ledger_digest.ts";

function event(id: string, body: string, { type = "TYPING_START", repeated = false } = {}) {
  return { id, type, body: new TextEncoder().encode(body), repeated };
}

Deno.test("Tally.account is the simulator's for the same events in another order", () => {
  const ledger = new LedgerDigest();
  ledger.add("a:b", 1, sha256("one"));
  ledger.add("c", 2, sha256("two"));
  const tally = new Tally();
  tally.add(event("c:2", "two"));
  tally.add(event("a:b:1", "one"));
  assert.deepEqual(tally.account, { count: 2, digest: ledger.hex });
});

Deno.test("Tally.account differs when one byte does", () => {
  const [first, second] = [new Tally(), new Tally()];
  first.add(event("a:1", "one"));
  second.add(event("a:1", "onf"));
  assert.notEqual(first.account.digest, second.account.digest);
});

Deno.test("Tally counts a repeat apart, and RESUMED as consumed but not accounted for", () => {
  const tally = new Tally();
  tally.add(event("a:1", "one"));
  tally.add(event("a:1", "one", { repeated: true }));
  tally.add(event("a:2", "two", { type: "RESUMED" }));
  assert.deepEqual([tally.consumed, tally.repeats, tally.account.count], [2, 1, 1]);
});
