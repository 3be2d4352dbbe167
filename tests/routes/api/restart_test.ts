import assert from "node:assert/strict";
import { statusEntries, writeFleet } from "../../dashboard/fleet/written_fleet.ts";
import { becomeForeign, lives, restartingGateway } from "../../dashboard/shard/shard_fixture.ts";
import { withProgram } from "./program.ts";

Deno.test("POST /api/restart restarts shards one after the other, and GET tells how that went", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, get, post }) => {
    await writeFleet(redis, statusEntries(4));
    assert.deepEqual((await get("/api/restart")).body, { restart: null });
    await using gateway = await restartingGateway(
      rabbitUrl,
      ({ shard }) => lives(redis, shard, "disconnected", "connecting", "resumed"),
    );
    const begun = await post("/api/restart", { shards: "1, 3" });
    assert.equal(begun.status, 200);
    assert.deepEqual([begun.body.restart.state, begun.body.restart.total], ["running", 2]);
    await services.restarts.idle();
    assert.deepEqual(gateway.commands, [{ op: 1, shard: 1 }, { op: 1, shard: 3 }]);
    const { restart } = (await get("/api/restart")).body;
    const { id, started_at, ended_at, ...rest } = restart;
    assert(ended_at >= started_at);
    assert.equal(id, begun.body.restart.id);
    assert.deepEqual(rest, {
      mode: "resume",
      state: "finished",
      started_by: "api token",
      total: 2,
      back: 2,
      missing: 0,
      missing_shards: [],
      current: null,
      stopped_by: null,
    });
  });
});

Deno.test("POST /api/restart begins new sessions where it is asked to, and says so in the audit", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    await writeFleet(redis, statusEntries(2));
    await using gateway = await restartingGateway(
      rabbitUrl,
      ({ shard }) => lives(redis, shard, "disconnected", "connecting", "ready"),
    );
    assert.equal((await post("/api/restart", { shards: "all", mode: "identify" })).status, 200);
    await services.restarts.idle();
    assert.deepEqual(
      gateway.commands,
      [0, 1].map((shard) => ({ op: 1, shard, data: { mode: "identify" } })),
    );
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ action, shards, outcome }) => [action, shards, outcome]), [
      ["Rolling restart with new sessions", "0-1", "Finished: 2 of 2 back, 0 not"],
      ["Rolling restart with new sessions", "0-1", "Begun"],
    ]);
  });
});

Deno.test("POST /api/restart begins no more new sessions than there are identifies left", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    const budget = { remaining: 2, total: 1_000, resets_at: Date.now() + 3_600_000 };
    await writeFleet(redis, statusEntries(3), { identify: budget });
    await using gateway = await restartingGateway(
      rabbitUrl,
      ({ shard }) => lives(redis, shard, "disconnected", "connecting", "ready"),
    );
    const { status, body } = await post("/api/restart", { shards: "all", mode: "identify" });
    const { message } = body;
    assert.deepEqual([status, body], [409, { error: "budget_too_small", message }]);
    assert.match(
      message,
      /^Each shard costs one identify, and 2 of 1,000 are left for the next (59 min|1 h)/,
    );
    assert.equal(await services.restarts.read(), null);
    const { entries } = await services.audit.read({ count: 2 });
    assert.deepEqual(entries.map(({ who, action, shards, outcome }) => [who, action, shards, outcome]), [
      ["api token", "Rolling restart with new sessions", "all", `Refused: ${message}.`],
    ]);
    const enough: [string, object, object | null][] = [
      ["as many as are left", { shards: "0-1", mode: "identify" }, budget],
      ["none is spent", { shards: "all" }, budget],
      ["renewed since", { shards: "all", mode: "identify" }, { ...budget, resets_at: Date.now() - 1_000 }],
      ["not known", { shards: "all", mode: "identify" }, null],
    ];
    for (const [why, asked, identify] of enough) {
      await writeFleet(redis, statusEntries(3), { identify });
      assert.equal((await post("/api/restart", asked)).status, 200, why);
      await services.restarts.idle();
    }
    assert.equal(gateway.commands.length, 11);
  });
});

Deno.test("POST /api/restart/stop ends it, and only one can be under way", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post, get }) => {
    await writeFleet(redis, statusEntries(3));
    const none = await post("/api/restart/stop");
    assert.deepEqual([none.status, none.body.error], [409, "none_under_way"]);
    await using _gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    assert.equal((await post("/api/restart", { shards: [0, 2] })).status, 200);
    const second = await post("/api/restart", { shards: 1 });
    assert.deepEqual([second.status, second.body.error], [409, "under_way"]);
    assert.deepEqual((await post("/api/restart/stop")).body, { ok: true });
    await services.restarts.idle();
    const { restart } = (await get("/api/restart")).body;
    assert.deepEqual([restart.state, restart.stopped_by], ["stopped", "api token"]);
  });
});

Deno.test("POST /api/restart refuses shards that are not named, not there, or another service's", async () => {
  await withProgram(async ({ redis, services, post }) => {
    const early = await post("/api/restart", { shards: "all" });
    assert.deepEqual([early.status, early.body.error], [409, "no_shards"]);
    await writeFleet(redis, statusEntries(3));
    for (const shards of [undefined, null, "", " ", [], "3-1", -1, 1.5, [0, "1"], { 0: 1 }, "0; 1", true]) {
      const { status, body } = await post("/api/restart", { shards });
      assert.deepEqual([status, body.error], [400, "invalid"], JSON.stringify(shards));
      assert.match(body.message, /^"shards" is "all"/);
    }
    const unknown = await post("/api/restart", { shards: "2-3" });
    assert.deepEqual(unknown.body, { error: "invalid", message: "There is no shard 3: they are 0 to 2" });
    await becomeForeign(redis);
    const foreign = await post("/api/restart", { shards: "all" });
    assert.deepEqual([foreign.status, foreign.body.error], [409, "foreign_service"]);
    assert.equal(await services.restarts.read(), null);
  });
});
