/**
 * The examples in JavaScript: what their READMEs say of them, and their programs, as somebody has them who did that.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InstalledClient } from "../client/installed_client.ts";
import { Page } from "../markdown.ts";
import type { ExampleProgram, ExampleStage } from "./stage.ts";

export const README = {
  worker: await Page.read("examples/worker/README.md"),
  "slash-commands": await Page.read("examples/slash-commands/README.md"),
  scaling: await Page.read("examples/scaling/README.md"),
  routing: await Page.read("examples/routing/README.md"),
};

export type ExampleName = keyof typeof README;

export const NAMES = Object.keys(README) as ExampleName[];

/** What the READMEs have installed beside the client: `ioredis@6.0.0`. */
export const PACKAGES: ReadonlySet<string> = new Set(
  Object.values(README).flatMap((page) => page.commands())
    .filter((line) => line.startsWith("npm install "))
    .flatMap((line) => line.split(" ").slice(2)).filter((name) => !name.endsWith(".tgz")),
);

/** A line that starts a program of an example. */
export interface StartLine {
  /** `API_URL=…` before it. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly script: string;
  readonly args: readonly string[];
}

/** The lines of a README that start its program, in their order. */
export function startLines(name: ExampleName): StartLine[] {
  const lines = README[name].commands().flatMap((line) => {
    const words = line.split(" ");
    const node = words.indexOf("node");
    const [script, ...args] = words.slice(node + 1);
    if (node < 0 || script === undefined) return [];
    const settings = words.slice(0, node).map((word) => {
      const [setting = "", value = ""] = word.split("=");
      return [setting, value] as const;
    });
    return [{ settings, script, args }];
  });
  assert(lines.length > 0, `examples/${name}/README.md starts nothing`);
  return lines;
}

/** Sends what a README sends by curl, with this for the variables of the shell. */
export async function sendRequests(
  stage: ExampleStage,
  name: ExampleName,
  variables: Readonly<Record<string, string>> = {},
): Promise<void> {
  await stage.sendRequests(README[name], variables);
}

/** All of them, each in a folder of its own, with the packages that they need. */
export class InstalledExamples implements AsyncDisposable {
  readonly #client: InstalledClient;

  /** @throws Error with what npm said, where it fails. */
  static async install(): Promise<InstalledExamples> {
    const folders = NAMES.map((name) => `examples/${name}`);
    return new InstalledExamples(await InstalledClient.install(folders, [...PACKAGES]));
  }

  private constructor(client: InstalledClient) {
    this.#client = client;
  }

  /** An example's program as the last such line of its README starts it, with settings and arguments of a test's own. */
  program(
    name: ExampleName,
    env: Readonly<Record<string, string>> = {},
    args?: readonly string[],
  ): ExampleProgram {
    const line = startLines(name).at(-1) ?? assert.fail();
    // The stage has a Discord and a token of its own.
    const settings = line.settings.filter(([setting]) => setting !== "API_URL" && setting !== "BOT_TOKEN");
    return {
      command: [this.#client.node, line.script, ...args ?? line.args],
      folder: `${this.#client.folder}/${name}`,
      env: { ...Object.fromEntries(settings), ...env },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
