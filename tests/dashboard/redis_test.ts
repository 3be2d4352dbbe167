import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { DashboardRedis, WrongTypeError } from "../../dashboard/redis.ts";
import { startRedis } from "../../harness/redis.ts";
import { testServers } from "../servers.ts";

async function withRedis(test: (rig: { asked: DashboardRedis; redis: Redis }) => Promise<void>) {
  const { redisUrl } = await testServers();
  const asked = new DashboardRedis({ url: redisUrl, prefix: "bot:" });
  const redis = new Redis(redisUrl);
  await asked.start();
  try {
    await test({ asked, redis });
  } finally {
    await asked.stop();
    await redis.quit();
  }
}

Deno.test("DashboardRedis.ask() names the key that is of a wrong type, as it stands in Redis", async () => {
  await withRedis(async ({ asked, redis }) => {
    await redis.set("bot:gateway:audit", "something else");
    const refused = asked.ask((redis) => redis.xrevrange("gateway:audit", "+", "-", "COUNT", 1));
    await assert.rejects(refused, (error) => {
      assert(error instanceof WrongTypeError);
      assert.equal(error.message, "Cannot use bot:gateway:audit in Redis: it is of a wrong type");
      return true;
    });
  });
});

Deno.test("DashboardRedis.ask() names the keys of a script, one of which is of a wrong type", async () => {
  await withRedis(async ({ asked, redis }) => {
    await redis.lpush("bot:one", "something else");
    const refused = asked.ask((redis) =>
      redis.eval('return redis.call("get", KEYS[1])', 2, "one", "two", "x")
    );
    await assert.rejects(refused, (error) => {
      assert(error instanceof WrongTypeError);
      assert.equal(error.message, "Cannot use one of bot:one, bot:two in Redis: it is of a wrong type");
      return true;
    });
  });
});

Deno.test("DashboardRedis.isThere() knows a Redis that hangs while its connection stands", async () => {
  const { server, url } = await startRedis();
  await using _server = server;
  const asked = new DashboardRedis({ url, prefix: "" });
  await asked.start();
  assert.equal(await asked.isThere(), true);
  await server.pause();
  assert.equal(await asked.isThere(), false);
  await server.resume();
  assert.equal(await asked.isThere(), true);
  await asked.stop();
});

Deno.test("DashboardRedis.ask() throws what else Redis refuses as it is", async () => {
  await withRedis(async ({ asked }) => {
    await assert.rejects(
      asked.ask((redis) => redis.call("NOSUCHCOMMAND", "WRONGTYPE")),
      (error) => error instanceof Error && error.name === "ReplyError",
    );
  });
});
