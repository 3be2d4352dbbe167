import assert from "node:assert/strict";
import { LedgerRig } from "./ledger_rig.ts";
import { PointChecker } from "./points.ts";

Deno.test("PointChecker.stored() reports a point ahead of what is confirmed", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 3);
  rig.confirm(session, 2);
  const checker = new PointChecker(rig.report);
  checker.stored(session, 2);
  assert.deepEqual(rig.reports, []);
  checker.stored(session, 3);
  assert.match(rig.reports[0] ?? "", /Redis holds a:3, confirmed is 2/);
});

Deno.test("PointChecker.stored() looks at what is confirmed without a hole", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 3);
  rig.confirm(session, 1);
  rig.dispatch(session, 3).isConfirmed = true;
  new PointChecker(rig.report).stored(session, 3);
  assert.match(rig.reports[0] ?? "", /confirmed is 1/);
});

Deno.test("PointChecker.spooled() reports a point ahead of what is confirmed or spooled", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 4);
  rig.confirm(session, 1);
  rig.dispatch(session, 2).isSpooled = true;
  const checker = new PointChecker(rig.report);
  checker.spooled(session, 2);
  assert.deepEqual(rig.reports, []);
  checker.spooled(session, 3);
  assert.match(rig.reports[0] ?? "", /the spool's point is a:3, confirmed or spooled is 2/);
});

Deno.test("PointChecker.storedAndForgotten() and spools that are apart let be reported what nobody else knows of", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 4);
  rig.confirm(session, 4);
  const checker = new PointChecker(rig.report, { areSpoolsApart: true });
  checker.storedAndForgotten(session, 2);
  checker.spooled(session, 3);
  checker.reported(session, 3, "heartbeat");
  assert.deepEqual(rig.reports, []);
  assert.deepEqual([session.storedThrough, session.spooledThrough], [null, null]);
});

Deno.test("PointChecker.reported() reports a heartbeat or RESUME ahead of both stored points", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 4);
  rig.confirm(session, 3);
  rig.dispatch(session, 4).isSpooled = true;
  const checker = new PointChecker(rig.report);
  checker.stored(session, 2);
  checker.reported(session, 2, "heartbeat");
  checker.spooled(session, 3);
  checker.reported(session, 3, "RESUME");
  assert.deepEqual(rig.reports, []);
  checker.reported(session, 4, "heartbeat");
  assert.match(rig.reports[0] ?? "", /a heartbeat carried a:4, stored is 3/);
});
