/**
 * `deno task signin`: prints a link that signs an operator in to the dashboard, once. It reads the environment of the
 * service, and leaves the link's hash in the Redis of the service: whoever can do that needs no other proof.
 *
 * @module
 */
import { DashboardRedis } from "../dashboard/redis.ts";
import { baseUrl, LINK_MINUTES, linkUrl, OneTimeLinks } from "../dashboard/sign_in/links.ts";
import { type Config, faultLine, parseConfig } from "../gateway/config.ts";
import { EXIT_CONFIGURATION } from "../gateway/exit.ts";
import { failureText } from "../gateway/failure.ts";
import { oneLine } from "../gateway/one_line.ts";
import { EXIT_UNAVAILABLE } from "./failure.ts";

const REASON_MAX_LENGTH = 200;

/** Prints a link and returns the exit status. */
async function run(environment: Record<string, string>): Promise<number> {
  const parsed = parseConfig(environment, {
    isTerminal: Deno.stdout.isTerminal(),
    // Nothing here has a name of its own.
    replicaName: "signin",
    readFile: (path) => Deno.readTextFileSync(path),
  });
  if (!parsed.ok) {
    for (const fault of parsed.faults) await say(Deno.stderr, faultLine(fault));
    return EXIT_CONFIGURATION;
  }
  const { dashboard } = parsed.config;
  if (dashboard.port === 0 && dashboard.publicUrl === null) {
    await say(
      Deno.stderr,
      "Cannot say where the dashboard is while DASHBOARD_PORT is 0: set it, or DASHBOARD_URL",
    );
    return EXIT_CONFIGURATION;
  }
  return await printLink(parsed.config);
}

async function printLink({ dashboard, redis: { servers, address, prefix } }: Config): Promise<number> {
  const redis = new DashboardRedis({ ...servers.reveal(), prefix });
  try {
    await redis.start();
    const token = await new OneTimeLinks(redis).issue();
    await say(Deno.stdout, linkUrl(dashboard, token));
    await say(
      Deno.stderr,
      `Good once, within ${LINK_MINUTES} minutes, at the dashboard on ${baseUrl(dashboard)}`,
    );
    return 0;
  } catch (error) {
    await say(Deno.stderr, `Cannot leave a link in Redis at ${address}: ${reasonOf(error)}`);
    return EXIT_UNAVAILABLE;
  } finally {
    await redis.stop();
  }
}

/** What Redis itself refuses, or what keeps it from answering. */
function reasonOf(error: unknown): string {
  const isAway = error instanceof Error && error.cause !== undefined;
  return isAway
    ? "it cannot be reached, or wants another password"
    : oneLine(failureText(error), REASON_MAX_LENGTH);
}

async function say(to: { write(bytes: Uint8Array): Promise<number> }, line: string): Promise<void> {
  await to.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) Deno.exit(await run(Deno.env.toObject()));
