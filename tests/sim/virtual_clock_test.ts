import assert from "node:assert/strict";
import fc from "fast-check";
import { VirtualClock } from "./virtual_clock.ts";

Deno.test("VirtualClock.step() lets timers go off in the order of their times, then of their setting", () => {
  fc.assert(fc.property(fc.array(fc.nat(20)), (times) => {
    const clock = new VirtualClock();
    const wentOff: { atMs: number; set: number; nowMs: number }[] = [];
    for (const [set, atMs] of times.entries()) {
      clock.schedule(atMs, () => wentOff.push({ atMs, set, nowMs: clock.nowMs() }));
    }
    while (clock.step());
    const expected = times.map((atMs, set) => ({ atMs, set, nowMs: atMs }))
      .toSorted((one, other) => one.atMs - other.atMs || one.set - other.set);
    assert.deepEqual(wentOff, expected);
  }));
});

Deno.test("VirtualClock.step() passes over cancelled timers, and says when none is left", () => {
  const clock = new VirtualClock();
  const wentOff: string[] = [];
  clock.schedule(5, () => wentOff.push("cancelled"))();
  clock.schedule(7, () => wentOff.push("kept"));
  assert.equal(clock.step(), true);
  assert.equal(clock.step(), false);
  assert.deepEqual(wentOff, ["kept"]);
  assert.equal(clock.nowMs(), 7);
});

Deno.test("VirtualClock.schedule() takes a time that has passed for now, and rounds up", () => {
  const clock = new VirtualClock();
  clock.schedule(10, () => {});
  clock.step();
  clock.schedule(3, () => {});
  clock.step();
  assert.equal(clock.nowMs(), 10);
  clock.after(0.5, () => {});
  clock.step();
  assert.equal(clock.nowMs(), 11);
  assert.equal(clock.wallMs() - Date.UTC(2026, 0, 1), 11);
});
