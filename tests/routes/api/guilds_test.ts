import assert from "node:assert/strict";
import { withProgram } from "./program.ts";

Deno.test("/api/guilds/:id has the shard that a guild is on", async () => {
  await withProgram(async ({ redis, get }) => {
    const early = await get("/api/guilds/1234567890123456789");
    assert.deepEqual([early.status, early.body.error], [409, "no_shards"]);
    await redis.set("gateway_shards", "1024");
    // (id >> 22) % 1024
    assert.deepEqual((await get("/api/guilds/1234567890123456789")).body, {
      guild_id: "1234567890123456789",
      shard: 503,
    });
    for (const id of ["0", "guild", "18446744073709551616"]) {
      assert.equal((await get(`/api/guilds/${id}`)).status, 400, id);
    }
  });
});
