/**
 * What people write today in place of this service, to be measured beside it: forwarders made with a Discord library and
 * amqplib (`contenders/`), each as a process of its own on Node, which is where people run them.
 *
 * Their packages are installed by npm into a temporary folder. npm's two files have other names in this tree: a
 * `package.json` would have Deno take their folder for a project of its own, with other rules.
 *
 * @module
 */
import { findProgram } from "../harness/programs.ts";
import { type Exit, Supervisor } from "../harness/supervisor.ts";
import type { Compression } from "../simulator/encoder.ts";

export type ContenderName = "discordjs" | "discordeno";

/** What each is called, and the compressions that its library knows. */
export const CONTENDERS: Record<
  ContenderName,
  { readonly title: string; readonly compressions: readonly Compression[] }
> = {
  discordjs: { title: "@discordjs/ws + amqplib", compressions: ["none", "zlib-stream"] },
  discordeno: {
    title: "@discordeno/gateway + amqplib",
    compressions: ["none", "zlib-stream", "zstd-stream"],
  },
};

/** What a contender is to forward, and where to. */
export interface ContenderWork {
  readonly rabbitUrl: string;
  /** Base of Discord's REST API: `http://127.0.0.1:<port>/api`. */
  readonly restUrl: string;
  readonly token: string;
  /** All of them are connected, at once if Discord's `max_concurrency` is as large. */
  readonly shards: number;
  readonly compression: Compression;
  readonly intents: number;
}

/** A contender at work. */
export interface RunningContender {
  readonly processId: number;
  /**
   * Ends it: it leaves Discord, and has the broker confirm what it published. Safe twice.
   *
   * @throws Error where it had ended before, or does not end in good order.
   */
  stop(): Promise<void>;
  /** The last lines of what it printed. Empty once it is stopped. */
  logTail(): Promise<string>;
}

const FOLDER = decodeURIComponent(new URL("./contenders", import.meta.url).pathname);

const INSTALL = `cp "$1"/*.mjs . || exit
cp "$1/npm.json" package.json || exit
cp "$1/npm-lock.json" package-lock.json || exit
exec "$2" ci --no-audit --no-fund`;

/** Where npm keeps what it has fetched, and how it fetches what it has not. */
const NEEDED_BY_NPM = /^(HOME|NODE_EXTRA_CA_CERTS|NPM_CONFIG_.*|SSL_CERT_.*|HTTPS?_PROXY|NO_PROXY)$/i;

const HOW_TO_INSTALL = "install Node.js 20 or later with npm, and run the command again";

/** The contenders, installed; the folder is gone with the process. */
export class Contenders implements AsyncDisposable {
  /** As Node says it: `v20.20.2`. */
  readonly nodeVersion: string;
  readonly #node: string;
  readonly #supervisor: Supervisor;

  private constructor(node: string, nodeVersion: string, supervisor: Supervisor) {
    this.#node = node;
    this.nodeVersion = nodeVersion;
    this.#supervisor = supervisor;
  }

  /**
   * Fetches what they need.
   *
   * @param programs Other names or paths of the two programs.
   * @throws Error that says what to do, where Node or npm is missing, or npm fails.
   */
  static async install({ node = "node", npm = "npm" } = {}): Promise<Contenders> {
    const nodePath = await program("Node.js", node);
    const npmPath = await program("npm", npm);
    const supervisor = await Supervisor.start();
    try {
      await supervisor.launch({
        program: "sh",
        args: ["-c", INSTALL, "sh", FOLDER, npmPath],
        env: Object.fromEntries(
          Object.entries(Deno.env.toObject()).filter(([name]) => NEEDED_BY_NPM.test(name)),
        ),
        output: "log",
      });
      const exit = await supervisor.exited();
      if (exit.code !== 0) {
        const reason = `npm ci ${ending(exit)}; see that it can reach its registry\n`;
        throw new Error(`Cannot install the contenders: ${reason}${await supervisor.logTail()}`);
      }
      return new Contenders(nodePath, await versionOf(nodePath), supervisor);
    } catch (error) {
      await supervisor.end();
      throw error;
    }
  }

  /**
   * Starts one; resolves when the process is there. When it is connected is for Discord to say; what it cannot do, its
   * log says.
   */
  async start(name: ContenderName, work: ContenderWork): Promise<RunningContender> {
    const supervisor = await Supervisor.start();
    const processId = await supervisor.launch({
      program: this.#node,
      args: [`${this.#supervisor.folder}/${name}.mjs`],
      env: {
        RABBIT_URL: work.rabbitUrl,
        API_URL: work.restUrl,
        BOT_TOKEN: work.token,
        SHARDS_TOTAL: String(work.shards),
        COMPRESSION: work.compression,
        INTENTS: String(work.intents),
      },
      output: "log",
    });
    return {
      processId,
      logTail: () => supervisor.logTail(),
      stop: async () => {
        const log = await supervisor.logTail();
        await supervisor.end();
        const exit = await supervisor.exited();
        if (exit.code !== 0) {
          throw new Error(`${CONTENDERS[name].title} did not end in good order: it ${ending(exit)}\n${log}`);
        }
      },
    };
  }

  /** Removes what was installed. Whoever started a contender has stopped it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor.end();
  }
}

async function program(title: string, name: string): Promise<string> {
  const path = await findProgram([name]);
  if (path === undefined) throw new Error(`Cannot find ${title} in PATH: ${HOW_TO_INSTALL}`);
  return path;
}

async function versionOf(node: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", 'exec "$1" --version', "sh", node] })
    .output();
  return new TextDecoder().decode(stdout).trim();
}

function ending({ code, signal }: Exit): string {
  return signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
}
