import assert from "node:assert/strict";
import { generateSignedCookie } from "hono/cookie";
import type { DashboardSettings } from "../../dashboard/settings.ts";
import { SIGN_IN_COOKIE } from "../../routes/_cookies.ts";
import { createApp } from "../../routes/app.ts";
import { type DashboardRig, TEST_SETTINGS, TestBrowser, withDashboard } from "../dashboard/rig.ts";

const RIGHT = { password: TEST_SETTINGS.password ?? "" };
const WRONG = { password: "wrong" };
const OAUTH = {
  clientId: "1200000000000000000",
  clientSecret: "simulated-secret",
  authorizeUrl: "https://discord.example/oauth2/authorize",
  apiUrl: "https://discord.example/api/v10",
};

function browserOf({ app }: DashboardRig, remoteAddress = "127.0.0.1"): TestBrowser {
  const browser = new TestBrowser(app);
  browser.remoteAddress = remoteAddress;
  return browser;
}

/** Whom the dashboard takes a browser for: "operator", "viewer", or null where it is sent to the sign-in. */
async function roleOf(browser: TestBrowser): Promise<string | null> {
  const response = await browser.get("/nowhere");
  const [, role = null] = /title="(operator|viewer), signed in by /.exec(await response.text()) ?? [];
  return role;
}

Deno.test("/sign_in signs in with the password, and goes on to where the browser was going", async () => {
  await withDashboard(async (rig) => {
    const { anybody } = rig;
    const page = await anybody.page("/sign_in?next=/shards/3%3Ftab%3Dlife");
    assert.match(page, /<input type="hidden" name="next" value="\/shards\/3\?tab=life"\/>/);
    const response = await anybody.post("/sign_in", { ...RIGHT, next: "/shards/3?tab=life" });
    assert.equal(response.status, 303);
    assert.equal(response.headers.get("location"), "/shards/3?tab=life");
    const [cookie = ""] = response.headers.getSetCookie();
    assert.match(cookie, /^shardline_sign_in=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Lax$/);
    assert.equal(await roleOf(anybody), "operator");
    const again = await anybody.get("/sign_in?next=/queues");
    assert.equal(again.headers.get("location"), "/queues");
    assert.equal(await roleOf(browserOf(rig)), null);
  });
});

Deno.test("/sign_in never leads to another site", async () => {
  await withDashboard(async ({ anybody, signedIn }) => {
    const operator = await signedIn("operator");
    for (const next of ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example"]) {
      const page = await anybody.page(`/sign_in?next=${encodeURIComponent(next)}`);
      assert(!page.includes("evil.example"), next);
      const followed = await operator.get(`/sign_in?next=${encodeURIComponent(next)}`);
      assert.equal(followed.headers.get("location"), "/", next);
    }
    const response = await anybody.post("/sign_in", { ...RIGHT, next: "//evil.example" });
    assert.equal(response.headers.get("location"), "/");
  });
});

Deno.test("/sign_in offers the ways that there are, and says how to get a link", async () => {
  const pageWith = async (settings: Partial<DashboardSettings>) => {
    let page = "";
    await withDashboard(async ({ anybody }) => {
      page = await anybody.page("/sign_in?next=/audit");
    }, settings);
    return { password: page.includes('type="password"'), discord: page.includes("/sign_in/discord"), page };
  };
  const both = await pageWith({ oauth: OAUTH });
  assert.deepEqual([both.password, both.discord], [true, true]);
  assert.match(both.page, /href="\/sign_in\/discord\?next=%2Faudit"/);
  const discord = await pageWith({ password: null, oauth: OAUTH });
  assert.deepEqual([discord.password, discord.discord], [false, true]);
  const neither = await pageWith({ password: null });
  assert.deepEqual([neither.password, neither.discord], [false, false]);
  for (const { page } of [both, discord]) assert.match(page, /Or run <code>deno task signin<\/code>/);
  assert.match(neither.page, />Run <code>deno task signin<\/code>/);
});

Deno.test("/sign_in takes no password where there is none", async () => {
  await withDashboard(async ({ anybody }) => {
    for (const password of ["", "null", "undefined"]) {
      assert.equal((await anybody.post("/sign_in", { password })).status, 404);
    }
  }, { password: null });
});

Deno.test("/sign_in refuses the right password after five wrong ones, until the time is over", async () => {
  await withDashboard(async (rig) => {
    const { anybody, redis } = rig;
    for (let attempt = 1; attempt <= 5; attempt++) {
      const response = await anybody.post("/sign_in", { ...WRONG, next: "/audit" });
      assert.equal(response.status, 401);
      const page = await response.text();
      assert.match(page, /This is not the password/);
      assert.match(page, /name="next" value="\/audit"/);
      assert.deepEqual(response.headers.getSetCookie(), []);
    }
    const refused = await anybody.post("/sign_in", RIGHT);
    assert.equal(refused.status, 429);
    assert.deepEqual(refused.headers.getSetCookie(), []);
    const seconds = Number(refused.headers.get("retry-after"));
    assert(seconds > 14 * 60 && seconds <= 15 * 60, String(seconds));
    assert.match(
      await refused.text(),
      /For 15 more minutes, until <time datetime="[^"]+Z">\d\d:\d\d UTC<\/time>/,
    );

    assert.equal((await browserOf(rig, "192.0.2.1").post("/sign_in", RIGHT)).status, 303);
    await redis.pexpire("gateway:sign_in_attempts:password:127.0.0.1", 0);
    assert.equal((await anybody.post("/sign_in", RIGHT)).status, 303);
    assert.equal(await roleOf(anybody), "operator");
  });
});

Deno.test("/sign_in counts by the address that a configured proxy names, and by no other", async () => {
  const guess = (browser: TestBrowser, forwarded: string) =>
    browser.post("/sign_in", WRONG, { "x-forwarded-for": forwarded });
  await withDashboard(async (rig) => {
    const anybody = browserOf(rig, "198.51.100.1");
    for (let host = 1; host <= 5; host++) assert.equal((await guess(anybody, `192.0.2.${host}`)).status, 401);
    assert.equal((await guess(anybody, "192.0.2.6")).status, 429);

    const proxy = browserOf(rig, "10.0.0.7");
    for (let tried = 1; tried <= 5; tried++) {
      // What a browser itself adds stands left of what the proxy does.
      assert.equal((await guess(proxy, `192.0.2.${tried}, 203.0.113.1`)).status, 401);
    }
    assert.equal((await guess(proxy, "192.0.2.6, 203.0.113.1")).status, 429);
    assert.equal((await guess(proxy, "203.0.113.2")).status, 401);
  }, { proxies: ["10.0.0.0/8"] });
});

Deno.test("/sign_in sets a cookie for TLS alone where the browser came by TLS", async () => {
  const isSecure = async (settings: Partial<DashboardSettings>, remoteAddress: string, proto: string) => {
    let cookie = "";
    await withDashboard(async (rig) => {
      const headers = { "x-forwarded-proto": proto };
      const response = await browserOf(rig, remoteAddress).post("/sign_in", RIGHT, headers);
      [cookie = ""] = response.headers.getSetCookie();
    }, settings);
    return /; Secure/.test(cookie);
  };
  const proxies = ["10.0.0.1"];
  assert(await isSecure({ publicUrl: "https://shards.example" }, "192.0.2.1", "http"));
  assert(await isSecure({ proxies }, "10.0.0.1", "https"));
  assert(!await isSecure({ proxies }, "10.0.0.1", "http"));
  assert(!await isSecure({ proxies }, "192.0.2.1", "https"));
  assert(!await isSecure({ publicUrl: "http://shards.example" }, "192.0.2.1", "https"));
});

Deno.test("/sign_in accepts a form from the dashboard's own pages alone", async () => {
  await withDashboard(async ({ app }) => {
    const statusWith = async (headers: Record<string, string>) => {
      const response = await app.request("http://shards.example/sign_in", {
        method: "POST",
        body: new URLSearchParams(RIGHT),
        headers,
      });
      assert.equal(response.headers.getSetCookie().length, response.status === 303 ? 1 : 0);
      return response.status;
    };
    const ours = [
      { "sec-fetch-site": "same-origin" },
      { "sec-fetch-site": "same-origin", origin: "https://whatever-a-proxy-made-of-it.example" },
      { origin: "http://shards.example" },
      { origin: "https://public.example" },
    ];
    const others = [
      {},
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "cross-site", origin: "http://shards.example" },
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://shards.example:8080" },
      { origin: "http://shards.example.evil.example" },
      { referer: "http://shards.example/sign_in" },
    ];
    for (const headers of ours) assert.equal(await statusWith(headers), 303, JSON.stringify(headers));
    for (const headers of others) assert.equal(await statusWith(headers), 403, JSON.stringify(headers));
  }, { publicUrl: "https://public.example" });
});

Deno.test("/sign_in takes in its stride what is no form", async () => {
  await withDashboard(async ({ app, redis }) => {
    const send = async (body: string, type: string) => {
      const headers = { "sec-fetch-site": "same-origin", "content-type": type };
      return (await app.request("/sign_in", { method: "POST", body, headers })).status;
    };
    const form = "application/x-www-form-urlencoded";
    assert.equal(await send("garbage", "multipart/form-data; boundary=x"), 403);
    assert.equal(await send("garbage", "multipart/form-data"), 403);
    assert.equal(await send('{"password":"correct horse"}', "application/json"), 403);
    assert.equal(await send("", form), 401);
    assert.equal(await send("password[]=correct horse", form), 401);
    assert.equal(await send("password.length=7&__proto__=1&%=%FF", form), 401);
    assert.equal(await send(`password=${"x".repeat(4_096)}`, form), 400);
    assert.equal(await redis.get("gateway:sign_in_attempts:password"), "3");
  });
});

Deno.test("A dashboard knows nobody by a cookie that is forged, foreign, or of an ended sign-in", async () => {
  await withDashboard(async (rig) => {
    const { services: { signIns } } = rig;
    const person = { name: "operator", role: "operator", by: "password" } as const;
    const id = await signIns.begin(person);
    const key = await signIns.cookieKey(SIGN_IN_COOKIE);
    const roleWith = async (cookie: string) => {
      const browser = browserOf(rig);
      browser.keep(cookie.split(";")[0] ?? "");
      return await roleOf(browser);
    };
    const signed = async (value: string, secret: string) =>
      await generateSignedCookie(SIGN_IN_COOKIE, value, secret);
    assert.equal(await roleWith(await signed(id, key)), "operator");
    assert.equal(await roleWith(`${SIGN_IN_COOKIE}=${id}`), null);
    assert.equal(await roleWith(`${SIGN_IN_COOKIE}=${id}.${"A".repeat(43)}=`), null);
    assert.equal(await roleWith(await signed(id, `${key}x`)), null);
    assert.equal(await roleWith(await signed("never", key)), null);
    assert.equal(await roleWith(`${SIGN_IN_COOKIE}=`), null);
    assert.equal(await roleWith(await signed(id, await signIns.cookieKey("shardline_notice"))), null);
    await signIns.end(id);
    assert.equal(await roleWith(await signed(id, key)), null);
  });
});

Deno.test("Signing in anew ends the earlier sign-in of the same browser", async () => {
  await withDashboard(async ({ signedIn, services: { links }, redis }) => {
    const viewer = await signedIn("viewer");
    assert.equal((await redis.keys("gateway:sign_ins:*")).length, 1);
    const before = viewer.cookie(SIGN_IN_COOKIE);
    const response = await viewer.post(`/sign_in/link/${await links.issue()}`);
    assert.equal(response.status, 303);
    assert.equal(await roleOf(viewer), "operator");
    assert.notEqual(viewer.cookie(SIGN_IN_COOKIE), before);
    assert.equal((await redis.keys("gateway:sign_ins:*")).length, 1);
  });
});

Deno.test("Somebody of Discord who is taken off the lists is out with their next request", async () => {
  const discordId = "1200000000000000003";
  await withDashboard(async ({ services }) => {
    const id = await services.signIns.begin({ name: "cleo", role: "operator", by: "discord", discordId });
    const cookie = await generateSignedCookie(
      SIGN_IN_COOKIE,
      id,
      await services.signIns.cookieKey(SIGN_IN_COOKIE),
    );
    const roleAt = async (operators: string[], viewers: string[]) => {
      await using later = new AsyncDisposableStack();
      const { createServices, startServices, stopServices } = await import("../../dashboard/services.ts");
      const others = createServices({ ...services.settings, operators, viewers }, {
        clock: services.clock,
        tell: () => {},
        gatewayMissing: null,
      });
      await startServices(others);
      later.defer(() => stopServices(others));
      const browser = new TestBrowser(createApp(others, (fault) => assert.fail(String(fault))));
      browser.keep(cookie.split(";")[0] ?? "");
      return await roleOf(browser);
    };
    assert.equal(await roleAt([discordId], []), "operator");
    assert.equal(await roleAt([], [discordId]), "viewer");
    assert.equal(await roleAt([], []), null);
  });
});

Deno.test("The audit has who signed in and what was refused, and no more of those who go on guessing", async () => {
  await withDashboard(async ({ anybody, services: { audit }, redis }) => {
    for (let attempt = 1; attempt <= 20; attempt++) await anybody.post("/sign_in", WRONG);
    await redis.del("gateway:sign_in_attempts:password:127.0.0.1");
    await anybody.post("/sign_in", RIGHT);
    const { entries } = await audit.read({ count: 100 });
    assert.deepEqual(
      entries.map(({ who, role, address, action, outcome }) => [who, role, address, action, outcome]),
      [
        ["operator", "operator", "127.0.0.1", "Sign-in by password", "Signed in"],
        ...Array(5).fill(["unknown", "", "127.0.0.1", "Sign-in by password", "Refused: wrong password"]),
      ],
    );
  });
});
