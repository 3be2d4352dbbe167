import assert from "node:assert/strict";
import type { FleetMessage } from "../../dashboard/fleet/fleet_topic.ts";
import { EventReader } from "../dashboard/event_reader.ts";
import {
  secondFields,
  SESSION,
  statusEntries,
  writeFleet,
  writeStatuses,
} from "../dashboard/fleet/written_fleet.ts";
import { withDashboard } from "../dashboard/rig.ts";

Deno.test("/live tells whoever joins of all cells, and then of those that change", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    await writeFleet(redis, statusEntries(16, { 3: "Resuming" }));
    const response = await (await signedIn("viewer")).get("/live?fleet");
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const events = new EventReader(response.body);
    const whole = await events.first<FleetMessage>("fleet", () => true);
    assert.equal(whole.cells, "cccrcccccccccccc");
    await writeStatuses(redis, statusEntries(16, { 5: "Disconnected" }));
    const changed = await events.first<FleetMessage>("fleet", ({ cells }) => cells.length > 0);
    assert.deepEqual(changed.cells, [[3, "c"], [5, "d"]]);
    assert.equal(changed.figures.counts.disconnected, 1);
    assert(!events.text.includes(SESSION.slice(0, 12)), "a session id is in the stream");
    await events.leave();
  });
});

Deno.test("/live tells a page that comes back of the seconds that it has missed", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    await writeFleet(redis, statusEntries(2));
    const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
    for (let ago = 120; ago > 0; ago--) {
      const id = `${nowMs - ago * 1_000}-0`;
      await redis.xadd("gateway:history:alpha", id, ...secondFields({ events: String(ago) }));
    }
    const viewer = await signedIn("viewer");
    // A browser that lost the stream knows better than the page's address what it has heard.
    const response = await viewer.get(`/live?fleet&since=${nowMs - 100_000}`, {
      "last-event-id": String(nowMs - 30_000),
    });
    const events = new EventReader(response.body);
    const { history } = await events.first<FleetMessage>("fleet", () => true);
    assert.equal(history.events[0], 34);
    assert.equal(history.events.at(-1), 1);
    await events.leave();
  });
});

Deno.test("/live listens to nothing that it does not know", async () => {
  await withDashboard(async ({ signedIn, anybody }) => {
    const viewer = await signedIn("viewer");
    for (const query of ["", "?nothing", "?constructor", "?__proto__=1"]) {
      assert.equal((await viewer.get(`/live${query}`)).status, 404, query);
    }
    assert.equal((await anybody.get("/live?fleet")).status, 303);
  });
});

Deno.test("/live refuses one listener too many", async () => {
  await withDashboard(async ({ signedIn }) => {
    const viewer = await signedIn("viewer");
    const streams = [];
    for (let count = 0; count < 200; count++) streams.push(await viewer.get("/live?fleet"));
    assert.equal((await viewer.get("/live?fleet")).status, 503);
    for (const { body } of streams) await body?.cancel();
  });
});
