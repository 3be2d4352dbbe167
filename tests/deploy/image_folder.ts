/**
 * An image without a container engine: each stage of a Dockerfile is a folder that stands for the root of its file
 * system, its instructions are carried out in their order, and what is run in it has nothing of this machine's but the
 * programs of the base image.
 *
 * A path in a command would be one of this machine: commands name theirs from the working folder.
 *
 * What is in the image belongs to whom it says, where this process is root's; else all of it is this user's.
 *
 * @module
 */
import dockerignore from "@balena/dockerignore";
import assert from "node:assert/strict";
import { denoEnvironment } from "../../harness/deno_program.ts";
import { type BuildStage, type ImageCommand, parseDockerfile, type StageRun } from "./dockerfile.ts";

/** A stage that is built. */
export interface ImageFolder extends StageRun {
  /** Stands for `/`. */
  readonly root: string;
  /** Absolute, in the image. */
  readonly workingFolder: string;
  /** As the image says; paths are those in the image. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Where Deno is in the official images: in those of Debian, and in those without a distribution. */
const DENO_PLACES = ["/usr/bin/deno", "/bin/deno"];

/**
 * Builds the last stage of a Dockerfile.
 *
 * @param context The folder that is built from; what its `.dockerignore` names is not copied.
 * @param folder Empty; everything is made in it.
 */
export async function buildImage(dockerfile: string, context: string, folder: string): Promise<ImageFolder> {
  const built = new Map<string, ImageFolder>();
  let last: ImageFolder | undefined;
  for (const [index, stage] of parseDockerfile(await Deno.readTextFile(dockerfile)).entries()) {
    last = await buildStage(stage, `${folder}/${stage.name ?? `stage-${index}`}`, context, built);
    if (stage.name !== null) built.set(stage.name, last);
  }
  return last ?? assert.fail("the Dockerfile has no stage");
}

/** The environment of what runs in the image: nothing but its own, its paths in the folder that stands for `/`. */
export function environmentIn({ root, variables }: ImageFolder): Record<string, string> {
  const inFolder = (value: string) => value.startsWith("/") ? root + value : value;
  return {
    ...Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, inFolder(value)])),
    // A shell to start it with is this machine's.
    PATH: `${root}/usr/bin:${root}/bin:/usr/bin:/bin`,
    HOME: `${root}/home`,
  };
}

/** Every file, from the root. */
export async function filesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!isDirectory) found.push(name);
    else found.push(...(await filesIn(`${folder}/${name}`)).map((path) => `${name}/${path}`));
  }
  return found;
}

async function buildStage(
  stage: BuildStage,
  root: string,
  context: string,
  built: ReadonlyMap<string, ImageFolder>,
): Promise<ImageFolder> {
  const base = built.get(stage.from);
  await shell('mkdir -p "$1"', [root]);
  if (base === undefined) await layBase(root);
  else await shell('cp -a "$1/." "$2"', [base.root, root]);
  const { entrypoint, healthcheck, user, volumes, ports } = stage;
  let image: ImageFolder = {
    root,
    workingFolder: base?.workingFolder ?? "/",
    variables: base?.variables ?? {},
    ...{ entrypoint, healthcheck, user, volumes, ports },
  };
  for (const step of stage.steps) {
    switch (step.kind) {
      case "workdir":
        image = { ...image, workingFolder: absolute(step.path, image) };
        await shell('mkdir -p "$1"', [root + image.workingFolder]);
        break;
      case "env":
        image = { ...image, variables: { ...image.variables, ...step.variables } };
        break;
      case "copy": {
        const to = root + absolute(step.to, image);
        if (step.from === null) {
          assert.deepEqual(
            step.sources,
            ["."],
            "the whole context is copied, for .dockerignore to choose from",
          );
          await copyContext(context, to);
        } else {
          const from = built.get(step.from) ?? assert.fail(`there is no stage ${step.from}`);
          for (const source of step.sources) await copyFromStage(from.root + source, to);
          if (step.owner !== null) await shell('[ "$(id -u)" != 0 ] || chown -R "$1" "$2"', [step.owner, to]);
        }
        break;
      }
      case "run":
        await runInBuild(step.command, image);
    }
  }
  return image;
}

function absolute(path: string, { workingFolder }: ImageFolder): string {
  return path.startsWith("/") ? path : `${workingFolder}/${path}`;
}

/** What the base image has: Deno, which this process runs on too. */
async function layBase(root: string): Promise<void> {
  for (const place of DENO_PLACES) {
    await shell('mkdir -p "${2%/*}" && { ln "$1" "$2" 2>/dev/null || cp "$1" "$2"; }', [
      Deno.execPath(),
      root + place,
    ]);
  }
}

async function copyContext(context: string, to: string): Promise<void> {
  const ignored = dockerignore.default().add(await Deno.readTextFile(`${context}/.dockerignore`));
  for (const path of ignored.filter(await filesIn(context))) {
    const copy = `${to}/${path}`;
    await Deno.mkdir(copy.slice(0, copy.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(`${context}/${path}`, copy);
  }
}

/** A folder's content goes into the destination; a file goes into it where it ends in a slash. */
async function copyFromStage(source: string, to: string): Promise<void> {
  const { isDirectory } = await Deno.stat(source);
  if (isDirectory) await shell('mkdir -p "$2" && cp -a "$1/." "$2"', [source, to]);
  else await shell('mkdir -p "${2%/*}" && cp -a "$1" "$2"', [source, to]);
}

async function runInBuild(command: ImageCommand, image: ImageFolder): Promise<void> {
  const script = typeof command === "string" ? command : 'exec "$@"';
  const args = typeof command === "string" ? [] : command;
  const { HOME: _home, DENO_DIR: _folder, XDG_CACHE_HOME: _cache, ...forDownloads } = denoEnvironment();
  await shell(script, args, {
    cwd: image.root + image.workingFolder,
    clearEnv: true,
    env: { ...forDownloads, ...environmentIn(image) },
  });
}

async function shell(
  script: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    ...options,
    args: ["-c", script, "sh", ...args],
    stdin: "null",
  }).output();
  const printed = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert(success, `Cannot run ${script} ${args.join(" ")}:\n${printed}`);
}
