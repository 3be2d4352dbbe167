import assert from "node:assert/strict";
import { HandClock, RunningClock } from "../../simulator/clock.ts";

Deno.test("HandClock stands still until it is moved, and calls in the order of time", () => {
  const clock = new HandClock(1_000);
  const called: [string, number][] = [];
  clock.schedule(1_300, () => called.push(["late", clock.nowMs()]));
  clock.schedule(1_100, () => {
    called.push(["early", clock.nowMs()]);
    clock.schedule(1_200, () => called.push(["between", clock.nowMs()]));
  });
  const cancel = clock.schedule(1_150, () => called.push(["cancelled", clock.nowMs()]));
  cancel();
  clock.advance(99);
  assert.deepEqual(called, []);
  clock.advance(1);
  clock.advance(1_000);
  assert.deepEqual(called, [["early", 1_100], ["between", 1_200], ["late", 1_300]]);
  assert.equal(clock.nowMs(), 2_100);
});

Deno.test("HandClock calls at once what is overdue, and forgets everything when closed", () => {
  const clock = new HandClock(1_000);
  const called: number[] = [];
  clock.schedule(0, () => called.push(clock.nowMs()));
  clock.advance(0);
  assert.deepEqual(called, [1_000]);
  clock.schedule(1_001, () => called.push(0));
  clock.close();
  clock.advance(10);
  assert.deepEqual(called, [1_000]);
});

Deno.test("RunningClock calls by itself when the time has come", async () => {
  const clock = new RunningClock();
  const atMs = clock.nowMs() + 5;
  await new Promise<void>((resolve) => clock.schedule(atMs, resolve));
  assert.ok(clock.nowMs() >= atMs);
  assert.ok(Number.isInteger(clock.nowMs()));
});

Deno.test("RunningClock.advance() calls in order what fell due, keeps the rest, and honours a cancellation on the way", () => {
  const clock = new RunningClock();
  const startMs = clock.nowMs();
  const called: string[] = [];
  const cancelSecond = { now: () => {} };
  clock.schedule(startMs + 2_000_000, () => called.push("third"));
  clock.schedule(startMs + 1_000_000, () => {
    called.push("first");
    cancelSecond.now();
  });
  cancelSecond.now = clock.schedule(startMs + 1_500_000, () => called.push("second"));
  clock.schedule(startMs + 2 ** 40, () => called.push("never")); // longer than a timer can wait
  clock.advance(1_600_000);
  assert.deepEqual(called, ["first"]);
  clock.advance(1_600_000);
  assert.deepEqual(called, ["first", "third"]);
  clock.close();
});
