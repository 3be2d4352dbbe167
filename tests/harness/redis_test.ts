import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { startRedis } from "../../harness/redis.ts";

/** Runs something on a connection of its own. */
async function onRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null });
  redis.on("error", () => {}); // connect() rejects with it
  await redis.connect();
  const result = await use(redis);
  const ended = new Promise((resolve) => redis.once("end", resolve));
  redis.disconnect();
  await ended;
  return result;
}

Deno.test("startRedis() is empty and ready, and restart() after kill() keeps address and data", async () => {
  const { server, url } = await startRedis();
  await using _ = server;
  assert.equal(await onRedis(url, (redis) => redis.dbsize()), 0);
  await onRedis(url, (redis) => redis.set("kept", "yes"));
  await server.kill();
  await assert.rejects(onRedis(url, (redis) => redis.get("kept")));
  await server.restart();
  assert.equal(await onRedis(url, (redis) => redis.get("kept")), "yes");
});

Deno.test("Server.pause() lets a Redis answer only after resume()", async () => {
  const { server, url } = await startRedis();
  await using _ = server;
  await onRedis(url, async (redis) => {
    await server.pause();
    const answers: string[] = [];
    const pong = redis.ping().then((answer) => answers.push(answer));
    // A second server answers in the meantime: the first one would have had the time to.
    await using other = (await startRedis()).server;
    assert.ok(other.ports[0] !== server.ports[0]);
    assert.deepEqual(answers, []);
    await server.resume();
    await pong;
    assert.deepEqual(answers, ["PONG"]);
  });
});

Deno.test("startRedis() starts the program that it is given, and says so where that cannot be", async () => {
  await assert.rejects(startRedis("/nowhere/redis-server"), /Cannot start Redis: it ended with status 127/);
});
