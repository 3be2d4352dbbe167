import assert from "node:assert/strict";
import { ROUTES } from "../../routes/_table.ts";
import { withDashboard } from "../dashboard/rig.ts";

/** Every path with a form on it that acts, some shard's or none's in place of a parameter. */
const ACTIONS = ROUTES
  .filter(([path, { isOpen, POST }]) => POST !== undefined && isOpen !== true && !path.startsWith("/api/"))
  .map(([path]) => path.replace(/:\w+/g, "0"));

const ENDPOINTS = ROUTES.filter(([path]) => path.startsWith("/api/"));

Deno.test("Every action is refused to a viewer", async () => {
  await withDashboard(async ({ signedIn }) => {
    const viewer = await signedIn("viewer");
    assert(ACTIONS.length > 0);
    for (const path of ACTIONS) {
      const response = await viewer.post(path);
      assert.equal(response.status, 403, path);
      assert.match(await response.text(), /For operators only/, path);
    }
  });
});

Deno.test("Every action is refused without the CSRF token of the very sign-in, an operator's too", async () => {
  await withDashboard(async ({ signedIn, services: { signIns } }) => {
    const operator = await signedIn("operator");
    const id = await signIns.begin({ name: "operator", role: "operator", by: "password" });
    const other = await signIns.find(id);
    assert(other !== null);
    for (const path of ACTIONS) {
      for (const csrf of ["", "guessed", await signIns.csrfToken(other)]) {
        const response = await operator.post(path, { csrf });
        assert.equal(response.status, 403, path);
        assert.match(await response.text(), /Not accepted/, path);
      }
    }
  });
});

Deno.test("Every action sends whoever is not signed in to the sign-in", async () => {
  await withDashboard(async ({ anybody }) => {
    for (const path of ACTIONS) {
      const response = await anybody.post(path);
      assert.equal(response.status, 303, path);
      assert.equal(response.headers.get("location"), "/sign_in", path);
    }
  });
});

Deno.test("Every page that is not of the sign-in itself asks who is there", async () => {
  await withDashboard(async ({ anybody }) => {
    for (const [path, { isOpen, GET }] of ROUTES) {
      if (isOpen === true) assert.match(path, /^\/sign_(in|out)/);
      if (isOpen === true || GET === undefined || path.startsWith("/api/")) continue;
      const response = await anybody.get(path.replace(/:\w+/g, "0"));
      assert.equal(response.status, 303, path);
      assert.match(response.headers.get("location") ?? "", /^\/sign_in\?next=/, path);
    }
  });
});

Deno.test("Every endpoint wants the token, from an operator's browser too", async () => {
  await withDashboard(async ({ anybody, signedIn }) => {
    const operator = await signedIn("operator");
    for (const browser of [anybody, operator]) {
      for (const [path, { GET, POST }] of ENDPOINTS) {
        const asked = path.replace(/:\w+/g, "0");
        const answers = [
          ...GET === undefined ? [] : [await browser.get(asked)],
          ...POST === undefined ? [] : [await browser.post(asked)],
        ];
        for (const answer of answers) {
          assert.equal(answer.status, 401, path);
          assert.equal(typeof (await answer.json()).error, "string", path);
        }
      }
    }
  }, { apiToken: "api-token-of-a-test" });
});
