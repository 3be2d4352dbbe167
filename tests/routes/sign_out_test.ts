import assert from "node:assert/strict";
import { SIGN_IN_COOKIE } from "../../routes/_cookies.ts";
import { withDashboard } from "../dashboard/rig.ts";

Deno.test("/sign_out ends a viewer's sign-in, for whoever has kept the cookie too", async () => {
  await withDashboard(async ({ signedIn, anybody, redis }) => {
    const viewer = await signedIn("viewer");
    const kept = viewer.cookie(SIGN_IN_COOKIE) ?? "";
    assert.equal((await viewer.get("/nowhere")).status, 404);
    const response = await viewer.post("/sign_out");
    assert.equal(response.status, 303);
    assert.equal(response.headers.get("location"), "/sign_in");
    assert.equal(viewer.cookie(SIGN_IN_COOKIE), undefined);
    assert.match(await viewer.page("/sign_in"), /You are signed out/);
    assert.deepEqual(await redis.keys("gateway:sign_ins:*"), []);
    anybody.keep(`${SIGN_IN_COOKIE}=${kept}`);
    assert.equal((await anybody.get("/sign_in?next=/audit")).status, 200);
  });
});

Deno.test("/sign_out does nothing for a form of somebody else's page", async () => {
  await withDashboard(async ({ signedIn, redis }) => {
    const operator = await signedIn("operator");
    const response = await operator.post("/sign_out", { csrf: "" }, { "sec-fetch-site": "cross-site" });
    assert.equal(response.status, 403);
    assert.equal((await redis.keys("gateway:sign_ins:*")).length, 1);
  });
});
