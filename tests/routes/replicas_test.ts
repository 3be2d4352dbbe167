import assert from "node:assert/strict";
import { fakeGateway } from "../dashboard/fake_gateway.ts";
import { FLEET_PART, replicaEntry, statusEntries, writeFleet } from "../dashboard/fleet/written_fleet.ts";
import { type DashboardRig, withDashboard } from "../dashboard/rig.ts";
import { becomeForeign } from "../dashboard/shard/shard_fixture.ts";

const BETA = { member: "m-beta", draining: false, holds: true };
const PATH = "/replicas/alpha/drain";

async function writeTwo({ redis }: DashboardRig, beta: object = BETA): Promise<void> {
  await writeFleet(redis, statusEntries(12), { shards: [[0, 5]], ...FLEET_PART });
  await redis.hset("gateway:replicas", "beta", replicaEntry(12, { shards: [[6, 11]], fleet: beta }));
}

Deno.test("/replicas/:name/drain asks first, and says where the shards go", async () => {
  await withDashboard(async (rig) => {
    await writeTwo(rig);
    const operator = await rig.signedIn("operator");
    const page = await operator.page(PATH);
    assert.match(page, /<h1>Drain replica alpha\?<\/h1>/);
    assert.match(page, /Its 6 shards go to the other replicas as far as these have room/);
    assert.match(page, /name="drain" value="true"/);
    assert.equal((await operator.get("/replicas/gamma/drain")).status, 404);
    await writeTwo(rig, { ...BETA, draining: true });
    assert.match(await operator.page(PATH), /There is no other replica that could take its shards/);
  });
});

Deno.test("POST /replicas/:name/drain tells the gateway, and writes it down", async () => {
  await withDashboard(async (rig) => {
    await writeTwo(rig);
    await using gateway = await fakeGateway(rig.rabbitUrl, [
      { ok: true },
      { ok: true },
      { ok: false, error: "unknown_replica", message: "The fleet has no such replica" },
    ]);
    const operator = await rig.signedIn("operator");
    const notices: string[] = [];
    for (const drain of ["true", "false", "true"]) {
      const response = await operator.post(PATH, { drain });
      assert.deepEqual([response.status, response.headers.get("location")], [303, "/"]);
      notices.push(/(?:Done|Refused)[^<]*<\/b>\s*([^<]+)/.exec(await operator.page("/"))?.[1] ?? "");
    }
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 3, replica: "alpha", data: { drain: true } },
      { op: 3, replica: "alpha", data: { drain: false } },
      { op: 3, replica: "alpha", data: { drain: true } },
    ]);
    const { entries } = await rig.services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ action, shards, outcome }) => `${action} ${shards}: ${outcome}`), [
      "Drain replica alpha none: Refused, unknown_replica: The fleet has no such replica",
      "Let replica alpha take shards none: Carried out",
      "Drain replica alpha none: Carried out",
    ]);
  });
});

Deno.test("POST /replicas/:name/drain refuses what cannot be, and writes that down", async () => {
  await withDashboard(async (rig) => {
    const { redis, services } = rig;
    await using gateway = await fakeGateway(rig.rabbitUrl);
    const operator = await rig.signedIn("operator");
    await writeFleet(redis, statusEntries(2));
    assert.match(await operator.page(PATH), /where FLEET is off there is nobody to take its shards/);
    assert.equal((await operator.post(PATH, { drain: "true" })).status, 303);
    await writeFleet(redis, statusEntries(2), { ...FLEET_PART, stopped: true });
    assert.equal((await operator.post(PATH, { drain: "true" })).status, 303);
    assert.equal((await operator.post("/replicas/gamma/drain", { drain: "true" })).status, 404);
    await writeFleet(redis, statusEntries(2), FLEET_PART);
    await becomeForeign(redis);
    assert.equal((await operator.post(PATH, { drain: "true" })).status, 303);
    assert.equal(gateway.commands.length, 0);
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ outcome }) => outcome), [
      "Refused, foreign_service: Another service runs these shards, and has no replicas to drain",
      "Refused: It has stopped.",
      "Refused: It runs alone: where FLEET is off there is nobody to take its shards.",
    ]);
  });
});

Deno.test("A viewer sees that only operators drain replicas, is refused, and is offered nothing", async () => {
  await withDashboard(async (rig) => {
    await writeTwo(rig);
    await using gateway = await fakeGateway(rig.rabbitUrl);
    const viewer = await rig.signedIn("viewer");
    assert.match(await viewer.page(PATH), /Only operators drain replicas/);
    assert.equal((await viewer.post(PATH, { drain: "true" })).status, 403);
    assert.doesNotMatch(await viewer.page("/"), /Drain this replica/);
    assert.equal(gateway.commands.length, 0);
  });
});
