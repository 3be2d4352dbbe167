import assert from "node:assert/strict";
import { FAULT_KINDS } from "../../chaos/fault.ts";
import { type DrawnKind, drawPlan, type Wave, within } from "../../chaos/plan.ts";

const KINDS: readonly DrawnKind[] = [
  { victim: "gateway", name: "killed", lasts: [1, 2] },
  { victim: "gateway", name: "paused", lasts: [3, 3] },
  { victim: "Redis", name: "killed", lasts: [0, 1] },
  { victim: "Discord", name: "op 7", lasts: null },
  { victim: "Discord", name: "slow READY", lasts: [1, 1], reach: "one" },
];

function firstWaves(count: number, seed: number, replicas = 1): Wave<DrawnKind>[] {
  const plan = drawPlan(seed, KINDS, { shards: 4, replicas });
  return Array.from({ length: count }, () => plan.next().value);
}

Deno.test("drawPlan() draws the same for the same seed, and something else for another", () => {
  assert.deepEqual(firstWaves(50, 7), firstWaves(50, 7));
  assert.notDeepEqual(firstWaves(50, 7), firstWaves(50, 8));
});

Deno.test("drawPlan() lets every kind come once before any comes again", () => {
  const kinds = firstWaves(200, 3).flatMap(({ faults }) => faults.map(({ kind }) => kind));
  const counts = KINDS.map((kind) => kinds.filter((drawn) => drawn === kind).length);
  // A kind whose victim is struck in this wave already waits for the next one.
  assert(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(", "));
});

Deno.test("drawPlan() strikes different victims in one wave, within the time of each kind", () => {
  for (const { faults, peaceMs } of firstWaves(200, 5)) {
    assert(faults.length >= 1 && peaceMs > 0);
    assert.equal(new Set(faults.map(({ kind }) => kind.victim)).size, faults.length);
    for (const { kind: { lasts, reach }, lastsMs, shard } of faults) {
      const [least, most] = lasts ?? [0, 0];
      assert(lastsMs >= least * 1_000 && lastsMs <= most * 1_000);
      assert(shard === null ? reach !== "one" : shard < 4);
    }
  }
});

Deno.test("within() gives the waves that begin in time", () => {
  const kind: DrawnKind = { victim: "Redis", name: "killed", lasts: [1, 1] };
  const fault = { kind, afterMs: 500, lastsMs: 1_000, shard: null, replica: null, dice: 0 };
  const wave = { faults: [fault], peaceMs: 500 };
  assert.deepEqual([...within([wave, wave, wave], 3_000)].map(({ atMs }) => atMs), [0, 2_000]);
});

Deno.test("FAULT_KINDS names each fault once", () => {
  const names = FAULT_KINDS.map(({ victim, name }) => `${victim} ${name}`);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("drawPlan() strikes each replica of a fleet, and sometimes all of them, and nobody's by name where one is alone", () => {
  const struck = (replicas: number, victim: string) =>
    new Set(
      firstWaves(200, 3, replicas).flatMap(({ faults }) =>
        faults.filter(({ kind }) => kind.victim === victim).map(({ replica }) => replica)
      ),
    );
  assert.deepEqual(struck(3, "gateway"), new Set([0, 1, 2, null]));
  for (const [replicas, victim] of [[3, "Redis"], [3, "Discord"], [1, "gateway"]] as const) {
    assert.deepEqual(struck(replicas, victim), new Set([null]));
  }
});

Deno.test("drawPlan() draws for one replica what README.md tells of, whatever there is for fleets", () => {
  const drawn = firstWaves(3, 7).flatMap(({ faults }) =>
    faults.map(({ kind, lastsMs, shard }) => [kind.name, lastsMs, shard])
  );
  assert.deepEqual(drawn, [["paused", 3_000, null], ["slow READY", 1_000, 0], ["killed", 808, null]]);
});
