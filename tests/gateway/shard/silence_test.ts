import assert from "node:assert/strict";
import fc from "fast-check";
import { Silence } from "../../../gateway/shard/silence.ts";

const MIN_MS = 600_000;

Deno.test("Silence is suspect once it has lasted for the minimum, counted from the connection or its last dispatch", () => {
  const silence = new Silence(MIN_MS);
  silence.started(1_000);
  assert.equal(silence.dueAtMs, 1_000 + MIN_MS);
  silence.dispatched(5_000);
  assert.equal(silence.dueAtMs, 5_000 + MIN_MS);
  silence.resumed(9_000);
  assert.equal(silence.dueAtMs, 9_000 + MIN_MS);
});

Deno.test("Silence is suspect once it has lasted for three times the longest pause known, where that is more", () => {
  const silence = new Silence(MIN_MS);
  silence.started(0);
  silence.dispatched(1);
  silence.dispatched(400_001);
  silence.dispatched(400_002);
  assert.equal(silence.usualMs, 400_000);
  assert.equal(silence.dueAtMs, 400_002 + 1_200_000);
});

Deno.test("Silence is never suspect without a connection, nor where it is off", () => {
  const silence = new Silence(MIN_MS);
  assert.equal(silence.dueAtMs, Infinity);
  silence.started(0);
  silence.disconnected();
  assert.equal(silence.dueAtMs, Infinity);
  const off = new Silence(null);
  off.started(0);
  off.dispatched(1);
  assert.equal(off.dueAtMs, Infinity);
});

Deno.test("Silence takes no pause for history that a connection begins, ends or interrupts", () => {
  const silence = new Silence(MIN_MS);
  silence.started(0);
  silence.dispatched(100_000);
  silence.disconnected();
  silence.dispatched(250_000);
  silence.resumed(300_000);
  silence.dispatched(450_000);
  assert.equal(silence.usualMs, 0);
  silence.dispatched(450_007);
  assert.equal(silence.usualMs, 7);
});

Deno.test("Silence.alarm() is false where the resume replays nothing: so long a silence is usual", () => {
  const silence = new Silence(MIN_MS);
  silence.started(0);
  assert.equal(silence.alarm(MIN_MS), MIN_MS);
  silence.disconnected();
  silence.resumed(MIN_MS + 500);
  assert.equal(silence.usualMs, MIN_MS);
  assert.equal(silence.dueAtMs, MIN_MS + 500 + 3 * MIN_MS);
});

Deno.test("Silence.alarm() is true where anything is replayed, on whatever connection: nothing is learnt", () => {
  const silence = new Silence(MIN_MS);
  silence.started(0);
  silence.alarm(MIN_MS);
  silence.disconnected();
  silence.dispatched(MIN_MS + 400);
  silence.disconnected();
  silence.resumed(MIN_MS + 900);
  assert.equal(silence.usualMs, 0);
});

Deno.test("Silence.alarm() tells nothing where the session does not come back", () => {
  const silence = new Silence(MIN_MS);
  silence.started(0);
  silence.alarm(MIN_MS);
  silence.disconnected();
  silence.started(MIN_MS + 9_000);
  silence.disconnected();
  silence.resumed(MIN_MS + 10_000);
  assert.equal(silence.usualMs, 0);
});

Deno.test("Silence is never suspect before the minimum, nor before three times the longest pause between dispatches", () => {
  const step = fc.record({
    kind: fc.constantFrom("dispatched", "dispatched", "dispatched", "disconnected", "resumed", "started"),
    afterMs: fc.oneof(fc.nat(1_000), fc.nat(MIN_MS * 2)),
  });
  fc.assert(
    fc.property(fc.array(step, { size: "+1" }), (steps) => {
      const silence = new Silence(MIN_MS);
      let nowMs = 0;
      let longestMs = 0;
      let connectedMs: number | null = null;
      let dispatchedMs: number | null = null;
      for (const { kind, afterMs } of steps) {
        nowMs += afterMs;
        silence[kind](nowMs);
        if (kind === "dispatched" && connectedMs !== null) {
          longestMs = Math.max(longestMs, nowMs - (dispatchedMs ?? nowMs));
          dispatchedMs = nowMs;
        } else if (kind !== "dispatched") {
          connectedMs = kind === "disconnected" ? null : nowMs;
          dispatchedMs = null;
        }
        const expectedMs: number = connectedMs === null
          ? Infinity
          : (dispatchedMs ?? connectedMs) + Math.max(MIN_MS, 3 * longestMs);
        assert.equal(silence.dueAtMs, expectedMs);
      }
    }),
  );
});
