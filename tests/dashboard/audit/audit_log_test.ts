import assert from "node:assert/strict";
import { AuditLog } from "../../../dashboard/audit/audit_log.ts";
import { DashboardRedis } from "../../../dashboard/redis.ts";
import { Redis } from "ioredis";
import { testServers } from "../../servers.ts";

async function withAudit(
  test: (rig: { audit: AuditLog; redis: Redis; lost: string[] }) => Promise<void>,
): Promise<void> {
  const { redisUrl } = await testServers();
  const lost: string[] = [];
  const dashboardRedis = new DashboardRedis({ url: redisUrl, prefix: "" });
  const redis = new Redis(redisUrl);
  await dashboardRedis.start();
  try {
    await test({ audit: new AuditLog(dashboardRedis, (message) => lost.push(message)), redis, lost });
  } finally {
    await dashboardRedis.stop();
    await redis.quit();
  }
}

const entry = (action: string) => ({
  who: "ada",
  role: "operator",
  address: "192.0.2.7",
  action,
  shards: "0-3",
  outcome: "Carried out",
});

Deno.test("AuditLog.read() gives entries as they were recorded, the newest first, page by page", async () => {
  await withAudit(async ({ audit, lost }) => {
    for (const action of ["first", "second", "third"]) assert.equal(await audit.record(entry(action)), true);
    const page = await audit.read({ count: 2 });
    assert.deepEqual(page.entries.map(({ id: _, atMs: __, ...rest }) => rest), [
      entry("third"),
      entry("second"),
    ]);
    assert(page.before !== null);
    const older = await audit.read({ before: page.before, count: 2 });
    assert.deepEqual(older.entries.map(({ action }) => action), ["first"]);
    assert.equal(older.before, null);
    assert.deepEqual(lost, []);
  });
});

Deno.test("AuditLog.read() gives the time of Redis, and nothing where nothing was recorded", async () => {
  await withAudit(async ({ audit, redis }) => {
    assert.deepEqual(await audit.read({ count: 5 }), { entries: [], before: null });
    await redis.xadd("gateway:audit", "1764000000000-3", "who", "ada");
    const { entries: [recorded] } = await audit.read({ count: 5 });
    assert.deepEqual(recorded, {
      id: "1764000000000-3",
      atMs: 1_764_000_000_000,
      who: "ada",
      role: "",
      address: "",
      action: "",
      shards: "",
      outcome: "",
    });
  });
});

Deno.test("AuditLog.read() passes over a place to begin that is none", async () => {
  await withAudit(async ({ audit }) => {
    await audit.record(entry("only"));
    for (const before of ["", "-", "+", "1-1\r\nFLUSHALL", "9".repeat(30)]) {
      assert.equal((await audit.read({ before, count: 5 })).entries.length, 1, before);
    }
  });
});

Deno.test("AuditLog.record() keeps 10,000 entries, the newest", async () => {
  await withAudit(async ({ audit, redis }) => {
    const pipeline = redis.pipeline();
    for (let index = 0; index < 10_000; index++) {
      pipeline.xadd("gateway:audit", `1-${index + 1}`, "who", "old");
    }
    await pipeline.exec();
    await audit.record(entry("new"));
    assert.equal(await redis.xlen("gateway:audit"), 10_000);
    assert.equal((await audit.read({ count: 1 })).entries[0]?.action, "new");
    assert.equal((await redis.xrange("gateway:audit", "-", "+", "COUNT", 1))[0]?.[0], "1-2");
  });
});

Deno.test("AuditLog.record() cuts what is long, and takes line breaks and hidden characters out", async () => {
  await withAudit(async ({ audit }) => {
    await audit.record({ ...entry("x".repeat(100_000)), who: "a\u202eda\n[INFO] forged" });
    const { entries: [recorded] } = await audit.read({ count: 1 });
    assert.equal(recorded?.action, `${"x".repeat(300)}…`);
    assert.equal(recorded?.who, "a da [INFO] forged");
  });
});

Deno.test("AuditLog.record() hands an entry that Redis does not take to the log, whole, and says so", async () => {
  await withAudit(async ({ audit, redis, lost }) => {
    await redis.set("gateway:audit", "something else");
    assert.equal(await audit.record(entry("Restart")), false);
    assert.equal(lost.length, 1);
    assert.match(
      lost[0] ?? "",
      /^Cannot write to the audit \(.*gateway:audit .*wrong type.*ada.*192\.0\.2\.7.*Restart.*0-3.*Carried out/,
    );
  });
});

Deno.test("AuditLog.record() does not reject where Redis is away", async () => {
  const lost: string[] = [];
  const away = new DashboardRedis({ url: "redis://127.0.0.1:1", prefix: "" });
  const audit = new AuditLog(away, (message) => lost.push(message));
  assert.equal(await audit.record(entry("Restart")), false);
  assert.match(lost[0] ?? "", /Cannot reach Redis.*Restart/);
  await away.stop();
});
