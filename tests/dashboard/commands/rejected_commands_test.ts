import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { excerptOf, RejectedCommands } from "../../../dashboard/commands/rejected_commands.ts";
import { DashboardRedis } from "../../../dashboard/redis.ts";
import { testServers } from "../../servers.ts";

async function withRejected(
  test: (rig: { rejected: RejectedCommands; redis: Redis }) => Promise<void>,
): Promise<void> {
  const { redisUrl } = await testServers();
  const dashboardRedis = new DashboardRedis({ url: redisUrl, prefix: "" });
  const redis = new Redis(redisUrl);
  await dashboardRedis.start();
  try {
    await test({ rejected: new RejectedCommands(dashboardRedis), redis });
  } finally {
    await dashboardRedis.stop();
    await redis.quit();
  }
}

Deno.test("RejectedCommands.read() gives what the gateway wrote, the newest first, page by page", async () => {
  await withRejected(async ({ rejected, redis }) => {
    assert.deepEqual(await rejected.read({ count: 5 }), { commands: [], before: null });
    const first = ["reason", "not_json", "message", "Send JSON", "bytes", "2", "body", "no"];
    await redis.xadd("gateway:rejected", "1764000000000-0", ...first);
    await redis.xadd("gateway:rejected", "1764000000001-0", "reason", "too_large", "bytes", "20000");
    const page = await rejected.read({ count: 1 });
    assert.deepEqual(page, {
      commands: [{
        id: "1764000000001-0",
        atMs: 1_764_000_000_001,
        reason: "too_large",
        message: "",
        bytes: 20_000,
        body: null,
      }],
      before: "1764000000001-0",
    });
    const older = await rejected.read({ before: "1764000000001-0", count: 1 });
    assert.deepEqual(older.commands.map(({ body, bytes }) => [body, bytes]), [["no", 2]]);
    assert.equal(older.before, null);
  });
});

Deno.test("RejectedCommands.find() gives a command's very text, and null for what is not kept", async () => {
  await withRejected(async ({ rejected, redis }) => {
    const body = '\ufeff{"op":0,\r\n"shard":9007199254740993} \u202e😀';
    await redis.xadd("gateway:rejected", "5-1", "reason", "invalid", "bytes", "x", "body", body);
    const found = await rejected.find("5-1");
    assert.equal(found?.body, body);
    assert.equal(found?.bytes, null);
    for (const id of ["5-2", "", "-", "+", "$", "5-1 5-1"]) assert.equal(await rejected.find(id), null, id);
  });
});

Deno.test("excerptOf() shows the beginning, without what hides or turns around text", () => {
  assert.equal(excerptOf('{"a":\r\n"\u202eb"}'), '{"a": " b"}');
  assert.equal(excerptOf("x".repeat(16_384)).length, 2_001);
});
