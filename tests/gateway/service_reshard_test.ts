/** One service while the number of shards changes: the one that comes, and the one that goes. */
import assert from "node:assert/strict";
import { OVERLAP_MS } from "../../gateway/reshard/event_way.ts";
import { ServiceRig } from "./service_rig.ts";

const TWO = { SHARDS_TOTAL: "2" };

function namesOf(events: readonly { readonly type: string }[]): string[] {
  return events.map(({ type }) => type);
}

/** One whose shards have come up beside those of another service. */
async function rehearsing(): Promise<ServiceRig> {
  const rig = new ServiceRig(TWO);
  rig.service.rehearse();
  rig.service.observe({ kind: "redis.connected", address: "127.0.0.1:6379" });
  return await rig.connected(2);
}

Deno.test("GatewayService that rehearses has its sessions and their points, and nobody hears of it", async () => {
  const rig = await rehearsing();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  await rig.pass(OVERLAP_MS + 1);
  rig.transport.latest.dispatch("TYPING_START");
  await rig.pass(2_000);
  assert.deepEqual(rig.publisher.published, []);
  assert.deepEqual(rig.notices.newsItems, []);
  assert.deepEqual([rig.board.entries.size, rig.figures.asked.length], [0, 0]);
  assert.equal(rig.commands.isStarted, false);
  // READY, and what is older than what is kept.
  assert.equal(rig.points.shards.get(1)?.point?.sequence, 2);
  assert.equal(rig.service.readyShards, 2);
});

Deno.test("GatewayService that takes over publishes what is kept and not told, and speaks from then on", async () => {
  const rig = await rehearsing();
  await rig.pass(OVERLAP_MS + 1);
  const shard = rig.transport.latest;
  shard.dispatch("MESSAGE_CREATE", { id: 1 });
  shard.dispatch("MESSAGE_CREATE", { id: 2 });
  rig.service.keepAll(true);
  rig.service.takeOver(['MESSAGE_CREATE {"id":1}']);
  shard.dispatch("TYPING_START");
  await rig.settle();
  const bodies = rig.publisher.confirmed.map(({ body }) => JSON.parse(new TextDecoder().decode(body)));
  assert.deepEqual(bodies.map(({ t, d }) => [t, d.id]), [["MESSAGE_CREATE", 2], ["TYPING_START", undefined]]);
  const news = rig.notices.newsItems.map(({ routingKey }) => routingKey);
  assert.deepEqual(news, ["shard.0.status", "shard.1.status"]);
  assert.equal(rig.commands.isStarted, true);
  await rig.pass(2_000);
  assert.deepEqual([...rig.board.entries.keys()], [0, 1]);
  assert(rig.figures.asked.length > 0);
  assert.equal(rig.points.shards.get(1)?.point?.sequence, 4);
  assert(rig.service.seen.includes('MESSAGE_CREATE {"id":1}'), "what was told it has seen as well");
});

Deno.test("GatewayService that is held back tells what it has published once that is confirmed, and lets on where nobody takes over", async () => {
  const rig = await new ServiceRig(TWO).connected(2);
  await rig.settle();
  rig.service.watch();
  const shard = rig.transport.latest;
  shard.dispatch("MESSAGE_CREATE", { id: 1 });
  let told: readonly string[] | null | undefined;
  rig.service.hold(2_000).then((published) => told = published);
  shard.dispatch("MESSAGE_CREATE", { id: 2 });
  await rig.pass(100);
  assert.equal(told, undefined, "it is not confirmed");
  rig.publisher.confirmAll();
  await rig.pass(0);
  assert.deepEqual(told, ['MESSAGE_CREATE {"id":1}']);
  assert.deepEqual(rig.publisher.unconfirmed, []);
  rig.service.letOn();
  shard.dispatch("TYPING_START");
  await rig.settle();
  assert.deepEqual(namesOf(rig.publisher.confirmed).slice(-3), [
    "MESSAGE_CREATE",
    "MESSAGE_CREATE",
    "TYPING_START",
  ]);
});

Deno.test("GatewayService says where it cannot be held back: a broker that does not confirm, or that is away", async () => {
  const rig = await new ServiceRig(TWO).connected(2);
  await rig.settle();
  rig.service.watch();
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  const told = rig.service.hold(2_000);
  await rig.pass(2_000);
  assert.equal(await told, null);
  rig.service.letOn();
  await rig.settle();
  rig.service.observe({ kind: "broker.connected", purpose: "publishing", address: "x" });
  rig.service.observe({ kind: "broker.connected", purpose: "consuming", address: "x" });
  assert.equal(rig.service.obstacle, null);
  rig.service.observe({ kind: "broker.lost", purpose: "publishing", address: "x", error: "closed" });
  assert.equal(rig.service.obstacle, "RabbitMQ is away");
});

Deno.test("GatewayService that goes publishes what it alone has seen, and says nothing of its shards", async () => {
  const rig = await new ServiceRig(TWO).connected(2);
  await rig.settle();
  rig.service.watch();
  await rig.service.hold(2_000);
  const shard = rig.transport.latest;
  shard.dispatch("MESSAGE_CREATE", { id: 1 });
  shard.dispatch("MESSAGE_CREATE", { id: 2 });
  rig.service.retire();
  await rig.pass(1_000);
  const [news, written] = [rig.notices.newsItems.length, rig.board.published.length];
  await rig.service.leaveSessions();
  assert.deepEqual(rig.transport.standing, []);
  let late: number | undefined;
  rig.service.end(['MESSAGE_CREATE {"id":1}']).then((count) => late = count);
  await rig.pass(0);
  assert.equal(late, undefined, "it is not confirmed");
  assert.deepEqual(
    rig.publisher.unconfirmed.map(({ body }) => JSON.parse(new TextDecoder().decode(body)).d),
    [
      { id: 2 },
    ],
  );
  rig.publisher.confirmAll();
  for (let passes = 0; passes < 200 && late === undefined; passes += 1) await rig.pass(50);
  assert.equal(late, 1);
  assert.equal(rig.notices.newsItems.length, news);
  assert(rig.board.published.length > written, "its own entries");
  assert.equal(rig.isStoreDisconnected, true);
});
