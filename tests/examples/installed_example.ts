/**
 * An example as its users have it: a copy of its folder, with what it needs installed there as its README says.
 *
 * @module
 */
import assert from "node:assert/strict";
import { denoEnvironment, PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { languageEnvironment } from "../../harness/languages.ts";
import { Supervisor } from "../../harness/supervisor.ts";
import type { HeardProgram } from "../heard_program.ts";
import { Page } from "../markdown.ts";
import type { ExampleStage } from "./stage.ts";

/** The copy, without what whoever tried the example left there; then the README's commands. */
const INSTALL =
  `tar -C "$1" --exclude ./target --exclude ./.venv --exclude ./node_modules -cf - . | tar -xf - &&
exec sh -ec "$2"`;

export class InstalledExample implements AsyncDisposable {
  readonly readme: Page;
  readonly #supervisor: Supervisor;

  private constructor(readme: Page, supervisor: Supervisor) {
    this.readme = readme;
    this.#supervisor = supervisor;
  }

  /**
   * Makes the copy and runs the first block of commands in its README.
   *
   * @param name The example's folder in `examples/`.
   * @throws Error with what the commands said, where one of them fails.
   */
  static async install(name: string): Promise<InstalledExample> {
    const readme = await Page.read(`examples/${name}/README.md`);
    const [commands] = readme.codeBlocks("sh");
    assert(commands !== undefined, `examples/${name}/README.md has no commands`);
    const supervisor = await Supervisor.start();
    await supervisor.launch({
      program: "sh",
      args: ["-c", INSTALL, "sh", `${PROJECT_FOLDER}examples/${name}`, commands],
      env: {
        ...denoEnvironment(),
        ...languageEnvironment(),
        CARGO_TARGET_DIR: `${supervisor.folder}/target`,
        // Nobody debugs it, and nobody builds it twice.
        CARGO_PROFILE_DEV_DEBUG: "0",
        CARGO_INCREMENTAL: "0",
      },
      output: "log",
    });
    const { code } = await supervisor.exited();
    if (code !== 0) {
      const log = await supervisor.logTail();
      await supervisor.end();
      throw new Error(`Cannot install examples/${name}: its commands ended with status ${code}\n${log}`);
    }
    return new InstalledExample(readme, supervisor);
  }

  /** Starts one of the commands of its README on a stage, with these settings, or with another last word. */
  start(
    stage: ExampleStage,
    command: string,
    env: Readonly<Record<string, string>>,
    lastWord?: string,
  ): HeardProgram {
    assert(this.readme.commands().includes(command), `the README has no command "${command}"`);
    const words = command.split(" ");
    if (lastWord !== undefined) words.splice(-1, 1, lastWord);
    return stage.start({ command: words, folder: this.#supervisor.folder, env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#supervisor.end();
  }
}
