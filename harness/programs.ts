/**
 * The programs that tests and the demo need besides Deno: found where they are installed, installed where that can
 * be done without asking.
 *
 * @module
 */

const INSTALL_SCRIPT = decodeURIComponent(new URL("./install.sh", import.meta.url).pathname);

interface Program {
  /** What a person calls it. */
  readonly title: string;
  /** Where to look, in order: a path, or a name to be found in `PATH`. */
  readonly places: readonly string[];
  /** The package's name for apt-get on Debian. */
  readonly apt: string;
  /** What to give to `brew install`. */
  readonly brew: string;
}

const PROGRAMS = {
  git: {
    title: "Git",
    places: ["git"],
    apt: "git",
    brew: "git",
  },
  rabbitmq: {
    title: "RabbitMQ",
    places: [
      // The program itself: Debian's `rabbitmq-server` in PATH is a wrapper that switches user.
      "/usr/lib/rabbitmq/bin/rabbitmq-server",
      "rabbitmq-server",
      "/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
      "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",
      "/home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin/rabbitmq-server",
    ],
    apt: "rabbitmq-server",
    brew: "rabbitmq",
  },
  redis: {
    title: "Redis",
    places: [
      "redis-server",
      "/opt/homebrew/bin/redis-server",
      "/usr/local/bin/redis-server",
      "/home/linuxbrew/.linuxbrew/bin/redis-server",
    ],
    apt: "redis-server",
    brew: "redis",
  },
  chromium: {
    title: "Chromium",
    places: [
      "chromium",
      "google-chrome",
      "chromium-browser",
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    apt: "chromium",
    brew: "--cask chromium",
  },
  prometheus: {
    title: "Prometheus",
    places: [
      "prometheus",
      "/opt/homebrew/bin/prometheus",
      "/usr/local/bin/prometheus",
      "/home/linuxbrew/.linuxbrew/bin/prometheus",
    ],
    apt: "prometheus",
    brew: "prometheus",
  },
} as const satisfies Record<string, Program>;

/** A program that {@link programPaths} can find. */
export type ProgramName = keyof typeof PROGRAMS;

/** How {@link programPaths} looks and installs; tests hand in their own. */
export interface Machine {
  /** The first of these paths and names that is an executable, as a path. */
  find(places: readonly string[]): Promise<string | undefined>;
  /** Whether {@link install} can work: root, on Debian or Ubuntu. */
  canInstall(): Promise<boolean>;
  /** Installs packages; answers with what the installer printed if it failed. */
  install(packages: readonly string[]): Promise<{ ok: true } | { ok: false; output: string }>;
  /** Tells the person at the terminal. */
  say(line: string): void;
}

/**
 * The paths of the named programs. What is missing is installed in one go, as root on Debian or Ubuntu.
 *
 * @throws Error that says what is missing and how to install it, where that cannot be done from here.
 */
export async function programPaths<Name extends ProgramName>(
  names: readonly Name[],
  machine: Machine = THIS_MACHINE,
): Promise<Record<Name, string>> {
  const paths = await findAll(names, machine);
  const missing = names.filter((name) => paths[name] === undefined);
  if (missing.length > 0) {
    if (!await machine.canInstall()) throw new Error(howToInstall(missing));
    const packages = missing.map((name) => PROGRAMS[name].apt);
    machine.say(`Installing ${titles(missing)} with apt-get (once; no service is started)`);
    const outcome = await machine.install(packages);
    if (!outcome.ok) {
      throw new Error(
        `Cannot install ${packages.join(", ")}: apt-get failed\n${outcome.output}\n${howToInstall(missing)}`,
      );
    }
    Object.assign(paths, await findAll(missing, machine));
    const still = missing.filter((name) => paths[name] === undefined);
    if (still.length > 0) throw new Error(howToInstall(still));
  }
  return paths as Record<Name, string>;
}

async function findAll<Name extends ProgramName>(
  names: readonly Name[],
  machine: Machine,
): Promise<Partial<Record<Name, string>>> {
  const paths: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const path = await machine.find(PROGRAMS[name].places);
    if (path !== undefined) paths[name] = path;
  }
  return paths;
}

function titles(names: readonly ProgramName[]): string {
  return names.map((name) => PROGRAMS[name].title).join(", ");
}

function howToInstall(names: readonly ProgramName[]): string {
  const apt = names.map((name) => PROGRAMS[name].apt).join(" ");
  const brew = names.map((name) => `brew install ${PROGRAMS[name].brew}`).join(" && ");
  return [
    `Cannot go on: ${titles(names)} not found on this machine. Install with`,
    `  Debian, Ubuntu   sudo apt-get install --no-install-recommends ${apt}`,
    `  macOS            ${brew}`,
    "and run the command again.",
  ].join("\n");
}

/** The first of these paths and names of programs that is an executable, as a path. */
export async function findProgram(places: readonly string[]): Promise<string | undefined> {
  const found = await shell('for place; do command -v "$place" && exit; done; exit 1', places);
  return found.ok ? found.output : undefined;
}

const THIS_MACHINE: Machine = {
  find: findProgram,
  canInstall: async () =>
    (await shell('[ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get', [])).ok,
  install: (packages) => shell('exec 2>&1; sh "$@"', [INSTALL_SCRIPT, ...packages]),
  say: (line) => {
    Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  },
};

async function shell(script: string, args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const result = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    stdin: "null",
    stderr: "null",
  }).output();
  return { ok: result.success, output: new TextDecoder().decode(result.stdout).trim() };
}
