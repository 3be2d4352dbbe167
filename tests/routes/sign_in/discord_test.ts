import assert from "node:assert/strict";
import { type SimulatedDiscord, startSimulatedDiscord } from "../../../harness/simulated_discord.ts";
import type { DashboardSettings } from "../../../dashboard/settings.ts";
import { type DashboardRig, TestBrowser, withDashboard } from "../../dashboard/rig.ts";

/** Those whom the simulator has. */
const ADA = "1200000000000000001";
const BEN = "1200000000000000002";
const CLEO = "1200000000000000003";
const LISTS = { operators: [ADA], viewers: [BEN] };

let simulator: SimulatedDiscord;

Deno.test.beforeAll(async () => {
  simulator = await startSimulatedDiscord(["--guilds", "1", "--large-guild-bytes", "0", "--paused"]);
});

Deno.test.afterAll(() => simulator.server.stop());

function withDiscord(
  test: (rig: DashboardRig) => Promise<void>,
  settings: Partial<DashboardSettings> = {},
): Promise<void> {
  const { origin } = new URL(simulator.restUrl);
  const oauth = {
    clientId: "1200000000000000000",
    clientSecret: "simulated-secret",
    authorizeUrl: `${origin}/oauth2/authorize`,
    apiUrl: `${simulator.restUrl}/v10`,
  };
  return withDashboard(test, { ...LISTS, oauth, ...settings });
}

/** Sends a browser out; resolves with where it is sent. */
async function goOut(browser: TestBrowser, next = ""): Promise<string> {
  const query = next === "" ? "" : `?next=${encodeURIComponent(next)}`;
  const response = await browser.get(`/sign_in/discord${query}`);
  assert.equal(response.status, 303);
  return response.headers.get("location") ?? "";
}

/** Answers at Discord; resolves with the path that the browser is sent back to. */
async function answerAtDiscord(
  url: string,
  answer: { person: string } | { cancel: string },
): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    body: new URLSearchParams({ ...answer }),
    redirect: "manual",
  });
  await response.body?.cancel();
  assert.equal(response.status, 302);
  const { pathname, search } = new URL(response.headers.get("location") ?? "");
  return pathname + search;
}

async function signInAs(browser: TestBrowser, person: string, next = ""): Promise<Response> {
  return await browser.get(await answerAtDiscord(await goOut(browser, next), { person }));
}

/** Whom the head of a page names. */
async function shownTo(browser: TestBrowser): Promise<string> {
  const page = await (await browser.get("/nowhere")).text();
  return /<span title="\w+, signed in by discord">(.*?)<\/span>/.exec(page)?.[1] ?? "nobody";
}

function accessTokens(): Promise<unknown> {
  return fetch(`${simulator.controlUrl}/oauth`).then((response) => response.json());
}

Deno.test("Discord signs an operator and a viewer in, and takes them on to where they were going", async () => {
  await withDiscord(async ({ app, services: { audit }, redis }) => {
    const [operator, viewer] = [new TestBrowser(app), new TestBrowser(app)];
    const response = await signInAs(operator, ADA, "/audit?before=1-0");
    assert.equal(response.status, 303);
    assert.equal(response.headers.get("location"), "/audit?before=1-0");
    assert.equal(await shownTo(operator), "ada <small>operator</small>");
    assert.equal((await signInAs(viewer, BEN)).headers.get("location"), "/");
    assert.equal(await shownTo(viewer), "ben.example <small>viewer</small>");

    const { entries } = await audit.read({ count: 10 });
    assert.deepEqual(entries.map(({ who, role, outcome }) => [who, role, outcome]), [
      ["ben.example", "viewer", "Signed in"],
      ["ada", "operator", "Signed in"],
    ]);
    for (const key of await redis.keys("gateway:sign_ins:*")) {
      const kept = JSON.parse(await redis.get(key) ?? "");
      assert.deepEqual(Object.keys(kept).sort(), ["by", "discordId", "name", "role"], "and no token");
    }
  });
});

Deno.test("Discord tells a stranger their id, and signs them in nowhere", async () => {
  await withDiscord(async ({ anybody, services: { audit }, redis }) => {
    const response = await signInAs(anybody, CLEO, "/audit");
    assert.equal(response.status, 403);
    const page = await response.text();
    assert.match(page, /Not on the list/);
    assert.match(page, /<code>1200000000000000003<\/code>/);
    assert.match(page, /href="\/sign_in\/discord\?next=%2Faudit"/);
    assert.equal(await shownTo(anybody), "nobody");
    assert.deepEqual(await redis.keys("gateway:sign_ins:*"), []);
    const { entries: [entry] } = await audit.read({ count: 10 });
    assert.equal(entry?.who, `cleo (${CLEO})`);
    assert.equal(entry.outcome, "Refused: not on the list");
  });
});

Deno.test("Discord is not asked any more for an address from which strangers came again and again", async () => {
  await withDiscord(async ({ anybody, redis }) => {
    for (let visit = 1; visit <= 5; visit++) assert.equal((await signInAs(anybody, CLEO)).status, 403);
    const before = await accessTokens();
    const refused = await signInAs(anybody, ADA);
    assert.equal(refused.status, 429);
    assert(refused.headers.has("retry-after"));
    assert.deepEqual(await accessTokens(), before);
    await redis.pexpire("gateway:sign_in_attempts:discord_code:127.0.0.1", 0);
    assert.equal((await signInAs(anybody, ADA)).status, 303);
  });
});

Deno.test("Discord's answer is taken once, in the browser that asked, with the state that it was given", async () => {
  await withDiscord(async ({ app, anybody }) => {
    const back = await answerAtDiscord(await goOut(anybody), { person: ADA });
    const victim = new TestBrowser(app);
    const strangers = await victim.get(back);
    assert.equal(strangers.status, 403);
    assert.match(await strangers.text(), /not begun in this browser/);
    await goOut(victim);
    assert.equal((await victim.get(back)).status, 403, "the state of another browser");
    assert.equal(await shownTo(victim), "nobody");

    for (const change of [/state=[^&]+/, /state=.(?=[^&]+)/, /(?<=state=)[^&]+/]) {
      const browser = new TestBrowser(app);
      const changed = (await answerAtDiscord(await goOut(browser), { person: ADA })).replace(change, "");
      assert.equal((await browser.get(changed)).status, 403, changed);
      assert.equal(await shownTo(browser), "nobody");
    }

    assert.equal((await anybody.get(back)).status, 303);
    assert.equal((await anybody.get(back)).status, 403, "a second time");
  });
});

Deno.test("Discord's answer is not taken with a state cookie that is forged", async () => {
  await withDiscord(async ({ app }) => {
    const browser = new TestBrowser(app);
    for (const value of ["S%20%2F", "S%20%2F.AAAA", `S%20%2F.${"A".repeat(43)}%3D`, "", "%20%2F"]) {
      browser.keep(`shardline_discord=${value}`);
      assert.equal((await browser.get("/sign_in/discord/callback?code=c&state=S")).status, 403, value);
      browser.keep(`shardline_discord=${value}`);
      assert.equal((await browser.get("/sign_in/discord/callback?code=c")).status, 403, value);
    }
  });
});

Deno.test("Discord's refusals are told: the person said no, or the code is none", async () => {
  await withDiscord(async ({ anybody }) => {
    const denied = await anybody.get(await answerAtDiscord(await goOut(anybody), { cancel: "true" }));
    assert.equal(denied.status, 403);
    assert.match(await denied.text(), /You told Discord not to say who you are/);

    const state = new URL(await goOut(anybody)).searchParams.get("state");
    const other = await anybody.get(
      `/sign_in/discord/callback?state=${state}&error=%3Cscript%3E%0A${"x".repeat(99)}`,
    );
    assert.equal(other.status, 403);
    assert.match(await other.text(), /Discord says <code>&lt;script> x{51}…<\/code>/);

    const back = await answerAtDiscord(await goOut(anybody), { person: ADA });
    const unknown = await anybody.get(back.replace(/code=[^&]+/, "code=unknown"));
    assert.equal(unknown.status, 403);
    assert.match(await unknown.text(), /Discord does not know this sign-in/);

    const without = await answerAtDiscord(await goOut(anybody), { person: ADA });
    assert.equal((await anybody.get(without.replace(/code=[^&]+/, ""))).status, 403);
    assert.equal(await shownTo(anybody), "nobody");
  });
});

Deno.test("Discord away, or refusing the dashboard itself, is told", async () => {
  await withDiscord(async ({ anybody }) => {
    const back = await answerAtDiscord(await goOut(anybody), { person: ADA });
    const fault = { count: 1, status: 503 };
    const body = JSON.stringify(fault);
    const injected = await fetch(`${simulator.controlUrl}/rest-faults`, { method: "POST", body });
    assert.equal(injected.status, 200, await injected.text());
    const away = await anybody.get(back);
    assert.equal(away.status, 503);
    assert.match(await away.text(), /Discord does not answer/);
  });
  const { origin } = new URL(simulator.restUrl);
  const oauth = {
    clientId: "1200000000000000000",
    clientSecret: "another-secret",
    authorizeUrl: `${origin}/oauth2/authorize`,
    apiUrl: `${simulator.restUrl}/v10`,
  };
  await withDiscord(async ({ anybody }) => {
    const refused = await signInAs(anybody, ADA);
    assert.equal(refused.status, 503);
    const page = await refused.text();
    assert.match(page, /Discord does not know this dashboard/);
    assert(!page.includes("another-secret"));
  }, { oauth });
});

Deno.test("Discord sends people back to the public URL, or to where they came from", async () => {
  const redirectUri = async (settings: Partial<DashboardSettings>, url: string, headers = {}) => {
    let location = "";
    await withDiscord(async ({ app }) => {
      const response = await app.request(url, { headers }, { remoteAddress: "10.0.0.1" });
      location = response.headers.get("location") ?? "";
      const [cookie = ""] = response.headers.getSetCookie();
      assert.match(cookie, /; Path=\/sign_in\/discord; HttpOnly; (Secure; )?SameSite=Lax$/);
      assert.equal(cookie.includes("; Secure"), /redirect_uri=https/.test(location));
    }, settings);
    return new URL(location).searchParams.get("redirect_uri");
  };
  const path = "/sign_in/discord";
  assert.equal(
    await redirectUri({ publicUrl: "https://shards.example" }, `http://10.0.0.9:8000${path}`),
    `https://shards.example${path}/callback`,
  );
  assert.equal(
    await redirectUri({}, `http://10.0.0.9:8000${path}`),
    `http://10.0.0.9:8000${path}/callback`,
  );
  assert.equal(
    await redirectUri({ proxies: ["10.0.0.1"] }, `http://shards.example${path}`, {
      "x-forwarded-proto": "https",
    }),
    `https://shards.example${path}/callback`,
  );
});

Deno.test("Without Discord's settings there is no way out to it, and none back", async () => {
  await withDiscord(async ({ anybody }) => {
    assert.equal((await anybody.get("/sign_in/discord")).status, 404);
    assert.equal((await anybody.get("/sign_in/discord/callback?code=c&state=s")).status, 404);
  }, { oauth: null });
});
