/**
 * A program of this project, run as its task runs it: a process of its own, with that task's permissions, told by its
 * arguments and its environment. It is killed when the test is.
 *
 * @module
 */
import { denoEnvironment, PROJECT_FOLDER } from "../harness/deno_program.ts";

export interface ProgramOptions {
  /** Flags of Deno's own. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
  /** Its environment, besides what Deno needs. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether its standard output is a terminal, which has standard error too. */
  readonly isOnTerminal?: boolean;
  /** File descriptors that it may have at once; it is given as many as a test has where this is left out. */
  readonly descriptorsMost?: number;
}

export interface RunningProgram {
  readonly child: Deno.ChildProcess;
  /** Its exit status, once it has ended, whoever ended it. */
  readonly exited: Promise<number>;
}

export interface ProgramEnd {
  readonly code: number;
  /** Standard output. */
  readonly text: string;
  /** Standard error. */
  readonly complaints: string;
}

/**
 * Becomes the program, and leaves somebody beside it who kills it when standard input ends without a line: the other
 * end is the test's, which may be killed itself.
 */
const START = `[ -z "$DESCRIPTORS_MOST" ] || ulimit -n "$DESCRIPTORS_MOST"
exec 3<&0
{ read -r _ <&3 || kill -s KILL $$; } >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null`;

/**
 * Starts a program, its standard output and standard error piped.
 *
 * @param script Its path from the project's folder.
 * @param permissionSet A name under `permissions` in `deno.json`.
 */
export function startProgram(
  script: string,
  permissionSet: string,
  { flags = [], args = [], env = {}, isOnTerminal = false, descriptorsMost }: ProgramOptions = {},
): RunningProgram {
  const command = [
    Deno.execPath(),
    "run",
    "-q",
    "--no-prompt",
    `-P=${permissionSet}`,
    ...flags,
    script,
    ...args,
  ];
  return startCommand(isOnTerminal ? onTerminal(command) : command, PROJECT_FOLDER, {
    ...denoEnvironment(),
    ...(descriptorsMost !== undefined && { DESCRIPTORS_MOST: String(descriptorsMost) }),
    ...env,
  });
}

/** Starts what is no program of this project in a folder: with nothing of the test's environment but `PATH`. */
export function startCommand(
  command: readonly string[],
  workingFolder: string,
  env: Readonly<Record<string, string>>,
): RunningProgram {
  const child = new Deno.Command("sh", {
    // Tests may run nothing but the shell.
    args: ["-c", START, "sh", ...command],
    cwd: workingFolder,
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { child, exited: exitOf(child) };
}

/** Runs a program to its end. */
export async function runProgram(
  script: string,
  permissionSet: string,
  options: ProgramOptions = {},
): Promise<ProgramEnd> {
  const { child, exited } = startProgram(script, permissionSet, options);
  const [code, text, complaints] = await Promise.all([
    exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, text, complaints };
}

/** The lines that a program writes, those that have come at once together. */
export async function* linesOf(output: Deno.ChildProcess["stdout"]): AsyncGenerator<readonly string[]> {
  let rest = "";
  for await (const text of output.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
}

/** The command that runs another one on a terminal of its own (util-linux). */
function onTerminal(command: readonly string[]): string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return ["script", "--quiet", "--return", "--command", quoted, "/dev/null"];
}

async function exitOf(child: Deno.ChildProcess): Promise<number> {
  const { code } = await child.status;
  const watcher = child.stdin.getWriter();
  await watcher.write(new TextEncoder().encode("over\n"));
  await watcher.close();
  return code;
}
