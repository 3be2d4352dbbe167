import assert from "node:assert/strict";
import { validate } from "dockerfile-utils";
import dockerignore from "@balena/dockerignore";
import project from "../../deno.json" with { type: "json" };
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { Server } from "../../harness/server.ts";
import { answersOk } from "../../harness/simulated_discord.ts";
import { beforeDeadline } from "../deadline.ts";
import { onStage, type Stage, TOKEN } from "../e2e/stage.ts";
import { type BuildStage, parseDockerfile } from "./dockerfile.ts";
import { buildImage, environmentIn, filesIn, type ImageFolder } from "./image_folder.ts";

const DOCKERFILE = `${PROJECT_FOLDER}deploy/Dockerfile`;
const SPOOL_FOLDER = "/var/lib/shardline";
const text = await Deno.readTextFile(DOCKERFILE);
const stages = parseDockerfile(text);
const final = stages.at(-1) ?? assert.fail("the Dockerfile has no stage");

/** Becomes the image's user, if this is root, before it becomes the command. */
const AS_USER = `user=$1; shift
if [ "$(/usr/bin/id -u)" = 0 ]; then
  exec /usr/bin/setpriv --reuid="\${user%:*}" --regid="\${user#*:}" --clear-groups --no-new-privs "$@"
fi
exec "$@"`;

/** Nobody listens there: what is to be downloaded after all fails at once. */
const NO_NETWORK = { HTTPS_PROXY: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };

let folder: string | undefined;
let building: Promise<ImageFolder> | undefined;

Deno.test.afterAll(async () => {
  if (folder !== undefined) await shell('chmod -R u+w "$1" && rm -rf "$1"', [folder]);
});

/** The image, built once for all tests, its files as those of a root file system that nobody can write to. */
function image(): Promise<ImageFolder> {
  return building ??= (async () => {
    folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "shardline-image-" });
    const built = await buildImage(DOCKERFILE, PROJECT_FOLDER, folder);
    await shell('chmod -R a-w "$1" && chmod 555 "$1"', [folder]);
    return built;
  })();
}

/**
 * A container of the image, whose volume is a new one: an engine fills it with what the image has there, whoever it
 * belongs to (Docker docs, Volumes, Populate a volume using a container).
 */
class Container implements AsyncDisposable {
  readonly server: Server;
  readonly image: ImageFolder;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(server: Server, image: ImageFolder, environment: Readonly<Record<string, string>>) {
    this.server = server;
    this.image = image;
    this.#environment = environment;
  }

  /** Resolves when it lives. `PORT` is one of its own where the settings name it. */
  static async start(stage: Stage, settings: Readonly<Record<string, string>>): Promise<Container> {
    const built = await image();
    const { entrypoint, user, workingFolder } = built;
    assert(Array.isArray(entrypoint) && user !== null);
    let environment: Record<string, string> = {};
    const server = await Server.start({
      title: "the container",
      portCount: 2,
      launch: (folder, [monitoringPort, platformPort]) => {
        environment = {
          ...environmentIn(built),
          ...NO_NETWORK,
          SPOOL_PATH: `${folder}/volume`,
          BOT_TOKEN: TOKEN,
          API_URL: stage.simulator.restUrl,
          RABBIT_URL: stage.rabbitUrl,
          REDIS_URL: stage.redisUrl,
          SHARDS_WAIT: "0",
          PROMETHEUS_PORT: String(monitoringPort),
          ...settings,
          ...(settings["PORT"] === undefined ? {} : { PORT: String(platformPort) }),
        };
        return {
          program: "/bin/sh",
          args: [
            "-c",
            // Modes are what they were before the image's files were write-protected.
            `chmod 755 "$1"; [ -e "$1/volume" ] || { cp -a "$2" "$1/volume" && chmod u+w "$1/volume"; } && ` +
            `shift 2; ${AS_USER}`,
            "sh",
            folder,
            built.root + SPOOL_FOLDER,
            user,
            ...entrypoint,
          ],
          env: environment,
          workingFolder: built.root + workingFolder,
        };
      },
      answers: ([port]) => answersOk(`http://127.0.0.1:${port}/livez`),
      portTaken: /(?!)/,
    });
    return new Container(server, built, environment);
  }

  /** Where the platform looks for it. */
  get platformUrl(): string {
    return `http://127.0.0.1:${this.server.ports[1]}`;
  }

  get volume(): string {
    return `${this.server.folder}/volume`;
  }

  /** Exit status of the health check, run beside it as an engine does. */
  async health(): Promise<number> {
    const { healthcheck, user, root, workingFolder } = this.image;
    assert(healthcheck !== null && Array.isArray(healthcheck.command) && user !== null);
    const { code } = await new Deno.Command("sh", {
      args: ["-c", AS_USER, "sh", user, ...healthcheck.command],
      cwd: root + workingFolder,
      clearEnv: true,
      env: this.#environment,
      stdin: "null",
    }).output();
    return code;
  }

  /** Resolves when a line of its log matches. */
  said(pattern: RegExp): Promise<void> {
    const read = async () => pattern.test(await Deno.readTextFile(this.server.logPath));
    return until(read, `a line that matches ${pattern}`);
  }

  /** Resolves when the platform would send visitors to it. */
  ready(): Promise<void> {
    return until(() => answersOk(`${this.platformUrl}/readyz`), "readiness");
  }

  /** The user that it runs as, by number. */
  user(): Promise<string> {
    return shell('stat -c %u "/proc/$1"', [String(this.server.processId)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }
}

const LOOK_EVERY_MS = 20;

/** Looks until it is so. */
async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  let waiting = true;
  const looking = async () => {
    while (waiting && !await isSo()) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  };
  await beforeDeadline(looking(), () => `for ${what}`).finally(() => waiting = false);
}

async function shell(script: string, args: readonly string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command("sh", { args: ["-c", script, "sh", ...args] }).output();
  assert(success, `Cannot run ${script}`);
  return new TextDecoder().decode(stdout).trim();
}

function flagsOf(command: readonly string[] | string): string[] {
  return (typeof command === "string" ? command.split(/\s+/) : [...command])
    .filter((word) => word.startsWith("-"));
}

/** What `deno info --json` says of a module: what it imports, and every package of the lock. */
interface ModuleInfo {
  readonly modules: readonly { readonly kind: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<
      string,
      { readonly name: string; readonly version: string; readonly dependencies: readonly string[] }
    >
  >;
}

/** The packages that a module needs, and those that they need, as `name/version`. */
async function packagesOf(script: string): Promise<string[]> {
  const { success, stdout } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@"', "sh", Deno.execPath(), "info", "--json", script],
    cwd: PROJECT_FOLDER,
  }).output();
  assert(success, `Cannot read the modules of ${script}`);
  const { modules, npmPackages }: ModuleInfo = JSON.parse(new TextDecoder().decode(stdout));
  const needed = new Set(modules.flatMap(({ npmPackage }) => npmPackage ?? []));
  for (const id of needed) {
    for (const dependency of npmPackages[id]?.dependencies ?? []) needed.add(dependency);
  }
  return [...needed].map((id) => `${npmPackages[id]?.name}/${npmPackages[id]?.version}`);
}

// The file.

Deno.test("a linter finds nothing in deploy/Dockerfile", () => {
  assert.deepEqual(validate(text).map(({ message, range }) => `${range.start.line + 1}: ${message}`), []);
});

Deno.test("every base image is Deno's own, of the very version that tests run on", () => {
  const names = new Set(stages.map(({ name }) => name));
  const bases = stages.map(({ from }) => from).filter((from) => !names.has(from));
  const version = Deno.version.deno;
  assert.deepEqual(bases, [`denoland/deno:${version}`, `denoland/deno:distroless-${version}`]);
});

Deno.test("the image runs what the task start runs, as the first process, and nobody's as root", () => {
  const { entrypoint, healthcheck, user } = final;
  assert(Array.isArray(entrypoint), "an exec form: a shell in between would keep SIGTERM to itself");
  assert.equal(entrypoint.at(-1), "main.ts");
  const start = project.tasks.start.command.split("; ").at(-1) ?? "";
  // Settings come by environment alone, and nothing is downloaded or asked for.
  const ofStart = flagsOf(start).filter((flag) => flag !== "-q" && !flag.startsWith("--env-file"));
  const own = ["--quiet", "--no-prompt", "--cached-only", "--frozen"];
  assert.deepEqual(flagsOf(entrypoint).filter((flag) => !own.includes(flag)), ofStart);
  for (const flag of own) assert(entrypoint.includes(flag), flag);
  assert(Array.isArray(healthcheck?.command), "without a shell, which the image does not have");
  assert.match(user ?? "", /^[1-9]\d*:[1-9]\d*$/);
});

Deno.test("metrics and probes are on every address, the spool is on a volume, ports are named", () => {
  const variables = environmentOf(final);
  assert.equal(variables["PROMETHEUS_HOST"], "0.0.0.0");
  assert.equal(variables["SPOOL_PATH"], SPOOL_FOLDER);
  assert.deepEqual(final.volumes, [SPOOL_FOLDER]);
  assert.deepEqual(final.ports, [8000, 8005]);
});

Deno.test("a new volume for the spool belongs to the image's user", () => {
  const copies = final.steps.flatMap((step) =>
    step.kind === "copy" && step.to === SPOOL_FOLDER ? [step] : []
  );
  assert.deepEqual(copies.map(({ owner }) => owner), [final.user]);
});

Deno.test("the health check gives up before its engine does", async () => {
  const { healthcheck } = final;
  const source = await Deno.readTextFile(`${PROJECT_FOLDER}deploy/healthcheck.ts`);
  const [, milliseconds = ""] = /ANSWER_MAX_MS = ([\d_]+)/.exec(source) ?? assert.fail();
  assert(Number(milliseconds.replaceAll("_", "")) < 1_000 * parseInt(healthcheck?.flags["timeout"] ?? ""));
});

Deno.test("secrets, data and tests do not reach the build", async () => {
  const ignored = dockerignore.default().add(await Deno.readTextFile(`${PROJECT_FOLDER}.dockerignore`));
  const outside = [".env", "deploy/.env", "gateway/.env", ".git/config", "data/spool/all-shards/spool.db"];
  const unneeded = ["tests/servers.ts", "node_modules/x/x.js", "README.md", "static/islands.js"];
  for (const path of [...outside, ...unneeded]) assert(ignored.ignores(path), path);
  for (const path of ["main.ts", "gateway/config.ts", "deploy/healthcheck.ts"]) {
    assert(!ignored.ignores(path), path);
  }
});

// What is built.

Deno.test("the image holds the packages of the service and no others", async () => {
  const { root } = await image();
  const [registry = ""] = await Array.fromAsync(Deno.readDir(`${root}/deno-dir/npm`), ({ name }) => name);
  const files = await filesIn(`${root}/deno-dir/npm/${registry}`);
  const held = files.flatMap((path) =>
    /^((?:@[^/]+\/)?[^/]+\/\d[^/]*)\/package\.json$/.exec(path)?.[1] ?? []
  );
  const scripts = ["main.ts", "dashboard.ts", "ctl/ctl.ts", "islands/main.ts"];
  const needed = new Set((await Promise.all(scripts.map(packagesOf))).flat());
  const unneeded = held.filter((name) => !needed.has(name) && !name.startsWith("@types/"));
  assert.deepEqual(unneeded, []);
  assert(held.some((name) => name.startsWith("amqplib/")), "packages are looked for where they are");
});

Deno.test("whatever the image runs is translated in it", async () => {
  const files = await filesIn(`${(await image()).root}/deno-dir/gen`);
  const programs = [
    "main.ts",
    "worker.ts",
    "dashboard.ts",
    "gateway/adapters/spool/spool_worker.ts",
    "ctl/ctl.ts",
  ];
  for (const program of [...programs, "ctl/signin.ts", "deploy/healthcheck.ts"]) {
    assert(files.some((path) => path.endsWith(`/app/${program}.js`)), program);
  }
});

Deno.test("the image holds the script of the pages, and nothing of the tests", async () => {
  const { root } = await image();
  const files = await filesIn(`${root}/app`);
  assert(files.includes("static/islands.js"));
  assert.deepEqual(files.filter((path) => /_test\.|(^|\/)\.env/.test(path)), []);
  const folders = new Set(files.map((path) => path.split("/")[0]));
  for (const name of ["tests", "simulator", "chaos", "bench"]) assert(!folders.has(name), name);
});

// What runs.

Deno.test(
  "a container connects, is healthy and spools on its volume, and SIGTERM ends it in good order",
  onStage({ simulator: { recommendedShards: 1 } }, async (stage) => {
    const consumer = await stage.consumer();
    await using container = await Container.start(stage, { ROLE: "gateway" });
    await container.said(/"kind":"shard.ready"/);
    stage.simulator.control.generate(20);
    await consumer.untilComplete(stage.simulator);
    assert.equal(await container.health(), 0);
    assert.notEqual(await container.user(), "0");
    assert((await filesIn(container.volume)).includes("all-shards/spool.db"));
    assert.deepEqual(await container.server.terminate(), { code: 0, signal: null });
    assert.match(await Deno.readTextFile(container.server.logPath), /"kind":"service.stopped"/);
    assert.equal(await container.health(), 1);
  }),
);

Deno.test(
  "on a platform that gives PORT and kills at will, a container is found there and resumes its sessions",
  onStage({ simulator: { recommendedShards: 1 } }, async (stage) => {
    const consumer = await stage.consumer();
    await using container = await Container.start(stage, { PORT: "given", DASHBOARD_PASSWORD: "a password" });
    await container.said(/"kind":"shard.ready"/);
    await container.said(/The dashboard is served on/);
    await container.ready();
    for (const path of ["/livez", "/sign_in", "/static/islands.js"]) {
      assert(await answersOk(container.platformUrl + path), path);
    }
    assert.equal(await container.health(), 0);
    stage.simulator.control.generate(20);
    await container.server.kill();
    stage.simulator.control.generate(20);
    await container.server.restart();
    await container.said(/"kind":"shard.resumed"/);
    await consumer.untilComplete(stage.simulator);
    assert.equal((await container.server.terminate()).code, 0);
  }),
);

Deno.test("a container without a token says what is missing, and ends with status 78", async () => {
  const built = await image();
  const { entrypoint, user, root, workingFolder } = built;
  assert(Array.isArray(entrypoint) && user !== null);
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", AS_USER, "sh", user, ...entrypoint],
    cwd: root + workingFolder,
    clearEnv: true,
    env: { ...environmentIn(built), ...NO_NETWORK },
    stdin: "null",
  }).output();
  assert.match(new TextDecoder().decode(stderr), /^BOT_TOKEN is missing: .*\n$/);
  assert.equal(code, 78);
});

function environmentOf({ steps }: BuildStage): Record<string, string> {
  return Object.assign({}, ...steps.map((step) => step.kind === "env" ? step.variables : {}));
}
