/**
 * The RabbitMQ and the Redis that tests talk to, clean for each test:
 *
 * ```ts
 * const { rabbitUrl, redisUrl } = await testServers();
 * ```
 *
 * `deno task test` starts a pair for the whole run. Under a bare `deno test -P` the first file that imports this
 * module starts one for the whole process. `TEST_RABBIT_URL` and `TEST_REDIS_URL` name other servers, which must be
 * empty. All tests share the pair, so they run one after the other (no `--parallel`).
 *
 * @module
 */

import {
  addressesOf,
  type BrokerNames,
  makeEmpty,
  requireEmpty,
  type ServerAddresses,
  SERVICE_NAMES,
} from "../harness/test_servers.ts";

/**
 * The beginning of every name that a test declares of its own. What else bears it on a server that somebody has
 * named was left there by tests.
 */
const OWN_PREFIX = "shardline-test.";

/** Set where the servers were started for this run alone: what is on them is a test's. */
const OURS = "SHARDLINE_TEST_SERVERS_OURS";

// Here, before any test: what a module opens while it loads is nobody's leak.
const addresses = await findServers();
const names = { queues: new Set(SERVICE_NAMES.queues), exchanges: new Set(SERVICE_NAMES.exchanges) };

Deno.test.afterAll(clean);

/**
 * The two servers, without anything that an earlier test left.
 *
 * @param own Names that the test declares besides the service's, all beginning with `shardline-test.`; they are deleted
 *   too, before and afterwards.
 * @throws Error where one begins otherwise: it could be somebody's.
 */
export async function testServers(own: Partial<BrokerNames> = {}): Promise<ServerAddresses> {
  const foreign = [...own.queues ?? [], ...own.exchanges ?? []].filter((name) =>
    !name.startsWith(OWN_PREFIX)
  );
  if (foreign.length > 0) {
    throw new Error(`Cannot delete ${foreign.join(", ")}: names of a test's own begin with ${OWN_PREFIX}`);
  }
  for (const queue of own.queues ?? []) names.queues.add(queue);
  for (const exchange of own.exchanges ?? []) names.exchanges.add(exchange);
  await clean();
  return addresses;
}

async function clean(): Promise<void> {
  await makeEmpty(addresses, { queues: [...names.queues], exchanges: [...names.exchanges] });
}

async function findServers(): Promise<ServerAddresses> {
  const named = addressesOf({
    TEST_RABBIT_URL: Deno.env.get("TEST_RABBIT_URL"),
    TEST_REDIS_URL: Deno.env.get("TEST_REDIS_URL"),
  });
  if (named !== undefined) {
    if (Deno.env.get(OURS) === undefined) await requireEmpty(named);
    return named;
  }
  const started = await startServers();
  // The environment is the process's, not this module's: the next file's tests find the same servers.
  Deno.env.set("TEST_RABBIT_URL", started.rabbitUrl);
  Deno.env.set("TEST_REDIS_URL", started.redisUrl);
  Deno.env.set(OURS, "true");
  return started;
}

/** Starts a process that runs the servers until this one ends. */
async function startServers(): Promise<ServerAddresses> {
  const script = decodeURIComponent(new URL("../harness/serve.ts", import.meta.url).pathname);
  const permissions = ["--no-prompt", "--allow-run=sh", "--allow-net=127.0.0.1", "--allow-env=PATH"];
  const server = new Deno.Command("sh", {
    args: ["-c", 'exec "$@"', "sh", Deno.execPath(), "run", ...permissions, script, String(Deno.pid)],
    stdin: "null",
    stdout: "piped",
    detached: true,
  }).spawn();
  server.unref();
  let line = "";
  for await (const text of server.stdout.pipeThrough(new TextDecoderStream())) {
    line += text;
    if (line.includes("\n")) return JSON.parse(line);
  }
  throw new Error("Cannot start the test servers: see the lines above");
}
