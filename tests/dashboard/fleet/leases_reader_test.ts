import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { LeasesReader, type SeenLeases } from "../../../dashboard/fleet/leases_reader.ts";
import type { UnheldShards } from "../../../dashboard/fleet/fleet_snapshot.ts";
import { DashboardRedis } from "../../../dashboard/redis.ts";
import type { Bank } from "../../../dashboard/resharding/reshard.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { testServers } from "../../servers.ts";
import { writeLeases } from "./written_fleet.ts";

interface Rig {
  readonly redis: Redis;
  readonly clock: ManualClock;
  readonly problems: string[];
  read(bank?: Bank): Promise<SeenLeases>;
  unheld(total?: number): Promise<UnheldShards>;
}

async function withReader(test: (rig: Rig) => Promise<void>): Promise<void> {
  const { redisUrl } = await testServers();
  const redis = new Redis(redisUrl);
  const dashboard = new DashboardRedis({ url: redisUrl, prefix: "" });
  await dashboard.start();
  const clock = new ManualClock();
  const reader = new LeasesReader({ redis: dashboard, clock });
  const problems: string[] = [];
  const read = (bank: Bank = "a") => reader.read(bank, (problem) => problems.push(problem));
  try {
    const unheld = async (total = 6) => reader.unheld(await read(), total);
    await test({ redis, clock, problems, read, unheld });
  } finally {
    await dashboard.stop();
    await redis.quit();
  }
}

const NONE = { ranges: [], count: 0, longestMs: 0 };

Deno.test("LeasesReader says nothing of any shard where nobody keeps leases", async () => {
  await withReader(async ({ read, unheld, problems }) => {
    const { isWhole, lead } = await read();
    assert.deepEqual([isWhole, lead], [false, null]);
    assert.deepEqual(await unheld(), NONE);
    assert.deepEqual(problems, []);
  });
});

Deno.test("LeasesReader knows who leads, and which shards nobody holds, and for how long it has seen that", async () => {
  await withReader(async ({ redis, clock, read, unheld }) => {
    await writeLeases(redis, { "m-a": { shards: [0, 1, 2] }, "m-b": { shards: [3, 4, 5] } });
    assert.equal((await read()).lead, "m-a");
    assert.deepEqual(await unheld(), NONE);
    await redis.multi().hset("gateway:leases", "4", "5 ").hdel("gateway:leases", "1", "2")
      .hset("gateway:fleet", "version", "7").exec();
    assert.deepEqual(await unheld(), { ranges: [[1, 2], [4, 4]], count: 3, longestMs: 0 });
    clock.advance(7_000);
    await redis.multi().hset("gateway:leases", "1", "6 m-b", "2", "6 m-b").hset(
      "gateway:fleet",
      "version",
      "8",
    )
      .exec();
    assert.deepEqual(await unheld(), { ranges: [[4, 4]], count: 1, longestMs: 7_000 });
    assert.deepEqual(await unheld(4), NONE, "there is no such shard");
  });
});

Deno.test("LeasesReader knows that shards are nobody's whose holder is silent for longer than its time, or is unknown", async () => {
  await withReader(async ({ redis, read, unheld }) => {
    await writeLeases(redis, {
      "m-dead": { shards: [0, 1], agoMs: 20_000, ttlMs: 10_000 },
      "m-slow": { shards: [2, 3], agoMs: 20_000, ttlMs: 30_000 },
    });
    await redis.hset("gateway:leases", "4", "5 m-unknown", "5", "5 m-slow");
    assert.equal((await read()).lead, null);
    const { ranges, count, longestMs } = await unheld();
    assert.deepEqual([ranges, count], [[[0, 1], [4, 4]], 3]);
    // From when others may take them.
    assert(longestMs >= 8_000 && longestMs < 10_000, `${longestMs} ms`);
  });
});

Deno.test("LeasesReader reads all leases again only when one has changed hands", async () => {
  await withReader(async ({ redis, read, unheld }) => {
    await writeLeases(redis, { "m-a": { shards: [0, 1, 2, 3, 4, 5] } });
    await read();
    await redis.hdel("gateway:leases", "3");
    assert.deepEqual(await unheld(), NONE, "the version is that of before");
    await redis.hset("gateway:fleet", "version", "8");
    assert.deepEqual((await unheld()).ranges, [[3, 3]]);
    await redis.hdel("gateway:fleet", "version");
    await redis.hdel("gateway:leases", "4");
    assert.deepEqual((await unheld()).ranges, [[3, 4]], "without one it is not known");
  });
});

Deno.test("LeasesReader passes over garbage and names it", async () => {
  await withReader(async ({ redis, read, unheld, problems }) => {
    await writeLeases(redis, { "m-a": { shards: [0, 1] } });
    await redis.hset("gateway:leases", "2", "m-a", "-1", "5 m-a", "new", "5 m-a", "<b>", "x");
    await redis.hset("gateway:members", "m-b", "soon {}", "m-c", '5 {"ttl":"long"}', "m-d", "5 {");
    assert.deepEqual((await unheld(3)).ranges, [[2, 2]]);
    assert.deepEqual(problems.toSorted(), [
      'gateway:leases: "2" is no lease',
      'gateway:leases: "<b>" is no lease',
      'gateway:members: "m-b" is no member',
      'gateway:members: "m-c" is no member',
      'gateway:members: "m-d" is no member',
    ]);
    problems.length = 0;
    await redis.multi().del("gateway:members", "gateway:leases", "gateway:fleet").set("gateway:members", "x")
      .set("gateway:leases", "x").set("gateway:fleet", "x").exec();
    assert.equal((await read()).isWhole, false);
    assert.deepEqual(await unheld(), NONE);
    assert.deepEqual([...new Set(problems)].toSorted(), [
      "gateway:fleet is of a wrong type",
      "gateway:leases is of a wrong type",
      "gateway:members is of a wrong type",
    ]);
  });
});

Deno.test("LeasesReader says nothing of shards where there are more members than it reads", async () => {
  await withReader(async ({ redis, unheld, problems }) => {
    await writeLeases(redis, { "m-a": { shards: [0] } });
    const many = Array.from(
      { length: 5_000 },
      (_, number) => [`x-${number}`, `5 {"ttl":1000,"pad":"${"x".repeat(80)}"}`],
    );
    await redis.hset("gateway:members", ...many.flat());
    assert.deepEqual(await unheld(), NONE);
    assert(problems.includes("gateway:members has more than 1000 fields"), problems.join());
  });
});

Deno.test("LeasesReader reads the bank that it is told, at once where another is current", async () => {
  await withReader(async ({ redis, read, problems }) => {
    await writeLeases(redis, { "m-a": { shards: [0] } });
    await writeLeases(redis, { "m-b": { shards: [0, 1] } }, "gateway:b:");
    await redis.multi().hset("gateway:fleet", "version", "7").hset("gateway:b:fleet", "version", "7").exec();
    for (const [bank, lead, shards] of [["a", "m-a", 1], ["b", "m-b", 2], ["a", "m-a", 1]] as const) {
      const seen = await read(bank);
      assert.deepEqual([seen.isWhole, seen.lead, seen.holders.size], [true, lead, shards]);
      assert.deepEqual([...seen.members.keys()], [lead]);
    }
    await redis.hset("gateway:b:members", "m-c", "soon");
    await read("b");
    assert.deepEqual(problems, ['gateway:b:members: "m-c" is no member']);
  });
});
