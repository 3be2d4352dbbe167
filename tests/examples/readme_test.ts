import assert from "node:assert/strict";
import { parseConfig } from "../../gateway/config.ts";
import { parseCommandLine } from "../../simulator/command_line.ts";
import { DEFAULT_TOKEN } from "../../simulator/simulator.ts";
import { Page } from "../markdown.ts";

const page = await Page.read("examples/README.md");

Deno.test("examples/README.md starts a simulated Discord, and a Shardline that finds it", () => {
  const [simulate = "", start = "", ...others] = page.section("Without Discord").commands();
  assert.deepEqual(others, []);
  const [, flags = ""] = /^deno task simulate (.+)$/.exec(simulate) ?? assert.fail(simulate);
  const options = parseCommandLine(flags.split(" "));
  assert(options !== "help");
  assert.deepEqual([options.eventsPerSecond, options.port], [0, 8080]);
  const [, settings = ""] = /^(.+) deno task start$/.exec(start) ?? assert.fail(start);
  const environment = Object.fromEntries(settings.split(" ").map((setting) => setting.split("=")));
  const { BOT_TOKEN, API_URL } = environment;
  assert.deepEqual([BOT_TOKEN, API_URL], [DEFAULT_TOKEN, `http://127.0.0.1:${options.port}/api`]);
  const parsed = parseConfig(environment, {
    isTerminal: false,
    replicaName: "host-1",
    readFile: (file) => assert.fail(`reads ${file}`),
  });
  assert(parsed.ok);
});
