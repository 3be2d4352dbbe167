import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { AuditLog } from "../../../dashboard/audit/audit_log.ts";
import { lifeKey, RESTART_LEASE_KEY } from "../../../dashboard/contract_keys.ts";
import { DashboardRedis, RedisAwayError } from "../../../dashboard/redis.ts";
import { LEASE_MS } from "../../../dashboard/restarts/restart_record.ts";
import {
  BACK_WITHIN_MS,
  LOOK_EVERY_MS,
  MISSING_IN_A_ROW_MAX,
} from "../../../dashboard/restarts/restart_run.ts";
import { type Actor, RollingRestart } from "../../../dashboard/restarts/rolling_restart.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { testServers } from "../../servers.ts";

const ANNA: Actor = { who: "anna", role: "operator", address: "192.0.2.7" };

/** Away whenever a test says so. */
class MoodyRedis extends DashboardRedis {
  isAway = false;
  /** Done before a key is read by itself. */
  beforeGet: (() => Promise<void>) | null = null;

  override ask<Answer>(work: (redis: Redis) => Promise<Answer>): Promise<Answer> {
    if (this.isAway) return Promise.reject(new RedisAwayError("Cannot reach Redis"));
    const { beforeGet } = this;
    return super.ask((redis) => {
      if (beforeGet === null) return work(redis);
      const get = async (key: string) => {
        await beforeGet();
        return await redis.get(key);
      };
      return work(Object.create(redis, { get: { value: get } }));
    });
  }
}

/** One dashboard of those on this Redis. */
interface Dashboard {
  readonly restarts: RollingRestart;
  readonly redis: MoodyRedis;
  readonly clock: ManualClock;
  /** The shards that were told to restart. */
  readonly told: number[];
  readonly faults: string[];
  /** Lets it look once more, or end. */
  step(): Promise<void>;
  /** Lets it look until it has ended. */
  finish(): Promise<void>;
}

interface Rig {
  readonly redis: Redis;
  readonly audit: AuditLog;
  dashboard(restartShard?: (shard: number) => Promise<boolean>): Promise<Dashboard>;
  /** Has the shard's life go on. */
  lives(shard: number, ...kinds: string[]): Promise<void>;
}

async function withRig(test: (rig: Rig) => Promise<void>): Promise<void> {
  const { redisUrl } = await testServers();
  const redis = new Redis(redisUrl);
  const dashboards: Dashboard[] = [];
  const own = new DashboardRedis({ url: redisUrl, prefix: "" });
  await own.start();
  const rig: Rig = {
    redis,
    audit: new AuditLog(own, (line) => assert.fail(line)),
    async dashboard(restartShard = () => Promise.resolve(true)) {
      const dashboard = createDashboard(redisUrl, restartShard);
      dashboards.push(dashboard);
      await dashboard.redis.start();
      return dashboard;
    },
    async lives(shard, ...kinds) {
      for (const kind of kinds) await redis.xadd(lifeKey(shard), "*", "kind", kind, "data", "{}");
    },
  };
  try {
    await test(rig);
  } finally {
    for (const dashboard of dashboards) {
      await dashboard.restarts.close();
      await dashboard.redis.stop();
      dashboard.clock.assertIdle();
    }
    await own.stop();
    await redis.quit();
  }
}

function createDashboard(redisUrl: string, restartShard: (shard: number) => Promise<boolean>): Dashboard {
  const clock = new ManualClock();
  const redis = new MoodyRedis({ url: redisUrl, prefix: "" });
  const told: number[] = [];
  const faults: string[] = [];
  const restarts = new RollingRestart({
    redis,
    clock,
    audit: new AuditLog(redis, (line) => faults.push(line)),
    restartShard: (shard) => {
      told.push(shard);
      return restartShard(shard);
    },
    tellFault: (message) => faults.push(message),
  });
  const step = async () => {
    let isIdle = false;
    const idle = restarts.idle().then(() => isIdle = true);
    await Promise.race([idle, clock.untilScheduled(clock.nowMs() + LOOK_EVERY_MS)]);
    if (!isIdle) clock.advance(LOOK_EVERY_MS);
  };
  const finish = async () => {
    let isIdle = false;
    const idle = restarts.idle().then(() => isIdle = true);
    while (!isIdle) await Promise.race([idle, step()]);
  };
  return { restarts, redis, clock, told, faults, step, finish };
}

/** Whether a dashboard has looked after what was done: at its second pause from now it has. */
async function looked(dashboard: Dashboard): Promise<void> {
  await dashboard.step();
  await dashboard.step();
}

Deno.test("RollingRestart.start() restarts a shard only when the one before it is back", async () => {
  await withRig(async ({ dashboard, lives, audit }) => {
    const one = await dashboard();
    assert(await one.restarts.start([3, 5], ANNA));
    await looked(one);
    assert.deepEqual(one.told, [3]);
    await lives(3, "disconnected", "reconnecting", "connecting", "connected", "resuming");
    await looked(one);
    assert.deepEqual(one.told, [3]);
    await lives(3, "resumed");
    await looked(one);
    assert.deepEqual(one.told, [3, 5]);
    const halfway = await one.restarts.read();
    assert.deepEqual(
      [halfway?.state, halfway?.total, halfway?.back, halfway?.missing, halfway?.current, halfway?.startedBy],
      ["running", 2, 1, 0, 5, "anna"],
    );
    await lives(5, "disconnected", "connecting", "ready");
    await one.finish();
    const ended = await one.restarts.read();
    assert.deepEqual(
      [ended?.state, ended?.back, ended?.missing, ended?.current, ended?.endedAtMs],
      ["finished", 2, 0, null, one.clock.wallMs()],
    );
    const { entries } = await audit.read({ count: 10 });
    assert.deepEqual(
      entries.map(({ who, address, action, shards, outcome }) => [who, address, action, shards, outcome]),
      [
        ["anna", "192.0.2.7", "Rolling restart", "3, 5", "Finished: 2 of 2 back, 0 not"],
        ["anna", "192.0.2.7", "Rolling restart", "3, 5", "Begun"],
      ],
    );
    assert.deepEqual(one.faults, []);
  });
});

Deno.test("RollingRestart.start() is not misled by what a shard did before, or was about to do", async () => {
  await withRig(async ({ dashboard, lives }) => {
    const one = await dashboard();
    await lives(0, "disconnected", "connecting", "ready");
    assert(await one.restarts.start([0, 1], ANNA));
    await looked(one);
    // The end of a connecting that was under way before.
    await lives(0, "resumed", "disconnected");
    await looked(one);
    assert.deepEqual(one.told, [0]);
    await lives(0, "connecting", "resumed");
    await looked(one);
    assert.deepEqual(one.told, [0, 1]);
  });
});

Deno.test("RollingRestart.start() goes on without a shard that is not back in time", async () => {
  await withRig(async ({ dashboard, redis }) => {
    const one = await dashboard(async (shard) => {
      if (shard !== 1) await redis.xadd(lifeKey(shard), "*", "kind", "connecting");
      if (shard !== 1) await redis.xadd(lifeKey(shard), "*", "kind", "resumed");
      return true;
    });
    assert(await one.restarts.start([0, 1, 2], ANNA));
    await one.finish();
    const ended = await one.restarts.read();
    assert.deepEqual([ended?.state, ended?.back, ended?.missing, ended?.missingShards], ["finished", 2, 1, [
      1,
    ]]);
    assert(one.clock.nowMs() >= BACK_WITHIN_MS && one.clock.nowMs() < BACK_WITHIN_MS + 10 * LOOK_EVERY_MS);
  });
});

Deno.test("RollingRestart.start() gives up when shard after shard does not come back", async () => {
  await withRig(async ({ dashboard, audit }) => {
    const one = await dashboard();
    assert(await one.restarts.start([0, 1, 2, 3, 4], ANNA));
    await one.finish();
    assert.deepEqual(one.told, [0, 1, 2].slice(0, MISSING_IN_A_ROW_MAX));
    assert.equal((await one.restarts.read())?.state, "given_up");
    const { entries: [newest] } = await audit.read({ count: 1 });
    assert.equal(newest?.outcome, "Given up: 0 of 5 back, 3 not");
  });
});

Deno.test("RollingRestart.start() counts a shard whose command was not taken as missing, without waiting", async () => {
  await withRig(async ({ dashboard }) => {
    const one = await dashboard(() => Promise.resolve(false));
    assert(await one.restarts.start([7, 8], ANNA));
    await one.restarts.idle();
    const ended = await one.restarts.read();
    assert.deepEqual([ended?.state, ended?.missingShards, one.clock.nowMs()], ["finished", [7, 8], 0]);
  });
});

Deno.test("RollingRestart.start() refuses while one is under way, whichever dashboard runs it", async () => {
  await withRig(async ({ dashboard, audit }) => {
    const one = await dashboard();
    const other = await dashboard();
    assert(await one.restarts.start([0], ANNA));
    assert.equal(await other.restarts.start([1], { ...ANNA, who: "otto" }), false);
    assert.equal(await one.restarts.start([1], ANNA), false);
    assert.deepEqual(other.told, []);
    const { entries } = await audit.read({ count: 2 });
    assert.deepEqual(entries.map(({ who, outcome }) => [who, outcome]), [
      ["anna", "Refused: one is under way"],
      ["otto", "Refused: one is under way"],
    ]);
    assert.equal((await other.restarts.read())?.startedBy, "anna");
  });
});

Deno.test("RollingRestart.stop() ends it wherever it runs, and names who asked", async () => {
  await withRig(async ({ dashboard, audit }) => {
    const one = await dashboard();
    const other = await dashboard();
    assert(await one.restarts.start([0, 1], ANNA));
    await one.step();
    assert(await other.restarts.stop({ who: "otto", role: "operator", address: "192.0.2.8" }));
    await one.finish();
    assert.deepEqual(one.told, [0]);
    const ended = await other.restarts.read();
    assert.deepEqual([ended?.state, ended?.stoppedBy, ended?.back, ended?.missing], [
      "stopped",
      "otto",
      0,
      0,
    ]);
    assert.equal(await other.restarts.stop(ANNA), false);
    const { entries } = await audit.read({ count: 3 });
    assert.deepEqual(entries.map(({ who, action, outcome }) => [who, action, outcome]), [
      ["anna", "Stop rolling restart", "Refused: none is under way"],
      ["anna", "Rolling restart", "Stopped by otto: 0 of 2 back, 0 not"],
      ["otto", "Stop rolling restart", "Asked for"],
    ]);
    // What was asked of that one is not asked of the next.
    assert(await one.restarts.start([4], ANNA));
    await looked(one);
    assert.equal((await one.restarts.read())?.state, "running");
  });
});

Deno.test("RollingRestart.read() shows one whose dashboard died as interrupted, and another can begin", async () => {
  await withRig(async ({ dashboard, redis }) => {
    const one = await dashboard();
    const other = await dashboard();
    assert(await one.restarts.start([0, 1], ANNA));
    await one.step();
    const leftMs = await redis.pttl(RESTART_LEASE_KEY);
    assert(leftMs > 0 && leftMs <= LEASE_MS, `the lease ends by itself, in ${leftMs} ms`);
    // What its end looks like, without waiting for it.
    await redis.del(RESTART_LEASE_KEY);
    assert.equal((await other.restarts.read())?.state, "interrupted");
    assert(await other.restarts.start([5], { ...ANNA, who: "otto" }));
    // The first one was not dead, only late: it notices, and leaves alone what is no longer its own.
    await one.finish();
    assert.deepEqual(one.told, [0]);
    const current = await one.restarts.read();
    assert.deepEqual([current?.state, current?.startedBy], ["running", "otto"]);
  });
});

Deno.test("RollingRestart.read() reads of one moment, though a restart ends meanwhile", async () => {
  await withRig(async ({ dashboard }) => {
    const one = await dashboard();
    assert(await one.restarts.start([0], ANNA));
    await one.step();
    const other = await dashboard();
    // It ends between the text and the lease, where they are read by themselves.
    other.redis.beforeGet = () => one.restarts.close();
    assert.equal((await other.restarts.read())?.state, "running");
  });
});

Deno.test("RollingRestart renews its lease for as long as it runs", async () => {
  await withRig(async ({ dashboard, redis }) => {
    const one = await dashboard();
    assert(await one.restarts.start([0], ANNA));
    await redis.pexpire(RESTART_LEASE_KEY, LEASE_MS / 2);
    await looked(one);
    assert(await redis.pttl(RESTART_LEASE_KEY) > LEASE_MS / 2);
  });
});

Deno.test("RollingRestart waits for a Redis that is away no longer than its lease lasts", async () => {
  await withRig(async ({ dashboard, lives }) => {
    const one = await dashboard();
    assert(await one.restarts.start([0, 1], ANNA));
    await looked(one);
    one.redis.isAway = true;
    for (let waitedMs = 0; waitedMs < LEASE_MS / 2; waitedMs += LOOK_EVERY_MS) await one.step();
    one.redis.isAway = false;
    await lives(0, "disconnected", "connecting", "resumed");
    await looked(one);
    assert.deepEqual(one.told, [0, 1]);
    one.redis.isAway = true;
    const awaySinceMs = one.clock.nowMs();
    await one.finish();
    assert(one.clock.nowMs() - awaySinceMs <= LEASE_MS + 2 * LOOK_EVERY_MS);
    assert.match(one.faults.join("\n"), /Cannot write down how a rolling restart ended/);
    assert.match(one.faults.join("\n"), /Interrupted: 1 of 2 back, 0 not/);
  });
});

Deno.test("RollingRestart.close() interrupts what this dashboard runs, and says so", async () => {
  await withRig(async ({ dashboard }) => {
    const one = await dashboard();
    assert(await one.restarts.start([0, 1], ANNA));
    await one.step();
    await one.restarts.close();
    const other = await dashboard();
    const ended = await other.restarts.read();
    assert.deepEqual([ended?.state, ended?.endedAtMs], ["interrupted", one.clock.wallMs()]);
    assert.equal(await one.restarts.start([0], ANNA), false);
    assert(await other.restarts.start([0], ANNA));
  });
});

Deno.test("RollingRestart ends as interrupted, and says why, where Redis holds something else under a shard's life", async () => {
  await withRig(async ({ dashboard, redis }) => {
    await redis.set(lifeKey(0), "no stream");
    const one = await dashboard();
    assert(await one.restarts.start([0, 1], ANNA));
    await one.restarts.idle();
    assert.equal((await one.restarts.read())?.state, "interrupted");
    assert.match(one.faults.join("\n"), /^Rolling restart ended by a fault: .*wrong type/);
    assert.deepEqual(one.told, []);
  });
});

Deno.test("RollingRestart.read() makes nothing of garbage", async () => {
  await withRig(async ({ dashboard, redis }) => {
    const one = await dashboard();
    assert.equal(await one.restarts.read(), null);
    for (const text of ["", "[]", "null", "7", "{}", '{"id":"a","state":"running","total":-1}', "{"]) {
      await redis.hset("gateway:restart", "text", text);
      assert.equal(await one.restarts.read(), null, text);
    }
  });
});
