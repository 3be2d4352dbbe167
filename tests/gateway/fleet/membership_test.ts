import assert from "node:assert/strict";
import { TAKEN_AFTER_MS } from "../../../gateway/fleet/tenure.ts";
import { memberCard } from "../../contracts/leases_contract.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { FleetRig } from "./member_rig.ts";

const TTL_MS = memberCard().ttlMs;
/** Until a member may rely on its renewals. */
const JOINED_MS = 1_500;
const GONE_MS = TTL_MS + TAKEN_AFTER_MS;

Deno.test("Membership may rely on what it holds once it has been a member for a second", async () => {
  const fleet = new FleetRig();
  const a = fleet.member("a");
  await fleet.pass(500);
  assert(!a.membership.holds());
  assert.equal(a.seen.length, 0);
  await fleet.pass(JOINED_MS - 500);
  assert(a.membership.holds());
  assert(a.seen.length > 0);
  assert.deepEqual(await a.membership.take(["0", "1"]), ["0", "1"]);
  assert.deepEqual(a.held, ["0", "1"]);
  assert.deepEqual(fleet.store.holderOf("0"), "a");
});

Deno.test("Membership is certain of what nobody held a second after it took it, let go of or not", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  assert(!a.membership.isProven("0"));
  await fleet.pass(990);
  assert.deepEqual(a.told, []);
  await fleet.pass(20);
  assert.deepEqual(a.told, ["proven 0"], "it renews itself as soon as that proves anything");
  assert(a.membership.isProven("0"));
  await a.membership.letGo(["0"]);
  assert.deepEqual(a.held, []);
  await fleet.pass(300);
  await b.membership.take(["0"]);
  assert(!b.membership.isProven("0"));
  await fleet.pass(1_010);
  assert(b.membership.isProven("0"));
});

Deno.test("Membership is not certain of what was let go of where a failover forgets that it took it", async () => {
  const fleet = new FleetRig();
  const [a, b, c] = [fleet.member("a"), fleet.member("b"), fleet.member("c")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  await fleet.pass(JOINED_MS);
  await a.membership.letGo(["0"]);
  await fleet.pass(300);
  const before = fleet.store.everything;
  c.isCutOff = true;
  await b.membership.take(["0"]);
  await fleet.pass(900);
  // It hears nothing of the store that has taken the other's place.
  b.isCutOff = true;
  c.isCutOff = false;
  fleet.store.restore(before);
  assert.deepEqual(await c.membership.take(["0"]), ["0"]);
  await fleet.pass(JOINED_MS);
  assert(b.membership.holds() && c.membership.isProven("0"));
  assert(!b.membership.isProven("0"));
  b.isCutOff = false;
  await fleet.pass(300);
  assert.deepEqual(b.told, ["lost 0"]);
});

Deno.test("Membership takes what a dead member held within its time and two seconds, and not before", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  await fleet.pass(300);
  a.isPaused = true;
  a.isCutOff = true;
  let waitedMs = 0;
  while (!b.membership.fleet?.isFree("0")) {
    await fleet.pass(10);
    waitedMs += 10;
    assert(waitedMs < TTL_MS + 1_600, "nobody takes over");
  }
  assert(waitedMs >= TTL_MS + 900, `free after ${waitedMs} ms`);
  assert.deepEqual(await b.membership.take(["0"]), ["0"]);
  // The sleeper wakes: nothing of it may be relied on, from its very first look.
  a.isCutOff = false;
  assert(!a.membership.holds());
  a.isPaused = false;
  await fleet.pass(300);
  assert.deepEqual(a.told, ["lapsed", "lost 0"]);
  assert.deepEqual([a.held, b.held], [[], ["0"]]);
});

Deno.test("Membership moves nothing where the store is away for less than its time", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  await fleet.pass(JOINED_MS);
  fleet.store.isAway = true;
  await fleet.pass(TTL_MS - 500);
  assert(a.membership.holds());
  fleet.store.isAway = false;
  await fleet.pass(TTL_MS);
  assert.deepEqual([a.told, b.told], [["proven 0"], []]);
  assert(!b.membership.fleet?.isFree("0"));
});

Deno.test("Membership lapses before anybody may take over, and is regained where nobody did", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  await fleet.pass(JOINED_MS);
  fleet.store.isAway = true;
  await fleet.pass(TTL_MS);
  assert(!a.membership.holds());
  assert.deepEqual(a.told, ["proven 0", "lapsed"]);
  const seen = a.seen.length;
  await fleet.pass(30_000);
  assert.equal(a.seen.length, seen, "nothing is decided meanwhile");
  fleet.store.isAway = false;
  await fleet.pass(JOINED_MS);
  assert.deepEqual(a.told, ["proven 0", "lapsed", "regained"]);
  assert(a.membership.holds());
  // Who could not look takes nobody for dead.
  assert(!b.membership.fleet?.isFree("0"));
});

Deno.test("Membership that alone is cut off lapses, while another takes over", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  await fleet.pass(JOINED_MS);
  a.isCutOff = true;
  while (!b.membership.fleet?.isFree("0")) {
    await fleet.pass(10);
    const mayTake = b.membership.fleet?.isFree("0");
    assert(!(mayTake && a.membership.holds()), "two may publish");
  }
  await b.membership.take(["0"]);
  a.isCutOff = false;
  await fleet.pass(JOINED_MS);
  assert.deepEqual(a.told, ["proven 0", "lapsed", "lost 0", "regained"]);
});

Deno.test("Membership counts a renewal from when it was sent, though it hears late of one that a failover then forgets", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  a.answersAfterMs = 1_500;
  await fleet.pass(9_000);
  const beat = () => fleet.store.everything.members.get("a")?.beat;
  let before = fleet.store.everything;
  for (const last = beat(); beat() === last;) {
    before = fleet.store.everything;
    await fleet.pass(10);
  }
  // Its last renewal is answered, and forgotten before anybody else has heard of it.
  a.isCutOff = true;
  fleet.store.restore(before);
  while (!b.membership.fleet?.isFree("0")) {
    await fleet.pass(10);
    const mayTake = b.membership.fleet?.isFree("0");
    assert(!(mayTake && a.membership.holds()), "two may publish");
  }
});

Deno.test("Membership holds on to what an emptied store has forgotten, and nobody takes it meanwhile", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0", "1"]);
  await fleet.pass(JOINED_MS);
  a.isCutOff = true;
  fleet.store.restore();
  await fleet.pass(TTL_MS - 2_000);
  assert(!b.membership.fleet?.isFree("0"), "its holder may not have been able to say so");
  a.isCutOff = false;
  await fleet.pass(300);
  assert.deepEqual([fleet.store.holderOf("0"), fleet.store.holderOf("1")], ["a", "a"]);
  assert.deepEqual(a.told, ["proven 0 1"]);
});

Deno.test("Membership loses what a failover gave to another, before either may be certain of it", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  const before = fleet.store.everything;
  // One that has heard of it would wait.
  b.isCutOff = true;
  await a.membership.take(["0"]);
  await fleet.pass(900);
  fleet.store.restore(before);
  b.isCutOff = false;
  assert.deepEqual(await b.membership.take(["0"]), ["0"]);
  assert(!a.membership.isProven("0") && !b.membership.isProven("0"));
  await fleet.pass(1_500);
  assert.deepEqual([a.told, b.told], [["lost 0"], ["proven 0"]]);
});

Deno.test("Membership takes again what a failover has forgotten and nobody took", async () => {
  const fleet = new FleetRig();
  const a = fleet.member("a");
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  await fleet.pass(300);
  await a.membership.letGo(["0"]);
  const before = fleet.store.everything;
  await fleet.pass(300);
  await a.membership.take(["0"]);
  const token = a.membership.tokenOf("0") ?? 0;
  fleet.store.restore(before);
  await fleet.pass(300);
  assert.equal(fleet.store.holderOf("0"), "a");
  assert((a.membership.tokenOf("0") ?? 0) > token);
  assert.deepEqual(a.told, []);
});

Deno.test("Membership loses what it took from the dead where a failover forgets that, and they come back", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  await fleet.pass(JOINED_MS);
  a.isCutOff = true;
  await fleet.pass(GONE_MS + 500);
  const before = fleet.store.everything;
  assert.deepEqual(await b.membership.take(["0"]), ["0"]);
  b.isCutOff = true;
  fleet.store.restore(before);
  a.isCutOff = false;
  await fleet.pass(JOINED_MS);
  assert.deepEqual(a.held, ["0"], "it may have come further");
  await a.membership.letGo(["0"]);
  b.isCutOff = false;
  await fleet.pass(300);
  assert.deepEqual([b.told, b.held], [["lost 0"], []]);
});

Deno.test("Membership that is alone goes on without the store, until it hears that another took over", async () => {
  const fleet = new FleetRig();
  const card = memberCard({ share: null });
  const [a, b] = [fleet.member("a", { isBound: false, card }), fleet.member("b", { isBound: false, card })];
  await fleet.pass(300);
  await a.membership.take(["0"]);
  assert(a.membership.holds() && a.membership.isProven("0"));
  fleet.store.isAway = true;
  await fleet.pass(60_000);
  assert(a.membership.holds());
  fleet.store.isAway = false;
  await fleet.pass(2_000);
  assert.deepEqual([a.told, b.membership.fleet?.isFree("0")], [[], false]);
  a.isCutOff = true;
  await fleet.pass(GONE_MS + 500);
  assert.deepEqual(await b.membership.take(["0"]), ["0"]);
  assert(a.membership.holds());
  a.isCutOff = false;
  await fleet.pass(1_100);
  assert.deepEqual(a.told, ["lost 0"]);
});

Deno.test("Membership takes what an earlier process of its own left, at once and for certain", async () => {
  const fleet = new FleetRig();
  const dead = fleet.member("a");
  await fleet.pass(JOINED_MS);
  await dead.membership.take(["0"]);
  const token = dead.membership.tokenOf("0") ?? 0;
  dead.isPaused = true;
  dead.isCutOff = true;
  const next = fleet.member("a");
  await fleet.pass(JOINED_MS);
  assert(next.membership.fleet?.isFree("0"));
  assert.deepEqual(await next.membership.take(["0"]), ["0"]);
  assert(next.membership.isProven("0"));
  assert((next.membership.tokenOf("0") ?? 0) > token);
});

Deno.test("Membership does not take for its own all along what it has seen another let go of, answered or not", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0", "1"]);
  assert(a.membership.isContinued("0"), "nobody ever had it");
  await a.membership.letGo(["0"]);
  await fleet.pass(300);
  b.isTakingUnanswered = true;
  assert.deepEqual(await b.membership.take(["0"]), []);
  await fleet.pass(300);
  assert.equal(b.membership.fleet?.leases.get("0")?.holder, "b");
  b.isTakingUnanswered = false;
  assert.deepEqual(await b.membership.take(["0"]), ["0"]);
  assert(!b.membership.isContinued("0"));
});

Deno.test("Membership lets connect what is certain, or was taken less than a second ago", async () => {
  const fleet = new FleetRig();
  const a = fleet.member("a");
  await fleet.pass(JOINED_MS);
  assert(!a.membership.mayConnect("0"));
  await a.membership.take(["0"]);
  a.isCutOff = true;
  await fleet.pass(990);
  assert(a.membership.mayConnect("0"));
  await fleet.pass(20);
  assert(!a.membership.mayConnect("0"));
  a.isCutOff = false;
  await fleet.pass(300);
  assert(a.membership.mayConnect("0"));
  await a.membership.take(["1"]);
  a.isPaused = true;
  await fleet.pass(2_000);
  assert(a.membership.holds() && !a.membership.mayConnect("1"), "its machine has slept");
});

Deno.test("Membership looks up all the more often while something changes hands", async () => {
  const fleet = new FleetRig();
  const a = fleet.member("a");
  await fleet.pass(JOINED_MS);
  const before = a.seen.length;
  a.membership.hurry(true);
  await fleet.pass(1_000);
  assert(a.seen.length - before >= 19);
  a.membership.hurry(false);
  const after = a.seen.length;
  await fleet.pass(1_000);
  assert(a.seen.length - after <= 6);
});

Deno.test("Membership waits for one answer before it asks again", async () => {
  const fleet = new FleetRig();
  const a = fleet.member("a");
  await fleet.pass(JOINED_MS);
  fleet.store.hold();
  await fleet.pass(1_000);
  const taking = a.membership.take(["0"]);
  fleet.store.release();
  await fleet.pass(300);
  assert.deepEqual(await taking, ["0"]);
  assert.deepEqual(a.told, []);
});

Deno.test("Membership.stop() leaves where nothing is held, and else stays known for its time", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  await b.membership.stop();
  await a.membership.stop();
  assert.deepEqual([...fleet.store.everything.members.keys()], ["a"]);
  assert(!a.membership.holds());
  await microtasksDone();
  assert.deepEqual(await a.membership.take(["1"]), []);
});

Deno.test("Membership takes nothing that it has seen another take since it was told to", async () => {
  const fleet = new FleetRig();
  const [a, b] = [fleet.member("a"), fleet.member("b")];
  await fleet.pass(JOINED_MS);
  fleet.store.hold();
  const takenByA = a.membership.take(["0"]);
  a.isPaused = true;
  // Its renewal waits behind that, and what it is to take behind its renewal.
  await fleet.pass(300);
  const takenByB = b.membership.take(["0"]);
  fleet.store.release();
  assert.deepEqual([await takenByA, await takenByB], [["0"], []]);
  assert.equal(fleet.store.holderOf("0"), "a");
});

Deno.test("Membership does not see itself hold what it is letting go of", async () => {
  const fleet = new FleetRig();
  const a = fleet.member("a");
  await fleet.pass(JOINED_MS);
  await a.membership.take(["0"]);
  fleet.store.hold();
  await fleet.pass(300);
  const seen = a.seen.length;
  const letGo = a.membership.letGo(["0"]);
  fleet.store.release();
  await letGo;
  assert.deepEqual(a.seen.slice(seen).map(({ leases }) => leases.get("0")?.holder), [null]);
  // Where nobody has heard of it, it is seen to be still there.
  const held = await a.membership.take(["0"]);
  assert.deepEqual(held, ["0"]);
  a.isCutOff = true;
  await a.membership.letGo(["0"]);
  a.isCutOff = false;
  await fleet.pass(300);
  assert.equal(a.seen.at(-1)?.leases.get("0")?.holder, "a");
});
