import assert from "node:assert/strict";
import { nextPhase, runningBy, supersededBy } from "../../../gateway/reshard/plan.ts";
import { reshardPlan, reshardReport } from "../../contracts/reshard_store_contract.ts";

const MEMBERS = new Set(["a", "b"]);
const NOT_LATE = { isLate: false };

Deno.test("What runs is in the other bank until the new sessions have taken over", () => {
  assert.deepEqual(runningBy(null), { bank: "a", total: null });
  for (const phase of ["rehearsing", "holding", "abandoned"] as const) {
    assert.deepEqual(runningBy(reshardPlan({ phase })), { bank: "a", total: 16 });
  }
  for (const phase of ["taking_over", "done"] as const) {
    assert.deepEqual(runningBy(reshardPlan({ phase })), { bank: "b", total: 32 });
  }
});

Deno.test("Numbers of earlier times stay known, but for the one that runs", () => {
  assert.deepEqual(supersededBy(null), []);
  assert.deepEqual(supersededBy(reshardPlan({ phase: "abandoned" })), [8]);
  assert.deepEqual(supersededBy(reshardPlan({ phase: "done" })), [8, 16]);
  assert.deepEqual(supersededBy(reshardPlan({ phase: "done", superseded: [8, 32] })), [8, 16], "back again");
});

Deno.test("A phase is over once it is for every member that is there", () => {
  const view = (
    phase: "rehearsing" | "holding" | "taking_over",
    ...[a, b]: Parameters<typeof reshardReport>[0][]
  ) => ({
    plan: reshardPlan({ phase }),
    reports: new Map(
      [["a", a], ["b", b], ["gone", {}]].flatMap(([member, report]) =>
        report === undefined ? [] : [[member as string, reshardReport(report as object)] as const]
      ),
    ),
  });
  const ready = { running: 8, ready: 16 };
  assert.equal(nextPhase(view("rehearsing", ready, ready), MEMBERS, NOT_LATE), "holding");
  assert.equal(nextPhase(view("rehearsing", ready, { running: 8, ready: 15 }), MEMBERS, NOT_LATE), null);
  assert.equal(nextPhase(view("rehearsing", { running: 7, ready: 16 }, ready), MEMBERS, NOT_LATE), null);
  const alone = { running: 16, ready: 32 };
  assert.equal(nextPhase(view("rehearsing", alone), MEMBERS, NOT_LATE), null, "one does not say");
  assert.equal(
    nextPhase(view("rehearsing", ready, { ...ready, obstacle: "it waits" }), MEMBERS, NOT_LATE),
    null,
  );
  const stale = { ...ready, hasTold: true };
  assert.equal(nextPhase(view("rehearsing", ready, stale), MEMBERS, NOT_LATE), null, "of an earlier try");
  const told = { ready: 16, hasTold: true };
  assert.equal(nextPhase(view("holding", told, told), MEMBERS, NOT_LATE), "taking_over");
  assert.equal(nextPhase(view("holding", told, ready), MEMBERS, NOT_LATE), null);
  assert.equal(nextPhase(view("holding", told, { ...told, ready: 15 }), MEMBERS, NOT_LATE), null);
  assert.equal(
    nextPhase(view("holding", { ...told, ready: 32 }, {}), new Set(["a"]), NOT_LATE),
    "taking_over",
  );
  const ended = { hasEnded: true };
  assert.equal(nextPhase(view("taking_over", ended, ended), MEMBERS, NOT_LATE), null, "another has reported");
  assert.equal(nextPhase(view("taking_over", ended, ended), MEMBERS, { isLate: true }), "done");
});
