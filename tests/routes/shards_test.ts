import assert from "node:assert/strict";
import { SESSION, statusEntries, writeFleet } from "../dashboard/fleet/written_fleet.ts";
import { withDashboard } from "../dashboard/rig.ts";
import { becomeForeign, restartingGateway, writeDetails } from "../dashboard/shard/shard_fixture.ts";

Deno.test("/shards/:id shows everything that is known of a shard", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    await writeFleet(redis, statusEntries(3));
    await writeDetails(redis, 1);
    const text = await (await signedIn("viewer")).page("/shards/1");
    assert.match(text, /<h1>Shard 1<\/h1>/);
    const known = [
      "Connected",
      "2026-01-01 00:00:00",
      "41 ms",
      "2026-01-01 12:00:00",
      "01234567…",
      "gateway-us-east1-b.discord.gg",
      "812",
      "4,711",
      "4,710",
      "4,709",
      "MESSAGE_CREATE",
      "8.1",
      "TYPING_START",
      "12",
      "Disconnected by Discord: 4009, session timed out",
      "43 ms",
    ];
    for (const words of known) assert(text.includes(`${words}<`), words);
    assert.match(text, /aria-label="Latency of 2 heartbeats, 00:00 to 00:00 UTC"/);
    assert.match(text, /href="\/shards\/0"[^>]*>← Shard 0</);
    assert.match(text, /href="\/shards\/2"[^>]*>Shard 2 →</);
    assert(!text.includes(SESSION), "no page has a whole session id");
  });
});

Deno.test("/shards/:id has no neighbours beyond the ends, and no page beyond them", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    const viewer = await signedIn("viewer");
    const early = await viewer.get("/shards/0");
    assert.equal(early.status, 404);
    assert.match(await early.text(), /No shards yet/);
    await writeFleet(redis, statusEntries(1));
    assert.doesNotMatch(await viewer.page("/shards/0"), /← Shard|Shard 1 →/);
    for (const id of ["1", "-1", "01", "0x0", "one", "9".repeat(30)]) {
      const response = await viewer.get(`/shards/${id}`);
      assert.equal(response.status, 404, id);
      assert.match(await response.text(), /There is one, 0\./, id);
    }
  });
});

Deno.test("/shards/:id says when a gateway is silent, and when none runs", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    const viewer = await signedIn("viewer");
    await writeFleet(redis, statusEntries(1), { heard_at: Date.now() - 42_000 });
    assert.match(await viewer.page("/shards/0"), /Gateway last heard 4\d s ago/);
    await writeFleet(redis, statusEntries(1), { stopped: true });
    assert.match(await viewer.page("/shards/0"), /No gateway is running/);
  });
});

Deno.test("/shards/:id says why a shard is away on purpose", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    const viewer = await signedIn("viewer");
    const away = statusEntries(2, { 0: "Disconnected", 1: "Disconnected" });
    await writeFleet(redis, away, { waiting: [[0, 0]], parked: [[1, 1]] });
    assert.match(await viewer.page("/shards/0"), /waits for its turn to identify/);
    assert.match(await viewer.page("/shards/1"), /resumes by itself once the broker has caught up/);
  });
});

Deno.test("/shards/:id shows another service's shard, names what is not told, and offers no restart", async () => {
  await withDashboard(async ({ redis, rabbitUrl, services, signedIn }) => {
    await writeFleet(redis, statusEntries(2));
    await writeDetails(redis, 1);
    await becomeForeign(redis);
    await using gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    const operator = await signedIn("operator");
    const text = await operator.page("/shards/1");
    assert.match(text, /Another service wrote what is shown here\. It does not tell since when/);
    assert.match(text, /it would shut it down for good/);
    assert.equal(text.match(/<button type="button" disabled/g)?.length, 2);
    assert.doesNotMatch(text, /4,711|gateway-us-east1-b|restart\?mode/);
    assert.match(await operator.page("/shards/1/restart?mode=resume"), /it would shut it down for good/);
    const response = await operator.post("/shards/1/restart", { mode: "resume" });
    assert.equal(response.status, 303);
    assert.match(await operator.page("/shards/1"), /<b>Refused<\/b> Another service runs these shards/);
    assert.deepEqual(gateway.commands, []);
    const { entries: [entry] } = await services.audit.read({ count: 1 });
    assert.match(entry?.outcome ?? "", /^Refused: Another service/);
  });
});

Deno.test("/shards/:id/restart asks first, and says what a new session costs", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    await writeFleet(redis, statusEntries(13));
    const operator = await signedIn("operator");
    const shardPage = await operator.page("/shards/12");
    for (const mode of ["resume", "identify"]) {
      assert(shardPage.includes(`href="/shards/12/restart?mode=${mode}"`), mode);
    }
    const resume = await operator.page("/shards/12/restart?mode=resume");
    assert.match(resume, /<h1>Restart shard 12\?<\/h1>/);
    assert.match(resume, /no event is lost/);
    const identify = await operator.page("/shards/12/restart?mode=identify");
    assert.match(identify, /<h1>Restart shard 12 with a new session\?<\/h1>/);
    assert.match(identify, /987 of 1,000 are left for the next (?:1 h|59 min 5\d s)\./);
    assert.match(identify, /a gap/);
    assert.doesNotMatch(identify, /its turn comes/);
    assert.equal((await operator.get("/shards/12/restart?mode=kill")).status, 400);
    assert.equal((await operator.get("/shards/13/restart?mode=resume")).status, 404);
  });
});

Deno.test("/shards/:id/restart says that a new session has to wait where no identify is left", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    await writeFleet(redis, statusEntries(13), {
      identify: { remaining: 0, total: 1_000, resets_at: Date.now() + 3_600_000 },
    });
    const operator = await signedIn("operator");
    const identify = await operator.page("/shards/12/restart?mode=identify");
    assert.match(
      identify,
      /0 of 1,000 are left for the next (?:1 h|59 min 5\d s): its turn comes when there are more, and its session goes on/,
    );
    assert.doesNotMatch(await operator.page("/shards/12/restart?mode=resume"), /identif/);
  });
});

for (
  const [mode, action] of [["resume", "Restart"], ["identify", "Restart with new session"]] as const
) {
  Deno.test(`POST /shards/:id/restart with mode ${mode} tells the gateway, and writes it down`, async () => {
    await withDashboard(async ({ redis, rabbitUrl, services, signedIn }) => {
      await writeFleet(redis, statusEntries(13));
      await using gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
      const operator = await signedIn("operator");
      const response = await operator.post("/shards/12/restart", { mode });
      assert.deepEqual([response.status, response.headers.get("location")], [303, "/shards/12"]);
      assert.deepEqual(gateway.commands, [{ op: 1, shard: 12, data: { mode } }]);
      assert.match(await operator.page("/shards/12"), new RegExp(`<b>Done</b> ${action}\\. The gateway`));
      const { entries } = await services.audit.read({ count: 5 });
      assert.deepEqual(
        entries.map(({ who, role, action, shards, outcome }) => ({ who, role, action, shards, outcome })),
        [{ who: "operator", role: "operator", action, shards: "12", outcome: "Carried out" }],
      );
    });
  });
}

Deno.test("POST /shards/:id/restart takes no other mode and no other shard", async () => {
  await withDashboard(async ({ redis, rabbitUrl, signedIn }) => {
    await writeFleet(redis, statusEntries(13));
    await using gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    const operator = await signedIn("operator");
    for (const mode of ["", "Resume", "kill"]) {
      assert.equal((await operator.post("/shards/12/restart", { mode })).status, 400, mode);
    }
    assert.equal((await operator.post("/shards/13/restart", { mode: "resume" })).status, 404);
    assert.deepEqual(gateway.commands, []);
  });
});

Deno.test("A viewer sees that only operators restart shards, and is refused", async () => {
  await withDashboard(async ({ redis, rabbitUrl, signedIn }) => {
    await writeFleet(redis, statusEntries(13));
    await using gateway = await restartingGateway(rabbitUrl, () => Promise.resolve());
    const viewer = await signedIn("viewer");
    assert.match(await viewer.page("/shards/12"), /Only operators restart shards/);
    assert.match(await viewer.page("/shards/12/restart?mode=identify"), /Only operators restart shards/);
    assert.match(await viewer.page("/restarts/new"), /Only operators restart shards/);
    for (
      const [path, fields] of [["/shards/12/restart", { mode: "resume" }], ["/restarts", {
        shards: "0-3",
      }]] as const
    ) {
      assert.equal((await viewer.post(path, fields)).status, 403, path);
      const operator = await signedIn("operator");
      assert.equal((await operator.post(path, { ...fields, csrf: "wrong" })).status, 403, path);
    }
    assert.deepEqual(gateway.commands, []);
  });
});
