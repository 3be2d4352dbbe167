/**
 * The client as its users have it: packed by npm, and installed by npm in a folder of a bot's own.
 *
 * @module
 */
import { findProgram } from "../../harness/programs.ts";
import { Supervisor } from "../../harness/supervisor.ts";
import { type RunningProgram, startCommand } from "../program.ts";

const ROOT = decodeURIComponent(new URL("../../", import.meta.url).pathname);

const INSTALL = `root="$1" packages="$2"
shift 2
mkdir client bot &&
cp "$root"/client/*.ts "$root"/client/*.json "$root"/client/LICENSE "$root"/client/README.md client &&
for source do cp -R "$root/$source" bot || exit; done &&
for text in bot/*.ts.txt; do [ ! -e "$text" ] || mv "$text" "\${text%.txt}" || exit; done &&
cd client && npm ci --no-audit --no-fund && npm pack &&
cd ../bot && npm install --no-audit --no-fund ../client/shardline-client-*.tgz $packages`;

/** Where npm keeps what it has fetched, and how it fetches what it has not. */
const NEEDED_BY_NPM = /^(HOME|NODE_EXTRA_CA_CERTS|NPM_CONFIG_.*|SSL_CERT_.*|HTTPS?_PROXY|NO_PROXY)$/i;

export class InstalledClient implements AsyncDisposable {
  /** Where Node is. */
  readonly node: string;
  readonly #supervisor: Supervisor;

  private constructor(node: string, supervisor: Supervisor) {
    this.node = node;
    this.#supervisor = supervisor;
  }

  /**
   * Packs and installs it.
   *
   * @param sources Files and folders that are copied into the bot's, by their paths from the project's folder; `folder/.`
   *   is what lies in a folder. `.ts.txt` becomes `.ts`: Deno would take that for a part of the project.
   * @param packages What is installed beside it: `ioredis@6.0.0`.
   * @throws Error with what npm said, where it fails.
   */
  static async install(
    sources: readonly string[],
    packages: readonly string[] = [],
  ): Promise<InstalledClient> {
    const node = await findProgram(["node"]);
    if (node === undefined) {
      throw new Error("Cannot find Node.js in PATH: install Node.js 20 or later with npm");
    }
    const supervisor = await Supervisor.start();
    await supervisor.launch({
      program: "sh",
      args: ["-c", INSTALL, "sh", ROOT, packages.join(" "), ...sources],
      env: Object.fromEntries(
        Object.entries(Deno.env.toObject()).filter(([name]) => NEEDED_BY_NPM.test(name)),
      ),
      output: "log",
    });
    const { code } = await supervisor.exited();
    if (code !== 0) {
      const log = await supervisor.logTail();
      await supervisor.end();
      throw new Error(`Cannot pack and install the client: npm ended with status ${code}\n${log}`);
    }
    return new InstalledClient(node, supervisor);
  }

  /** The bot's folder. */
  get folder(): string {
    return `${this.#supervisor.folder}/bot`;
  }

  /** Starts a script of the bot's folder on Node. */
  start(script: string, env: Readonly<Record<string, string>>): RunningProgram {
    return startCommand([this.node, script], this.folder, env);
  }

  /** Has TypeScript check a file of the bot's folder, with the types that the package brings. */
  async checkTypes(file: string): Promise<{ readonly code: number; readonly text: string }> {
    const compiler = "../client/node_modules/typescript/bin/tsc";
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"];
    const { child, exited } = startCommand(
      [this.node, compiler, ...flags, file],
      this.folder,
      {},
    );
    const [code, text] = await Promise.all([
      exited,
      new Response(child.stdout).text(),
      child.stderr.cancel(),
    ]);
    return { code, text };
  }

  /** Starts a script of the bot's folder on another runtime: a program, and what comes before the script. */
  startOn(
    runtime: readonly string[],
    script: string,
    env: Readonly<Record<string, string>>,
  ): RunningProgram {
    return startCommand([...runtime, script], `${this.#supervisor.folder}/bot`, env);
  }

  /** What npm put into the package, by path. */
  async files(): Promise<string[]> {
    const paths: string[] = [];
    const walk = async (folder: string) => {
      for await (const entry of Deno.readDir(`${root}${folder}`)) {
        const path = `${folder}${entry.name}`;
        if (entry.isDirectory) await walk(`${path}/`);
        else paths.push(path);
      }
    };
    const root = `${this.folder}/node_modules/shardline-client/`;
    await walk("");
    return paths.toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor.end();
  }
}
