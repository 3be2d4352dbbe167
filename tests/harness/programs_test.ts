import assert from "node:assert/strict";
import { findProgram, type Machine, programPaths } from "../../harness/programs.ts";

/** A machine that has some programs, and that may be able to install others. */
class FakeMachine implements Machine {
  readonly installs: string[][] = [];
  readonly said: string[] = [];

  constructor(
    readonly places: Set<string>,
    readonly installer: { brings: readonly string[]; fails?: string } | undefined,
  ) {}

  find(places: readonly string[]) {
    return Promise.resolve(places.find((place) => this.places.has(place)));
  }
  canInstall() {
    return Promise.resolve(this.installer !== undefined);
  }
  install(packages: readonly string[]) {
    this.installs.push([...packages]);
    if (this.installer?.fails !== undefined) {
      return Promise.resolve({ ok: false, output: this.installer.fails });
    }
    for (const place of this.installer?.brings ?? []) this.places.add(place);
    return Promise.resolve({ ok: true, output: "" });
  }
  say(line: string) {
    this.said.push(line);
  }
}

const DEBIAN_BROKER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

Deno.test("programPaths() answers with what is installed and neither says nor installs anything", async () => {
  const machine = new FakeMachine(new Set([DEBIAN_BROKER, "redis-server"]), { brings: [] });
  assert.deepEqual(await programPaths(["rabbitmq", "redis"], machine), {
    rabbitmq: DEBIAN_BROKER,
    redis: "redis-server",
  });
  assert.deepEqual([machine.installs, machine.said], [[], []]);
});

Deno.test("programPaths() prefers the broker itself to Debian's wrapper in PATH", async () => {
  const machine = new FakeMachine(new Set(["rabbitmq-server", DEBIAN_BROKER]), undefined);
  assert.equal((await programPaths(["rabbitmq"], machine)).rabbitmq, DEBIAN_BROKER);
});

Deno.test("programPaths() installs all that is missing in one go and says so in one line", async () => {
  const machine = new FakeMachine(new Set(["redis-server"]), { brings: [DEBIAN_BROKER, "chromium"] });
  const paths = await programPaths(["rabbitmq", "redis", "chromium"], machine);
  assert.deepEqual(paths, { rabbitmq: DEBIAN_BROKER, redis: "redis-server", chromium: "chromium" });
  assert.deepEqual(machine.installs, [["rabbitmq-server", "chromium"]]);
  assert.deepEqual(machine.said, [
    "Installing RabbitMQ, Chromium with apt-get (once; no service is started)",
  ]);
});

Deno.test("programPaths() says what is missing and how to install it where it cannot be installed", async () => {
  const machine = new FakeMachine(new Set(["chromium"]), undefined);
  await assert.rejects(programPaths(["rabbitmq", "redis", "chromium"], machine), {
    message: "Cannot go on: RabbitMQ, Redis not found on this machine. Install with\n" +
      "  Debian, Ubuntu   sudo apt-get install --no-install-recommends rabbitmq-server redis-server\n" +
      "  macOS            brew install rabbitmq && brew install redis\n" +
      "and run the command again.",
  });
});

Deno.test("programPaths() shows what the installer printed when it fails", async () => {
  const machine = new FakeMachine(new Set(), { brings: [], fails: "E: no space left" });
  await assert.rejects(
    programPaths(["redis"], machine),
    /apt-get failed\nE: no space left\nCannot go on: Redis/,
  );
});

Deno.test("programPaths() says so when the package did not bring the program", async () => {
  const machine = new FakeMachine(new Set(), { brings: [] });
  await assert.rejects(programPaths(["redis"], machine), /^Error: Cannot go on: Redis not found/);
});

Deno.test("findProgram() finds names in PATH and paths, the first that is there", async () => {
  const shell = await findProgram(["no-such-program", "/nowhere/sh", "sh"]);
  assert.match(shell ?? "", /\/sh$/);
  assert.equal(await findProgram(["/bin/sh", "cat"]), "/bin/sh");
  assert.equal(await findProgram(["no-such-program"]), undefined);
});
