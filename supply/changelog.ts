/**
 * The changelog, in the form of Keep a Changelog, and the entry of a release in it.
 *
 * @module
 */
import { type Changelog, parser, Release } from "keep-a-changelog";

/** Below which heading of the form a change stands, by the verb that its commit begins with; else `changed`. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ["Add", "added"],
  ["Deprecate", "deprecated"],
  ["Drop", "removed"],
  ["Remove", "removed"],
  ["Fix", "fixed"],
  ["Mend", "fixed"],
]);

/** The page with a release in it, and the release's entry alone; or why there is none. */
export type ReleaseOutcome =
  | { readonly ok: true; readonly page: string; readonly entry: string }
  | { readonly ok: false; readonly reason: string };

/**
 * Makes a release of what people wrote below "Unreleased" and of the subjects of commits.
 *
 * @param page CHANGELOG.md.
 * @param date `2026-11-30`
 */
export function releaseOf(
  page: string,
  version: string,
  date: string,
  subjects: readonly string[],
): ReleaseOutcome {
  const changelog = read(page);
  if (changelog === null) {
    return { ok: false, reason: "CHANGELOG.md is not in the form of Keep a Changelog; mend it" };
  }
  if (changelog.findRelease(version) !== undefined) {
    return { ok: false, reason: "CHANGELOG.md has an entry of it already; raise the version in deno.json" };
  }
  let release = changelog.releases.find((each) => each.version === undefined);
  if (release === undefined) changelog.addRelease(release = new Release());
  for (const subject of subjects) {
    release.addChange(KINDS.get(subject.split(" ")[0] ?? "") ?? "changed", subject);
  }
  if (release.isEmpty()) {
    return {
      ok: false,
      reason: 'its entry would be empty; say below "Unreleased" in CHANGELOG.md what is new',
    };
  }
  release.setVersion(version);
  release.setDate(date);
  const entry = release.toString(changelog).trim();
  changelog.addRelease(new Release());
  return { ok: true, page: `${changelog.toString().trim()}\n`, entry };
}

/** Null where it is not in the form: the parser throws errors of several kinds. */
function read(page: string): Changelog | null {
  try {
    const changelog = parser(page);
    changelog.format = "markdownlint";
    return changelog;
  } catch {
    return null;
  }
}
