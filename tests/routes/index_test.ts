import assert from "node:assert/strict";
import { h } from "preact";
import { render } from "preact-render-to-string";
import { fleetFigures } from "../../dashboard/fleet/fleet_figures.ts";
import { CELL_STATES, cellCode } from "../../dashboard/fleet/fleet_snapshot.ts";
import { historySeries } from "../../dashboard/fleet/history_series.ts";
import { CELL_STATES as SHOWN_STATES } from "../../islands/cell_states.ts";
import { FleetFigures } from "../../islands/FleetFigures.tsx";
import {
  replicaEntry,
  secondFields,
  SESSION,
  statusEntries,
  writeFleet,
} from "../dashboard/fleet/written_fleet.ts";
import { type DashboardRig, withDashboard } from "../dashboard/rig.ts";

/** The fleet page as an operator gets it. */
async function fleetPage({ signedIn }: DashboardRig, query = ""): Promise<string> {
  return await (await signedIn("operator")).page(`/${query}`);
}

/** The text that a page shows, without what only islands read. */
function textOf(html: string): string {
  return html.replace(/<script.*?<\/script>/gs, "").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ")
    .replaceAll("&quot;", '"');
}

function cellsOf(html: string): string[] {
  return [...html.matchAll(/<a href=\/shards\/\d+ class=\w aria-label="([^"]+)">/g)].map(([, name = ""]) =>
    name
  );
}

Deno.test("The fleet page says that there is nothing yet where Redis is empty", async () => {
  await withDashboard(async (rig) => {
    const html = await fleetPage(rig);
    assert.match(textOf(html), /No shards yet: there is nothing of a gateway in Redis/);
    assert.deepEqual(cellsOf(html), []);
  });
});

Deno.test("The fleet page is whole without script: cells, counts, figures, plots, replicas", async () => {
  await withDashboard(async (rig) => {
    await writeFleet(rig.redis, statusEntries(16, { 3: "Disconnected", 4: "Resuming", 9: "Disconnected" }), {
      waiting: [[9, 9]],
    });
    for (const second of [3, 2, 1]) {
      const id = `${Date.now() - second * 1_000}-0`;
      await rig.redis.xadd("gateway:history:alpha", id, ...secondFields({ events: "2345", returned: "2" }));
    }
    const html = await fleetPage(rig);
    const cells = cellsOf(html);
    assert.equal(cells.length, 16);
    assert.deepEqual(cells.filter((name) => !name.endsWith(" Connected")), [
      "3 Disconnected",
      "4 Resuming",
      "9 Waiting for its turn",
    ]);
    const text = textOf(html);
    for (
      const shown of [
        "Shards 16 18 recommended",
        "Shards came back 6 in the last minute",
        "Events per second 2,345",
        "Publish delay 1.3 ms 99 % below 8 ms",
        "Unconfirmed 12 8.8 KiB",
        "Spooled 3 3.9 KiB of 4 GiB",
        "Identifies left 987 of 1,000, renewed in",
        "Connected 13",
        "Disconnected 1",
        "Waiting for its turn 1",
        "1 shard waits for a turn to identify",
        "alpha ● running 0–15 (16) 0.1.0 2 h 5 min ● connected 2,345 99 12 3",
      ]
    ) assert(text.includes(shown), `"${shown}" is not in: ${text}`);
    assert.match(text, /renewed in (?:1 h|59 min 5\d s) /);
    assert.match(html, /<svg class="drawing"[^>]*aria-label="Events per second, \d\d:\d\d to \d\d:\d\d UTC"/);
    assert.match(html, /<path class="line-0" d="M[^"]+L/);
    assert.match(html, /href="\/\?status=disconnected#shards"/);
    assert(!html.includes(SESSION.slice(0, 12)), "a session id is on the page");
    assert(!/ style=/.test(html), "the page has styles that its policy forbids");
  });
});

Deno.test("The fleet page shows the shards of the states asked for, and says so where there are none", async () => {
  await withDashboard(async (rig) => {
    await writeFleet(rig.redis, statusEntries(16, { 3: "Disconnected", 4: "Resuming", 9: "Disconnected" }));
    const html = await fleetPage(rig, "?status=disconnected&status=resuming&status=%3Cscript%3E");
    assert.deepEqual(cellsOf(html), ["3 Disconnected", "4 Resuming", "9 Disconnected"]);
    assert.match(textOf(html), /3 of 16 shards/);
    // A state that is asked for is taken out again, and goes along with a restart.
    assert.match(html, /href="\/\?status=disconnected#shards" aria-current="true"/);
    assert.match(html, /<input type="hidden" name="status" value="resuming"\/>/);
    assert(!html.includes("<script>"));
    assert.match(html, /<button type="submit" class="quiet">Restart filtered…/);
    const none = await fleetPage(rig, "?status=parked");
    assert.match(textOf(none), /No shard matches this filter/);
    assert.match(none, /<button type="submit" class="quiet" disabled>Restart filtered…/);
  });
});

Deno.test("The fleet page with ten thousand shards has them in blocks of a hundred, and is small", async () => {
  await withDashboard(async (rig) => {
    await writeFleet(rig.redis, statusEntries(10_000, { 4321: "Disconnected" }));
    const browser = await rig.signedIn("viewer");
    const response = await browser.get("/", { "accept-encoding": "gzip" });
    const compressed = await response.bytes();
    assert.equal(response.headers.get("content-encoding"), "gzip");
    // As the aim is: what a slow line takes a second for.
    assert(compressed.length < 150_000, `${compressed.length} bytes`);
    const html = await new Response(
      new Blob([compressed]).stream().pipeThrough(new DecompressionStream("gzip")),
    )
      .text();
    assert.equal(cellsOf(html).length, 10_000);
    assert(cellsOf(html).includes("4321 Disconnected"));
    assert.equal(html.match(/<div class=block>/g)?.length, 100);
    assert.match(html, /<div class=block><b>4,300<\/b><a href=\/shards\/4300 /);
  });
});

Deno.test("The fleet page says how many connected shards have no latency yet", async () => {
  await withDashboard(async (rig) => {
    const [first, ...others] = statusEntries(5, { 4: "Resuming" });
    const fresh = others.map((entry, index) => index === 0 ? entry : { ...entry, latency: 0 });
    assert(first !== undefined);
    await writeFleet(rig.redis, [first, ...fresh]);
    assert.match(textOf(await fleetPage(rig)), /most 41 ms, 2 not measured yet/);
    await writeFleet(rig.redis, statusEntries(5));
    assert.doesNotMatch(textOf(await fleetPage(rig)), /not measured yet/);
  });
});

Deno.test("The fleet page says when the gateway was last heard", async () => {
  await withDashboard(async (rig) => {
    const heard_at = Date.now() - 42_000;
    await writeFleet(rig.redis, statusEntries(2), { heard_at });
    const pages = [await fleetPage(rig)];
    await writeFleet(rig.redis, statusEntries(2), { stopped: true });
    pages.push(await fleetPage(rig));
    await rig.redis.del("gateway:replicas");
    pages.push(await fleetPage(rig));
    const words = [
      /Gateway last heard 4\d s ago/,
      /The gateway has stopped/,
      /No process of the gateway has left word of itself/,
    ];
    for (const [index, html] of pages.entries()) {
      assert.match(textOf(html), words[index] ?? /^$/);
      assert.doesNotMatch(textOf(html), /● connected/, "its broker was there when it was");
      assert.match(html, /class="cells few old"/);
    }
  });
});

Deno.test("The fleet page says from which replicas RabbitMQ is away, and how many events wait on disk", async () => {
  await withDashboard(async (rig) => {
    const spool = (events: number) => ({ spool: { events, bytes: 4_000, max_bytes: 4_294_967_296 } });
    await writeFleet(rig.redis, statusEntries(2), spool(0));
    const well = await fleetPage(rig);
    assert.doesNotMatch(textOf(well), /RabbitMQ/);
    assert.match(well, /class="cells few"/);

    await writeFleet(rig.redis, statusEntries(2), { broker: false, ...spool(1_234) });
    await rig.redis.hset("gateway:replicas", "beta", replicaEntry(0, spool(0)));
    const text = textOf(await fleetPage(rig));
    assert.match(text, /RabbitMQ is away from alpha : its events wait\./);
    assert.match(
      text,
      /1,234 events wait on disk: RabbitMQ or the state cache does not keep up, or is catching up\./,
    );
  });
});

Deno.test("The fleet page says nothing of the broker of a replica that is silent", async () => {
  await withDashboard(async (rig) => {
    await writeFleet(rig.redis, statusEntries(2), { broker: false, heard_at: Date.now() - 42_000 });
    const text = textOf(await fleetPage(rig));
    assert.match(text, /Gateway last heard/);
    assert.doesNotMatch(text, /RabbitMQ is away/);
  });
});

Deno.test("The fleet page warns where fewer identifies are left than there are shards", async () => {
  await withDashboard(async (rig) => {
    const identify = (remaining: number, inMs: number) => ({
      identify: { remaining, total: 1_000, resets_at: Date.now() + inMs },
    });
    const shown = async () => /Identifies left<\/dt><dd(?: class="(\w+)")?>/.exec(await fleetPage(rig))?.[1];
    await writeFleet(rig.redis, statusEntries(16), identify(16, 3_600_000));
    assert.equal(await shown(), undefined);
    await writeFleet(rig.redis, statusEntries(16), identify(15, 3_600_000));
    assert.equal(await shown(), "warn");
    assert.match(textOf(await fleetPage(rig)), /: fewer than there are shards/);
    await writeFleet(rig.redis, statusEntries(16), identify(15, -1_000));
    assert.equal(await shown(), undefined);
  });
});

Deno.test("The fleet page waits with a gateway that does not know its shards yet", async () => {
  await withDashboard(async (rig) => {
    await writeFleet(rig.redis, []);
    await rig.redis.del("gateway_statuses", "gateway_shards", "gateway_started", "gateway:started");
    const text = textOf(await fleetPage(rig));
    assert.match(text, /The gateway is starting: it does not know yet how many shards it runs/);
    assert.match(text, /No shards yet\./);
    assert.match(text, /alpha ◌ starting none yet 0\.1\.0/);
  });
});

Deno.test("The fleet page shows what another service wrote, names what is not known, and restarts nothing", async () => {
  await withDashboard(async (rig) => {
    await writeFleet(rig.redis, statusEntries(4));
    await rig.redis.del("gateway:started", "gateway:replicas");
    const html = await fleetPage(rig);
    const text = textOf(html);
    assert.equal(cellsOf(html).length, 4);
    assert.match(
      text,
      /Another service wrote what is shown here\. Replicas, history, backlog and identify budget/,
    );
    assert.match(text, /would shut it down for good/);
    assert.match(html, /<button type="submit" class="quiet" disabled>Restart all…/);
    assert(!text.includes("Events per second"));
  });
});

Deno.test("The fleet page offers a viewer no restart", async () => {
  await withDashboard(async (rig) => {
    await writeFleet(rig.redis, statusEntries(4));
    assert.match(await fleetPage(rig), /action="\/restarts\/new"/);
    assert(!(await (await rig.signedIn("viewer")).page("/")).includes("/restarts/new"));
  });
});

Deno.test("The fleet page names garbage in Redis, and shows none of it as it is", async () => {
  await withDashboard(async (rig) => {
    await writeFleet(rig.redis, statusEntries(2), { version: "<script>alert(1)</script>" });
    await rig.redis.hset("gateway:replicas", "<b>beta</b>", "{");
    const html = await fleetPage(rig);
    assert.match(
      html,
      /gateway:replicas: "&lt;b>beta&lt;\/b>" is no entry of a replica|gateway:replicas: &quot;&lt;b/,
    );
    assert(!html.includes("<script>alert"));
    assert(!html.includes("<b>beta"));
  });
});

Deno.test("The fleet page points out queues that fill up without anybody", async () => {
  await withDashboard(async ({ services, redis }) => {
    await writeFleet(redis, statusEntries(2));
    const figures = fleetFigures(await services.fleet.read(), services.history);
    const html = render(h(FleetFigures, {
      stream: "/live",
      figures,
      history: historySeries([]),
      filter: [],
      unattended: ["gateway", "gateway.recv"],
      restart: null,
    }));
    assert.match(textOf(html), /gateway, gateway\.recv have grown for a minute without a consumer/);
  });
});

Deno.test("The grid's states are those of the fleet, by the same letters", () => {
  assert.deepEqual(
    SHOWN_STATES.map(({ state, code }) => [state, code]),
    CELL_STATES.map((state) => [state, cellCode(state)]),
  );
});
