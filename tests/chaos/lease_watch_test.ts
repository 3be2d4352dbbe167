import assert from "node:assert/strict";
import { LeaseHistory } from "../../chaos/lease_history.ts";
import { LeaseWatch } from "../../chaos/lease_watch.ts";
import { startRedis } from "../../harness/redis.ts";
import { command } from "../../harness/redis_commands.ts";
import { beforeDeadline } from "../deadline.ts";

const MEMBERS = "gateway:members";
const LEASES = "gateway:leases";
const SCRIPT = `redis.call("HSET", KEYS[1], ARGV[1], ARGV[2])`;

Deno.test("LeaseWatch follows leases that scripts write, and those that were written while Redis was away from it", async () => {
  const redis = await startRedis();
  await using _server = redis.server;
  const history = new LeaseHistory();
  const write = (key: string, field: string, value: string) =>
    command(redis.url, "EVAL", SCRIPT, "1", key, field, value);
  const until = (replica: string, shard: number) =>
    beforeDeadline(
      (async () => {
        while (!history.holds(replica, shard, Date.now(), 0)) {await new Promise((resolve) =>
            setTimeout(resolve, 20)
          );}
      })(),
      () => `${replica} does not hold shard ${shard}`,
    );
  await write(MEMBERS, "m1", `1 {"replica":"first"}`);
  await write(LEASES, "0", `${Date.now() * 1_000} m1`);
  const watch = await LeaseWatch.start(redis.url, history);
  try {
    await until("first", 0);
    await write(MEMBERS, "m2", `1 {"replica":"second"}`);
    await write(LEASES, "lead", "5 m2");
    await write(LEASES, "0", `${Date.now() * 1_000} m2`);
    await until("second", 0);
    await redis.server.restart();
    await write(LEASES, "1", `${Date.now() * 1_000} m1`);
    await until("first", 1);
    assert.equal(history.takings, 3);
    await write(LEASES, "1", `${Date.now() * 1_000} `);
  } finally {
    await watch.stop();
  }
});
