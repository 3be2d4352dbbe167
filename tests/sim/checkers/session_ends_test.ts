import assert from "node:assert/strict";
import { LedgerRig } from "./ledger_rig.ts";
import { SessionEndChecker } from "./session_ends.ts";

Deno.test("SessionEndChecker reports a session that was given up unasked, if anybody could know of it", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 2);
  const checker = new SessionEndChecker(rig.report);
  checker.givenUp(session, false);
  session.spooledThrough = 1;
  checker.givenUp(session, true);
  assert.deepEqual(rig.reports, []);
  checker.givenUp(session, false);
  assert.match(rig.reports[0] ?? "", /session a was given up, which Discord still had/);
});

Deno.test("SessionEndChecker reports a RESUME from before what was reported, unless the disk was damaged", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 9);
  const checker = new SessionEndChecker(rig.report);
  checker.trimmed(session, 4, 7);
  assert.match(rig.reports[0] ?? "", /RESUME of a asks from 4, 7 was reported before/);
  session.isSpoolDamaged = true;
  checker.trimmed(session, 4, 7);
  assert.equal(rig.reports.length, 1);
});

Deno.test("SessionEndChecker does not hold a process to what only another one's disk, or a Redis that forgot, could tell", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 9);
  const checker = new SessionEndChecker(rig.report);
  checker.trimmed(session, 4, 7, 4);
  assert.deepEqual(rig.reports, []);
  checker.trimmed(session, 4, 7, 5);
  assert.equal(rig.reports.length, 1);
});

Deno.test("SessionEndChecker reports a RESUME from beyond the end", () => {
  const rig = new LedgerRig();
  new SessionEndChecker(rig.report).beyond(rig.session("a", 2), 3);
  assert.match(rig.reports[0] ?? "", /RESUME of a carries 3, which is to come/);
});
