import assert from "node:assert/strict";
import type { Session } from "../ledger.ts";
import { type Gap, GapChecker } from "./gaps.ts";
import { LedgerRig } from "./ledger_rig.ts";

class GapRig extends LedgerRig {
  readonly old: Session;
  readonly young: Session;
  readonly checker = new GapChecker(this.report, (id) => this.ledger.session(id));

  /** A session that ended, stored up to 1 and confirmed up to 2 of 4, and the one after it. */
  constructor() {
    super();
    this.old = this.session("old", 4);
    this.young = this.session("young", 2);
    this.old.end = "expired";
    this.old.storedThrough = 1;
    this.confirm(this.old, 2);
  }

  told(fields: Partial<Gap> = {}): string[] {
    this.checker.told({
      shard: 0,
      oldSession: "old",
      newSession: "young",
      lastSequence: 2,
      reason: "invalid_session",
      refusedSequence: null,
      ...fields,
    });
    return this.reports;
  }
}

Deno.test("GapChecker takes a gap after what was stored and not after what was not confirmed", () => {
  for (const lastSequence of [1, 2]) assert.deepEqual(new GapRig().told({ lastSequence }), []);
  assert.match(new GapRig().told({ lastSequence: 3 })[0] ?? "", /only 2 is confirmed/);
  assert.match(new GapRig().told({ lastSequence: 0 })[0] ?? "", /1 was stored/);
});

Deno.test("GapChecker reports a gap of a session that goes on", () => {
  const rig = new GapRig();
  rig.old.end = null;
  assert.match(rig.told()[0] ?? "", /the session goes on/);
});

Deno.test("GapChecker reports a gap between sessions that never were, or of other shards, or backwards", () => {
  assert.match(new GapRig().told({ oldSession: "none" })[0] ?? "", /never had such a session/);
  assert.match(new GapRig().told({ shard: 1 })[0] ?? "", /another shard/);
  const backwards = new GapRig();
  backwards.young.end = "expired";
  const gap = { oldSession: "young", newSession: "old", lastSequence: 0 };
  assert.match(backwards.told(gap)[0] ?? "", /the new session is not newer/);
});

Deno.test("GapChecker.finish() reports a session that was lost and is in no gap, and those of nobody's knowledge not", () => {
  const rig = new GapRig();
  rig.checker.finish(rig.ledger.sessions);
  assert.match(rig.reports[0] ?? "", /session old was expired, and no gap tells of it/);
  rig.old.storedThrough = null;
  rig.reports.length = 0;
  rig.checker.finish(rig.ledger.sessions);
  assert.deepEqual(rig.reports, []);
});

Deno.test("GapChecker counts the sessions between the old and the new one into the gap", () => {
  const rig = new GapRig();
  const newest = rig.session("newest", 1);
  rig.young.end = "dropped";
  rig.young.storedThrough = 0;
  rig.told({ newSession: "newest" });
  rig.checker.finish(rig.ledger.sessions);
  assert.deepEqual(rig.reports, []);
  assert.equal(rig.checker.covers(rig.dispatch(rig.young, 1)), true);
  assert.equal(rig.checker.covers(rig.dispatch(rig.old, 3)), true);
  assert.equal(rig.checker.covers(rig.dispatch(rig.old, 2)), false);
  assert.equal(rig.checker.covers(rig.dispatch(newest, 1)), false);
});

Deno.test("GapChecker reports a refused event that the broker has never refused, and covers it otherwise", () => {
  const gap = { newSession: "old", reason: "event_refused", refusedSequence: 3 };
  assert.match(new GapRig().told(gap)[0] ?? "", /the broker has never refused old:3/);
  const rig = new GapRig();
  rig.dispatch(rig.old, 3).refusals = 3;
  assert.deepEqual(rig.told(gap), []);
  assert.equal(rig.checker.covers(rig.dispatch(rig.old, 3)), true);
  assert.equal(rig.checker.covers(rig.dispatch(rig.old, 4)), false);
});

Deno.test("GapChecker reports a damaged spool where none was", () => {
  assert.match(new GapRig().told({ reason: "spool_damaged" })[0] ?? "", /no spool was damaged/);
  const rig = new GapRig();
  rig.old.isSpoolDamaged = true;
  assert.deepEqual(rig.told({ reason: "spool_damaged", newSession: "old" }), []);
  const reports: string[] = [];
  const later = new GapChecker((what) => reports.push(what), (id) => rig.ledger.session(id), () => true);
  const gap = { shard: 0, oldSession: "young", newSession: "young", lastSequence: 0, refusedSequence: null };
  later.told({ ...gap, reason: "spool_damaged" });
  assert.deepEqual(reports, []);
});
