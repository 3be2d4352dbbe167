/**
 * `deno task audit`: holds the advisories that `deno audit` finds against the answers in docs/audit.md, so that it is
 * quiet where each is answered, and no answer outlives its advisory. Standard input is what `deno audit` prints.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";
import { Screen, standardOutput } from "../harness/screen.ts";

/** An advisory's identifier in GitHub's database, from which the registry has them. */
const ADVISORY = /GHSA(?:-[0-9a-z]{4}){3}/;

const ANSWERS = new URL("../docs/audit.md", import.meta.url);

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const screen = new Screen(standardOutput());
  const printed = stripVTControlCharacters(await new Response(Deno.stdin.readable).text()).trim();
  screen.say(printed);
  const found = readFindings(printed);
  if (found === null) {
    screen.say("Cannot audit: that is no answer of deno audit; see that it can reach the registry");
    return 1;
  }
  const faults = faultsOf(found, readAnswers(await Deno.readTextFile(ANSWERS)));
  for (const fault of faults) screen.say(fault);
  if (faults.length === 0 && found.length > 0) screen.say("docs/audit.md answers all of them");
  return faults.length === 0 ? 0 : 1;
}

/** The advisories that `deno audit` prints; null where it failed, or says it in other words than it did. */
export function readFindings(printed: string): string[] | null {
  if (/^No known vulnerabilities found$/m.test(printed)) return [];
  const [, count] = /^Found (\d+) vulnerabilities$/m.exec(printed) ?? [];
  const found = [...printed.matchAll(/Info: +(\S+)$/gm)].flatMap(([, url = ""]) => ADVISORY.exec(url) ?? []);
  return found.length === Number(count) ? found : null;
}

/** The answers in docs/audit.md: the text below each heading that names an advisory. */
export function readAnswers(page: string): Map<string, string> {
  const sections = page.split(/^## /m).slice(1).map((section) => section.split(/\n([^]*)/));
  return new Map(sections.flatMap(([heading = "", text = ""]) => {
    const [advisory] = ADVISORY.exec(heading) ?? [];
    return advisory === undefined ? [] : [[advisory, text.trim()] as const];
  }));
}

/** What is to be done, a line for each advisory. */
export function faultsOf(found: readonly string[], answers: ReadonlyMap<string, string>): string[] {
  const unanswered = new Set(found.filter((advisory) => !answers.get(advisory)));
  const outlived = [...answers.keys()].filter((advisory) => !found.includes(advisory));
  return [
    ...[...unanswered].map((advisory) => `docs/audit.md does not answer ${advisory}`),
    ...outlived.map((advisory) =>
      `docs/audit.md answers ${advisory}, which is not found any more: take it out`
    ),
  ];
}
