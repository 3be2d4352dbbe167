import assert from "node:assert/strict";
import fc from "fast-check";
import { SendBudget } from "../../../gateway/shard/send_budget.ts";

const HEARTBEAT_MS = 41_250;

/** Sends commands for as long as there is room now, and returns how many that were. */
function burst(budget: SendBudget, nowMs: number): number {
  let sent = 0;
  for (; budget.frameAtMs(nowMs) <= nowMs; sent += 1) budget.recordFrame(nowMs);
  return sent;
}

Deno.test("SendBudget lets all but what heartbeats need be sent at once, then makes wait", () => {
  const budget = new SendBudget(HEARTBEAT_MS, 0);
  assert.equal(burst(budget, 0), 117);
  assert.equal(budget.frameAtMs(0), 62_000);
  assert.equal(burst(budget, 62_000), 117);
});

Deno.test("SendBudget spends less after Discord has closed for too much, but never so little that nothing goes", () => {
  assert.equal(burst(new SendBudget(HEARTBEAT_MS, 20), 0), 97);
  assert.equal(burst(new SendBudget(HEARTBEAT_MS, 1_000), 0), 10);
  assert.equal(burst(new SendBudget(1, 0), 0), 10);
});

Deno.test("SendBudget.presenceAtMs() keeps five presences in 20 s within the limit of all frames", () => {
  const budget = new SendBudget(HEARTBEAT_MS, 0);
  for (let count = 0; count < 5; count += 1) {
    assert.equal(budget.presenceAtMs(count), count);
    budget.recordPresence(count);
  }
  assert.equal(budget.presenceAtMs(10), 21_000);
  assert.equal(budget.frameAtMs(10), 10, "others do not wait for presences");
  assert.equal(burst(budget, 10), 112, "a presence is a frame like any other");
  assert.equal(budget.presenceAtMs(21_000), 62_000);
});

Deno.test("SendBudget keeps 120 frames in any 60 s, beats included, and five presences in any 20 s", () => {
  const step = fc.record({
    kind: fc.constantFrom("command", "presence"),
    count: fc.nat(150),
    thenMs: fc.oneof(fc.nat(10_000), fc.constant(0)),
  });
  const intervalMs = fc.constantFrom(1_000, 5_000, HEARTBEAT_MS, 60_000);
  fc.assert(
    fc.property(intervalMs, fc.nat(200), fc.array(step, { size: "+1" }), (intervalMs, penalty, steps) => {
      const budget = new SendBudget(intervalMs, penalty);
      const framesAtMs: number[] = [];
      const presencesAtMs: number[] = [];
      let nowMs = 0;
      for (const { kind, count, thenMs } of steps) {
        for (let index = 0; index < count; index += 1) {
          if (budget.frameAtMs(nowMs) > nowMs) break;
          if (kind === "presence") {
            if (budget.presenceAtMs(nowMs) > nowMs) break;
            budget.recordPresence(nowMs);
            presencesAtMs.push(nowMs);
          } else budget.recordFrame(nowMs);
          framesAtMs.push(nowMs);
        }
        nowMs += thenMs;
      }
      for (let beatAtMs = 0; beatAtMs <= nowMs; beatAtMs += intervalMs) framesAtMs.push(beatAtMs);
      assertNeverMore(framesAtMs.sort((one, other) => one - other), 120, 60_000);
      assertNeverMore(presencesAtMs, 5, 20_000);
    }),
  );
});

function assertNeverMore(atMs: readonly number[], limit: number, windowMs: number): void {
  for (const [index, firstMs] of atMs.entries()) {
    const beyondMs = atMs[index + limit];
    assert(beyondMs === undefined || beyondMs >= firstMs + windowMs, `over ${limit} from ${firstMs} ms on`);
  }
}
