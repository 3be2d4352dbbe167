import assert from "node:assert/strict";
import fc from "fast-check";
import { CLOSING_MS, FORGOTTEN_MAX_MS, TAKEN_AFTER_MS, Tenure } from "../../../gateway/fleet/tenure.ts";

const TTL_MS = 10_000;
const WALL_MS = 1_700_000_000_000;

function at(nowMs: number) {
  return { nowMs, wallMs: WALL_MS + nowMs };
}

/** Renewed every 250 ms from 0 to `untilMs`, each answered after `answerMs`. */
function renewedUntil(untilMs: number, answerMs = 10): Tenure {
  const tenure = new Tenure(TTL_MS);
  for (let sentMs = 0; sentMs <= untilMs; sentMs += 250) tenure.renewed(at(sentMs), sentMs + answerMs);
  return tenure;
}

Deno.test("Tenure holds nothing before a renewal is a second old, and another has followed it", () => {
  const tenure = new Tenure(TTL_MS);
  assert(!tenure.holds(at(0)));
  tenure.renewed(at(0), 10);
  assert(!tenure.holds(at(5_000)));
  tenure.renewed(at(1_009), 1_020);
  assert(!tenure.holds(at(1_020)));
  tenure.renewed(at(1_010), 1_020);
  assert(tenure.holds(at(1_020)));
});

Deno.test("Tenure lasts nearly its time from the last renewal where they come regularly", () => {
  const tenure = renewedUntil(20_000);
  assert(tenure.holds(at(20_000 + TTL_MS - 251)));
  assert.equal(tenure.endsAtMs, 20_000 + TTL_MS - 250);
  assert(!tenure.holds(at(tenure.endsAtMs)));
});

Deno.test("Tenure ends by whichever clock says so first", () => {
  const tenure = renewedUntil(20_000);
  const endsAtMs = tenure.endsAtMs;
  // The machine slept: only the wall clock has gone on.
  assert(!tenure.holds({ nowMs: 20_100, wallMs: WALL_MS + endsAtMs }));
  // The wall clock was set back.
  assert(!tenure.holds({ nowMs: endsAtMs, wallMs: WALL_MS }));
  assert(tenure.holds({ nowMs: 20_100, wallMs: WALL_MS }));
});

Deno.test("Tenure has ended before anybody can have watched its holder for long enough", () => {
  const pauses = fc.array(
    fc.record({ pauseMs: fc.integer({ min: 1, max: 4_000 }), wayMs: fc.integer({ min: 0, max: 900 }) }),
    { minLength: 1, maxLength: 60 },
  );
  // What is forgotten of the last renewals, when the store fails over, and how soon after the last one it does.
  const failover = fc.record({
    forgottenMs: fc.integer({ min: 0, max: FORGOTTEN_MAX_MS }),
    afterMs: fc.integer({ min: 0, max: 3_000 }),
  });
  fc.assert(fc.property(pauses, failover, (renewals, { forgottenMs, afterMs }) => {
    const tenure = new Tenure(TTL_MS);
    const appliedAtMs: number[] = [];
    let nowMs = 0;
    for (const { pauseMs, wayMs } of renewals) {
      nowMs += pauseMs;
      appliedAtMs.push(nowMs + wayMs);
      tenure.renewed(at(nowMs), nowMs + 2 * wayMs);
      nowMs += 2 * wayMs;
    }
    const failoverAtMs = (appliedAtMs.at(-1) ?? 0) + afterMs;
    const kept = appliedAtMs.filter((atMs) => atMs < failoverAtMs - forgottenMs);
    // Somebody sees the newest that is kept at the very moment in which it is there.
    const earliestTakingMs = (kept.at(-1) ?? 0) + TTL_MS + TAKEN_AFTER_MS;
    assert(tenure.endsAtMs <= earliestTakingMs - CLOSING_MS);
  }));
});
