import assert from "node:assert/strict";
import { statusEntries, writeFleet } from "../../dashboard/fleet/written_fleet.ts";
import { fakeGateway } from "../../dashboard/fake_gateway.ts";
import { becomeForeign } from "../../dashboard/shard/shard_fixture.ts";
import { withProgram } from "./program.ts";

Deno.test("POST /api/commands sends the very text of a command, and answers what came of it", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    await writeFleet(redis, statusEntries(2));
    const refusal = { ok: false, error: "unknown_shard", message: "Shard 1 is not run here" };
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, refusal]);
    const text = '{"op":0, "shard":1,"data":{"op":4,"d":{"guild_id":"81384788765712384","channel_id":null,' +
      '"self_mute":false,"self_deaf":false,"n":90071992547409931}}}';
    const sent = await post("/api/commands", text);
    assert.deepEqual([sent.status, sent.body], [200, { ok: true }]);
    assert.equal(sent.headers.get("shardline-audited"), "yes");
    assert.equal(gateway.commands[0]?.content.toString(), text);
    const refused = await post("/api/commands", text);
    assert.deepEqual([refused.status, refused.body], [422, {
      error: "unknown_shard",
      message: "Shard 1 is not run here",
    }]);
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ action, shards, outcome }) => [action, shards, outcome]), [
      ["Voice state", "1", "Refused, unknown_shard: Shard 1 is not run here"],
      ["Voice state", "1", "Carried out"],
    ]);
  });
});

Deno.test("POST /api/commands names everything that is wrong with a command, and sends nothing", async () => {
  await withProgram(async ({ redis, rabbitUrl, post }) => {
    await writeFleet(redis, statusEntries(2));
    await using gateway = await fakeGateway(rabbitUrl);
    const { status, body } = await post("/api/commands", { op: 0, shard: 7, data: { op: 2, d: {} } });
    assert.deepEqual([status, body.error], [400, "invalid"]);
    assert.match(body.message, /There is no shard 7.*; "data.op" is one of/);
    assert.match((await post("/api/commands", "{")).body.message, /not JSON/);
    assert.deepEqual(gateway.commands, []);
  });
});

Deno.test("POST /api/commands restarts no shard of another service", async () => {
  await withProgram(async ({ redis, rabbitUrl, post }) => {
    await writeFleet(redis, statusEntries(2));
    await becomeForeign(redis);
    await using gateway = await fakeGateway(rabbitUrl);
    const { status, body } = await post("/api/commands", { op: 1, shard: 1 });
    assert.deepEqual([status, body.error], [409, "foreign_service"]);
    assert.match(body.message, /it would shut it down for good$/);
    assert.deepEqual(gateway.commands, []);
  });
});

Deno.test("POST /api/commands says where there is no gateway to send it to", async () => {
  await withProgram(async ({ post }) => {
    const { status, body } = await post("/api/commands", { op: 1, shard: 0 });
    assert.deepEqual([status, body.error], [503, "not_sent"]);
    assert.match(body.message, /no gateway has run on this RabbitMQ yet/);
  });
});

Deno.test("POST /api/commands says where it is not known whether it was sent", async () => {
  await withProgram(async ({ redis, services, post }) => {
    await writeFleet(redis, statusEntries(2));
    const problem = "RabbitMQ did not confirm it in time";
    services.commands.send = () => Promise.resolve({ kind: "unknown", problem });
    const { status, body } = await post("/api/commands", { op: 1, shard: 0 });
    assert.deepEqual([status, body.error], [504, "not_confirmed"]);
    assert.match(
      body.message,
      /^It is not known whether it was sent: RabbitMQ did not confirm it in time; look/,
    );
  });
});

Deno.test("POST /api/presence sends it to all shards or some", async () => {
  await withProgram(async ({ redis, rabbitUrl, services, post }) => {
    await writeFleet(redis, statusEntries(4));
    await using gateway = await fakeGateway(rabbitUrl, [{ ok: true }, { ok: true }]);
    const activity = { type: "watching", name: "you" };
    assert.equal((await post("/api/presence", { shards: "all", status: "idle", activity })).status, 200);
    assert.equal((await post("/api/presence", { shards: [1, 2], status: "dnd" })).status, 200);
    const presence = (status: string, activities: unknown[]) => (
      { op: 3, d: { since: null, activities, status, afk: false } }
    );
    assert.deepEqual(gateway.commands.map(({ content }) => JSON.parse(content.toString())), [
      { op: 0, shard: "all", data: presence("idle", [{ name: "you", type: 3 }]) },
      { op: 0, shard: [1, 2], data: presence("dnd", []) },
    ]);
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ who, shards }) => [who, shards]), [["api token", "1-2"], [
      "api token",
      "all",
    ]]);
  });
});

Deno.test("POST /api/presence refuses what Discord would not show", async () => {
  await withProgram(async ({ redis, rabbitUrl, post }) => {
    await writeFleet(redis, statusEntries(4));
    await using gateway = await fakeGateway(rabbitUrl);
    const said = async (body: unknown) => {
      const answer = await post("/api/presence", body);
      assert.deepEqual([answer.status, answer.body.error], [400, "invalid"], JSON.stringify(body));
      return answer.body.message;
    };
    assert.match(await said({ status: "idle" }), /^"shards" is/);
    assert.match(await said({ shards: "all" }), /^"status" is one of online/);
    assert.match(await said({ shards: "all", status: "asleep" }), /one of online/);
    assert.match(await said({ shards: "0-4", status: "idle" }), /There is no shard 4/);
    assert.match(await said({ shards: "all", status: "idle", activity: "you" }), /^"activity" is an object/);
    assert.match(
      await said({ shards: "all", status: "idle", activity: { type: 3, name: "you" } }),
      /^"activity.type" is one of playing/,
    );
    assert.match(
      await said({ shards: "all", status: "idle", activity: { type: "playing", name: 5 } }),
      /are texts$/,
    );
    assert.match(
      await said({
        shards: "all",
        status: "idle",
        activity: { type: "streaming", name: "x", url: "ftp://x" },
      }),
      /twitch/,
    );
    assert.deepEqual(gateway.commands, []);
  });
});

Deno.test("Endpoints take JSON objects that say that they are, and no more of them than they must", async () => {
  await withProgram(async ({ redis, post }) => {
    await writeFleet(redis, statusEntries(1));
    const form = { "content-type": "application/x-www-form-urlencoded" };
    for (const path of ["/api/presence", "/api/commands", "/api/restart", "/api/shards/0/restart"]) {
      const other = await post(path, "{}", form);
      assert.deepEqual([other.status, other.body.error], [415, "not_json"], path);
      for (const text of ["{", "null", "[]", '"text"']) {
        assert.equal((await post(path, text)).status, 400, `${path} ${text}`);
      }
      const long = await post(path, JSON.stringify({ text: "x".repeat(64 * 1024) }));
      assert.deepEqual([long.status, long.body.error], [413, "too_large"], path);
    }
  });
});
