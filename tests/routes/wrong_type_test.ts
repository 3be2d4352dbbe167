import assert from "node:assert/strict";
import type { Redis } from "ioredis";
import { withDashboard } from "../dashboard/rig.ts";
import { withProgram } from "./api/program.ts";

/** Every key that pages read by themselves, and what shows it. */
const READ_ON: Readonly<Record<string, readonly string[]>> = {
  "gateway:audit": ["/audit"],
  "gateway:rejected": ["/commands"],
  "gateway:restart": ["/restarts", "/restarts/new"],
  "gateway:restart_lease": ["/restarts", "/restarts/new"],
  gateway_shards: ["/find?q=3", "/commands", "/presence?status=idle"],
};

/** Writes what no key of the contract is: a set. */
async function spoil(redis: Redis, key: string): Promise<void> {
  await redis.sadd(key, "something else");
}

for (const [key, paths] of Object.entries(READ_ON)) {
  Deno.test(`A page names ${key} where it is of a wrong type, and is there again when that is gone`, async () => {
    await withDashboard(async ({ redis, signedIn }) => {
      const operator = await signedIn("operator");
      await spoil(redis, key);
      for (const path of paths) {
        const response = await operator.get(path);
        const text = await response.text();
        assert.equal(response.status, 503, path);
        // What is read by a script may be one of several.
        assert.match(
          text,
          new RegExp(`Cannot use [^.]*\\b${key}\\b[^.]* in Redis: it is of a wrong type\\.`),
        );
        assert.match(text, /delete the key/);
        assert.match(text, /Sign out/);
      }
      for (const path of ["/", "/queues", "/presence"]) {
        assert.equal((await operator.get(path)).status, 200, path);
      }
      await redis.del(key);
      for (const path of paths) assert.notEqual((await operator.get(path)).status, 503, path);
    });
  });
}

Deno.test("An endpoint names the key that is of a wrong type", async () => {
  await withProgram(async ({ redis, get }) => {
    await spoil(redis, "gateway:audit");
    const { status, body } = await get("/api/audit");
    assert.deepEqual([status, body], [503, {
      error: "wrong_type",
      message: "Cannot use gateway:audit in Redis: it is of a wrong type",
    }]);
  });
});

Deno.test("What somebody does is told to the log, whole, where the audit is of a wrong type", async () => {
  await withDashboard(async ({ redis, anybody, news }) => {
    await spoil(redis, "gateway:audit");
    assert.equal((await anybody.post("/sign_in", { password: "correct horse" })).status, 303);
    const [warning] = news.filter(({ kind }) => kind === "warning");
    assert(warning?.kind === "warning");
    assert.match(
      warning.message,
      /Cannot write to the audit .*gateway:audit.*Sign-in by password.*Signed in/,
    );
  });
});
