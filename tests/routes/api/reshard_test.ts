import assert from "node:assert/strict";
import { fakeGateway } from "../../dashboard/fake_gateway.ts";
import { statusEntries, writeFleet, writeReshard } from "../../dashboard/fleet/written_fleet.ts";
import { becomeForeign } from "../../dashboard/shard/shard_fixture.ts";
import { withProgram } from "./program.ts";

Deno.test("POST /api/reshard has a change of the number of shards begun, and given up", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    await writeFleet(redis, statusEntries(16));
    const refusal = { ok: false, error: "cannot_reshard", message: "A shard is not connected" };
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, refusal, { ok: true }]);
    assert.deepEqual((await post("/api/reshard", { total: 32 })).body, { ok: true });
    const refused = await post("/api/reshard", { total: 8 });
    assert.deepEqual([refused.status, refused.body], [422, {
      error: refusal.error,
      message: refusal.message,
    }]);
    await writeReshard(redis);
    assert.deepEqual((await post("/api/reshard", { abandon: true })).body, { ok: true });
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 2, data: { total: 32 } },
      { op: 2, data: { total: 8 } },
      { op: 2, data: { abandon: true } },
    ]);
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ who, action }) => `${who}: ${action}`), [
      "api token: Abandon the change of the number of shards",
      "api token: Change to 8 shards",
      "api token: Change to 32 shards",
    ]);
  });
});

Deno.test("POST /api/reshard refuses what says nothing, and what cannot be", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    await using gateway = await fakeGateway(rabbitUrl);
    const wrong = [undefined, {}, { total: 0 }, { total: "32" }, { total: 65_537 }, { abandon: false }];
    for (const body of [...wrong, { total: 32, abandon: true }]) {
      const { status, body: { error } } = await post("/api/reshard", body);
      assert.deepEqual([status, error], [400, "invalid"], JSON.stringify(body));
    }
    const refused = async (body: object) => {
      const { status, body: { error, message } } = await post("/api/reshard", body);
      assert.doesNotMatch(message, /\.$/);
      return `${status} ${error}`;
    };
    assert.equal(await refused({ total: 32 }), "409 no_shards");
    const identify = { remaining: 20, total: 1_000, resets_at: Date.now() + 3_600_000 };
    await writeFleet(redis, statusEntries(16), { identify });
    assert.equal(await refused({ total: 32 }), "409 budget_too_small");
    assert.equal(await refused({ total: 16 }), "400 invalid");
    assert.equal(await refused({ abandon: true }), "409 none_under_way");
    await writeReshard(redis);
    assert.equal(await refused({ total: 8 }), "409 under_way");
    await becomeForeign(redis);
    assert.equal(await refused({ total: 8 }), "409 foreign_service");
    assert.equal(gateway.commands.length, 0);
    const { entries } = await services.audit.read({ count: 10 });
    assert.equal(entries.length, 6, "what says nothing is nobody's wish");
  });
});

Deno.test("/api/fleet tells how far a change of the number of shards is", async () => {
  await withProgram(async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(16));
    assert.equal((await get("/api/fleet")).body.reshard, null);
    await writeReshard(redis, { phase: "holding" }, { told: true });
    assert.deepEqual((await get("/api/fleet")).body.reshard, {
      phase: "holding",
      from: 16,
      to: 32,
      began_at: 1_764_500_000_000,
      text: "16 → 32: the old sessions hold back what comes, until all that they had is published.",
      under_way: true,
      ready: 20,
      replicas: [
        { name: "alpha", ready: 8, waits_for: null },
        { name: "beta", ready: 12, waits_for: "what its old sessions had is not all published" },
      ],
    });
  });
});
