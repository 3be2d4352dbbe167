import assert from "node:assert/strict";
import { DASHBOARD_KEY_TYPES } from "../../dashboard/contract_keys.ts";
import { fakeGateway } from "./fake_gateway.ts";
import { TEST_SETTINGS, withDashboard } from "./rig.ts";
import { statusEntries, writeFleet } from "./fleet/written_fleet.ts";

/** As a pattern, `<…>` standing for anything. */
function patternOf(key: string): RegExp {
  return new RegExp(`^${key.replace(/<\w+>/g, "[^:]+")}$`);
}

Deno.test("DASHBOARD_KEY_TYPES has every key that the dashboard writes, and all of them are written", async () => {
  await withDashboard(async ({ redis, rabbitUrl, anybody, signedIn, services }) => {
    await writeFleet(redis, statusEntries(2));
    const gateways = new Set(await redis.keys("*"));
    await using _gateway = await fakeGateway(rabbitUrl);
    await anybody.post("/sign_in", { password: "wrong" });
    await anybody.post("/sign_in", { password: TEST_SETTINGS.password ?? "" });
    await services.links.issue();
    const operator = await signedIn("operator");
    await operator.post("/restarts", { shards: "0-1" });
    const types: Record<string, string> = {};
    for (const key of await redis.keys("*")) {
      if (gateways.has(key)) continue;
      const name = [...DASHBOARD_KEY_TYPES.keys()].find((name) => patternOf(name).test(key));
      assert(name !== undefined, `${key} is not named`);
      types[name] = await redis.type(key);
    }
    assert.deepEqual(types, Object.fromEntries(DASHBOARD_KEY_TYPES));
  });
});
