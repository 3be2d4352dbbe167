import assert from "node:assert/strict";
import { parseConfig } from "../../gateway/config.ts";
import { SETTINGS } from "../../gateway/config/settings.ts";
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";
import project from "../../deno.json" with { type: "json" };
import { codeSpans, Page } from "../markdown.ts";

const PATH = "docs/settings.md";
const page = await Page.read(PATH);

Deno.test(`${PATH} is what \`deno task docs\` makes`, async () => {
  const [command, into] = project.tasks.docs.command.split(" > ");
  assert.equal(into, PATH);
  const output = await new Deno.Command("sh", {
    args: ["-c", `deno() { "$0" "$@"; }\n${command}`, Deno.execPath()],
    cwd: PROJECT_FOLDER,
  }).output();
  assert.equal(page.text, new TextDecoder().decode(output.stdout));
});

/** The names that the parser asks the environment for. */
function namesRead(): Set<string> {
  const names = new Set<string>();
  const environment = new Proxy<Record<string, string>>({}, {
    get: (_, name) => {
      names.add(String(name));
      return undefined;
    },
  });
  parseConfig(environment, {
    isTerminal: false,
    replicaName: "host-1",
    readFile: (path) => assert.fail(`reads ${path}`),
  });
  return names;
}

/** The names that a page tells of: its headings, and the files that hold secrets. */
function namesTold({ text }: Page): Set<string> {
  const headings = [...text.matchAll(/^### (\S+)$/gm)].map(([, name = ""]) => name);
  const files = [...text.matchAll(/^- Secret: (.+)$/gm)].flatMap(([, words = ""]) => codeSpans(words));
  return new Set([...headings, ...files]);
}

/** Names that the one of the two lacks, `+` before those that the page has alone, `-` before the parser's. */
function differences(read: ReadonlySet<string>, told: ReadonlySet<string>): string[] {
  return [
    ...[...told.difference(read)].map((name) => `+${name}`),
    ...[...read.difference(told)].map((name) => `-${name}`),
  ];
}

Deno.test(`${PATH} has every setting that the parser reads, and no other`, () => {
  assert(namesRead().size > Object.keys(SETTINGS).length, "the parser reads files of secrets too");
  assert.deepEqual(differences(namesRead(), namesTold(page)), []);
});

Deno.test("A setting that the page lacks is found, and one that the parser does not read", () => {
  const lacking = new Page(page.text.replace("### SHARDS_WAIT", ""));
  assert.deepEqual(differences(namesRead(), namesTold(lacking)), ["-SHARDS_WAIT"]);
  const withFilesLacking = new Page(page.text.replace("- Secret: `BOT_TOKEN_FILE`", ""));
  assert.deepEqual(differences(namesRead(), namesTold(withFilesLacking)), ["-BOT_TOKEN_FILE"]);
  const invented = new Page(`${page.text}\n### SHARDS_INVENTED\n`);
  assert.deepEqual(differences(namesRead(), namesTold(invented)), ["+SHARDS_INVENTED"]);
});

Deno.test(`${PATH} says of every setting what is allowed, and of secrets alone that they may be any text`, () => {
  for (const [name, { secret }] of Object.entries(SETTINGS)) {
    const [, allowed] = /^- Allowed: (.+)$/m.exec(page.section(name).text) ?? [];
    assert(allowed !== undefined, name);
    assert(allowed !== "any text" || secret, name);
  }
});
