/**
 * `deno task test`: all the set-up there is, then `deno test -P` with what follows the task's name, then one line,
 * `N passed, N failed`. Nothing that it started is left, whatever way it ends.
 *
 * @module
 */

import { denoEnvironment, PROJECT_FOLDER } from "./deno_program.ts";
import { languageEnvironment } from "./languages.ts";
import { startServerPair } from "./pair.ts";
import { programPaths } from "./programs.ts";
import { Supervisor } from "./supervisor.ts";
import { countTests, type TestCounts } from "./test_counts.ts";
import { addressesOf, requireEmpty, type ServerAddresses } from "./test_servers.ts";

/** How a run ended: what to print, and the status to exit with. */
interface Outcome extends TestCounts {
  readonly exitCode: number;
}

if (import.meta.main) {
  const outcome = await runTests(Deno.args);
  await say(Deno.stdout, `${outcome.passed} passed, ${outcome.failed} failed`);
  Deno.exit(outcome.exitCode);
}

async function runTests(args: readonly string[]): Promise<Outcome> {
  try {
    const named = addressesOf(Deno.env.toObject());
    if (named !== undefined) {
      await programPaths(["chromium", "prometheus"]);
      await requireEmpty(named);
      return await runDenoTest(args, named);
    }
    const programs = await programPaths(["rabbitmq", "redis", "chromium", "prometheus"]);
    await using pair = await startServerPair(programs);
    return await runDenoTest(args, { rabbitUrl: pair.rabbit.url, redisUrl: pair.redis.url });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    await say(Deno.stderr, error.message);
    return { passed: 0, failed: 1, exitCode: 1 };
  }
}

async function runDenoTest(args: readonly string[], servers: ServerAddresses): Promise<Outcome> {
  await using supervisor = await Supervisor.start();
  const junitPath = `${supervisor.folder}/junit.xml`;
  await supervisor.launch({
    program: Deno.execPath(),
    args: ["test", "--no-prompt", "-P", `--junit-path=${junitPath}`, ...args],
    env: {
      // Nothing else of a terminal's environment: a bot's token there is not for tests.
      ...denoEnvironment(),
      ...languageEnvironment(),
      ...temporaryFolder(),
      TEST_RABBIT_URL: servers.rabbitUrl,
      TEST_REDIS_URL: servers.redisUrl,
      // Checked or started here: each file need not look again.
      SHARDLINE_TEST_SERVERS_OURS: "true",
    },
    workingFolder: PROJECT_FOLDER,
    output: "inherit",
  });
  using interruption = passSignalsTo(supervisor);
  const { code } = await supervisor.exited();
  const junit = await Deno.readTextFile(junitPath).catch(() => "");
  const counts = countTests(junit, code);
  return { ...counts, exitCode: interruption.exitCode ?? code };
}

/** Where tests make temporary files, if not where the machine says. */
function temporaryFolder(): Record<string, string> {
  const folder = Deno.env.get("TMPDIR");
  return folder === undefined ? {} : { TMPDIR: folder };
}

/** A terminal's Ctrl-C reaches only this process: the run has a session of its own. */
function passSignalsTo(supervisor: Supervisor): Disposable & { exitCode: number | undefined } {
  const interruption: Disposable & { exitCode: number | undefined } = {
    exitCode: undefined,
    [Symbol.dispose]: () => {
      Deno.removeSignalListener("SIGINT", interrupt);
      Deno.removeSignalListener("SIGTERM", terminate);
    },
  };
  const pass = (exitCode: number) => {
    interruption.exitCode = exitCode;
    supervisor.signal("TERM");
  };
  const interrupt = () => pass(130);
  const terminate = () => pass(143);
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", terminate);
  return interruption;
}

async function say(to: { write(bytes: Uint8Array): Promise<number> }, line: string): Promise<void> {
  await to.write(new TextEncoder().encode(`${line}\n`));
}
