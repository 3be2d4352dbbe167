import assert from "node:assert/strict";
import { sleepUntil, systemClock } from "../../gateway/clock.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { microtasksDone } from "../fakes/microtasks.ts";

Deno.test("sleepUntil() resolves when the clock has come so far, not before", async () => {
  const clock = new ManualClock();
  let awake = false;
  const slept = sleepUntil(clock, 100).then(() => awake = true);
  clock.advance(99);
  await microtasksDone();
  assert.equal(awake, false);
  clock.advance(1);
  await slept;
});

Deno.test("sleepUntil() resolves when its signal is aborted, and lets go of the timer", async () => {
  const clock = new ManualClock();
  const abort = new AbortController();
  const slept = sleepUntil(clock, 100, abort.signal);
  abort.abort();
  await slept;
  clock.assertIdle();
});

Deno.test("sleepUntil() with a signal aborted before sets no timer", async () => {
  const clock = new ManualClock();
  await sleepUntil(clock, 100, AbortSignal.abort());
  clock.assertIdle();
});

Deno.test("systemClock.schedule() calls back at its time or later, never before", async () => {
  const atMs = systemClock.nowMs() + 3.7;
  await new Promise<void>((resolve) => systemClock.schedule(atMs, resolve));
  assert(systemClock.nowMs() >= atMs);
});

Deno.test("systemClock.schedule() calls back for a time that has passed, unless it is cancelled", async () => {
  const nowMs = systemClock.nowMs();
  const cancel = systemClock.schedule(nowMs - 1_000, () => assert.fail("was cancelled"));
  cancel();
  await new Promise<void>((resolve) => systemClock.schedule(nowMs - 1_000, resolve));
});
