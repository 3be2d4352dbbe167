import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { parseConfig } from "../../gateway/config.ts";
import { parseCommandLine } from "../../ctl/command_line.ts";
import { SETTINGS } from "../../gateway/config/settings.ts";
import { INTENT_NAMES } from "../../gateway/protocol/intents.ts";
import { EVENT_NAMES } from "../../simulator/world/events.ts";
import { codeSpans, Page } from "../markdown.ts";

const ROOT = new URL("../../", import.meta.url);

const PAGES = [
  "README.md",
  "ARCHITECTURE.md",
  "deploy/README.md",
  "simulator/README.md",
  "client/README.md",
  "client/template/README.md",
  ...await pagesIn("docs", ".md"),
  ...await pagesIn("examples", "/README.md"),
];

/** In a folder and the folders in it, by the end of their paths. */
async function pagesIn(folder: string, end: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await pagesIn(path, end));
    else if (path.endsWith(end)) found.push(path);
  }
  return found.sort();
}

/**
 * Read by `deno task test`, by npm and Deno, by `deploy/compose.yaml`, and by Deno's OpenTelemetry (all of `OTEL_`), not
 * by the service.
 */
const OTHERS_SETTINGS = ["GRAFANA_PASSWORD", "TEST_RABBIT_URL", "TEST_REDIS_URL", "NPM_CONFIG_REGISTRY"];

for (const path of PAGES) {
  Deno.test(`${path} names only settings, events and intents that there are`, async () => {
    const secretFiles = Object.entries(SETTINGS).filter(([, { secret }]) => secret).map(([name]) =>
      `${name}_FILE`
    );
    const known = new Set<string>([
      ...Object.keys(SETTINGS),
      ...secretFiles,
      ...OTHERS_SETTINGS,
      ...EVENT_NAMES,
      ...INTENT_NAMES,
    ]);
    const page = await Page.read(path);
    // A program of its own has settings of its own, if it has any.
    if (/^(client|examples)\/.*\//.test(path) && page.text.includes("\n| setting ")) {
      for (const [name = ""] of page.table("setting")) known.add(codeSpans(name)[0] ?? "");
    }
    const named = page.codeSpans().map((code) => /^([A-Z][A-Z_]+)(=\S*)?$/.exec(code)?.[1]);
    const isOurs = (name = "") => name !== "" && !name.startsWith("OTEL_");
    assert.deepEqual(named.filter((name) => isOurs(name) && !known.has(name ?? "")), []);
  });

  Deno.test(`${path} links to what is there`, async () => {
    for (const target of (await Page.read(path)).links()) {
      if (target.startsWith("https://")) continue;
      const url = new URL(target, new URL(`../../${path}`, import.meta.url));
      const content = await Deno.readTextFile(new URL(url.pathname, "file://")).catch(() =>
        assert.fail(`${path} links to ${target}, which is not there`)
      );
      if (url.hash !== "") {
        const anchors = [...content.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));
        assert(anchors.includes(url.hash.slice(1)), `${path} links to ${target}`);
      }
    }
  });
}

/** The anchor that GitHub makes of a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-");
}

Deno.test("docs/README.md links to every page of its folder", async () => {
  const links = (await Page.read("docs/README.md")).links();
  const pages = PAGES.filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
  assert.deepEqual(pages.filter((path) => !links.includes(path.slice("docs/".length))), []);
});

Deno.test("examples/README.md links to every example", async () => {
  const links = (await Page.read("examples/README.md")).links();
  const pages = (await pagesIn("examples", "/README.md")).map((path) => path.slice("examples/".length));
  const missing = pages.filter((path) => path !== "README.md" && !links.includes(path));
  assert.deepEqual(missing, []);
});

Deno.test("The pages name only tasks that there are", async () => {
  const named: string[] = [];
  for (const path of PAGES) {
    const { text } = await Page.read(path);
    for (const [, task = ""] of text.matchAll(/\bdeno(?:@[\d.]+)? task ((?:[a-z]+:)?[a-z]+)/g)) {
      assert(Object.hasOwn(project.tasks, task), `${path}: deno task ${task}`);
      named.push(task);
    }
  }
  assert(new Set(named).size > 5);
});

Deno.test("The pages say `NAME=value` only where that starts the service", async () => {
  const said: string[] = [];
  for (const path of PAGES) {
    for (const code of (await Page.read(path)).codeSpans()) {
      const [, name = "", value = ""] = /^([A-Z_]+)=(\S*)$/.exec(code) ?? [];
      if (!Object.hasOwn(SETTINGS, name)) continue;
      const parsed = parseConfig({ BOT_TOKEN: "a.b.c", [name]: value }, {
        isTerminal: false,
        replicaName: "host-1",
        readFile: (file) => assert.fail(`reads ${file}`),
      });
      assert(parsed.ok, `${path}: ${code}`);
      said.push(code);
    }
  }
  assert(new Set(said).size > 5);
});

Deno.test("The pages' command lines of ctl are understood", async () => {
  const lines: string[] = [];
  for (const path of PAGES) {
    const blocks = (await Page.read(path)).codeBlocks("sh").join("");
    for (const [, args = ""] of blocks.matchAll(/^deno task ctl (.+)$/gm)) {
      parseCommandLine(
        [...args.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? ""),
      );
      lines.push(args);
    }
  }
  assert(lines.length > 5);
});

Deno.test("The pages ask for metrics and probes where the contract has them", async () => {
  const paths = (await Page.read("docs/contract.md")).section("HTTP").table("path")
    .map(([path = ""]) => codeSpans(path)[0] ?? "");
  const { PROMETHEUS_HOST, PROMETHEUS_PORT } = SETTINGS;
  const base = `http://${PROMETHEUS_HOST.defaultText}:${PROMETHEUS_PORT.defaultText}`;
  const asked: string[] = [];
  for (const path of PAGES) {
    const blocks = (await Page.read(path)).codeBlocks("sh").join("");
    for (const [, url = ""] of blocks.matchAll(/^curl -s (\S+)$/gm)) {
      assert(url.startsWith(base), `${path}: ${url}`);
      assert(paths.includes(url.slice(base.length)), `${path}: ${url}`);
      asked.push(url);
    }
  }
  assert(asked.length > 1);
});
