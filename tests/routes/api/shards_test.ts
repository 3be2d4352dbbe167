import assert from "node:assert/strict";
import { fakeGateway } from "../../dashboard/fake_gateway.ts";
import { SESSION, statusEntries, writeFleet } from "../../dashboard/fleet/written_fleet.ts";
import { becomeForeign, writeDetails } from "../../dashboard/shard/shard_fixture.ts";
import { withProgram } from "./program.ts";

Deno.test("/api/shards has every shard, or those of some statuses", async () => {
  await withProgram(async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(5, { 1: "Resuming", 4: "Disconnected" }));
    const all = (await get("/api/shards")).body.shards;
    assert.equal(all.length, 5);
    assert.deepEqual(all[1], {
      shard: 1,
      status: "resuming",
      latency_ms: 41,
      last_ack_at: Date.UTC(2026, 0, 1, 12),
      session: `${SESSION.slice(0, 8)}…`,
    });
    const some = (await get("/api/shards?status=resuming&status=disconnected")).body.shards;
    assert.deepEqual(some.map(({ shard }: { shard: number }) => shard), [1, 4]);
    const { status, body } = await get("/api/shards?status=asleep");
    assert.deepEqual([status, body.error], [400, "invalid"]);
    assert.match(body.message, /"status" is one of connected, resuming/);
  });
});

Deno.test("/api/shards/:id has one shard with its life and its latencies", async () => {
  await withProgram(async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(5));
    await writeDetails(redis, 3);
    const { status, body } = await get("/api/shards/3");
    assert.equal(status, 200);
    const { life, latencies, rates, ...rest } = body;
    assert.deepEqual(rest, {
      shard: 3,
      status: "connected",
      latency_ms: 43,
      last_ack_at: Date.UTC(2026, 0, 1, 12),
      session: `${SESSION.slice(0, 8)}…`,
      source: "shardline",
      details_at: 1_767_226_201_000,
      since_at: 1_767_225_600_000,
      received: 4711,
      published: 4710,
      stored: 4709,
      host: "gateway-us-east1-b.discord.gg",
      guilds: 812,
      events_per_second: 12.4,
    });
    assert.deepEqual(rates, { MESSAGE_CREATE: 8.1, TYPING_START: 2.25 });
    assert.deepEqual(life.map(({ at }: { at: number }) => at), [1_767_225_600_100, 1_767_225_600_000]);
    assert.match(life[0].text, /4009/);
    assert.deepEqual(latencies, [
      { at: 1_767_225_600_000, latency_ms: 41 },
      { at: 1_767_225_641_000, latency_ms: 43 },
    ]);
    for (const id of ["5", "-1", "03", "x", "1e3"]) {
      const other = await get(`/api/shards/${id}`);
      assert.deepEqual([other.status, other.body.error], [404, "not_found"], id);
    }
  });
});

Deno.test("POST /api/shards/:id/restart has the gateway restart it, and writes it to the audit", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    await writeFleet(redis, statusEntries(2));
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, { ok: true }]);
    const resumed = await post("/api/shards/1/restart");
    assert.deepEqual([resumed.status, resumed.body], [200, { ok: true }]);
    assert.equal((await post("/api/shards/0/restart", { mode: "identify" })).status, 200);
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 1, shard: 1, data: { mode: "resume" } },
      { op: 1, shard: 0, data: { mode: "identify" } },
    ]);
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(
      entries.map((
        { who, role, address, action, shards, outcome },
      ) => [who, role, address, action, shards, outcome]),
      [
        ["api token", "operator", "192.0.2.1", "Restart with new session", "0", "Carried out"],
        ["api token", "operator", "192.0.2.1", "Restart", "1", "Carried out"],
      ],
    );
  });
});

Deno.test("POST /api/shards/:id/restart refuses what it cannot do, and sends nothing", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    const nobody = await post("/api/shards/1/restart");
    assert.deepEqual([nobody.status, nobody.body.error], [404, "not_found"]);
    await writeFleet(redis, statusEntries(2));
    await using gateway = await fakeGateway(rabbitUrl);
    assert.deepEqual((await post("/api/shards/1/restart", { mode: "gently" })).body, {
      error: "invalid",
      message: '"mode" is "resume" or "identify"',
    });
    assert.equal((await post("/api/shards/2/restart")).status, 404);
    await becomeForeign(redis);
    const foreign = await post("/api/shards/1/restart");
    assert.deepEqual([foreign.status, foreign.body.error], [409, "foreign_service"]);
    assert.match(foreign.body.message, /it would shut it down for good$/);
    assert.deepEqual(gateway.commands, []);
    const [refused] = (await services.audit.read({ count: 1 })).entries;
    assert.match(refused?.outcome ?? "", /^Refused: Another service/);
  });
});
