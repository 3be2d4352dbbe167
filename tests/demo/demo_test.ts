import assert from "node:assert/strict";
import { spawnDeno, waitUntilGone } from "../harness/processes.ts";

const DEMO = new URL("../../demo/demo.ts", import.meta.url).pathname;

/** Reads what the demo prints until it matches. */
async function readUntil(
  demo: Deno.ChildProcess,
  pattern: RegExp,
): Promise<{ text: string; found: RegExpExecArray }> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of demo.stdout.values({ preventCancel: true })) {
    text += decoder.decode(bytes, { stream: true });
    const found = pattern.exec(text);
    if (found !== null) return { text, found };
  }
  throw new Error(`The demo ended before it printed ${pattern}:\n${text}`);
}

/** The gateway's process and its folder, as the demo prints them. */
function gatewayOf(text: string): { processIds: number[]; paths: string[] } {
  return {
    processIds: [Number(/kill -9 (\d+)/.exec(text)?.[1])],
    paths: [/ (\/\S+)\/output\.log/.exec(text)?.[1] ?? ""],
  };
}

Deno.test("demo.ts --minutes shows that what was sent was consumed, ends by itself, and leaves nothing", async () => {
  const { code, stdout } = await spawnDeno(DEMO, { args: ["--minutes", "0.1"] }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, text);
  assert.match(text, /Every event came through, unchanged/);
  const [, sent, sentDigest] = /Discord sent +([\d,]+) +(\w{64})/.exec(text) ?? [];
  const [, consumed, consumedDigest] = /the bot consumed +([\d,]+) +(\w{64})/.exec(text) ?? [];
  assert.ok(Number(sent?.replace(",", "")) > 300, text);
  assert.deepEqual([consumed, consumedDigest], [sent, sentDigest]);
  assert.match(text, /twice +0/);
  assert.ok(!text.includes("\x1b"), "no terminal, no control sequences");
  await waitUntilGone(gatewayOf(text));
});

Deno.test("demo.ts starts a killed gateway again, ends in good order on Ctrl-C, and leaves nothing", async () => {
  const demo = spawnDeno(DEMO);
  const { text } = await readUntil(demo, /Ctrl-C stops everything/);
  const first = gatewayOf(text);
  await new Deno.Command("sh", { args: ["-c", 'kill -s KILL "$1"', "sh", String(first.processIds[0])] })
    .output();
  const { found } = await readUntil(demo, /runs again, process (\d+)/);
  demo.kill("SIGINT");
  await readUntil(demo, /Stopping/);
  const { code } = await demo.status;
  assert.equal(code, 0);
  await Promise.all([demo.stdout.cancel(), demo.stderr.cancel()]);
  await waitUntilGone({ processIds: [Number(found[1])], paths: first.paths });
});

Deno.test("demo.ts says what is wrong with its arguments and starts nothing", async () => {
  const { code, stdout } = await spawnDeno(DEMO, { args: ["--minutes", "soon"] }).output();
  assert.equal(code, 64);
  assert.match(
    new TextDecoder().decode(stdout),
    /^--minutes must be a number above 0, 1440 at most: current value is "soon"\n$/,
  );
});
