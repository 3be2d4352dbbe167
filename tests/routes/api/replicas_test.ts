import assert from "node:assert/strict";
import { fakeGateway } from "../../dashboard/fake_gateway.ts";
import { FLEET_PART, statusEntries, writeFleet } from "../../dashboard/fleet/written_fleet.ts";
import { withProgram } from "./program.ts";

Deno.test("POST /api/replicas/:name/drain has a replica drained, and lets it take shards again", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    await writeFleet(redis, statusEntries(2), FLEET_PART);
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, { ok: true }]);
    for (const body of [undefined, { drain: false }]) {
      assert.deepEqual((await post("/api/replicas/alpha/drain", body)).body, { ok: true });
    }
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString()).data), [
      { drain: true },
      { drain: false },
    ]);
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ who, action }) => `${who}: ${action}`), [
      "api token: Let replica alpha take shards",
      "api token: Drain replica alpha",
    ]);
  });
});

Deno.test("POST /api/replicas/:name/drain refuses what is no replica of a fleet", async () => {
  await withProgram(async ({ redis, services, post }) => {
    await writeFleet(redis, statusEntries(2));
    const wrong = await post("/api/replicas/alpha/drain", { drain: "yes" });
    assert.deepEqual([wrong.status, wrong.body], [400, {
      error: "invalid",
      message: '"drain" is true or false',
    }]);
    assert.equal((await post("/api/replicas/beta/drain")).status, 404);
    const alone = await post("/api/replicas/alpha/drain");
    assert.deepEqual([alone.status, alone.body.error], [409, "not_in_fleet"]);
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ action }) => action), ["Drain replica alpha"]);
  });
});
