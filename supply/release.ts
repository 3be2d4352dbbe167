/**
 * `deno task release`: makes a release of the version that deno.json says: its entry in CHANGELOG.md, committed, and
 * its tag. It pushes nothing.
 *
 * @module
 */
import { parseArgs } from "node:util";
import project from "../deno.json" with { type: "json" };
import { Screen, standardOutput } from "../harness/screen.ts";
import { releaseOf, type ReleaseOutcome } from "./changelog.ts";
import { GitError, Repository, tagOf } from "./repository.ts";
import { highestFirst, isVersion } from "./version.ts";

const HELP =
  `Makes a release of the version in deno.json: an entry in CHANGELOG.md, a commit of it, and a tag.
In the entry is what stands below "Unreleased", and the first line of each commit since the last release.
Pushes nothing.

Usage: deno task release [--dry-run]

  --dry-run   show the entry and what would be done, and do nothing
`;

const FOLDER = new URL("../", import.meta.url);
const CHANGELOG = "CHANGELOG.md";

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const screen = new Screen(standardOutput());
  const options = readOptions(args);
  if (typeof options === "string") {
    screen.say(options);
    return EXIT_USAGE;
  }
  if (options.help) {
    screen.say(HELP.trimEnd());
    return 0;
  }
  const { version } = project;
  const repository = new Repository(FOLDER);
  try {
    const outcome = await prepare(version, repository);
    if (!outcome.ok) {
      screen.say(`Cannot release ${version}: ${outcome.reason}`);
      return 1;
    }
    screen.say(outcome.entry);
    screen.say();
    if (options.isDryRun) {
      screen.say(`Would put this into ${CHANGELOG}, commit it, and tag the commit ${tagOf(version)}`);
      return 0;
    }
    await Deno.writeTextFile(new URL(CHANGELOG, FOLDER), outcome.page);
    await repository.commitTagged(CHANGELOG, version, `Release ${version}`);
    screen.say(`Put this into ${CHANGELOG}, committed it, and tagged the commit ${tagOf(version)}`);
    screen.say("Nothing is pushed: git push --follow-tags does that");
    return 0;
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    screen.say(`Cannot release ${version}: ${error.message}`);
    return 1;
  }
}

function readOptions(args: readonly string[]): { help: boolean; isDryRun: boolean } | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    return { help: values.help === true, isDryRun: values["dry-run"] === true };
  } catch (error) {
    // The library's own advice about a "--" is of no use here.
    const [said = ""] = (error instanceof Error ? error.message : String(error)).split(". ");
    return `${said}; --help tells what there is`;
  }
}

/** The changelog with the release in it, or why there can be none. */
async function prepare(version: string, repository: Repository): Promise<ReleaseOutcome> {
  const refuse = (reason: string) => ({ ok: false, reason }) as const;
  if (!isVersion(version)) return refuse("the version in deno.json must be three numbers, as in 1.2.3");
  const changes = await repository.changes();
  if (changes.length > 0) {
    return refuse(`commit these changes first, or take them back\n${changes.join("\n")}`);
  }
  if (await repository.isTagged(version)) {
    return refuse(`there is a tag ${tagOf(version)} already; raise the version in deno.json`);
  }
  const last = await repository.lastVersion();
  if (last !== null && highestFirst(version, last) > 0) {
    return refuse(`${last} is higher and has been released; raise the version in deno.json`);
  }
  // A first release has no other that it differs from.
  const subjects = last === null ? [] : await repository.subjectsSince(last);
  const today = new Date().toISOString().slice(0, "2026-11-30".length);
  return releaseOf(await readChangelog(), version, today, subjects);
}

/** Empty where there is none. */
async function readChangelog(): Promise<string> {
  try {
    return await Deno.readTextFile(new URL(CHANGELOG, FOLDER));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
