import assert from "node:assert/strict";
import fc from "fast-check";
import { SlidingWindow } from "../../../gateway/shard/sliding_window.ts";

Deno.test("SlidingWindow.roomAtMs() is now where there is room, else when enough has left", () => {
  const window = new SlidingWindow(100);
  window.record(0);
  window.record(30);
  window.record(60);
  assert.equal(window.roomAtMs(60, 4), 60);
  assert.equal(window.roomAtMs(60, 3), 100);
  assert.equal(window.roomAtMs(60, 1), 160);
  assert.equal(window.roomAtMs(130, 2), 130, "those of 0 and 30 have left");
});

Deno.test("SlidingWindow never lets more than the limit into any window, and makes nobody wait in vain", () => {
  const limit = fc.integer({ min: 1, max: 5 });
  fc.assert(fc.property(limit, fc.array(fc.nat(60), { size: "+1" }), (limit, pausesMs) => {
    const windowMs = 100;
    const window = new SlidingWindow(windowMs);
    const sentAtMs: number[] = [];
    const inside = (nowMs: number) => sentAtMs.filter((atMs) => atMs > nowMs - windowMs).length;
    let nowMs = 0;
    for (const pauseMs of pausesMs) {
      nowMs += pauseMs;
      const roomAtMs = window.roomAtMs(nowMs, limit);
      if (roomAtMs > nowMs) assert(inside(roomAtMs - 1) >= limit, "could have gone earlier");
      nowMs = roomAtMs;
      window.record(nowMs);
      sentAtMs.push(nowMs);
      assert(inside(nowMs) <= limit);
    }
  }));
});
