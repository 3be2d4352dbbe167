/**
 * What a test of an example plays on: real servers, the simulated Discord, the gateway process, and the example's own
 * programs beside them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { beforeDeadline } from "../deadline.ts";
import { Stage, type StageOptions, TOKEN } from "../e2e/stage.ts";
import { HeardProgram } from "../heard_program.ts";
import type { Page } from "../markdown.ts";
import { startCommand } from "../program.ts";

/** A program of an example, as a shell would start it. */
export interface ExampleProgram {
  /** The program, by its path or by its name in `PATH`, and its arguments. */
  readonly command: readonly string[];
  /** Where it is started. */
  readonly folder: string;
  /** Its environment, besides `PATH` and the four settings that the stage knows. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a test that waited in vain shows of each program. */
const LINES_SHOWN = 20;

/** A test on a stage of its own. One that waits in vain fails instead of hanging. */
export function onExampleStage(
  options: StageOptions,
  play: (stage: ExampleStage) => Promise<void>,
): () => Promise<void> {
  return async () => {
    await using stage = await ExampleStage.open(options);
    await beforeDeadline(play(stage), () => stage.report, options.deadlineMs);
  };
}

/**
 * A program's settings are given to it as its users give them:
 *
 * | variable                  | what for                             |
 * | ------------------------- | ------------------------------------ |
 * | `RABBIT_URL`, `REDIS_URL` | the servers                          |
 * | `API_URL`                 | REST of the simulated Discord        |
 * | `BOT_TOKEN`               | the token that it takes              |
 */
export class ExampleStage implements AsyncDisposable {
  /** Servers, simulated Discord, gateway processes, and connections of a test's own. */
  readonly parts: Stage;
  readonly #programs: { readonly title: string; readonly heard: HeardProgram }[] = [];

  static async open(options: StageOptions): Promise<ExampleStage> {
    return new ExampleStage(await Stage.open(options));
  }

  private constructor(parts: Stage) {
    this.parts = parts;
  }

  /** What happens at Discord is told and asked here. */
  get control(): Stage["simulator"]["control"] {
    return this.parts.simulator.control;
  }

  /** Starts a gateway of one shard; resolves when that is connected. */
  async startGateway(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.parts.startConnected(1, settings);
  }

  /** Starts a program of the example; it is killed when the stage is left. */
  start({ command, folder, env = {} }: ExampleProgram): HeardProgram {
    const heard = new HeardProgram(startCommand(command, folder, {
      RABBIT_URL: this.parts.rabbitUrl,
      REDIS_URL: this.parts.redisUrl,
      API_URL: this.parts.simulator.restUrl,
      BOT_TOKEN: TOKEN,
      ...env,
    }));
    this.#programs.push({ title: command.join(" "), heard });
    return heard;
  }

  /** Sends to the simulated Discord what a page sends by curl, with this for the variables of the shell. */
  async sendRequests(page: Page, variables: Readonly<Record<string, string>> = {}): Promise<void> {
    const requests = page.controlRequests(variables);
    assert(requests.length > 0);
    for (const { line, path, ...request } of requests) {
      const response = await fetch(this.parts.simulator.controlUrl + path, request);
      assert.equal(response.status, 200, `${line}\n${await response.text()}`);
    }
  }

  /** The last lines of each program, and what {@link Stage.report} knows of the rest. */
  get report(): string {
    const programs = this.#programs.map(({ title, heard }) =>
      [title, ...heard.lines.slice(-LINES_SHOWN)].join("\n  ")
    );
    return `${programs.join("\n")}\n${this.parts.report}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { heard } of this.#programs) await heard[Symbol.asyncDispose]();
    await this.parts[Symbol.asyncDispose]();
  }
}
