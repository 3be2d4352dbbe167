import assert from "node:assert/strict";
import { testServers } from "../servers.ts";
import { spawnDeno, waitUntilGone } from "./processes.ts";

const RUN_TESTS = new URL("../../harness/run_tests.ts", import.meta.url).pathname;

function fixture(name: string): string {
  return new URL(`../fixtures/harness/${name}`, import.meta.url).pathname;
}

/** A run of test files that exist for this one's sake. */
async function startRun(...args: string[]): Promise<Deno.ChildProcess> {
  const { rabbitUrl, redisUrl } = await testServers();
  const env = { TEST_RABBIT_URL: rabbitUrl, TEST_REDIS_URL: redisUrl, SHARDLINE_TEST_SERVERS_OURS: "" };
  return spawnDeno(RUN_TESTS, { args: args, env });
}

async function lastLine(run: Deno.ChildProcess): Promise<{ code: number; line: string | undefined }> {
  const { code, stdout } = await run.output();
  return { code, line: new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1) };
}

Deno.test("run_tests.ts ends with the counts, and fails when a test does", async () => {
  assert.deepEqual(await lastLine(await startRun(fixture("mixed_run.ts"))), {
    code: 1,
    line: "1 passed, 1 failed",
  });
});

Deno.test("run_tests.ts hands its arguments on, and succeeds when all tests do", async () => {
  const run = await startRun("--filter", "passes", fixture("mixed_run.ts"));
  assert.deepEqual(await lastLine(run), { code: 0, line: "1 passed, 0 failed" });
});

Deno.test("run_tests.ts lets no test see a token that the terminal has", async () => {
  const { rabbitUrl, redisUrl } = await testServers();
  const env = { TEST_RABBIT_URL: rabbitUrl, TEST_REDIS_URL: redisUrl, BOT_TOKEN: "a.bot's.token" };
  const run = spawnDeno(RUN_TESTS, { args: [fixture("tokenless_run.ts")], env });
  assert.deepEqual(await lastLine(run), { code: 0, line: "1 passed, 0 failed" });
});

Deno.test("run_tests.ts fails when a file cannot be loaded", async () => {
  const run = await startRun("--filter", "passes", fixture("mixed_run.ts"), fixture("unloadable_run.ts"));
  assert.deepEqual(await lastLine(run), { code: 1, line: "1 passed, 1 failed" });
});

Deno.test("run_tests.ts refuses servers that are not empty, and runs nothing", async () => {
  const { rabbitUrl } = await testServers();
  const env = { TEST_RABBIT_URL: rabbitUrl, TEST_REDIS_URL: "", SHARDLINE_TEST_SERVERS_OURS: "" };
  const { code, stdout, stderr } = await spawnDeno(RUN_TESTS, { args: [fixture("mixed_run.ts")], env })
    .output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /TEST_REDIS_URL is not: set both or none/);
  assert.equal(new TextDecoder().decode(stdout), "0 passed, 1 failed\n");
});

for (const [signal, expectedCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`run_tests.ts ends its run on ${signal} and exits with ${expectedCode}`, async () => {
    const run = await startRun(fixture("endless_run.ts"));
    const runId = await endlessRunId(run);
    run.kill(signal);
    const { code } = await run.status;
    assert.equal(code, expectedCode);
    await Promise.all([run.stdout.cancel(), run.stderr.cancel(), waitUntilGone({ processIds: [runId] })]);
  });
}

Deno.test("run_tests.ts leaves no run behind when it is killed with SIGKILL", async () => {
  const run = await startRun(fixture("endless_run.ts"));
  const runId = await endlessRunId(run);
  run.kill("SIGKILL");
  await Promise.all([run.status, run.stdout.cancel(), run.stderr.cancel()]);
  await waitUntilGone({ processIds: [runId] });
});

/** The process of the endless fixture, once its test runs: `deno test` prints there what its tests print. */
async function endlessRunId(run: Deno.ChildProcess): Promise<number> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of run.stdout.values({ preventCancel: true })) {
    text += decoder.decode(bytes, { stream: true });
    const processId = /running in (\d+)/.exec(text)?.[1];
    if (processId !== undefined) return Number(processId);
  }
  throw new Error(`The endless test did not start: ${text}`);
}
