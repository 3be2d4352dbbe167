import assert from "node:assert/strict";
import { withDashboard } from "../dashboard/rig.ts";
import { runProgram } from "../program.ts";
import { testServers } from "../servers.ts";

/** Runs it as `deno task signin` does, with exactly these settings. */
async function signin(settings: Readonly<Record<string, string>>) {
  const { code, text: out, complaints: error } = await runProgram("ctl/signin.ts", "signin", {
    env: { BOT_TOKEN: "token-that-nobody-may-see", ...settings },
  });
  assert(!`${out}${error}`.includes("nobody-may-see"));
  return { code, out, error };
}

Deno.test("signin prints a link that signs an operator in to the running dashboard, once", async () => {
  const { redisUrl } = await testServers();
  await withDashboard(async ({ anybody }) => {
    const { code, out, error } = await signin({ REDIS_URL: redisUrl, REDIS_PREFIX: "test:" });
    assert.equal(code, 0, error);
    const [, path = ""] = /^http:\/\/127\.0\.0\.1:8000(\/sign_in\/link\/\S+)\n$/.exec(out) ?? [];
    assert.match(error, /^Good once, within 10 minutes, at the dashboard on http:\/\/127\.0\.0\.1:8000\n$/);
    assert.equal((await anybody.post(path)).status, 303, path);
    assert.equal((await anybody.get(path)).status, 403);
  }, { redisPrefix: "test:" });
});

Deno.test("signin prints a link to the public URL", async () => {
  const { redisUrl } = await testServers();
  const { out } = await signin({ REDIS_URL: redisUrl, DASHBOARD_URL: "https://shards.example/" });
  assert.match(out, /^https:\/\/shards\.example\/sign_in\/link\/[\w-]{43}\n$/);
});

Deno.test("signin says in one line that Redis cannot be reached, without its password, and exits with 69", async () => {
  const { code, out, error } = await signin({ REDIS_URL: "redis://:nobody-may-see@127.0.0.1:1" });
  assert.deepEqual([code, out], [69, ""]);
  assert.match(error, /^Cannot leave a link in Redis at 127\.0\.0\.1:1: it cannot be reached[^\n]*\n$/);
});

Deno.test("signin says what Redis refuses, and exits with 69", async () => {
  const { redisUrl } = await testServers();
  await withDashboard(async ({ redis }) => {
    await redis.config("SET", "maxmemory", "1");
    try {
      const { code, out, error } = await signin({ REDIS_URL: redisUrl });
      assert.deepEqual([code, out], [69, ""]);
      assert.match(error, /^Cannot leave a link in Redis at [^\n]+: OOM [^\n]+\n$/);
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
  });
});

Deno.test("signin names every wrong setting, a line for each, and exits with 78", async () => {
  const wrong = await signin({ REDIS_PORT: "no", DASHBOARD_PORT: "99999" });
  assert.deepEqual([wrong.code, wrong.out], [78, ""]);
  assert.match(wrong.error, /^REDIS_PORT is "no": [^\n]+\nDASHBOARD_PORT is "99999": [^\n]+\n$/);
  const unknown = await signin({ DASHBOARD_PORT: "0" });
  assert.deepEqual([unknown.code, unknown.out], [78, ""]);
  assert.match(unknown.error, /^Cannot say where the dashboard is [^\n]+\n$/);
});
