import assert from "node:assert/strict";
import { TestBrowser, withDashboard } from "../../dashboard/rig.ts";

Deno.test("/sign_in/link/:token signs in once", async () => {
  await withDashboard(async ({ anybody, app, services: { links, audit } }) => {
    const path = `/sign_in/link/${await links.issue()}`;
    const page = await anybody.page(path);
    assert(page.includes(`action="${path}"`));
    const response = await anybody.post(path);
    assert.equal(response.status, 303);
    assert.equal(response.headers.get("location"), "/");
    assert.match(await (await anybody.get("/nowhere")).text(), /title="operator, signed in by link"/);

    const second = new TestBrowser(app);
    for (const again of [await second.get(path), await second.post(path)]) {
      assert.equal(again.status, 403);
      assert.deepEqual(again.headers.getSetCookie(), []);
      const text = await again.text();
      assert.match(text, /This link is over/);
      assert.match(text, /<code>deno task signin<\/code>/);
    }
    const { entries } = await audit.read({ count: 10 });
    assert.deepEqual(entries.map(({ who, action, outcome }) => [who, action, outcome]), [
      ["operator", "Sign-in by one-time link", "Signed in"],
    ]);
  });
});

Deno.test("/sign_in/link/:token is not used up by programs that open it", async () => {
  await withDashboard(async ({ anybody, app, services: { links } }) => {
    const path = `/sign_in/link/${await links.issue()}`;
    for (let visit = 1; visit <= 3; visit++) assert.equal((await anybody.get(path)).status, 200);
    assert.equal((await app.request(path, { method: "HEAD" })).status, 200);
    assert.equal((await app.request(path, { method: "POST" })).status, 403);
    assert.equal((await anybody.post(path, {}, { "sec-fetch-site": "cross-site" })).status, 403);
    assert.equal((await anybody.post(path)).status, 303);
  });
});

Deno.test("/sign_in/link/:token says so where the link is late, or none", async () => {
  await withDashboard(async ({ anybody, redis, services: { links } }) => {
    const late = await links.issue();
    const [key = ""] = await redis.keys("gateway:sign_in_links:*");
    await redis.pexpire(key, 0);
    for (const token of [late, "nothing", "%2fetc", "%00", "%ff", "a".repeat(5_000)]) {
      assert.equal((await anybody.get(`/sign_in/link/${token}`)).status, 403, token.slice(0, 50));
      assert.equal((await anybody.post(`/sign_in/link/${token}`)).status, 403, token.slice(0, 50));
    }
  });
});
