/**
 * The lock files: Deno's, and npm's for what runs on Node.
 *
 * @module
 */
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** As Subresource Integrity has it. */
  readonly integrity?: string;
}

/** `deno.lock`. */
export interface DenoLock {
  /** Requests for packages, and the versions that answer them. */
  readonly specifiers: Readonly<Record<string, string>>;
  readonly packages: readonly LockedPackage[];
  /** Requests of deno.json's imports. */
  readonly requested: readonly string[];
  /** Its other parts, which name what comes from elsewhere than npm's registry. */
  readonly elsewhere: readonly string[];
}

export async function readDenoLock(): Promise<DenoLock> {
  const { version: _, specifiers, npm, workspace, ...elsewhere } = await readJson("deno.lock");
  const packages = Object.entries<{ integrity?: string }>(npm).map(([key, { integrity }]) => {
    // `name@version`, and the peers that it is used with, each after a `_`.
    const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(key) ?? [];
    return { name, version, ...(integrity !== undefined && { integrity }) };
  });
  return { specifiers, packages, requested: workspace.dependencies, elsewhere: Object.keys(elsewhere) };
}

/** What one of npm's package files asks for: packages, and the versions of them. */
export async function readRequested(path: string): Promise<Readonly<Record<string, string>>> {
  const { dependencies, devDependencies } = await readJson(path);
  return { ...dependencies, ...devDependencies };
}

/** The packages of a lock file of npm's. */
export async function readNpmLock(path: string): Promise<readonly LockedPackage[]> {
  const { "": _, ...packages } = (await readJson(path)).packages;
  return Object.entries<Omit<LockedPackage, "name">>(packages).map(([path, locked]) => ({
    ...locked,
    name: path.replace(/^.*node_modules\//, ""),
  }));
}

/** Each version once, as `name version`, in order. */
export function versionsOf(packages: readonly LockedPackage[]): string[] {
  return [...new Set(packages.map(({ name, version }) => `${name} ${version}`))].sort();
}

// deno-lint-ignore no-explicit-any -- two files of two formats, held to them by what tests find in them
async function readJson(path: string): Promise<any> {
  return JSON.parse(await Deno.readTextFile(`${PROJECT_FOLDER}/${path}`));
}
