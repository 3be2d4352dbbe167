/**
 * A temporary folder with packages for Node in it, installed by npm as a lock file says.
 *
 * npm's two files have other names in this tree, `npm.json` and `npm-lock.json`: a `package.json` would have Deno take
 * their folder for a project of its own, with other rules.
 *
 * @module
 */

import { findProgram } from "./programs.ts";
import { Supervisor } from "./supervisor.ts";

const INSTALL = `cp -R "$1"/. . || exit
mv npm.json package.json || exit
mv npm-lock.json package-lock.json || exit
exec "$2" ci --no-audit --no-fund`;

/** Where npm keeps what it has fetched, and how it fetches what it has not. */
const NEEDED_BY_NPM = /^(HOME|NODE_EXTRA_CA_CERTS|NPM_CONFIG_.*|SSL_CERT_.*|HTTPS?_PROXY|NO_PROXY)$/i;

const HOW_TO_INSTALL = "install Node.js 20 or later with npm, and run the command again";

/** The folder. It is gone with this process. */
export class NpmFolder implements AsyncDisposable {
  /** Where Node is. */
  readonly node: string;
  readonly #supervisor: Supervisor;

  private constructor(node: string, supervisor: Supervisor) {
    this.node = node;
    this.#supervisor = supervisor;
  }

  /**
   * Makes the folder and fetches the packages.
   *
   * @param source A folder whose files are copied; `npm.json` and `npm-lock.json` are among them.
   * @param programs Other names or paths of the two programs.
   * @throws Error that says what to do, where Node or npm is missing, or npm fails.
   */
  static async install(source: URL, { node = "node", npm = "npm" } = {}): Promise<NpmFolder> {
    const nodePath = await program("Node.js", node);
    const npmPath = await program("npm", npm);
    const supervisor = await Supervisor.start();
    try {
      await supervisor.launch({
        program: "sh",
        args: ["-c", INSTALL, "sh", decodeURIComponent(source.pathname), npmPath],
        env: Object.fromEntries(
          Object.entries(Deno.env.toObject()).filter(([name]) => NEEDED_BY_NPM.test(name)),
        ),
        output: "log",
      });
      const { code, signal } = await supervisor.exited();
      if (code !== 0) {
        const ending = signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
        throw new Error(
          `Cannot install packages for Node: npm ci ${ending}; see that it can reach its registry\n${await supervisor
            .logTail()}`,
        );
      }
      return new NpmFolder(nodePath, supervisor);
    } catch (error) {
      await supervisor.end();
      throw error;
    }
  }

  /** Path of the folder. */
  get path(): string {
    return this.#supervisor.folder;
  }

  /** Puts a file into the folder. */
  async write(name: string, text: string): Promise<void> {
    // By a shell, because a temporary folder may be where this process is not allowed to write.
    const { success } = await new Deno.Command("sh", {
      args: ["-c", 'printf %s "$2" > "$1"', "sh", `${this.path}/${name}`, text],
    }).output();
    if (!success) throw new Error(`Cannot write ${this.path}/${name}`);
  }

  /** Removes the folder. Whoever started a program in it has ended that. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor.end();
  }
}

async function program(title: string, name: string): Promise<string> {
  const path = await findProgram([name]);
  if (path === undefined) throw new Error(`Cannot find ${title} in PATH: ${HOW_TO_INSTALL}`);
  return path;
}
