/**
 * Runs a program so that it cannot outlive this process: neither the program, nor what it started, nor its folder.
 *
 * The program leads a session of its own, so a terminal's Ctrl-C does not reach it. A small shell script
 * (`supervise.sh`) holds the read end of a pipe whose write end is ours; when this process ends, in whatever way,
 * the pipe closes, and the script ends the program and removes the folder.
 *
 * @module
 */

const SCRIPT = decodeURIComponent(new URL("./supervise.sh", import.meta.url).pathname);

/** The leader of the process group: waits for a line, so that it never runs before it is supervised. */
const LEADER = `read -r _ || exit 1
if [ -n "$1" ]; then exec >>"$1" 2>&1; fi
shift
exec "$@" </dev/null`;

/** What to run, and where its output goes. */
export interface Launch {
  readonly program: string;
  readonly args?: readonly string[];
  /** The whole environment of the program: nothing is inherited but `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly workingFolder?: string;
  /** `"log"`: appended to {@link Supervisor.logPath}. `"inherit"`: as ours. */
  readonly output: "log" | "inherit";
}

/** How a program ended. */
export interface Exit {
  readonly code: number;
  readonly signal: string | null;
}

/** Signals that {@link Supervisor.signal} sends, by the names that `kill -s` knows. */
export type SignalName = "TERM" | "INT" | "KILL" | "STOP" | "CONT";

/** One temporary folder and the program that runs in it. */
export class Supervisor implements AsyncDisposable {
  /** Emptied and removed by {@link end}, or when this process is gone. */
  readonly folder: string;
  readonly #script: Deno.ChildProcess;
  readonly #commands: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: LineReader;
  #program: Deno.ChildProcess | undefined;
  #lastCommand: Promise<void> = Promise.resolve();
  #ended: Promise<void> | undefined;

  private constructor(
    script: Deno.ChildProcess,
    commands: WritableStreamDefaultWriter<Uint8Array>,
    answers: LineReader,
    folder: string,
  ) {
    this.#script = script;
    this.#commands = commands;
    this.#answers = answers;
    this.folder = folder;
  }

  /**
   * Makes the folder and the script that watches over it.
   *
   * @throws Error when no temporary folder can be made.
   */
  static async start(): Promise<Supervisor> {
    const script = new Deno.Command("sh", {
      args: [SCRIPT],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      detached: true,
    }).spawn();
    const answers = new LineReader(script.stdout);
    const commands = script.stdin.getWriter();
    const folder = await answers.next();
    if (folder === undefined) {
      await commands.close().catch(() => {});
      await script.status;
      throw new Error("Cannot make a temporary folder: see the line above, and TMPDIR");
    }
    return new Supervisor(script, commands, answers, folder);
  }

  /** Where a program's output goes that was launched with `output: "log"`. */
  get logPath(): string {
    return `${this.folder}/output.log`;
  }

  /** The last lines of the log, for an error's message. Empty where there is none. */
  async logTail(lines = 20): Promise<string> {
    const tail = await new Deno.Command("sh", {
      args: ["-c", 'tail -n "$1" "$2" 2>/dev/null', "sh", String(lines), this.logPath],
    }).output();
    return new TextDecoder().decode(tail.stdout).trimEnd();
  }

  /**
   * Starts the program. One runs at a time: the one before must have {@link emptied}.
   *
   * @returns The program's process id, which is its group's too.
   */
  async launch(launch: Launch): Promise<number> {
    const { program, args = [], env = {}, workingFolder = this.folder, output } = launch;
    const leader = new Deno.Command("sh", {
      args: ["-c", LEADER, "sh", output === "log" ? this.logPath : "", program, ...args],
      cwd: workingFolder,
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
      stdin: "piped",
      stdout: output === "log" ? "null" : "inherit",
      stderr: output === "log" ? "null" : "inherit",
      detached: true,
    }).spawn();
    this.#program = leader;
    const starter = leader.stdin.getWriter();
    await this.#command(`adopt ${leader.pid}`);
    await starter.write(new TextEncoder().encode("go\n"));
    await starter.close();
    return leader.pid;
  }

  /** How the program ended, once it has; what it started may still be there. */
  async exited(): Promise<Exit> {
    if (this.#program === undefined) throw new Error("Cannot wait for the program: none was launched");
    const { code, signal } = await this.#program.status;
    return { code, signal };
  }

  /** Resolves when neither the program nor anything in its process group runs any more. */
  async emptied(): Promise<void> {
    await this.exited();
    await this.#command("empty");
  }

  /** Signals the program and all that it started; resolves when the signal is sent. */
  async signal(name: SignalName): Promise<void> {
    await this.#command(`signal ${name}`);
  }

  /**
   * Ends the program (TERM, after five seconds KILL) and removes the folder; resolves when both are gone. Safe twice.
   */
  end(): Promise<void> {
    this.#ended ??= (async () => {
      await this.#lastCommand;
      await this.#commands.close();
      await this.#answers.drain();
      await this.#script.status;
      await this.#program?.status;
    })();
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** One command at a time: each waits for its own answer. */
  #command(line: string): Promise<void> {
    const answered = this.#lastCommand.then(async () => {
      await this.#commands.write(new TextEncoder().encode(`${line}\n`));
      if (await this.#answers.next() === undefined) {
        throw new Error("Cannot reach the program's supervisor: it has ended");
      }
    });
    this.#lastCommand = answered.catch(() => {});
    return answered;
  }
}

/** Lines of a stream, read only when asked for, so that no read is left pending between two tests. */
class LineReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** The next line without its end, or nothing at the end of the stream. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** Reads to the end of the stream, so that its resource is closed. */
  async drain(): Promise<void> {
    while (await this.next() !== undefined);
  }
}
