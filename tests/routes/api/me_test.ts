import assert from "node:assert/strict";
import { type DashboardRig, withDashboard } from "../../dashboard/rig.ts";

const TOKEN = { apiToken: "api-token-of-a-test" };
const RIGHT = { authorization: "Bearer api-token-of-a-test" };

async function ask({ app }: DashboardRig, headers: Record<string, string>, path = "/api/me", method = "GET") {
  const response = await app.request(path, { method, headers }, { remoteAddress: "192.0.2.1" });
  return { status: response.status, body: await response.json(), headers: response.headers };
}

Deno.test("/api/me says whom the token stands for", async () => {
  await withDashboard(async (rig) => {
    const { status, body } = await ask(rig, RIGHT);
    assert.equal(status, 200);
    assert.deepEqual(body, { name: "api token", role: "operator", by: "api token" });
    assert.equal((await ask(rig, { authorization: "bearer  api-token-of-a-test " })).status, 200);
  }, TOKEN);
});

Deno.test("Endpoints answer 401 in JSON to whoever sends no token, or another, and never redirect", async () => {
  await withDashboard(async (rig) => {
    const none = await ask(rig, {});
    assert.equal(none.status, 401);
    assert.equal(none.headers.get("www-authenticate"), "Bearer");
    assert.deepEqual(none.body, {
      error: "unauthorized",
      message: "Send DASHBOARD_API_TOKEN as a bearer token",
    });
    const others = ["Bearer wrong", "Bearer api-token-of-a-test2", "Basic api-token-of-a-test", "Bearer"];
    for (const authorization of others) {
      const { status, body } = await ask(rig, { authorization });
      assert.equal(status, 401, authorization);
      assert.deepEqual([body.error, typeof body.message], ["unauthorized", "string"]);
    }
    for (const path of ["/api/", "/api/nowhere", "/api/..%2fme"]) {
      assert.equal((await ask(rig, {}, path)).status, 401, path);
    }
    assert.equal((await ask(rig, RIGHT, "/api/nowhere")).status, 404);
  }, TOKEN);
});

Deno.test("Endpoints are closed where there is no token, whatever is sent", async () => {
  await withDashboard(async (rig) => {
    for (const authorization of ["Bearer null", "Bearer undefined", "Bearer ", "Bearer correct horse"]) {
      const { status, body } = await ask(rig, { authorization });
      assert.equal(status, 401);
      assert.match(body.message, /DASHBOARD_API_TOKEN is not set/);
    }
  });
});

Deno.test("Endpoints refuse the right token after five wrong ones, until the time is over", async () => {
  await withDashboard(async (rig) => {
    for (let attempt = 1; attempt <= 5; attempt++) {
      assert.equal((await ask(rig, { authorization: `Bearer ${attempt}` })).status, 401);
    }
    const refused = await ask(rig, RIGHT);
    assert.equal(refused.status, 429);
    assert.equal(refused.body.error, "too_many_tries");
    assert.match(refused.body.message, /^Too many wrong tokens/);
    assert(Number(refused.headers.get("retry-after")) > 14 * 60);
    await rig.redis.pexpire("gateway:sign_in_attempts:api_token:192.0.2.1", 0);
    assert.equal((await ask(rig, RIGHT)).status, 200);
  }, TOKEN);
});

Deno.test("Endpoints heed no cookie, and pages heed no token", async () => {
  await withDashboard(async ({ signedIn, app }) => {
    const operator = await signedIn("operator");
    assert.equal((await operator.get("/api/me")).status, 401);
    assert.equal((await operator.post("/api/me")).status, 401);
    assert.equal((await app.request("/sign_in?next=/audit", { headers: RIGHT })).status, 200);
  }, TOKEN);
});

Deno.test("An endpoint's POST needs the token and no CSRF token", async () => {
  await withDashboard(async (rig) => {
    assert.equal((await ask(rig, RIGHT, "/api/me", "POST")).status, 404);
    assert.equal((await ask(rig, {}, "/api/me", "POST")).status, 401);
  }, TOKEN);
});
