import assert from "node:assert/strict";
import type { Session } from "../ledger.ts";
import { type Death, reportUnwritten } from "./beginnings.ts";
import { LedgerRig } from "./ledger_rig.ts";

function unwritten(death: Partial<Death>, fields: Partial<Session> = {}): string[] {
  const rig = new LedgerRig();
  const session = rig.session("a", 1);
  Object.assign(session, { begun: { process: 1, atMs: 1_000 }, ...fields });
  const whole = { process: 1, atMs: 6_000, writableSinceMs: 0, runs: () => true, ...death };
  reportUnwritten(rig.ledger.sessions, whole, rig.report);
  return rig.reports;
}

Deno.test("reportUnwritten() reports a session that was written nowhere though it could have been", () => {
  assert.match(unwritten({})[0] ?? "", /session a was written nowhere in 5000 ms/);
  assert.deepEqual(unwritten({}, { durableThrough: 0 }), []);
});

Deno.test("reportUnwritten() excuses a session that has just begun, or for which there was no place", () => {
  assert.deepEqual(unwritten({ atMs: 5_999 }), []);
  assert.deepEqual(unwritten({ writableSinceMs: 1_001 }), []);
  assert.deepEqual(unwritten({ process: 2 }), []);
  assert.deepEqual(unwritten({ runs: () => false }), []);
  assert.deepEqual(unwritten({}, { end: "expired" }), []);
});
