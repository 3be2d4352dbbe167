import assert from "node:assert/strict";
import { parseConfig } from "../../../gateway/config.ts";
import { exampleEnvironment } from "../../../gateway/config/example.ts";
import { SETTINGS } from "../../../gateway/config/settings.ts";

const example = await Deno.readTextFile(new URL("../../../.env.example", import.meta.url));
const options = {
  isTerminal: false,
  replicaName: "host-1",
  readFile: (path: string): string => assert.fail(`reads ${path}`),
};

/** The `NAME=value` lines, those commented out included. */
function assignments(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}

Deno.test(".env.example is what `deno run gateway/config/example.ts` prints", () => {
  assert.equal(example, exampleEnvironment());
});

Deno.test(".env.example has every setting of the parser with its default, and no other", () => {
  const defaults = Object.entries(SETTINGS).map(([name, setting]) => [name, setting.defaultText]);
  assert.deepEqual(assignments(example), Object.fromEntries(defaults));
});

Deno.test(".env.example says one sentence about every setting", () => {
  for (const name of Object.keys(SETTINGS)) {
    assert.match(example, new RegExp(`\\n\\n# [A-Z][^\\n]+\\.\\n#?${name}=`), name);
  }
});

Deno.test(".env.example with every line switched on means the same as an empty environment", () => {
  const token = { BOT_TOKEN: "a.b.c" };
  const full = parseConfig({ ...assignments(example), ...token }, options);
  const empty = parseConfig(token, options);
  assert.ok(full.ok && empty.ok);
  assert.deepEqual(full.config, empty.config);
  assert.equal(full.config.rabbit.url.reveal(), empty.config.rabbit.url.reveal());
  assert.deepEqual(full.config.redis.servers.reveal(), empty.config.redis.servers.reveal());
});

Deno.test(".env.example as it is leaves nothing to do but the token", () => {
  const uncommented = example.split("\n").filter((line) => /^[^#]/.test(line));
  assert.deepEqual(uncommented, ["BOT_TOKEN="]);
});
