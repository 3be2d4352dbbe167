import assert from "node:assert/strict";
import { LeaseHistory } from "../../chaos/lease_history.ts";

Deno.test("LeaseHistory knows who held a shard when, with a margin on either side", () => {
  const history = new LeaseHistory();
  history.took(3, 1, "one", 1_000);
  history.took(3, 2, "other", 5_000);
  const holds = (replica: string, atMs: number) => history.holds(replica, 3, atMs, 50);
  assert.deepEqual([900, 950, 3_000, 5_050, 5_051].map((atMs) => holds("one", atMs)), [
    false,
    true,
    true,
    true,
    false,
  ]);
  assert.deepEqual([4_949, 4_950, 1e9].map((atMs) => holds("other", atMs)), [false, true, true]);
  assert.equal(history.holds("one", 4, 3_000, 50), false);
  assert.equal(history.takings, 2);
});

Deno.test("LeaseHistory ends a tenure where the lease is let go of, and takes no heed of an older token", () => {
  const history = new LeaseHistory();
  history.took(0, 5, "one", 1_000);
  history.letGo(0, 4, 1_500);
  history.took(0, 5, "other", 1_600);
  assert.equal(history.holds("one", 0, 9_000, 0), true);
  history.letGo(0, 5, 2_000);
  history.letGo(0, 5, 3_000);
  assert.equal(history.holds("one", 0, 2_001, 0), false);
  assert.deepEqual([history.heldUntilMs("one", 0, 9_000), history.heldUntilMs("other", 0, 9_000)], [
    2_000,
    null,
  ]);
});

Deno.test("LeaseHistory tells whether others took a replica's shards meanwhile", () => {
  const history = new LeaseHistory();
  history.took(0, 1, "one", 1_000);
  history.took(0, 2, "other", 5_000);
  assert.equal(history.losesAny("one", 2_000, 5_000), true);
  for (
    const [replica, fromMs, untilMs] of [["one", 2_000, 4_999], ["one", 5_000, 9_000], [
      "other",
      2_000,
      9_000,
    ]] as const
  ) {
    assert.equal(history.losesAny(replica, fromMs, untilMs), false);
  }
  // Its own next process.
  history.took(1, 1, "one", 1_000);
  history.took(1, 2, "one", 3_000);
  assert.equal(history.losesAny("one", 2_000, 4_000), false);
});
