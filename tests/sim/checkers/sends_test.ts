import assert from "node:assert/strict";
import { SendChecker } from "./sends.ts";

Deno.test("SendChecker reports the 121st frame within a minute, on one connection", () => {
  const reports: string[] = [];
  const checker = new SendChecker((what) => reports.push(what));
  for (let frame = 0; frame < 120; frame++) {
    checker.sent(1, frame);
    checker.sent(2, frame);
  }
  checker.sent(1, 60_000);
  assert.deepEqual(reports, []);
  checker.sent(1, 60_000);
  assert.match(reports[0] ?? "", /connection 1: 121 frames within 59999 ms/);
});

Deno.test("SendChecker.closed() forgets the frames of a connection", () => {
  const reports: string[] = [];
  const checker = new SendChecker((what) => reports.push(what));
  for (let frame = 0; frame < 120; frame++) checker.sent(1, frame);
  checker.closed(1);
  checker.sent(1, 200);
  assert.deepEqual(reports, []);
});
