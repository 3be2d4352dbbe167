import assert from "node:assert/strict";
import type { Dispatch, SessionEnd } from "../ledger.ts";
import { LedgerRig } from "./ledger_rig.ts";
import { reportLosses } from "./losses.ts";

interface Case {
  end?: SessionEnd;
  isCovered?: boolean;
  isUnknown?: boolean;
  dispatch?: Partial<Dispatch>;
}

/** The last of two dispatches did not reach the queue; process 3 runs. */
function losses({ end, isCovered = false, isUnknown = false, dispatch = {} }: Case): string[] {
  const rig = new LedgerRig();
  const session = rig.session("a", 2);
  rig.confirm(session, 1);
  session.end = end ?? null;
  session.storedThrough = isUnknown ? null : 1;
  Object.assign(rig.dispatch(session, 2), dispatch);
  reportLosses({ sessions: rig.ledger.sessions, livingProcess: 3, covers: () => isCovered }, rig.report);
  return rig.reports;
}

Deno.test("reportLosses() reports what is missing of a session that goes on", () => {
  assert.match(losses({})[0] ?? "", /a:2 MESSAGE_CREATE is lost, though its session goes on/);
  assert.deepEqual(losses({ dispatch: { isTaken: true } }), []);
});

Deno.test("reportLosses() reports what is missing of an ended session, unless a gap covers it", () => {
  assert.match(losses({ end: "expired" })[0] ?? "", /lies in no gap that was told/);
  assert.deepEqual(losses({ end: "expired", isCovered: true }), []);
});

Deno.test("reportLosses() lets no gap cover what the living process had, or what was in the spool", () => {
  const lost = { end: "expired", isCovered: true } as const;
  assert.match(losses({ ...lost, dispatch: { receivedBy: 3 } })[0] ?? "", /by the process that still runs/);
  assert.deepEqual(losses({ ...lost, dispatch: { receivedBy: 2 } }), []);
  assert.match(losses({ ...lost, dispatch: { isSpooled: true } })[0] ?? "", /was in the spool/);
});

Deno.test("reportLosses() holds no process of several to what it had alone", () => {
  const rig = new LedgerRig();
  const session = rig.session("a", 2);
  rig.confirm(session, 1);
  Object.assign(rig.dispatch(session, 2), { isReplayable: false, receivedBy: 3 });
  const outcome = { sessions: rig.ledger.sessions, livingProcess: null, covers: () => false };
  reportLosses(outcome, rig.report);
  assert.deepEqual(rig.reports, []);
});

Deno.test("reportLosses() excuses what nobody can be held to", () => {
  assert.deepEqual(losses({ dispatch: { isExcused: true } }), []);
  assert.deepEqual(losses({ dispatch: { isReplayable: false, receivedBy: 2 } }), []);
  assert.equal(losses({ dispatch: { isReplayable: false, receivedBy: 3 } }).length, 1);
  assert.deepEqual(losses({ end: "abandoned", isUnknown: true }), []);
});
