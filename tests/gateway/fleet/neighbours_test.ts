import assert from "node:assert/strict";
import type { FleetView, SeenMember } from "../../../gateway/fleet/leases.ts";
import { Neighbours } from "../../../gateway/fleet/neighbours.ts";
import { TAKEN_AFTER_MS } from "../../../gateway/fleet/tenure.ts";
import { memberCard } from "../../contracts/leases_contract.ts";

const TTL_MS = 10_000;
const GONE_AFTER_MS = TTL_MS + TAKEN_AFTER_MS;

function seen(beat: string, fields: Partial<SeenMember> = {}): SeenMember {
  return { ...memberCard({ ttlMs: TTL_MS }), beat, ageMs: 0, ...fields };
}

function view(members: Record<string, SeenMember>): FleetView {
  return { members: new Map(Object.entries(members)), leases: new Map(), reign: null };
}

/** Looks each 250 ms, from `fromMs` until before `untilMs`. */
function watch(neighbours: Neighbours, seen: FleetView, fromMs: number, untilMs: number): string[] {
  let gone: readonly string[] = [];
  for (let nowMs = fromMs; nowMs < untilMs; nowMs += 250) gone = [...neighbours.look(seen, nowMs)];
  return [...gone];
}

Deno.test("Neighbours are gone once they were watched for their time without a renewal", () => {
  const neighbours = new Neighbours();
  const silent = view({ a: seen("1") });
  assert.deepEqual(watch(neighbours, silent, 0, GONE_AFTER_MS), []);
  assert.deepEqual([...neighbours.look(silent, GONE_AFTER_MS)], ["a"]);
});

Deno.test("Neighbours are not gone while they are renewed, nor right after the last renewal", () => {
  const neighbours = new Neighbours();
  for (let nowMs = 0; nowMs < 60_000; nowMs += 250) {
    assert.equal(neighbours.look(view({ a: seen(String(Math.floor(nowMs / 5_000))) }), nowMs).size, 0);
  }
  assert.deepEqual(watch(neighbours, view({ a: seen("11") }), 60_000, 55_000 + GONE_AFTER_MS), []);
  assert.deepEqual([...neighbours.look(view({ a: seen("11") }), 55_000 + GONE_AFTER_MS)], ["a"]);
});

Deno.test("Neighbours are watched anew after a while in which nothing could be read", () => {
  const neighbours = new Neighbours();
  const silent = view({ a: seen("1") });
  assert.deepEqual(watch(neighbours, silent, 0, 9_000), []);
  assert.deepEqual(watch(neighbours, silent, 20_000, 20_000 + GONE_AFTER_MS), []);
  assert.deepEqual([...neighbours.look(silent, 20_000 + GONE_AFTER_MS)], ["a"]);
});

Deno.test("Neighbours that are gone stay so until they are seen renewed, also after a while in which nothing could be read", () => {
  const neighbours = new Neighbours();
  const silent = view({ a: seen("1") });
  assert.deepEqual(watch(neighbours, silent, 0, GONE_AFTER_MS + 250), ["a"]);
  assert.deepEqual([...neighbours.look(silent, 60_000)], ["a"]);
  assert.deepEqual([...neighbours.look(view({ a: seen("2") }), 60_250)], []);
});

Deno.test("Neighbours that say for how long they go on are given so long", () => {
  const neighbours = new Neighbours();
  const silent = view({ a: seen("1", { ttlMs: 2_000 }), b: seen("1", { ttlMs: 4_000 }) });
  const goneAfterMs = 2_000 + TAKEN_AFTER_MS;
  assert.deepEqual(watch(neighbours, silent, 0, goneAfterMs), []);
  assert.deepEqual([...neighbours.look(silent, goneAfterMs)], ["a"]);
  assert.equal(neighbours.nextGoneAtMs(silent.members, goneAfterMs), goneAfterMs + 2_000);
  assert.deepEqual(watch(neighbours, silent, goneAfterMs, goneAfterMs + 2_001), ["a", "b"]);
  assert.equal(neighbours.nextGoneAtMs(silent.members, goneAfterMs + 2_001), Infinity);
});

Deno.test("Neighbours that have been away for long need not be watched", () => {
  const neighbours = new Neighbours();
  const longGone = view({
    a: seen("1", { ageMs: GONE_AFTER_MS + 30_000 }),
    b: seen("1", { ageMs: GONE_AFTER_MS + 29_999 }),
  });
  assert.deepEqual([...neighbours.look(longGone, 0)], ["a"]);
});
