import assert from "node:assert/strict";
import { IdentifyChecker } from "./identifies.ts";

function checking(options = {}): { checker: IdentifyChecker; reports: string[] } {
  const reports: string[] = [];
  return { checker: new IdentifyChecker((what) => reports.push(what), options), reports };
}

const first = { process: 1, bucket: 0, atMs: 1_000, remaining: 10 };

Deno.test("IdentifyChecker reports two IDENTIFYs of one bucket that are closer than five seconds", () => {
  const { checker, reports } = checking();
  checker.identified(first);
  checker.identified({ ...first, bucket: 1, atMs: 1_001 });
  checker.identified({ ...first, atMs: 6_000 });
  assert.deepEqual(reports, []);
  checker.identified({ ...first, atMs: 10_999 });
  assert.match(reports[0] ?? "", /bucket 0: two IDENTIFYs within 4999 ms/);
});

Deno.test("IdentifyChecker does not hold a process to what the one before it sent", () => {
  const { checker, reports } = checking();
  checker.identified(first);
  checker.identified({ ...first, process: 2, atMs: 1_500 });
  assert.deepEqual(reports, []);
});

Deno.test("IdentifyChecker holds the processes of a fleet to each other's", () => {
  const { checker, reports } = checking({ isShared: true });
  checker.identified(first);
  checker.identified({ ...first, process: 2, atMs: 6_000 });
  assert.deepEqual(reports, []);
  checker.identified({ ...first, process: 1, atMs: 10_999 });
  assert.match(reports[0] ?? "", /bucket 0: two IDENTIFYs within 4999 ms/);
});

Deno.test("IdentifyChecker reports an IDENTIFY beyond the budget", () => {
  const { checker, reports } = checking();
  checker.identified({ ...first, remaining: 0 });
  assert.match(reports[0] ?? "", /beyond the daily budget/);
});

Deno.test("IdentifyChecker reports that more is counted than was sent, until the budget is raised", () => {
  const { checker, reports } = checking();
  checker.sent(1_000);
  checker.counted({ left: 8, remaining: 10, readAtMs: 2_000 });
  assert.deepEqual(reports, []);
  checker.counted({ left: 7, remaining: 10, readAtMs: 2_000 });
  checker.counted({ left: 8, remaining: 10, readAtMs: 20_000 });
  assert.equal(reports.length, 2);
  checker.raised();
  checker.counted({ left: 0, remaining: 10, readAtMs: 20_000 });
  assert.equal(reports.length, 2);
});
