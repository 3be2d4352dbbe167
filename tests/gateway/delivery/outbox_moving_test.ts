/** The outbox while shards come to this process and leave it. */
import assert from "node:assert/strict";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { OutboxRig } from "./outbox_rig.ts";
import { SpoolingRig } from "./spooling_rig.ts";

/** Whether it has resolved by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let isDone = false;
  promise.then(() => isDone = true);
  await microtasksDone();
  return isDone;
}

Deno.test("Outbox publishes nothing of a shard that is withheld, and all of it in order once it is allowed", () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.outbox.withhold(0);
  rig.acceptAll(1, 2);
  rig.publisher.drop();
  rig.publisher.open();
  rig.accept(1, { shard: 1 });
  assert.deepEqual(rig.publisher.published.map(({ shard, sequence }) => [shard, sequence]), [[1, 1]]);
  rig.outbox.allow(0);
  rig.accept(3);
  assert.deepEqual(rig.handedOver.slice(1), [1, 2, 3]);
});

Deno.test("Outbox takes what a withheld shard brings to the spool only where memory grows short", async () => {
  const rig = await SpoolingRig.open({ maxBytes: 10_000 });
  rig.publisher.open();
  rig.outbox.withhold(0);
  rig.acceptAll(1, 3);
  await rig.pass(1_000);
  assert.deepEqual([rig.spooledSequences, rig.handedOver], [[], []]);
  rig.acceptAll(4, 5);
  await rig.pass(1_000);
  assert.deepEqual(rig.spooledSequences, [1, 2, 3, 4, 5]);
  rig.outbox.allow(0);
  await rig.pass(100);
  rig.accept(6);
  rig.publisher.confirmAll();
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4, 5, 6]);
});

Deno.test("Outbox.emptied() resolves once everything of the shard is confirmed, in memory or in the spool", async () => {
  const rig = await SpoolingRig.open();
  assert(await isDone(rig.outbox.emptied(0)));
  rig.publisher.open();
  rig.acceptAll(1, 2);
  rig.accept(1, { shard: 1 });
  const emptied = rig.outbox.emptied(0);
  assert(!await isDone(emptied));
  rig.publisher.confirmNext();
  assert(!await isDone(emptied));
  rig.publisher.confirmNext();
  assert(await isDone(emptied));
  assert.deepEqual([rig.outbox.isEmpty(0), rig.outbox.isEmpty(1)], [true, false]);

  rig.publisher.drop();
  rig.accept(3);
  await rig.pass(1_000);
  rig.acceptAll(4, 9);
  await rig.pass(1_000);
  assert.equal(rig.outbox.unconfirmedEvents, 0);
  const drained = rig.outbox.emptied(0);
  assert(!await isDone(drained));
  rig.publisher.open();
  await rig.pass(100);
  rig.publisher.confirmAll();
  assert(await isDone(drained));
});

Deno.test("Outbox.abandon() lets go of what is in memory only, whatever the broker still says of it", async () => {
  const rig = new OutboxRig();
  rig.publisher.open();
  rig.acceptAll(1, 3);
  const secured = rig.outbox.secured();
  rig.outbox.abandon(0);
  assert.deepEqual([rig.outbox.unconfirmedEvents, rig.outbox.unconfirmedBytes], [0, 0]);
  assert(await isDone(secured));
  rig.publisher.confirmAll();
  assert.deepEqual(rig.published, []);
  rig.publisher.drop();
  rig.publisher.open();
  assert.deepEqual(rig.handedOver, [1, 2, 3], "none goes out again");
  // The shard comes back, resumed from where it was published.
  rig.acceptAll(1, 2);
  rig.publisher.confirmAll();
  assert.deepEqual(rig.published, ["0 a 1", "0 a 2"]);
});

Deno.test("Outbox.abandon() publishes what is in the spool, for nobody else has it, and nothing besides, and says so", async () => {
  const rig = await SpoolingRig.open();
  rig.acceptAll(1, 3);
  await rig.pass(1_000);
  rig.acceptAll(4, 6);
  await rig.pass(100);
  rig.spool.hold();
  rig.accept(7);
  await rig.pass(50);
  rig.outbox.abandon(0);
  rig.publisher.open();
  await rig.pass(100);
  // The write under way has taken it, and is waited for.
  rig.spool.release();
  await rig.pass(100);
  rig.publisher.confirmAll();
  await rig.pass(100);
  assert.deepEqual(rig.handedOver, [1, 2, 3, 4, 5, 6, 7]);
  const late = rig.observed.filter(({ kind }) => kind === "spool.late");
  assert.deepEqual(late, [{ kind: "spool.late", shard: 0, events: 7 }]);
  assert.deepEqual(rig.spoolUse, [0, 0]);
  assert.deepEqual(rig.spooledSequences, []);
  assert(rig.outbox.isEmpty(0));
});

Deno.test("Outbox.abandon() forgets what the disk did not take", async () => {
  const rig = await SpoolingRig.open();
  rig.acceptAll(1, 2);
  rig.spool.hold();
  await rig.pass(1_000);
  rig.outbox.abandon(0);
  rig.spool.refuse(new Error("the disk is full"));
  rig.spool.release();
  await rig.pass(5_000);
  rig.publisher.open();
  await rig.pass(100);
  assert.deepEqual([rig.handedOver, rig.outbox.unconfirmedEvents], [[], 0]);
  assert.deepEqual(rig.observed.filter(({ kind }) => kind === "spool.late"), []);
  assert(rig.outbox.isEmpty(0));
});

Deno.test("Outbox.abandon() leaves nothing in the spool of what was confirmed before", async () => {
  const rig = await SpoolingRig.open();
  rig.publisher.open();
  rig.acceptAll(1, 4);
  await rig.pass(1_000);
  assert.deepEqual(rig.spooledSequences, [1, 2, 3, 4]);
  // The second, third and fourth wait for the first to be confirmed.
  rig.publisher.confirmNext(1);
  rig.publisher.confirmNext(1);
  rig.publisher.confirmNext(1);
  rig.outbox.abandon(0);
  await rig.pass(200);
  rig.publisher.confirmAll();
  await rig.pass(200);
  assert.deepEqual(rig.spooledSequences, []);
  assert.deepEqual(rig.spoolUse, [0, 0]);
});
