/**
 * `deno task licences`: the licence of every package that deno.lock names, as the package's own package.json says it.
 * Standard input is what `deno info --json` prints, which knows where each package lies.
 *
 * @module
 */
import { Screen, standardOutput } from "../harness/screen.ts";
import { isAllowed } from "./allowed_licences.ts";

/** A package, and what its package.json says of its licence; null: nothing. */
export interface LicensedPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly licence: string | null;
}

/** A package as `deno info --json` tells of it. */
interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Its folder. */
  readonly localPath: string;
}

if (import.meta.main) Deno.exit(await main());

async function main(): Promise<number> {
  const screen = new Screen(standardOutput());
  const installed = readInfo(await new Response(Deno.stdin.readable).text());
  if (installed === null) {
    screen.say(
      "Cannot list licences: deno info did not say which packages there are; use deno task licences",
    );
    return 1;
  }
  const packages = await Promise.all(installed.map(licensed));
  screen.rows(packages.map(({ name, version, licence }) => [name, version, licence ?? "none"] as const));
  screen.say();
  screen.say(summaryOf(packages));
  const faults = faultsOf(packages);
  for (const fault of faults) screen.say(fault);
  return faults.length === 0 ? 0 : 1;
}

/** The packages by name, each version once; null where the text is something else. */
function readInfo(text: string): InstalledPackage[] | null {
  let packages: InstalledPackage[];
  try {
    packages = Object.values(JSON.parse(text).npmPackages);
  } catch {
    return null;
  }
  // A version is named once for each set of peers that it is used with.
  const byVersion = new Map(packages.map((each) => [`${each.name} ${each.version}`, each]));
  return [...byVersion].sort(([one], [other]) => one < other ? -1 : 1).map(([, each]) => each);
}

async function licensed({ name, version, localPath }: InstalledPackage): Promise<LicensedPackage> {
  // deno install, which the task runs first, has put it there.
  const { license } = JSON.parse(await Deno.readTextFile(`${localPath}/package.json`));
  return { name, version, licence: typeof license === "string" && license !== "" ? license : null };
}

/** What is wrong with the licences of these packages, a line for each. */
export function faultsOf(packages: readonly LicensedPackage[]): string[] {
  return packages.flatMap(({ name, version, licence }) => {
    if (licence === null) return [`Cannot use ${name} ${version}: its package.json names no licence`];
    if (isAllowed(name, licence)) return [];
    return [`Cannot use ${name} ${version}: its licence, ${licence}, is not in supply/allowed_licences.ts`];
  });
}

/** `3 packages: 2 MIT, 1 ISC`, the most used first. */
function summaryOf(packages: readonly LicensedPackage[]): string {
  const counts = new Map<string, number>();
  for (const { licence } of packages) {
    const name = licence ?? "none";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const shares = [...counts].sort(([, one], [, other]) => other - one);
  return `${packages.length} packages: ${shares.map(([name, count]) => `${count} ${name}`).join(", ")}`;
}
