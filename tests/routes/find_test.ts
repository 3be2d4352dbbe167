import assert from "node:assert/strict";
import { withDashboard } from "../dashboard/rig.ts";

Deno.test("/find leads to the shard with a number, and to the one that a guild is on", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    await redis.set("gateway_shards", "1024");
    const viewer = await signedIn("viewer");
    const shards = {
      "0": "/shards/0",
      " 1023 ": "/shards/1023",
      // (id >> 22) % 1024
      "81384788765712384": "/shards/770",
      "1234567890123456789": "/shards/503",
      // As a double it would be 2^64, and shard 0.
      "18446744073709551615": "/shards/1023",
    };
    for (const [text, path] of Object.entries(shards)) {
      const response = await viewer.get(`/find?q=${encodeURIComponent(text)}`);
      assert.deepEqual([response.status, response.headers.get("location")], [303, path], text);
    }
  });
});

Deno.test("/find says why there is no such shard", async () => {
  await withDashboard(async ({ redis, signedIn }) => {
    const viewer = await signedIn("viewer");
    const refusal = async (text: string) => {
      const response = await viewer.get(`/find?q=${encodeURIComponent(text)}`);
      assert.equal(response.headers.get("location"), "/");
      return /Cannot find a shard: ([^<]+)</.exec(await viewer.page("/"))?.[1];
    };
    assert.equal(await refusal("3"), "it is not known yet how many there are");
    await redis.set("gateway_shards", "16");
    assert.equal(await refusal("16"), "there are 16, the last of them 15");
    assert.equal(await refusal("-1"), "give its number, or the id of a guild");
    assert.equal(await refusal(""), "give its number, or the id of a guild");
    assert.equal(await refusal("<script>"), "give its number, or the id of a guild");
    assert.equal(await refusal("18446744073709551616"), "this is no guild's id");
    assert.equal(await refusal("a".repeat(500)), "this is no guild's id");
  });
});
