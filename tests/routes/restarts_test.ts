import assert from "node:assert/strict";
import { statusEntries, writeFleet, writeStatuses } from "../dashboard/fleet/written_fleet.ts";
import { withDashboard } from "../dashboard/rig.ts";
import { becomeForeign, lives, restartingGateway } from "../dashboard/shard/shard_fixture.ts";

/** Of the form on a page: the hidden field of this name. */
function field(page: string, name: string): string {
  const [, value] = new RegExp(`name="${name}" value="([^"]*)"`).exec(page) ?? [];
  assert(value !== undefined, `no field ${name} on the page`);
  return value;
}

Deno.test("/restarts/new asks first: how many, which, how long it may take", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    await writeFleet(redis, statusEntries(64, { 3: "Resuming", 4: "Resuming", 9: "Disconnected" }));
    const operator = await signedIn("operator");
    const filtered = await operator.page("/restarts/new?status=resuming&status=disconnected&status=nonsense");
    assert.match(filtered, /<h1>Restart 3 shards\?<\/h1>/);
    assert.match(filtered, /3-4, 9</);
    assert.match(filtered, /about 6 s/);
    assert.equal(field(filtered, "shards"), "3-4, 9");
    const all = await operator.page("/restarts/new");
    assert.match(all, /<h1>Restart 64 shards\?<\/h1>/);
    assert.match(all, /about 2 min 8 s/);
    assert.equal(field(all, "shards"), "0-63");
    assert.match(await operator.page("/restarts/new?status=parked"), /No shard matches this filter/);
  });
});

Deno.test("/restarts/new shows the beginning of a long list, and its form has all of it", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    const everySecond = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [index * 2, "Resuming"]),
    );
    await writeFleet(redis, statusEntries(1_000, everySecond));
    const page = await (await signedIn("operator")).page("/restarts/new?status=resuming");
    assert.equal(field(page, "shards").split(", ").length, 500);
    const [, shown = ""] = /<dd>(0, 2,[^<]*)/.exec(page) ?? [];
    assert(shown.endsWith(", …") && shown.length < 700, shown);
  });
});

Deno.test("/restarts/new offers nothing without shards, and nothing with another service's", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    const operator = await signedIn("operator");
    assert.match(await operator.page("/restarts/new"), /No gateway has run here yet/);
    await writeFleet(redis, statusEntries(2));
    await becomeForeign(redis);
    const page = await operator.page("/restarts/new");
    assert.match(page, /it would shut it down for good/);
    assert.doesNotMatch(page, /action="\/restarts"/);
  });
});

Deno.test("POST /restarts restarts the shards one after the other, and /restarts shows how that went", async () => {
  await withDashboard(async ({ redis, rabbitUrl, services, signedIn }) => {
    await writeFleet(redis, statusEntries(4));
    const operator = await signedIn("operator");
    assert.match(await operator.page("/restarts"), /No shards have been restarted one after the other yet/);
    await using gateway = await restartingGateway(rabbitUrl, async ({ shard }) => {
      await writeStatuses(redis, statusEntries(4, { [shard]: "Resuming" }));
      await lives(redis, shard, "disconnected", "reconnecting", "connecting", "resuming", "resumed");
      await writeStatuses(redis, statusEntries(4));
    });
    const asked = await operator.page("/restarts/new");
    const response = await operator.post("/restarts", { shards: field(asked, "shards") });
    assert.deepEqual([response.status, response.headers.get("location")], [303, "/restarts"]);
    const running = await operator.page("/restarts");
    assert.match(running, /<b>Done<\/b> The first shard is restarting/);
    assert.match(running, /<progress max="4" value="0"/);
    assert.match(running, /<noscript><meta http-equiv="refresh" content="2"/);
    await services.restarts.idle();
    assert.deepEqual(gateway.commands, [0, 1, 2, 3].map((shard) => ({ op: 1, shard })));
    const ended = await operator.page("/restarts");
    assert.match(ended, /All 4 are back/);
    assert.match(ended, /<progress max="4" value="4"/);
    assert.match(ended, /<dd>operator, <time/);
    assert.doesNotMatch(ended, /http-equiv="refresh"|\/restarts\/stop/);
    const { entries } = await services.audit.read({ count: 5 });
    assert.deepEqual(entries.map(({ who, action, shards, outcome }) => [who, action, shards, outcome]), [
      ["operator", "Rolling restart", "0-3", "Finished: 4 of 4 back, 0 not"],
      ["operator", "Rolling restart", "0-3", "Begun"],
    ]);
  });
});

Deno.test("POST /restarts/stop ends it, and only one can be under way", async () => {
  await withDashboard(async ({ redis, rabbitUrl, services, signedIn }) => {
    await writeFleet(redis, statusEntries(4));
    const operator = await signedIn("operator");
    // It takes the command, and no shard comes back.
    await using gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    await operator.post("/restarts/stop");
    assert.match(await operator.page("/restarts"), /<b>Refused<\/b> No rolling restart is under way/);
    await operator.post("/restarts", { shards: "1-2" });
    await operator.post("/restarts", { shards: "3" });
    const running = await operator.page("/restarts");
    assert.match(running, /<b>Refused<\/b> A rolling restart is under way already/);
    assert.match(running, /action="\/restarts\/stop"/);
    assert.match(running, /<a href="\/" aria-current="page">Fleet/);
    const fleet = () => operator.page("/");
    assert.match(await fleet(), /is under way: 0 of 2 have had their turn\. <a href="\/restarts">/);
    assert.match(await operator.page("/restarts/new"), /under way already.*href="\/restarts"/s);
    assert.doesNotMatch(await (await signedIn("viewer")).page("/restarts"), /\/restarts\/stop/);
    await operator.post("/restarts/stop");
    assert.match(await operator.page("/restarts"), /<b>Done<\/b> It stops/);
    await services.restarts.idle();
    assert.match(await operator.page("/restarts"), /Stopped by operator/);
    assert.doesNotMatch(await fleet(), /is under way/);
    assert(gateway.commands.length <= 1 && gateway.commands.every(({ shard }) => shard === 1));
  });
});

Deno.test("POST /restarts refuses shards that are not there, and those of another service", async () => {
  await withDashboard(async ({ redis, rabbitUrl, services, signedIn }) => {
    await writeFleet(redis, statusEntries(4));
    await using gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    const operator = await signedIn("operator");
    for (const shards of ["", "all", "4", "0-4", "3-1", "-1"]) {
      assert.equal((await operator.post("/restarts", { shards })).status, 400, shards);
    }
    await becomeForeign(redis);
    assert.equal((await operator.post("/restarts", { shards: "0-3" })).status, 303);
    assert.match(await operator.page("/restarts"), /<b>Refused<\/b> Another service runs these shards/);
    assert.equal(await services.restarts.read(), null);
    assert.deepEqual(gateway.commands, []);
    const { entries: [entry] } = await services.audit.read({ count: 1 });
    assert.match(`${entry?.shards} ${entry?.outcome}`, /^0-3 Refused: Another service/);
  });
});
