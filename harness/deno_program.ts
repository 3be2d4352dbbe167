/**
 * How a program of this project is run as a child: with one of `deno.json`'s permission sets, and with an
 * environment made from scratch, so that no setting of a terminal or of an `.env` reaches it.
 *
 * @module
 */

import type { Launch } from "./supervisor.ts";

export const PROJECT_FOLDER = decodeURIComponent(new URL("..", import.meta.url).pathname);

/** What Deno itself needs: where its cache is, and how packages are fetched that are not in it yet. */
const NEEDED_BY_DENO =
  /^(HOME|XDG_CACHE_HOME|NO_COLOR|NODE_EXTRA_CA_CERTS|DENO_.*|NPM_CONFIG_.*|SSL_CERT_.*|HTTPS?_PROXY|NO_PROXY)$/i;

/** What a child that runs Deno must be given of our environment. */
export function denoEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => NEEDED_BY_DENO.test(name)),
  );
}

export interface ProgramOptions {
  /** Flags of Deno's own. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  /** Its environment, besides what Deno needs. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * The launch of a script of this project.
 *
 * @param script Its path from the project's folder.
 * @param permissionSet A name under `permissions` in `deno.json`.
 */
export function denoProgram(
  script: string,
  permissionSet: string,
  { flags = [], args = [], env = {} }: ProgramOptions = {},
): Omit<Launch, "output"> {
  return {
    program: Deno.execPath(),
    args: ["run", "--quiet", "--no-prompt", `--permission-set=${permissionSet}`, ...flags, script, ...args],
    env: { ...denoEnvironment(), ...env },
    workingFolder: PROJECT_FOLDER,
  };
}
