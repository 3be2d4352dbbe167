import assert from "node:assert/strict";

const SCRIPT = new URL("../../harness/install.sh", import.meta.url).pathname;

/** A root folder with a stand-in for apt-get that writes down what it was called with and what it then saw. */
class FakeSystem implements AsyncDisposable {
  private constructor(readonly root: string) {}

  /** @param aptGet What the stand-in does after that, as shell text. */
  static async make(aptGet: string, policy?: string): Promise<FakeSystem> {
    const system = new FakeSystem(await Deno.makeTempDir({ dir: "/tmp" }));
    await Deno.mkdir(`${system.root}/usr/sbin`, { recursive: true });
    await Deno.mkdir(`${system.root}/bin`);
    await system.#write("bin/systemctl", 'echo "systemctl $*" >>"$INSTALL_ROOT/calls"');
    await system.#write(
      "bin/apt-get",
      `echo "$1 $DEBIAN_FRONTEND" >>"$INSTALL_ROOT/calls"
       "$INSTALL_ROOT/usr/sbin/policy-rc.d" redis-server start
       echo "policy $?" >>"$INSTALL_ROOT/calls"
       ${aptGet}`,
    );
    if (policy !== undefined) await system.#write("usr/sbin/policy-rc.d", policy);
    return system;
  }

  async install(...packages: string[]): Promise<number> {
    const { code } = await new Deno.Command("sh", {
      args: [SCRIPT, ...packages],
      env: { INSTALL_ROOT: this.root, PATH: `${this.root}/bin:${Deno.env.get("PATH")}` },
      stdin: "null",
    }).output();
    return code;
  }

  async calls(): Promise<string[]> {
    return (await Deno.readTextFile(`${this.root}/calls`)).trim().split("\n");
  }

  /** The names in `usr/sbin`, and the policy's text where there is one. */
  async policies(): Promise<{ names: string[]; text: string | undefined }> {
    const names = (await Array.fromAsync(Deno.readDir(`${this.root}/usr/sbin`))).map(({ name }) => name);
    return {
      names,
      text: names.length === 0 ? undefined : await Deno.readTextFile(this.#path("usr/sbin/policy-rc.d")),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }

  #path(name: string): string {
    return `${this.root}/${name}`;
  }

  async #write(name: string, body: string): Promise<void> {
    await Deno.writeTextFile(this.#path(name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }
}

Deno.test("install.sh forbids service starts while it installs, and leaves no policy behind", async () => {
  await using system = await FakeSystem.make("exit 0");
  assert.equal(await system.install("chromium"), 0);
  assert.deepEqual(await system.calls(), ["install noninteractive", "policy 101"]);
  assert.deepEqual((await system.policies()).names, []);
});

Deno.test("install.sh keeps new services from starting with the machine", async () => {
  await using system = await FakeSystem.make("exit 0");
  assert.equal(await system.install("rabbitmq-server", "chromium", "prometheus"), 0);
  assert.deepEqual((await system.calls()).slice(-2), [
    "systemctl disable --quiet rabbitmq-server",
    "systemctl disable --quiet prometheus",
  ]);
});

Deno.test("install.sh installs Ubuntu's Chromium on Ubuntu", async () => {
  await using system = await FakeSystem.make('echo "$*" >"$INSTALL_ROOT/arguments"');
  await Deno.mkdir(`${system.root}/etc`);
  await Deno.writeTextFile(`${system.root}/etc/os-release`, 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n');
  assert.equal(await system.install("redis-server", "chromium"), 0);
  assert.match(await Deno.readTextFile(`${system.root}/arguments`), / redis-server chromium-browser\n$/);
});

Deno.test("install.sh fetches the package lists only when it does not go without", async () => {
  await using system = await FakeSystem.make(
    '[ "$1" = update ] && touch "$INSTALL_ROOT/lists"; [ -e "$INSTALL_ROOT/lists" ]',
  );
  assert.equal(await system.install("chromium"), 0);
  const commands = (await system.calls()).filter((call) => !call.startsWith("policy"));
  assert.deepEqual(commands.map((call) => call.split(" ")[0]), ["install", "update", "install"]);
});

Deno.test("install.sh fails as apt-get does, and leaves no policy behind", async () => {
  await using system = await FakeSystem.make("exit 100");
  assert.equal(await system.install("chromium"), 100);
  assert.deepEqual((await system.policies()).names, []);
});

Deno.test("install.sh leaves a policy that forbids as it is", async () => {
  await using system = await FakeSystem.make("exit 0", "exit 101 # the owner's");
  assert.equal(await system.install("chromium"), 0);
  assert.deepEqual(await system.policies(), {
    names: ["policy-rc.d"],
    text: "#!/bin/sh\nexit 101 # the owner's\n",
  });
});

Deno.test("install.sh puts a policy that allows aside while it installs, and back afterwards", async () => {
  await using system = await FakeSystem.make("exit 100", "exit 0 # the owner's");
  assert.equal(await system.install("chromium"), 100);
  assert.ok((await system.calls()).includes("policy 101"));
  assert.deepEqual(await system.policies(), {
    names: ["policy-rc.d"],
    text: "#!/bin/sh\nexit 0 # the owner's\n",
  });
});

Deno.test("install.sh restores the policy when it is terminated in the middle", async () => {
  await using system = await FakeSystem.make('kill -s TERM "$PPID"; exit 0', "exit 0 # the owner's");
  assert.equal(await system.install("chromium"), 143);
  assert.deepEqual(await system.policies(), {
    names: ["policy-rc.d"],
    text: "#!/bin/sh\nexit 0 # the owner's\n",
  });
});

Deno.test("install.sh puts back what a killed run had set aside", async () => {
  const killed =
    '[ -e "$INSTALL_ROOT/killed" ] || { touch "$INSTALL_ROOT/killed"; kill -s KILL "$PPID"; }; exit 0';
  await using system = await FakeSystem.make(killed, "exit 0 # the owner's");
  assert.notEqual(await system.install("chromium"), 0);
  assert.equal((await system.policies()).names.length, 2);
  assert.equal(await system.install("chromium"), 0);
  assert.deepEqual(await system.policies(), {
    names: ["policy-rc.d"],
    text: "#!/bin/sh\nexit 0 # the owner's\n",
  });
});
