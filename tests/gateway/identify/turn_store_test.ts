import assert from "node:assert/strict";
import type { SharedTurns, TurnOutcome } from "../../../gateway/identify/shared_turns.ts";
import { turnTimes } from "../../../gateway/identify/shared_turns.ts";
import { TurnStore } from "../../../gateway/identify/turn_store.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";

// What every store promises, tests/fakes/memory_shared_turns_test.ts tries on it.

/** What becomes of the shard's turn with this number, all shards in one bucket. */
async function asked(turns: SharedTurns, shard: number, number: number): Promise<TurnOutcome | undefined> {
  const ask = { turns: [{ shard, token: `${turns.member}/${number}` }], concurrency: 1, remaining: 10 };
  const answer = await turns.take({ ...ask, mark: "0-0" });
  assert(answer?.kind === "counted");
  return answer.outcomes[0];
}

Deno.test("TurnStore.left() gives back what is held by one that is gone, and by nobody else", async () => {
  const clock = new ManualClock();
  const store = new TurnStore(clock);
  const [dead, other] = ["worker-1", "worker-1/2"].map((member) => store.of(member, turnTimes(5_000)));
  assert(dead !== undefined && other !== undefined);
  assert.deepEqual(await asked(dead, 0, 1), { kind: "taken" });
  assert.deepEqual(await asked(other, 1, 1), { kind: "busy", waitMs: 5_000 });
  store.left("worker-1");
  assert.deepEqual(await asked(other, 1, 2), { kind: "taken" });
  store.left("worker-1");
  assert.deepEqual(await asked(dead, 0, 2), { kind: "busy", waitMs: 5_000 });
});

Deno.test("TurnStore.left() keeps the bucket of a turn whose IDENTIFY may be on its way", async () => {
  const clock = new ManualClock();
  const store = new TurnStore(clock);
  const times = turnTimes(5_000);
  const [dead, other] = ["one", "two"].map((member) => store.of(member, times));
  assert(dead !== undefined && other !== undefined);
  await asked(dead, 0, 1);
  assert(await dead.confirm({ shard: 0, token: "one/1" }));
  store.left("one");
  assert.deepEqual(await asked(other, 1, 1), { kind: "busy", waitMs: times.confirmedMs + times.spacingMs });
});
