import assert from "node:assert/strict";
import fc from "fast-check";
import { Farewell } from "../../../gateway/reshard/farewell.ts";
import { Rehearsal } from "../../../gateway/reshard/rehearsal.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { plainDigest as digest } from "../../fakes/plain_digest.ts";
import { about, RecordedLane, seen } from "./recorded_lane.ts";

const KEPT_MS = 5_000;
/** How much later than the other one a session may see the same, here. */
const SKEW_MAX_MS = 1_500;

function rehearsing({ keptMaxBytes = 1_000_000 } = {}) {
  const clock = new ManualClock();
  const outbox = new RecordedLane();
  return {
    clock,
    outbox,
    rehearsal: new Rehearsal({ outbox, clock, digest, keptMs: KEPT_MS, keptMaxBytes }),
  };
}

function leaving({ heldMaxBytes = 1_000_000 } = {}) {
  const clock = new ManualClock();
  const outbox = new RecordedLane();
  return { clock, outbox, farewell: new Farewell({ outbox, clock, digest, toldMs: KEPT_MS, heldMaxBytes }) };
}

Deno.test("Rehearsal publishes nothing, and passes what is older than it keeps, in order", () => {
  const { clock, outbox, rehearsal } = rehearsing();
  rehearsal.pass(0, "a", 1);
  rehearsal.accept(seen(0, "a", 2));
  rehearsal.pass(0, "a", 3);
  clock.advance(3_000);
  rehearsal.accept(seen(0, "a", 4));
  rehearsal.accept(seen(1, "b", 1));
  assert.deepEqual(outbox.given, ["(0 a 1)"]);
  clock.advance(3_000);
  rehearsal.accept(seen(0, "a", 5));
  assert.deepEqual(outbox.given, ["(0 a 1)", "(0 a 2)", "(0 a 3)"]);
  assert.deepEqual(rehearsal.seen, ["MESSAGE_CREATE 4", "MESSAGE_CREATE 1", "MESSAGE_CREATE 5"]);
});

Deno.test("Rehearsal keeps no more bytes than it may", () => {
  const { outbox, rehearsal } = rehearsing({ keptMaxBytes: 200 });
  for (let sequence = 1; sequence <= 100; sequence++) rehearsal.accept(seen(0, "a", sequence));
  assert(rehearsal.keptBytes <= 200, `${rehearsal.keptBytes} bytes`);
  assert.deepEqual(outbox.accepted, []);
  rehearsal.takeOver([]);
  assert.equal(rehearsal.keptBytes, 0);
  assert.equal(outbox.given.length, 100);
});

Deno.test("Rehearsal publishes what is kept and what comes once it takes over, but for what is published already", () => {
  const { clock, outbox, rehearsal } = rehearsing();
  rehearsal.accept(seen(0, "a", 1, "too old"));
  clock.advance(KEPT_MS + 1);
  rehearsal.accept(seen(0, "a", 2, "known"));
  rehearsal.accept(seen(0, "a", 3, "known"));
  rehearsal.pass(0, "a", 4);
  rehearsal.accept(seen(1, "b", 1, "other"));
  const published = ['MESSAGE_CREATE "known"', 'MESSAGE_CREATE "late"', 'MESSAGE_CREATE "later"'];
  rehearsal.takeOver(published);
  assert.deepEqual(outbox.given, ["(0 a 1)", "(0 a 2)", "0 a 3", "(0 a 4)", "1 b 1"]);
  rehearsal.accept(seen(0, "a", 5, "late"));
  rehearsal.accept(seen(0, "a", 6, "late"));
  clock.advance(KEPT_MS);
  rehearsal.accept(seen(0, "a", 7, "later"));
  rehearsal.takeOver(published);
  assert.deepEqual(outbox.given.slice(5), ["(0 a 5)", "0 a 6", "0 a 7"]);
});

Deno.test("Rehearsal takes nothing that comes later for what was published, though it looks the same", () => {
  const { clock, outbox, rehearsal } = rehearsing();
  rehearsal.accept(seen(0, "a", 1, "mute"));
  clock.advance(KEPT_MS + 1);
  // Published, too, and too old to be kept here.
  rehearsal.takeOver(['MESSAGE_CREATE "mute"', 'MESSAGE_CREATE "unmute"']);
  clock.advance(500);
  rehearsal.accept(seen(0, "a", 2, "unmute"));
  clock.advance(1_000);
  rehearsal.accept(seen(0, "a", 3, "mute"));
  assert.deepEqual(outbox.given, ["(0 a 1)", "(0 a 2)", "0 a 3"]);
});

Deno.test("Rehearsal has not seen what it could not keep: the old side publishes it", () => {
  const { rehearsal } = rehearsing({ keptMaxBytes: 200 });
  rehearsal.keepAll(true);
  for (let sequence = 1; sequence <= 10; sequence++) rehearsal.accept(seen(0, "a", sequence));
  assert.deepEqual(rehearsal.seen, [
    "MESSAGE_CREATE 7",
    "MESSAGE_CREATE 8",
    "MESSAGE_CREATE 9",
    "MESSAGE_CREATE 10",
  ]);
});

Deno.test("Rehearsal lets nothing grow old while all is kept, and forgets what is kept of a shard that leaves", () => {
  const { clock, outbox, rehearsal } = rehearsing();
  rehearsal.accept(seen(0, "a", 1));
  rehearsal.accept(seen(1, "b", 1));
  rehearsal.keepAll(true);
  clock.advance(KEPT_MS + 1);
  rehearsal.accept(seen(0, "a", 2));
  assert.deepEqual(outbox.given, []);
  rehearsal.left(1);
  rehearsal.takeOver([]);
  assert.deepEqual(outbox.given, ["0 a 1", "0 a 2"]);
  assert.equal(rehearsal.keptBytes, 0);
});

Deno.test("Farewell publishes until others take over, and tells what of the last seconds", () => {
  const { clock, outbox, farewell } = leaving();
  farewell.accept(seen(0, "a", 1));
  clock.advance(KEPT_MS + 1);
  farewell.accept(seen(0, "a", 2));
  farewell.pass(0, "a", 3);
  assert.deepEqual(farewell.published, ["MESSAGE_CREATE 2"]);
  farewell.hold();
  farewell.accept(seen(0, "a", 4));
  farewell.pass(0, "a", 5);
  assert.deepEqual(outbox.given, ["0 a 1", "0 a 2", "(0 a 3)"]);
});

Deno.test("Farewell publishes what came late and nobody else has seen, as often as it came", () => {
  const { outbox, farewell } = leaving();
  farewell.accept(seen(0, "a", 1, "typing"));
  farewell.hold();
  for (const [index, d] of ["typing", "typing", "only here"].entries()) {
    farewell.accept(seen(0, "a", index + 2, d));
  }
  // Once for what was published, and once for one of the two behind it.
  assert.equal(farewell.end(['MESSAGE_CREATE "typing"', 'MESSAGE_CREATE "typing"']), 2);
  assert.deepEqual(outbox.given, ["0 a 1", "0 a 3", "0 a 4"]);
  assert.equal(farewell.end([]), 0, "once");
});

Deno.test("Farewell publishes what it has held back where nobody takes over, but for shards that left, and before it is too much", () => {
  const { outbox, farewell } = leaving();
  farewell.hold();
  farewell.accept(seen(0, "a", 1));
  farewell.accept(seen(1, "b", 1));
  farewell.left(1);
  assert.deepEqual(outbox.given, []);
  farewell.letOn();
  farewell.accept(seen(0, "a", 2));
  assert.deepEqual(outbox.given, ["0 a 1", "0 a 2"]);
  const full = leaving({ heldMaxBytes: 100 });
  full.farewell.hold();
  for (let sequence = 1; sequence <= 3; sequence++) full.farewell.accept(seen(0, "a", sequence));
  assert.deepEqual(full.outbox.given, ["0 a 1", "0 a 2", "0 a 3"]);
});

Deno.test("Farewell and Rehearsal together lose nothing, and publish what happens once once, whoever sees it first and whoever later", () => {
  const happening = fc.record({
    // Few enough for some to come twice.
    what: fc.nat(300),
    atMs: fc.nat(40_000),
    oldAfterMs: fc.nat(SKEW_MAX_MS),
    newAfterMs: fc.nat(SKEW_MAX_MS),
  });
  const times = fc.record({ switchAtMs: fc.integer({ min: 12_000, max: 28_000 }), tellingMs: fc.nat(1_000) });
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 300 }), times, (happenings, { switchAtMs, tellingMs }) => {
      const clock = new ManualClock();
      const [oldLane, newLane] = [new RecordedLane(), new RecordedLane()];
      const farewell = new Farewell({
        outbox: oldLane,
        clock,
        digest,
        toldMs: KEPT_MS + SKEW_MAX_MS,
        heldMaxBytes: 1e9,
      });
      const rehearsal = new Rehearsal({ outbox: newLane, clock, digest, keptMs: KEPT_MS, keptMaxBytes: 1e9 });
      let told: string[] = [];
      const steps: { atMs: number; run: () => void }[] = [
        {
          atMs: switchAtMs,
          run: () => {
            farewell.hold();
            told = farewell.published;
          },
        },
        { atMs: switchAtMs + tellingMs, run: () => rehearsal.takeOver(told) },
        {
          atMs: switchAtMs + tellingMs + KEPT_MS,
          run: () => farewell.end(rehearsal.seen),
        },
      ];
      let [oldSequence, newSequence] = [0, 0];
      for (const { what, atMs, oldAfterMs, newAfterMs } of happenings) {
        steps.push({
          atMs: atMs + oldAfterMs,
          // What Discord says after that nobody hears: the old session is left, in time for the others to see the same.
          run: () =>
            clock.nowMs() <= switchAtMs + tellingMs + KEPT_MS / 2 &&
            farewell.accept(seen(0, "o", ++oldSequence, what)),
        });
        steps.push({
          atMs: atMs + newAfterMs,
          run: () => rehearsal.accept(seen(0, "n", ++newSequence, what)),
        });
      }
      for (const { atMs, run } of steps.toSorted((one, other) => one.atMs - other.atMs)) {
        clock.advance(atMs - clock.nowMs());
        run();
      }
      const published = [...oldLane.accepted, ...newLane.accepted].map(about);
      const countOf = (what: number, all: readonly unknown[]) => all.filter((one) => one === what).length;
      const all = happenings.map(({ what }) => what);
      for (const what of new Set(all)) {
        const [happened, told] = [countOf(what, all), countOf(what, published)];
        assert(told >= happened, `${what} is lost`);
        if (happened === 1) assert.equal(told, 1, `${what} comes twice`);
      }
    }),
    { numRuns: 300 },
  );
});
