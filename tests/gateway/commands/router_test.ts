import assert from "node:assert/strict";
import type { MemberReport } from "../../../gateway/commands/links.ts";
import { CommandMember } from "../../../gateway/commands/member.ts";
import { SHARDS_MOST } from "../../../gateway/protocol/shard_count.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { FleetRig, TTL_MS } from "./fleet_rig.ts";

/** Two members, the first of which routes: shards 0 and 1 are the one's, 2 and 3 the other's. */
async function twoMembers(): Promise<FleetRig> {
  const rig = new FleetRig(4, "a", "b");
  for (const shard of [0, 1]) rig.move(shard, "a");
  for (const shard of [2, 3]) rig.move(shard, "b");
  await microtasksDone();
  return rig;
}

Deno.test("CommandRouter passes a command to the holder of its shard, and answers and acknowledges once it was sent", async () => {
  const rig = await twoMembers();
  rig.send("one", 2);
  await microtasksDone();
  assert.deepEqual([rig.member("a").held(2), rig.member("b").held(2)], [[], ["one"]]);
  assert.deepEqual([rig.answers, rig.broker.unacknowledged.length], [[], 1]);
  rig.member("b").sendOne(2);
  await microtasksDone();
  assert.deepEqual([rig.answers, rig.broker.unacknowledged.length], [["one ok"], 0]);
  assert.deepEqual(rig.observed, [{ kind: "command.carried_out", opcode: 8, shards: 1 }]);
});

Deno.test("CommandRouter splits lists and all, and answers once, when all of it was sent", async () => {
  const rig = await twoMembers();
  rig.send("list", [3, 0]);
  rig.send("all", "all");
  await microtasksDone();
  const heldOf = (name: string) => [0, 1, 2, 3].map((shard) => rig.member(name).held(shard).join(" "));
  assert.deepEqual(heldOf("a"), ["list all", "all", "", ""]);
  assert.deepEqual(heldOf("b"), ["", "", "all", "list all"]);
  for (const [name, shard] of [["a", 0], ["a", 0], ["a", 1], ["b", 2], ["b", 3]] as const) {
    rig.member(name).sendOne(shard);
  }
  await microtasksDone();
  assert.deepEqual([rig.answers, rig.broker.unacknowledged.length], [["list ok"], 1]);
  rig.member("b").sendOne(3);
  await microtasksDone();
  assert.deepEqual([rig.answers, rig.broker.unacknowledged.length], [["list ok", "all ok"], 0]);
  assert.deepEqual(rig.observed.map((seen) => seen.kind === "command.carried_out" && seen.shards), [2, 4]);
});

Deno.test("CommandRouter says how many shards did not send in time what others did, over all members", async () => {
  const rig = await twoMembers();
  rig.send("all", "all");
  await microtasksDone();
  rig.member("a").sendOne(0);
  rig.member("a").expireOne(1);
  rig.member("b").expireOne(2);
  rig.member("b").sendOne(3);
  await microtasksDone();
  const [reply] = rig.notices.replies;
  assert(reply !== undefined && !reply.body.ok);
  assert.match(reply.body.message, /2 of 4 shards did not send it in time/);
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["expired"]);
  assert.equal(rig.broker.unacknowledged.length, 0);
});

Deno.test("CommandRouter refuses what is broken, and shards that the fleet has not, and goes on", async () => {
  const rig = await twoMembers();
  rig.broker.send("{");
  rig.send("nowhere", [0, 4]);
  rig.send("old", 0, { sentAtMs: rig.clock.wallMs() - TTL_MS });
  rig.send("good", 0);
  await microtasksDone();
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), [
    "not_json",
    "unknown_shard",
    "expired",
  ]);
  assert.deepEqual(rig.member("a").held(0), ["good"], "no part of the others is carried out");
  assert.deepEqual(rig.answers, ["nowhere unknown_shard", "old expired"]);
  const [nowhere] = rig.notices.replies;
  assert(nowhere !== undefined && !nowhere.body.ok);
  assert.equal(nowhere.body.message, "There is no shard 4 here: send one of 0 to 3");
});

Deno.test("CommandRouter finds the shard of a guild over the whole fleet", async () => {
  const rig = await twoMembers();
  rig.broker.send(`{"op":1,"guild_id":"${(4n * 123n + 3n) << 22n}","data":{"mode":"identify"}}`);
  await microtasksDone();
  assert.deepEqual([rig.member("a").restarts, rig.member("b").restarts], [[], ["3 identify"]]);
  assert.equal(rig.broker.unacknowledged.length, 0);
});

Deno.test("CommandRouter keeps what nobody's shard is meant for until somebody holds it, or until it expires", async () => {
  const rig = new FleetRig(2, "a");
  await microtasksDone();
  rig.send("first", 0);
  rig.send("never", 1);
  rig.send("second", 0);
  await microtasksDone();
  rig.clock.advance(TTL_MS - 1);
  rig.move(0, "a");
  await microtasksDone();
  assert.deepEqual(rig.member("a").held(0), ["first", "second"]);
  assert.deepEqual(rig.answers, []);
  rig.clock.advance(1_000);
  await microtasksDone();
  assert.deepEqual(rig.answers, ["never expired"], "the shard of the others lets them expire by itself");
});

Deno.test("CommandRouter gives the time that a command has waited from its time at the shard", async () => {
  const rig = new FleetRig(1, "a");
  await microtasksDone();
  const heard: number[] = [];
  const { dispatcher } = rig.member("a");
  const carryOut = dispatcher.carryOut.bind(dispatcher);
  dispatcher.carryOut = (command, shards, carryingOut) => {
    heard.push(carryingOut.remainingMs);
    carryOut(command, shards, carryingOut);
  };
  rig.send("young", 0);
  rig.send("old", 0, { sentAtMs: rig.clock.wallMs() - 5_000 });
  await microtasksDone();
  rig.clock.advance(60_000);
  rig.move(0, "a");
  await microtasksDone();
  assert.deepEqual(heard, [TTL_MS - 60_000, TTL_MS - 65_000]);
});

Deno.test("CommandRouter keeps the order of a shard's commands over a move, and sends none twice", async () => {
  const rig = await twoMembers();
  for (const name of ["one", "two", "three"]) rig.send(name, 0);
  await microtasksDone();
  rig.member("a").sendOne(0);
  rig.broker.takeInHand();
  // Four is passed to the old holder, and on its way while the shard moves; five comes behind the move.
  rig.send("four", 0);
  rig.broker.arrive("commands");
  rig.move(0, "b");
  rig.send("five", 0);
  rig.broker.arrive("commands");
  await microtasksDone();
  arriveAll(rig);
  await microtasksDone();
  arriveAll(rig);
  assert.deepEqual(rig.member("b").held(0), ["two", "three", "four", "five"]);
  while (rig.member("b").held(0).length > 0) rig.member("b").sendOne(0);
  await microtasksDone();
  arriveAll(rig);
  assert.deepEqual(rig.frames, ["0 one", "0 two", "0 three", "0 four", "0 five"]);
  assert.equal(rig.broker.unacknowledged.length, 0);
});

Deno.test("CommandRouter passes nothing behind what is on its way back from a member that has the shard again", async () => {
  const rig = await twoMembers();
  rig.broker.takeInHand();
  rig.send("one", 0);
  rig.send("two", 0);
  rig.broker.arrive("commands");
  rig.broker.arrive("commands");
  rig.broker.arrive("to a"); // one
  rig.move(0, "b"); // one goes back
  rig.move(0, "a");
  rig.broker.arrive("to a"); // two, at the holder of the shard, and not to be sent before one
  assert.deepEqual(rig.member("a").held(0), []);
  await microtasksDone();
  rig.broker.arrive("reports");
  rig.send("three", 0);
  rig.clock.advance(1_000);
  for (let turn = 0; turn < 5; turn++) {
    arriveAll(rig);
    rig.clock.advance(1_000);
    await microtasksDone();
  }
  assert.deepEqual(rig.member("a").held(0), ["one", "two", "three"]);
});

Deno.test("CommandRouter passes on what a member had that is dead, once its shards are somebody's", async () => {
  const rig = await twoMembers();
  for (const name of ["one", "two"]) rig.send(name, 2);
  await microtasksDone();
  rig.member("b").sendOne(2);
  await microtasksDone();
  rig.kill("b");
  rig.send("three", 2);
  await microtasksDone();
  rig.clock.advance(5_000);
  await microtasksDone();
  assert.deepEqual(rig.answers, ["one ok"]);
  rig.move(2, "a");
  rig.clock.advance(2_500);
  await microtasksDone();
  assert.deepEqual(rig.member("a").held(2), ["two", "three"]);
});

Deno.test("CommandRouter takes back what a member does not report that holds the shard no longer", async () => {
  const rig = await twoMembers();
  rig.send("one", 2);
  await microtasksDone();
  // It stands still: it does not hear that it has lost its lease.
  rig.member("a").gain(2);
  rig.assign(2, "a");
  rig.clock.advance(1_900);
  await microtasksDone();
  assert.deepEqual(rig.member("a").held(2), [], "it may report still");
  rig.clock.advance(500);
  await microtasksDone();
  assert.deepEqual(rig.member("a").held(2), ["one"]);
  rig.member("b").sendOne(2);
  await microtasksDone();
  assert.deepEqual(rig.answers, [], "what it says now is too late");
});

Deno.test("CommandRouter asks a holder again that has not taken the shard yet", async () => {
  const rig = await twoMembers();
  rig.send("one", 0);
  rig.member("a").lose(0);
  rig.assign(0, "b");
  rig.send("two", 0);
  await microtasksDone();
  assert.deepEqual(rig.member("b").held(0), []);
  rig.member("b").gain(0);
  rig.clock.advance(1_000);
  await microtasksDone();
  assert.deepEqual(rig.member("b").held(0), ["one", "two"]);
});

Deno.test("CommandRouter passes all of it again to a member that has lost its queue, and nothing twice", async () => {
  const rig = await twoMembers();
  for (const name of ["one", "two"]) rig.send(name, 2);
  await microtasksDone();
  rig.member("b").sendOne(2);
  await microtasksDone();
  rig.broker.takeInHand();
  rig.send("three", 2);
  rig.broker.arrive("commands");
  rig.links("b").member.interrupt(); // three goes with the queue, two with the channel
  assert.deepEqual(rig.member("b").held(2), []);
  rig.send("four", 2); // while there is none
  rig.broker.arrive("commands");
  for (let turn = 0; turn < 3; turn++) {
    arriveAll(rig);
    await microtasksDone();
  }
  assert.deepEqual(rig.member("b").held(2), ["two", "three", "four"]);
});

Deno.test("CommandRouter has a member carry out again on a shard that was away and is back, while others are busy", async () => {
  const rig = await twoMembers();
  rig.send("busy", 1);
  rig.send("one", 0);
  await microtasksDone();
  rig.move(0, null);
  await microtasksDone();
  assert.deepEqual(rig.member("a").held(1), ["busy"], "the other shard's stay");
  rig.move(0, "a");
  await microtasksDone();
  assert.deepEqual(rig.member("a").held(0), ["one"]);
  assert.deepEqual(rig.member("a").held(1), ["busy"]);
});

Deno.test("CommandRouter notices by the next command that one was lost on the way", async () => {
  const rig = await twoMembers();
  rig.broker.takeInHand();
  for (const name of ["one", "two", "three"]) rig.send(name, 2);
  for (let count = 0; count < 3; count++) rig.broker.arrive("commands");
  rig.broker.arrive("to b");
  rig.broker.lose("to b"); // two
  for (let turn = 0; turn < 4; turn++) {
    arriveAll(rig);
    await microtasksDone();
  }
  assert.deepEqual(rig.member("b").held(2), ["one", "two", "three"]);
});

Deno.test("CommandRouter loses its place to another, which passes on all that is not settled, in order", async () => {
  const rig = await twoMembers();
  for (const name of ["one", "two", "three"]) rig.send(name, 2);
  await microtasksDone();
  rig.member("b").sendOne(2);
  await microtasksDone();
  assert.equal(rig.links("a").router.isOpen, true);
  rig.links("a").router.interrupt();
  await microtasksDone();
  assert.equal(rig.links("b").router.isOpen, true);
  rig.send("four", 0);
  await microtasksDone();
  assert.deepEqual(rig.member("b").held(2), ["two", "three"]);
  assert.deepEqual(rig.member("a").held(0), ["four"], "the old one still has shards");
  rig.member("b").sendOne(2);
  rig.member("b").sendOne(2);
  rig.member("a").sendOne(0);
  await microtasksDone();
  assert.deepEqual(rig.answers, ["one ok", "two ok", "three ok", "four ok"]);
  assert.equal(rig.frames.length, 4);
});

Deno.test("CommandRouter hands its place over only when it knows what was sent, so that nothing is sent twice", async () => {
  const rig = await twoMembers();
  for (const name of ["one", "two"]) rig.send(name, [0, 2]);
  await microtasksDone();
  rig.broker.takeInHand();
  rig.member("a").sendOne(0);
  for (let count = 0; count < 2; count++) rig.member("b").sendOne(2);
  rig.member("a").sendOne(0); // two is sent on both, and one on both, and nobody has heard of it
  rig.send("three", 0);
  rig.notices.hold();
  rig.broker.send("{");
  rig.broker.arrive("commands");
  rig.broker.arrive("commands");
  const handedOver = rig.member("a").router.quiet();
  rig.send("four", 0);
  rig.broker.send("[");
  for (let turn = 0; turn < 3; turn++) {
    arriveAll(rig);
    await microtasksDone();
  }
  assert.equal(rig.links("a").router.isOpen, true, "the broken one is not safe in the other queue yet");
  rig.notices.release();
  await handedOver;
  assert.equal(rig.notices.rejections.length, 1, "what comes now is the next router's");
  for (let turn = 0; turn < 3; turn++) {
    arriveAll(rig);
    await microtasksDone();
  }
  assert.deepEqual(rig.answers, ["one ok", "two ok"]);
  assert.equal(rig.links("b").router.isOpen, true);
  assert.deepEqual(rig.member("a").held(0), ["three", "four"]);
  assert.deepEqual(rig.member("b").held(2), []);
  assert.equal(rig.notices.rejections.length, 2);
});

Deno.test("CommandRouter hands its place over also while a member says nothing", async () => {
  const rig = await twoMembers();
  rig.send("one", 2);
  await microtasksDone();
  rig.broker.takeInHand();
  const handedOver = rig.member("a").router.quiet();
  rig.clock.advance(499);
  await microtasksDone();
  assert.equal(rig.links("a").router.isOpen, true);
  rig.clock.advance(1);
  await handedOver;
  assert.equal(rig.links("a").router.isOpen, false);
  rig.clock.assertIdle();
});

Deno.test("CommandMember gives back what it holds when it is quiet", async () => {
  const rig = await twoMembers();
  rig.send("one", 2);
  await microtasksDone();
  await rig.member("b").member.quiet();
  await microtasksDone();
  assert.deepEqual(rig.member("b").held(2), []);
  rig.move(2, "a");
  await microtasksDone();
  assert.deepEqual(rig.member("a").held(2), ["one"], "without a wait");
});

Deno.test("CommandRouter lets a command expire in the end of which no member says anything", async () => {
  const rig = await twoMembers();
  rig.send("one", [0, 2]);
  await microtasksDone();
  rig.member("a").sendOne(0);
  await microtasksDone();
  rig.clock.advance(TTL_MS + 29_000);
  await microtasksDone();
  assert.deepEqual(rig.answers, []);
  rig.clock.advance(2_000);
  await microtasksDone();
  assert.deepEqual(rig.answers, ["one expired"]);
  rig.clock.assertIdle();
});

/** Everything that is on its way arrives, and what comes of it. */
function arriveAll(rig: FleetRig): void {
  for (let [lane] = rig.broker.lanes; lane !== undefined; [lane] = rig.broker.lanes) rig.broker.arrive(lane);
}

Deno.test("CommandRouter takes a command for a replica to the member that it is, shards or none, and answers it", async () => {
  const rig = await twoMembers();
  const drain = (replica: string, isDrained: boolean) =>
    rig.broker.send({ op: 3, replica, data: { drain: isDrained } }, {
      replyTo: "answers",
      correlationId: `${replica} ${isDrained}`,
    });
  drain("r-b", true);
  await microtasksDone();
  assert.deepEqual([rig.member("a").drains, rig.member("b").drains], [[], [true]]);
  for (const shard of [2, 3]) rig.move(shard, "a");
  drain("r-b", false);
  drain("r-a", true);
  drain("r-c", true);
  await microtasksDone();
  assert.deepEqual([rig.member("a").drains, rig.member("b").drains], [[true], [true, false]]);
  assert.deepEqual(rig.answers.toSorted(), [
    "r-a true ok",
    "r-b false ok",
    "r-b true ok",
    "r-c true unknown_replica",
  ]);
  assert.equal(rig.broker.unacknowledged.length, 0);
});

Deno.test("CommandRouter lets the next one drain a replica where it went before it was answered", async () => {
  const rig = await twoMembers();
  rig.broker.takeInHand();
  rig.broker.send({ op: 3, replica: "r-b", data: { drain: true } }, {
    replyTo: "answers",
    correlationId: "d",
  });
  rig.kill("a");
  rig.fleet.living.splice(rig.fleet.living.indexOf("a"), 1);
  for (let lane; (lane = rig.broker.lanes[0]) !== undefined;) {
    rig.broker.arrive(lane);
    await microtasksDone();
  }
  assert.deepEqual([...new Set(rig.member("b").drains)], [true]);
  assert.deepEqual(rig.answers, ["d ok"]);
});

/** Has a bot ask for 32 shards, and wait for an answer. */
function askForMoreShards(rig: FleetRig): void {
  rig.broker.send({ op: 2, data: { total: 32 } }, { replyTo: "answers", correlationId: "reshard" });
}

Deno.test("CommandRouter has a change of the number of shards begun by itself, and others go on meanwhile", async () => {
  const rig = await twoMembers();
  askForMoreShards(rig);
  rig.send("one", 2);
  await microtasksDone();
  rig.member("b").sendOne(2);
  await microtasksDone();
  assert.deepEqual([rig.answers, rig.broker.unacknowledged.length], [["one ok"], 1]);
  assert.deepEqual(rig.resharding.asked, [32]);
  rig.resharding.answer(null);
  await microtasksDone();
  assert.deepEqual([rig.answers, rig.broker.unacknowledged.length], [["one ok", "reshard ok"], 0]);
  assert.deepEqual(rig.observed.at(-1), { kind: "command.carried_out", opcode: null, shards: 0 });
});

Deno.test("CommandRouter refuses a change that cannot be made, and one that has waited for too long", async () => {
  const rig = await twoMembers();
  askForMoreShards(rig);
  rig.broker.send({ op: 2, data: { total: 8 } }, { sentAtMs: rig.clock.wallMs() - TTL_MS });
  await microtasksDone();
  rig.resharding.answer("Another change is under way");
  await microtasksDone();
  assert.deepEqual(rig.resharding.asked, [32]);
  assert.deepEqual(rig.answers, ["reshard cannot_reshard"]);
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["expired", "cannot_reshard"]);
  assert.equal(rig.broker.unacknowledged.length, 0);
});

Deno.test("CommandRouter hands its place over only when it knows what came of a change", async () => {
  const rig = await twoMembers();
  askForMoreShards(rig);
  await microtasksDone();
  const handedOver = rig.member("a").router.quiet();
  await microtasksDone();
  rig.resharding.answer(null);
  await handedOver;
  await microtasksDone();
  assert.deepEqual(rig.resharding.asked, [32], "the next one is not asked again");
  assert.deepEqual([rig.answers, rig.broker.unacknowledged.length], [["reshard ok"], 0]);
});

Deno.test("CommandRouter leaves a change to the next one where it has lost its place before it was answered", async () => {
  const rig = await twoMembers();
  askForMoreShards(rig);
  await microtasksDone();
  rig.links("a").router.interrupt();
  await microtasksDone();
  rig.resharding.answer("Another change is under way");
  await microtasksDone();
  assert.deepEqual([rig.answers, rig.notices.rejections], [[], []]);
  assert.deepEqual(rig.resharding.asked, [32, 32]);
  rig.resharding.answer(null);
  await microtasksDone();
  assert.deepEqual([rig.answers, rig.broker.unacknowledged.length], [["reshard ok"], 0]);
});

Deno.test("CommandMember refuses a change of the number of shards that is passed to it, and goes on", async () => {
  const reports: MemberReport[] = [];
  const member = new CommandMember({
    member: "a",
    link: {
      start: () => {},
      report: (report) => reports.push(report),
      quiet: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    dispatcher: { runs: () => true, carryOut: () => assert.fail("it is for no shard") },
    drain: () => assert.fail("nobody asks for that"),
  });
  const body = new TextEncoder().encode('{"op":2,"data":{"total":32}}');
  member.passed({ body, stream: "b/1", number: 1, shards: [SHARDS_MOST], reopened: [], remainingMs: TTL_MS });
  await microtasksDone();
  const [report] = reports;
  assert(report?.kind === "fates");
  assert.deepEqual(report.fates.map(({ shards, fate }) => [shards, typeof fate === "object" && fate.error]), [
    [[SHARDS_MOST], "cannot_reshard"],
  ]);
});
