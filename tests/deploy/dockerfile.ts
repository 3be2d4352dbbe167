/**
 * A Dockerfile, stage by stage, as far as ours go: an instruction that this does not know is an error.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type Copy,
  DockerfileParser,
  type Env,
  type From,
  type Healthcheck,
  type Instruction,
} from "dockerfile-ast";

/** A command, as an exec form has it, or one for a shell. */
export type ImageCommand = readonly string[] | string;

/** What an instruction does to the stage that it is in. */
export type Step =
  | { readonly kind: "workdir"; readonly path: string }
  | { readonly kind: "env"; readonly variables: Readonly<Record<string, string>> }
  | {
    readonly kind: "copy";
    readonly from: string | null;
    /** `user:group`; null: root, whoever it belonged to before. */
    readonly owner: string | null;
    readonly sources: readonly string[];
    readonly to: string;
  }
  | { readonly kind: "run"; readonly command: ImageCommand };

/** What the last stage says of how it is run. */
export interface StageRun {
  readonly entrypoint: ImageCommand | null;
  readonly healthcheck:
    | { readonly flags: Readonly<Record<string, string>>; readonly command: ImageCommand }
    | null;
  readonly user: string | null;
  readonly volumes: readonly string[];
  readonly ports: readonly number[];
}

export interface BuildStage extends StageRun {
  readonly name: string | null;
  /** An image, or the name of an earlier stage. */
  readonly from: string;
  readonly steps: readonly Step[];
}

export function parseDockerfile(text: string): BuildStage[] {
  const stages: BuildStage[] = [];
  for (const instruction of DockerfileParser.parse(text).getInstructions()) {
    if (instruction.getKeyword() === "FROM") {
      const from = instruction as From;
      stages.push({
        name: from.getBuildStage(),
        from: from.getImage() ?? assert.fail("FROM names no image"),
        steps: [],
        entrypoint: null,
        healthcheck: null,
        user: null,
        volumes: [],
        ports: [],
      });
      continue;
    }
    const stage = stages.pop();
    assert(stage !== undefined, `${instruction.getKeyword()} comes before FROM`);
    stages.push({ ...stage, ...changeOf(stage, instruction) });
  }
  return stages;
}

function changeOf(stage: BuildStage, instruction: Instruction): Partial<BuildStage> {
  const text = instruction.getArgumentsContent() ?? "";
  const step = (added: Step): Partial<BuildStage> => ({ steps: [...stage.steps, added] });
  switch (instruction.getKeyword()) {
    case "LABEL":
      return {};
    case "WORKDIR":
      return step({ kind: "workdir", path: text });
    case "ENV": {
      const properties = (instruction as Env).getProperties();
      return step({
        kind: "env",
        variables: Object.fromEntries(properties.map((one) => [one.getName(), one.getValue() ?? ""])),
      });
    }
    case "COPY": {
      const copy = instruction as Copy;
      const flags = Object.fromEntries(copy.getFlags().map((flag) => [flag.getName(), flag.getValue()]));
      const { from = null, chown: owner = null, ...others } = flags;
      assert.deepEqual(others, {}, "a flag of COPY that is not known here");
      const paths = copy.getArguments().map((argument) => argument.getValue());
      return step({
        kind: "copy",
        from,
        owner,
        sources: paths.slice(0, -1),
        to: paths.at(-1) ?? assert.fail("COPY has no destination"),
      });
    }
    case "RUN":
      return step({ kind: "run", command: commandOf(text) });
    case "ENTRYPOINT":
      return { entrypoint: commandOf(text) };
    case "HEALTHCHECK": {
      const check = instruction as Healthcheck;
      const flags = Object.fromEntries(
        check.getFlags().map((flag) => [flag.getName(), flag.getValue() ?? ""]),
      );
      const [, command = ""] = /\bCMD\s+([^]*)$/.exec(text) ?? assert.fail("HEALTHCHECK has no CMD");
      return { healthcheck: { flags, command: commandOf(command) } };
    }
    case "USER":
      return { user: text };
    case "VOLUME":
      return { volumes: commandOf(text) as readonly string[] };
    case "EXPOSE":
      return { ports: text.split(/\s+/).map(Number) };
    default:
      throw new Error(`Cannot build the image: ${instruction.getKeyword()} is not known here`);
  }
}

/** What begins with a bracket is an exec form (Dockerfile reference, Shell and exec form). */
function commandOf(text: string): ImageCommand {
  return text.startsWith("[") ? JSON.parse(text) : text;
}
