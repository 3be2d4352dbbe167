import assert from "node:assert/strict";
import { SETTINGS } from "../../gateway/config/settings.ts";
import { INTENT_NAMES } from "../../gateway/protocol/intents.ts";
import { EVENT_NAMES } from "../../simulator/world/events.ts";
import { Page } from "../markdown.ts";

const PAGES = ["README.md", "ARCHITECTURE.md", "docs/contract.md", "docs/api.md", "simulator/README.md"];

/** Read by `deno task test`, not by the service. */
const TEST_SETTINGS = ["TEST_RABBIT_URL", "TEST_REDIS_URL"];

for (const path of PAGES) {
  Deno.test(`${path} names only settings, events and intents that there are`, async () => {
    const secretFiles = Object.entries(SETTINGS).filter(([, { secret }]) => secret).map(([name]) =>
      `${name}_FILE`
    );
    const known = new Set<string>([
      ...Object.keys(SETTINGS),
      ...secretFiles,
      ...TEST_SETTINGS,
      ...EVENT_NAMES,
      ...INTENT_NAMES,
    ]);
    const named = (await Page.read(path)).codeSpans().map((code) =>
      /^([A-Z][A-Z_]+)(=\S*)?$/.exec(code)?.[1]
    );
    assert.deepEqual(named.filter((name) => name !== undefined && !known.has(name)), []);
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
