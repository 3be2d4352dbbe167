/**
 * A script out of a page, run as whoever copied it would: in a process of its own, told by its environment.
 *
 * @module
 */
import assert from "node:assert/strict";
import { PROJECT_FOLDER } from "../harness/deno_program.ts";

export class ExampleRun implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;
  #text = "";

  /** It is killed when the test that started it leaves. */
  static async start(code: string, env: Readonly<Record<string, string>>): Promise<ExampleRun> {
    const config = `--config=${PROJECT_FOLDER}deno.json`;
    const run = ["run", "-q", "--no-prompt", config, "--allow-net=127.0.0.1", "--allow-env", "-"];
    const child = new Deno.Command("sh", {
      // Tests may run nothing but the shell.
      args: ["-c", 'exec "$@"', "sh", Deno.execPath(), ...run],
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(code));
    await writer.close();
    return new ExampleRun(child);
  }

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The first lines that it prints; fewer where it ends before. */
  async lines(count: number): Promise<string[]> {
    while (this.#text.split("\n").length <= count) {
      const { done, value } = await this.#output.read();
      if (done) break;
      this.#text += value;
    }
    return this.#text.split("\n").slice(0, count);
  }

  /** Resolves with the exit status of one that ends by itself. */
  async ended(): Promise<number> {
    return (await this.#child.status).code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      assert(error instanceof TypeError); // it has ended already
    }
    await this.#output.cancel();
    await this.#child.status;
  }
}
