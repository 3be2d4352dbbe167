import assert from "node:assert/strict";
import { type Grant, LeaseChecker, type PublishCall } from "./leases.ts";

class Rig {
  readonly reports: string[] = [];
  readonly checker = new LeaseChecker((what) => this.reports.push(what), { ttlMs: 5_000 });

  constructor() {
    for (const process of [1, 2, 3]) this.checker.renewed(process, 0);
  }

  granted(process: number, atMs: number, fields: Partial<Grant> = {}): void {
    const member = `replica-${process}`;
    this.checker.granted({
      shard: 0,
      token: atMs,
      process,
      member,
      atMs,
      isForgotten: false,
      ...fields,
    });
  }

  called(process: number, atMs: number, fields: Partial<PublishCall> = {}): string[] {
    this.checker.called({ shard: 0, process, atMs, isSpooled: false, ...fields });
    return this.reports;
  }
}

Deno.test("LeaseChecker takes calls of one process after another that was granted the lease", () => {
  const rig = new Rig();
  rig.granted(1, 10);
  rig.called(1, 20);
  rig.granted(2, 30);
  assert.deepEqual(rig.called(2, 40), []);
});

Deno.test("LeaseChecker reports a call without a lease, and one after another was granted it", () => {
  assert.match(new Rig().called(1, 20)[0] ?? "", /process 1 published without ever having held its lease/);
  const rig = new Rig();
  rig.granted(1, 10);
  rig.granted(2, 30);
  assert.match(rig.called(1, 40)[0] ?? "", /published 10 ms after process 2 had taken its lease/);
});

Deno.test("LeaseChecker reports two that publish in turns, though the store has forgotten why", () => {
  const rig = new Rig();
  rig.granted(1, 10);
  rig.granted(2, 30, { isForgotten: true });
  assert.deepEqual(rig.called(1, 40), [], "nobody else publishes");
  assert.match(rig.called(2, 50)[0] ?? "", /process 2 published 10 ms after process 1, and had taken/);
});

Deno.test("LeaseChecker reports a call under a lease that the store has forgotten and given to another", () => {
  const rig = new Rig();
  rig.granted(1, 10, { isForgotten: true });
  rig.granted(2, 30);
  assert.match(rig.called(1, 40)[0] ?? "", /published 10 ms after process 2 had taken its lease/);
});

Deno.test("LeaseChecker lets a process publish what is in its spool, as long as it renews itself", () => {
  const rig = new Rig();
  rig.granted(1, 10);
  rig.granted(2, 30);
  assert.deepEqual(rig.called(1, 6_249, { isSpooled: true }), []);
  assert.match(
    rig.called(1, 6_250, { isSpooled: true })[0] ?? "",
    /published 6250 ms after its last renewal/,
  );
});

Deno.test("LeaseChecker knows who took a lease, since when, and whether another member did meanwhile", () => {
  const rig = new Rig();
  rig.granted(1, 10);
  rig.granted(3, 30, { member: "replica-1" });
  rig.granted(3, 50, { member: "replica-1" });
  assert.deepEqual([rig.checker.takerOf(0, 30), rig.checker.takerOf(0, 31)], [3, null]);
  assert.deepEqual([rig.checker.heldSinceMs(0, 3), rig.checker.heldSinceMs(0, 1)], [30, null]);
  assert.deepEqual([rig.checker.isContinued(0, 3), rig.checker.isContinued(0, 1)], [true, false]);
  assert.equal(rig.checker.hasPassedOn(0, "replica-1", 60), false);
  rig.granted(2, 70);
  assert.equal(rig.checker.hasPassedOn(0, "replica-1", 60), true);
  assert.equal(rig.checker.hasPassedOn(0, "replica-2", 70), false);
});
