/**
 * Runs the two servers for as long as another process lives: `serve.ts <process id>`. Prints one line of JSON,
 * `{"rabbitUrl": …, "redisUrl": …}`, when both are ready.
 *
 * For test runs that no other program of ours started: the process outlives each test file's module, so that all
 * files share one pair of servers.
 *
 * @module
 */

import { startServerPair } from "./pair.ts";

if (import.meta.main) Deno.exit(await serve(Deno.args[0] ?? ""));

async function serve(processId: string): Promise<number> {
  try {
    await using pair = await startServerPair();
    const addresses = { rabbitUrl: pair.rabbit.url, redisUrl: pair.redis.url };
    await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(addresses)}\n`));
    await processGone(processId);
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    await Deno.stderr.write(new TextEncoder().encode(`${error.message}\n`));
    return 1;
  }
}

async function processGone(processId: string): Promise<void> {
  await new Deno.Command("sh", {
    args: ["-c", 'while kill -s 0 "$1" 2>/dev/null; do sleep 0.2; done', "sh", processId],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
}
