/**
 * Commands of a terminal, run to their end or ended when a test's patience is.
 *
 * @module
 */
import { denoEnvironment } from "../../harness/deno_program.ts";
import { beforeDeadline } from "../deadline.ts";

export interface CommandOptions {
  readonly folder: string;
  /** What it reads from standard input. */
  readonly input?: string;
  /** Its environment, besides what Deno needs. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface CommandEnd {
  readonly code: number;
  /** Standard output and standard error, in the order in which they came. */
  readonly output: string;
}

/** Runs a command; its first word is a program's name or path. */
export async function run(
  command: readonly string[],
  { folder, input = "", env = {} }: CommandOptions,
): Promise<CommandEnd> {
  const child = new Deno.Command("sh", {
    // Tests may run nothing but the shell.
    args: ["-c", 'exec "$@" 2>&1', "sh", ...command],
    cwd: folder,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", ...denoEnvironment(), NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const ended = Promise.all([child.status, new Response(child.stdout).text(), write(child.stdin, input)]);
  try {
    const [{ code }, output] = await beforeDeadline(ended, () => `${command.join(" ")} has not ended`);
    return { code, output };
  } catch (error) {
    child.kill("SIGKILL");
    await ended;
    throw error;
  }
}

async function write(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

/** A task of the `deno.json` in a folder, as a person starts it. */
export function task(name: string, ...args: readonly string[]): string[] {
  return [Deno.execPath(), "task", "--quiet", name, ...args];
}
