import assert from "node:assert/strict";
import type { Dispatch } from "../ledger.ts";
import { LedgerRig } from "./ledger_rig.ts";
import { OrderChecker } from "./order.ts";

function arriving(rig: LedgerRig, ...dispatches: Dispatch[]): string[] {
  const checker = new OrderChecker(rig.report);
  for (const dispatch of dispatches) {
    checker.taken(dispatch);
    dispatch.isTaken = true;
  }
  return rig.reports;
}

Deno.test("OrderChecker takes sessions in their order, gaps and repeats for what they are", () => {
  const rig = new LedgerRig();
  const [old, young] = [rig.session("old", 3), rig.session("young", 3)];
  const order = [rig.dispatch(old, 1), rig.dispatch(old, 3), rig.dispatch(old, 1), rig.dispatch(young, 1)];
  assert.deepEqual(arriving(rig, ...order, rig.dispatch(old, 3), rig.dispatch(young, 2)), []);
});

Deno.test("OrderChecker reports an event that comes after a later one of its session", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 3);
  assert.match(
    arriving(rig, rig.dispatch(session, 2), rig.dispatch(session, 1))[0] ?? "",
    /a:1 .* after a:2/,
  );
});

Deno.test("OrderChecker reports an event that comes after one of the next session", () => {
  const rig = new LedgerRig();
  const [old, young] = [rig.session("old", 2), rig.session("young", 1)];
  assert.match(
    arriving(rig, rig.dispatch(young, 1), rig.dispatch(old, 2))[0] ?? "",
    /old:2 .* after young:1/,
  );
});

Deno.test("OrderChecker lets late events come when they come, and holds nothing to them", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 4);
  const checker = new OrderChecker(rig.report);
  checker.taken(rig.dispatch(session, 2));
  checker.taken(rig.dispatch(session, 4), true);
  checker.taken(rig.dispatch(session, 1), true);
  checker.taken(rig.dispatch(session, 3));
  assert.deepEqual(rig.reports, []);
});

Deno.test("OrderChecker lets shards overtake each other, and what was refused or given up come later", () => {
  const rig = new LedgerRig();
  const [one, other] = [rig.session("one", 3, 0), rig.session("other", 2, 1)];
  rig.dispatch(one, 1).refusals = 1;
  rig.dispatch(one, 2).isExcused = true;
  const order = [rig.dispatch(other, 2), rig.dispatch(one, 3), rig.dispatch(one, 1), rig.dispatch(one, 2)];
  assert.deepEqual(arriving(rig, ...order), []);
});
