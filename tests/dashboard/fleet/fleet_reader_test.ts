import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { FleetReader } from "../../../dashboard/fleet/fleet_reader.ts";
import { type FleetSnapshot, isGatewayAway } from "../../../dashboard/fleet/fleet_snapshot.ts";
import { DashboardRedis, RedisAwayError } from "../../../dashboard/redis.ts";
import { TcpProxy } from "../../../harness/tcp_proxy.ts";
import { beforeDeadline } from "../../deadline.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { testServers } from "../../servers.ts";
import { reshardPlan, SESSION, writeLeases, writeReshard } from "./written_fleet.ts";

const STARTED = '"2026-01-01T10:00:00.000000"';

interface Rig {
  readonly redis: Redis;
  readonly clock: ManualClock;
  read(): Promise<FleetSnapshot>;
  replica(name: string, entry: object): Promise<unknown>;
}

async function withReader(test: (rig: Rig) => Promise<void>): Promise<void> {
  const { redisUrl } = await testServers();
  const redis = new Redis(redisUrl);
  const dashboard = new DashboardRedis({ url: redisUrl, prefix: "" });
  await dashboard.start();
  const clock = new ManualClock();
  const reader = new FleetReader({ redis: dashboard, clock });
  try {
    await test({
      redis,
      clock,
      read: () => reader.read(),
      replica: (name, entry) => {
        const whole = { started_at: clock.epochMs, heard_at: clock.wallMs(), shards: [], ...entry };
        return redis.hset(
          "gateway:replicas",
          name,
          JSON.stringify({ waiting: [], parked: [], ...whole }),
        );
      },
    });
  } finally {
    await dashboard.stop();
    await redis.quit();
  }
}

const ENTRY = { status: "Connected", latency: 41, last_ack: "2026-01-01T00:00:01.500000", session: SESSION };

Deno.test("FleetReader.read() says that there is nothing where Redis is empty", async () => {
  await withReader(async ({ read, clock }) => {
    assert.deepEqual(await read(), {
      atMs: clock.epochMs,
      source: "none",
      startedAtMs: null,
      total: null,
      shards: [],
      replicas: [],
      unheld: { ranges: [], count: 0, longestMs: 0 },
      reshard: null,
      sums: { unconfirmed: { events: 0, bytes: 0 }, spool: null, identify: null, recommended: null },
      heardAgoMs: null,
      problems: [],
    });
  });
});

Deno.test("FleetReader.read() gives each shard its place, and never a whole session id", async () => {
  await withReader(async ({ redis, read }) => {
    const entries = [{ shard: 2, ...ENTRY }, { shard: 0, ...ENTRY, latency: 0, session: "short" }];
    await redis.mset(
      ...["gateway_statuses", JSON.stringify(entries), "gateway_shards", "3"],
      ...["gateway_started", STARTED, "gateway:started", STARTED],
    );
    const { shards, source, total, startedAtMs, problems } = await read();
    const lastAckAtMs = Date.UTC(2026, 0, 1, 0, 0, 1, 500);
    assert.deepEqual(shards, [
      { shard: 0, state: "connected", latencyMs: null, lastAckAtMs, session: "sh…" },
      { shard: 1, state: "unknown", latencyMs: null, lastAckAtMs: null, session: null },
      { shard: 2, state: "connected", latencyMs: 41, lastAckAtMs, session: "01234567…" },
    ]);
    assert.deepEqual([source, total, startedAtMs], ["shardline", 3, Date.UTC(2026, 0, 1, 10)]);
    assert.deepEqual(problems, []);
  });
});

Deno.test("FleetReader.read() knows why a shard is away", async () => {
  await withReader(async ({ redis, read, replica }) => {
    const words = ["Connected", "Disconnected", "Disconnected", "Disconnected", "Identifying", "Resuming"];
    const entries = words.map((status, shard) => ({ shard, ...ENTRY, status }));
    await redis.mset("gateway_statuses", JSON.stringify(entries), "gateway_shards", "6");
    // The first has come up since its replica said so.
    await replica("alpha", { shards: [[0, 5]], waiting: [[0, 1], [9, 12]], parked: [[2, 2]] });
    const { shards } = await read();
    assert.deepEqual(shards.map(({ state }) => state), [
      "connected",
      "waiting",
      "parked",
      "disconnected",
      "identifying",
      "resuming",
    ]);
  });
});

Deno.test("FleetReader.read() knows another service by the start time that is not ours", async () => {
  await withReader(async ({ redis, read }) => {
    await redis.mset("gateway_statuses", "[]", "gateway_started", STARTED, "gateway_shards", "1");
    assert.equal((await read()).source, "other");
    await redis.set("gateway:started", '"2026-01-01T09:00:00.000000"');
    assert.equal((await read()).source, "other");
    await redis.set("gateway:started", STARTED);
    assert.equal((await read()).source, "shardline");
  });
});

Deno.test("FleetReader.read() takes nothing that our gateway left behind for what another service says", async () => {
  await withReader(async ({ redis, read, replica, clock }) => {
    const identify = { remaining: 900, total: 1_000, resets_at: clock.epochMs + 3_600_000 };
    const unconfirmed = { events: 2, bytes: 20 };
    const spool = { ...unconfirmed, max_bytes: 1_000 };
    await replica("killed", { waiting: [[0, 0]], parked: [], recommended: 40, identify, unconfirmed, spool });
    const entries = JSON.stringify([{ shard: 0, ...ENTRY, status: "Disconnected" }]);
    await redis.mset("gateway_statuses", entries, "gateway_shards", "1", "gateway_started", STARTED);
    const { source, shards, replicas, sums, heardAgoMs } = await read();
    assert.deepEqual([source, shards[0]?.state, heardAgoMs], ["other", "disconnected", null]);
    assert.deepEqual(replicas.map(({ name, isCurrent }) => [name, isCurrent]), [["killed", false]]);
    assert.deepEqual(sums, {
      unconfirmed: { events: 0, bytes: 0 },
      spool: null,
      identify: null,
      recommended: null,
    });
    await redis.set("gateway:started", STARTED);
    const ours = await read();
    assert.deepEqual([ours.shards[0]?.state, ours.heardAgoMs, ours.sums.recommended], ["waiting", 0, 40]);
  });
});

Deno.test("FleetReader.read() knows a gateway that speaks, however far its clock is behind", async () => {
  await withReader(async ({ read, replica, clock }) => {
    const word = (behindMs: number) => replica("alpha", { heard_at: clock.wallMs() - behindMs });
    await word(60_000);
    // Nothing else is known at the first look.
    assert.equal((await read()).heardAgoMs, 60_000);
    for (let second = 0; second < 3; second++) {
      clock.advance(1_000);
      await word(60_000);
      assert(((await read()).heardAgoMs ?? Infinity) <= 1_000);
    }
    clock.advance(30_000);
    const silent = await read();
    assert(silent.heardAgoMs !== null && silent.heardAgoMs >= 30_000 && silent.heardAgoMs <= 31_000);
    await word(60_000);
    clock.advance(1_000);
    assert(!isGatewayAway(await read()));
  });
});

Deno.test("FleetReader.read() knows a gateway that has fallen silent, however far its clock is ahead", async () => {
  await withReader(async ({ read, replica, clock }) => {
    await replica("alpha", { heard_at: clock.wallMs() + 3_600_000 });
    assert.equal((await read()).heardAgoMs, 0);
    clock.advance(20_000);
    assert.equal((await read()).heardAgoMs, 20_000);
  });
});

Deno.test("FleetReader.read() knows when a gateway fell silent while nobody looked", async () => {
  await withReader(async ({ read, replica, clock }) => {
    await replica("alpha", {});
    await read();
    clock.advance(1_000);
    await replica("alpha", {});
    clock.advance(3_600_000);
    assert.equal((await read()).heardAgoMs, 3_600_000);
    // It was not there when it was last looked.
    await replica("beta", { heard_at: clock.wallMs() - 7_200_000 });
    clock.advance(1_000);
    assert.equal((await read()).heardAgoMs, 1_000);
  });
});

Deno.test("FleetReader.read() adds up the replicas that are there, and no others", async () => {
  await withReader(async ({ read, replica, clock }) => {
    const identify = { remaining: 900, total: 1_000, resets_at: clock.epochMs + 3_600_000 };
    const spool = { events: 5, bytes: 50, max_bytes: 1_000 };
    const busy = { unconfirmed: { events: 2, bytes: 20 }, spool };
    await replica("killed", { ...busy, shards: [[0, 0]], recommended: 40 });
    clock.advance(100_000);
    await replica("alpha", { ...busy, shards: [[0, 3]], identify, recommended: 16, total: 16 });
    clock.advance(2_000);
    await replica("beta", { ...busy, spool: null, identify: { ...identify, remaining: 800 }, broker: true });
    await replica("stopped", { ...busy, stopped: true });
    clock.advance(500);
    const snapshot = await read();
    assert.deepEqual(snapshot.sums, {
      unconfirmed: { events: 4, bytes: 40 },
      spool: { events: 5, bytes: 50, maxBytes: 1_000 },
      identify: { remaining: 800, total: 1_000, resetsAtMs: identify.resets_at },
      recommended: 16,
    });
    assert.deepEqual(
      snapshot.replicas.map(({ name, isCurrent, isStopped, heardAgoMs, hasBroker }) => {
        return [name, isCurrent, isStopped, heardAgoMs, hasBroker];
      }),
      [
        ["alpha", true, false, 2_500, false],
        ["beta", true, false, 500, true],
        ["killed", false, false, 102_500, false],
        ["stopped", false, true, 500, false],
      ],
    );
    assert.deepEqual([snapshot.heardAgoMs, isGatewayAway(snapshot)], [500, false]);
    clock.advance(42_000);
    const later = await read();
    assert.deepEqual([later.heardAgoMs, isGatewayAway(later)], [42_500, true]);
  });
});

Deno.test("FleetReader.read() tells of a process that is gone for fifteen minutes, and for good of the one heard last", async () => {
  await withReader(async ({ read, replica, clock }) => {
    await replica("killed", {});
    await replica("stopped", { stopped: true });
    clock.advance(900_000);
    await replica("alpha", {});
    const told = async () => (await read()).replicas.map(({ name, isCurrent }) => [name, isCurrent]);
    assert.deepEqual(await told(), [["alpha", true], ["killed", false], ["stopped", false]]);
    clock.advance(1);
    assert.deepEqual(await told(), [["alpha", true]]);
    clock.advance(3_600_000);
    assert.deepEqual(await told(), [["alpha", true]]);
  });
});

Deno.test("FleetReader.read() knows that a process was killed where another was started in its place", async () => {
  await withReader(async ({ read, replica, clock }) => {
    const word = (atMs: number) => ({ started_at: atMs, shards: [[0, 3]] });
    await replica("killed", word(clock.wallMs()));
    await replica("elsewhere", { ...word(clock.wallMs()), shards: [[4, 7]] });
    clock.advance(4_000);
    await replica("after", word(clock.wallMs()));
    const current = async () =>
      (await read()).replicas.filter(({ isCurrent }) => isCurrent).map(({ name }) => name);
    assert.deepEqual(await current(), ["after", "elsewhere", "killed"]);
    clock.advance(2_000);
    assert.deepEqual(await current(), ["after", "elsewhere"]);
    // It ends in good order; what is left of the other says nothing now, either.
    await replica("after", { ...word(clock.wallMs()), stopped: true });
    assert.deepEqual(await current(), ["elsewhere"]);
  });
});

Deno.test("FleetReader.read() knows who leads and who is drained, and counts nobody whose shards are others' by now", async () => {
  await withReader(async ({ redis, clock, read, replica }) => {
    await redis.mset("gateway_shards", "4", "gateway_started", STARTED, "gateway:started", STARTED);
    const part = { draining: false, holds: true };
    await replica("ten", { shards: [[0, 1]], fleet: { ...part, member: "m-ten", draining: true } });
    await replica("two", { shards: [[2, 3]], fleet: { ...part, member: "m-two" }, started_at: 5 });
    await replica("alone", { fleet: null });
    await writeLeases(redis, { "m-two": { shards: [2, 3] }, "m-ten": { shards: [0, 1] } });
    const { replicas, unheld } = await read();
    assert.deepEqual(replicas.map(({ name, fleet }) => [name, fleet?.isLead, fleet?.isDraining]), [
      ["alone", undefined, undefined],
      ["ten", false, true],
      ["two", true, false],
    ]);
    assert.equal(unheld.count, 0);
    // It falls silent: until its time is over it may come back.
    const current = async () => {
      await replica("two", { shards: [[0, 3]], fleet: { ...part, member: "m-two" }, started_at: 5 });
      return (await read()).replicas.filter(({ isCurrent }) => isCurrent).map(({ name }) => name);
    };
    clock.advance(6_000);
    assert((await current()).includes("ten"));
    await writeLeases(redis, { "m-two": { shards: [0, 1, 2, 3] }, "m-ten": { agoMs: 13_000 } });
    assert(!(await current()).includes("ten"));
  });
});

Deno.test("FleetReader.read() skips garbage and names it", async () => {
  await withReader(async ({ redis, read, replica }) => {
    const entries = [
      { shard: 0, ...ENTRY, status: "Sleeping", latency: "fast", last_ack: 7, session: "a\nb" },
      { shard: 1, ...ENTRY },
      { shard: 2, ...ENTRY },
      { shard: -1, ...ENTRY },
      { shard: 1.5, ...ENTRY },
      null,
    ];
    await redis.mset(
      ...["gateway_statuses", JSON.stringify(entries), "gateway_shards", "2"],
      ...["gateway_started", "yesterday"],
    );
    await redis.hset("gateway:replicas", "bad\u202ename", "{", "text", '"hello"');
    await replica("alpha", {
      version: "<script>",
      shards: [[3, 1]],
      waiting: [[0, 1e9]],
      total: 0,
      recommended: "many",
      identify: { remaining: -1 },
      unconfirmed: { events: -3, bytes: 0 },
      spool: 7,
    });
    const { shards, problems, replicas } = await read();
    assert.deepEqual(shards.map(({ state }) => state), ["unknown", "connected"]);
    assert.deepEqual(replicas.map(({ name, shardCount, spool }) => [name, shardCount, spool]), [
      ["alpha", 0, null],
    ]);
    const unplaced = "gateway_statuses holds an entry that names no shard below the total";
    assert.deepEqual(problems.toSorted(), [
      'gateway:replicas: "alpha" has a wrong identify',
      'gateway:replicas: "alpha" has a wrong recommended',
      'gateway:replicas: "alpha" has a wrong shards',
      'gateway:replicas: "alpha" has a wrong spool',
      'gateway:replicas: "alpha" has a wrong total',
      'gateway:replicas: "alpha" has a wrong unconfirmed',
      'gateway:replicas: "alpha" has a wrong waiting',
      'gateway:replicas: "bad name" is no entry of a replica',
      'gateway:replicas: "text" is no entry of a replica',
      "gateway_started is no time",
      unplaced,
      unplaced,
      unplaced,
      unplaced,
      "gateway_statuses: shard 0 has a wrong last_ack",
      "gateway_statuses: shard 0 has a wrong latency",
      "gateway_statuses: shard 0 has a wrong session",
      "gateway_statuses: shard 0 has a wrong status",
    ]);
  });
});

Deno.test("FleetReader.read() passes over keys of a wrong type, numbers that are too large, texts without end", async () => {
  await withReader(async ({ redis, read }) => {
    await redis.hset("gateway_statuses", "a", "b");
    await redis.set("gateway:replicas", "text");
    await redis.set("gateway_shards", "70000");
    await redis.set("gateway:reshard", "text");
    const { shards, problems } = await read();
    assert.deepEqual(shards, []);
    assert.deepEqual(problems.toSorted(), [
      "gateway:replicas is of a wrong type",
      "gateway:reshard is of a wrong type",
      "gateway_shards is no number of shards",
      "gateway_statuses is of a wrong type",
    ]);
    await redis.del("gateway_statuses", "gateway:replicas", "gateway:reshard");
    await redis.set("gateway_statuses", `[${" ".repeat(17 * 1024 * 1024)}]`);
    await redis.set("gateway_shards", "1".repeat(1_000_000));
    assert.deepEqual((await read()).problems, [
      "gateway_statuses is no JSON array",
      "gateway_shards is no number of shards",
    ]);
    // Nobody has said how many there are: as many as have an entry.
    await redis.del("gateway_shards");
    await redis.set("gateway_statuses", JSON.stringify([{ shard: 1, ...ENTRY }, { shard: 1e8, ...ENTRY }]));
    assert.deepEqual((await read()).shards.map(({ state }) => state), ["unknown", "connected"]);
  });
});

Deno.test("FleetReader.read() tells how far a change of the number of shards is", async () => {
  await withReader(async ({ redis, read }) => {
    await redis.mset("gateway_started", STARTED, "gateway:started", STARTED);
    await writeReshard(redis);
    const { reshard, problems } = await read();
    assert.deepEqual([reshard?.from, reshard?.to, reshard?.phase, reshard?.ready], [
      16,
      32,
      "rehearsing",
      20,
    ]);
    assert.deepEqual(problems, []);
    await redis.set("gateway:started", JSON.stringify("2025-01-01T00:00:00.000000"));
    assert.equal((await read()).reshard, null, "it says nothing of another service's shards");
  });
});

Deno.test("FleetReader.read() reads what the gateway keeps of the shards that are current", async () => {
  await withReader(async ({ redis, read }) => {
    await redis.mset(
      ...["gateway_started", STARTED, "gateway:started", STARTED, "gateway_shards", "2"],
      ...["gateway:b:started", JSON.stringify("2025-01-01T00:00:00.000000")],
    );
    await writeLeases(redis, { "m-a": { shards: [0, 1] } });
    await writeLeases(redis, { "m-b": { shards: [0] } }, "gateway:b:");
    const seen = async (phase: string, bank: string) => {
      await redis.hset("gateway:reshard", "plan", reshardPlan({ phase, bank }));
      const { source, unheld } = await read();
      return `${source} ${unheld.count}`;
    };
    for (const phase of ["rehearsing", "holding", "abandoned"]) {
      assert.equal(await seen(phase, "b"), "shardline 0", phase);
      assert.equal(await seen(phase, "a"), "other 0", phase);
    }
    await redis.mset("gateway:b:started", STARTED);
    for (const phase of ["taking_over", "done"]) {
      assert.equal(await seen(phase, "b"), "shardline 1", phase);
      assert.equal(await seen(phase, "a"), "shardline 0", phase);
    }
  });
});

Deno.test("FleetReader.read() knows the plan of a change, whatever else there is beside it", async () => {
  await withReader(async ({ redis, read }) => {
    await redis.mset("gateway_started", STARTED, "gateway:started", STARTED);
    const fields = Array.from({ length: 5_000 }, (_, at): [string, string] => [`report:m-${at}`, "{}"]);
    await redis.hset("gateway:reshard", Object.fromEntries([...fields, ["plan", reshardPlan()]]));
    const { reshard, problems } = await read();
    assert.equal(reshard?.to, 32);
    assert.equal(problems.length, 21);
    assert.equal(problems[0], "gateway:reshard has more than 1000 fields");
  });
});

Deno.test("FleetReader.read() reads no more replicas and names no more garbage than a page has room for", async () => {
  await withReader(async ({ redis, read, clock }) => {
    const entry = JSON.stringify({
      started_at: 0,
      heard_at: clock.epochMs,
      shards: [],
      waiting: [],
      parked: [],
    });
    for (let count = 0; count < 3_000; count += 1_000) {
      await redis.hset(
        "gateway:replicas",
        Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`replica ${count + index}`, entry])),
      );
    }
    await redis.mset("gateway_statuses", JSON.stringify(Array(500).fill(0)), "gateway_shards", "1");
    const { replicas, problems } = await read();
    assert(replicas.length <= 100 && replicas.length > 0);
    assert.equal(problems.length, 21);
    assert.equal(problems[0], "gateway:replicas has more than 100 fields");
    assert.match(problems.at(-1) ?? "", /^and \d+ more$/);
  });
});

Deno.test("FleetReader.read() rejects with a RedisAwayError while Redis is away, and reads again afterwards", async () => {
  const { redisUrl } = await testServers();
  await using proxy = new TcpProxy(redisUrl);
  const dashboard = new DashboardRedis({ url: proxy.through(redisUrl), prefix: "" });
  await dashboard.start();
  const reader = new FleetReader({ redis: dashboard, clock: new ManualClock() });
  assert.equal((await reader.read()).source, "none");
  proxy.down();
  await assert.rejects(reader.read(), RedisAwayError);
  await assert.rejects(reader.read(), RedisAwayError);
  proxy.up();
  await beforeDeadline(readiness(dashboard), () => "Redis is not back");
  assert.equal((await reader.read()).source, "none");
  await dashboard.stop();
});

async function readiness(redis: DashboardRedis): Promise<void> {
  while (!await redis.isThere()) await new Promise((resolve) => setTimeout(resolve, 10));
}
