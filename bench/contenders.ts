/**
 * What people write today in place of this service, to be measured beside it: forwarders made with a Discord library and
 * amqplib (`contenders/`), each as a process of its own on Node, which is where people run them.
 *
 * Their packages are installed by npm into a temporary folder.
 *
 * @module
 */
import { NpmFolder } from "../harness/npm_folder.ts";
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

/** The contenders, installed; the folder is gone with the process. */
export class Contenders implements AsyncDisposable {
  /** As Node says it: `v20.20.2`. */
  readonly nodeVersion: string;
  readonly #folder: NpmFolder;

  private constructor(folder: NpmFolder, nodeVersion: string) {
    this.#folder = folder;
    this.nodeVersion = nodeVersion;
  }

  /**
   * Fetches what they need.
   *
   * @throws Error that says what to do, where Node or npm is missing, or npm fails.
   */
  static async install(): Promise<Contenders> {
    const folder = await NpmFolder.install(new URL("./contenders", import.meta.url));
    return new Contenders(folder, await versionOf(folder.node));
  }

  /**
   * Starts one; resolves when the process is there. When it is connected is for Discord to say; what it cannot do, its
   * log says.
   */
  async start(name: ContenderName, work: ContenderWork): Promise<RunningContender> {
    const supervisor = await Supervisor.start();
    const processId = await supervisor.launch({
      program: this.#folder.node,
      args: [`${this.#folder.path}/${name}.mjs`],
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
    await this.#folder[Symbol.asyncDispose]();
  }
}

async function versionOf(node: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", 'exec "$1" --version', "sh", node] })
    .output();
  return new TextDecoder().decode(stdout).trim();
}

function ending({ code, signal }: Exit): string {
  return signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
}
