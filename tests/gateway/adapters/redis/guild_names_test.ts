import assert from "node:assert/strict";
import { RedisGuildNames } from "../../../../gateway/adapters/redis/guild_names.ts";
import { systemClock } from "../../../../gateway/clock.ts";
import { openRedis } from "../../../fakes/redis_fixture.ts";

Deno.test("RedisGuildNames keeps the names of 150,000 guilds that arrive together", async () => {
  await using fixture = await openRedis();
  const names = new RedisGuildNames(fixture.client(), systemClock);
  for (let guild = 1n; guild <= 150_000n; guild++) names.keep(guild, `Guild ${guild}`);
  while (await fixture.redis.hlen("gateway:guild_names") < 150_000); // the first goes ahead, the rest together
  assert.equal(await names.take(150_000n), "Guild 150000");
  assert.equal(await names.take(150_000n), null);
});
