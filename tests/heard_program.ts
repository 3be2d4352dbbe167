/**
 * A program that runs beside a test, in whatever language, and is heard by the lines that it writes.
 *
 * @module
 */
import { linesOf, type RunningProgram } from "./program.ts";

export class HeardProgram implements AsyncDisposable {
  /** What it has written to standard output. */
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #exited: Promise<number>;
  readonly #complaints: Promise<string>;
  readonly #reading: Promise<void>;
  #isOver = false;
  #wake: (() => void)[] = [];

  constructor({ child, exited }: RunningProgram) {
    this.#child = child;
    this.#exited = exited;
    this.#complaints = new Response(child.stderr).text();
    this.#reading = this.#read();
  }

  /** Resolves once the condition holds; it is asked again at every line. Rejects when the program ends first. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#isOver) {
        throw new Error(`The program ended:\n${this.lines.join("\n")}\n${await this.#complaints}`);
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** Resolves once it has written this line. Rejects when the program ends first. */
  async line(text: string): Promise<void> {
    await this.until(() => this.lines.includes(text));
  }

  /** Resolves with its exit status, once it has ended, whoever ended it, and all that it wrote is read. */
  async ended(): Promise<number> {
    const code = await this.#exited;
    await this.#reading;
    return code;
  }

  /** Sends the signal, if it still runs. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Sends the signal, if it still runs, and waits for the end; resolves with its exit status. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    this.signal(signal);
    return await this.ended();
  }

  /** What it has written to standard error, once it has ended. */
  get complaints(): Promise<string> {
    return this.#complaints;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await this.#complaints;
  }

  async #read(): Promise<void> {
    for await (const lines of linesOf(this.#child.stdout)) {
      this.lines.push(...lines);
      this.#wakeAll();
    }
    this.#isOver = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
