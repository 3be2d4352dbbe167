import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { programPaths } from "../../harness/programs.ts";
import { type CommandEnd, run, task } from "./command.ts";

const { git } = await programPaths(["git"]);

/** What `deno task release` is made of. */
const FILES = ["deno.json", "deno.lock", "harness/screen.ts"];

/** Nothing of the machine's own settings, and somebody who commits. */
const GIT_ENVIRONMENT = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.org",
};

const HEAD = "# Changelog\n\nWhat has changed.\n\n## Unreleased\n";
const FIRST = "## 0.1.0 - 2026-10-01\n\nFirst release.\n";

/** A project with a release task in a Git repository of its own, which has a remote one. */
class ReleasedProject implements AsyncDisposable {
  private constructor(readonly folder: string, readonly remote: string) {}

  /** One commit, which has all files; no tag. */
  static async create(version: string, changelog: string): Promise<ReleasedProject> {
    const top = await Deno.makeTempDir();
    const created = new ReleasedProject(`${top}/project`, `${top}/remote.git`);
    for (const folder of ["supply", "harness"]) {
      await Deno.mkdir(`${created.folder}/${folder}`, { recursive: true });
    }
    const sources = (await Array.fromAsync(Deno.readDir(`${PROJECT_FOLDER}/supply`))).map(({ name }) =>
      `supply/${name}`
    );
    for (const path of [...FILES, ...sources]) {
      await Deno.copyFile(`${PROJECT_FOLDER}/${path}`, `${created.folder}/${path}`);
    }
    await created.write("CHANGELOG.md", changelog);
    await created.git("init", "--quiet", "--initial-branch=main");
    await created.git("init", "--quiet", "--bare", created.remote);
    await created.git("remote", "add", "origin", created.remote);
    await created.commitVersion(version);
    return created;
  }

  async write(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/${path}`, text);
  }

  changelog(): Promise<string> {
    return Deno.readTextFile(`${this.folder}/CHANGELOG.md`);
  }

  /** Commits all there is, with this subject. */
  async commit(subject: string): Promise<void> {
    await this.git("add", "--all");
    await this.git(
      "commit",
      "--quiet",
      "--allow-empty",
      `--message=${subject}\n\nReasons, which nobody lists.`,
    );
  }

  async commitVersion(version: string): Promise<void> {
    await this.write("deno.json", JSON.stringify({ ...project, version }, null, 2));
    await this.commit(`Call it ${version}`);
  }

  async git(...args: readonly string[]): Promise<string> {
    const { code, output } = await run([git, ...args], { folder: this.folder, env: GIT_ENVIRONMENT });
    assert.equal(code, 0, `git ${args.join(" ")}: ${output}`);
    return output.trim();
  }

  release(...args: readonly string[]): Promise<CommandEnd> {
    return run(task("release", ...args), { folder: this.folder, env: GIT_ENVIRONMENT });
  }

  /** All that a release may change. */
  async state(): Promise<readonly string[]> {
    return [
      await this.git("rev-parse", "HEAD"),
      await this.git("for-each-ref"),
      await this.git("status", "--porcelain"),
      await this.git("diff", "HEAD"),
      await this.git("ls-remote", this.remote),
    ];
  }

  async [Symbol.asyncDispose]() {
    await Deno.remove(this.folder.replace(/\/project$/, ""), { recursive: true });
  }
}

/** A project whose 0.1.0 has been released. */
async function releasedProject(): Promise<ReleasedProject> {
  const created = await ReleasedProject.create("0.1.0", `${HEAD}\n${FIRST}`);
  await created.git("tag", "--annotate", "--message=Release 0.1.0", "v0.1.0");
  return created;
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

Deno.test("A release puts the subjects since the last tag into the changelog, commits and tags it, and pushes nothing", async () => {
  await using released = await releasedProject();
  await released.commit("Add a thing with `code_in_it`");
  await released.git("checkout", "--quiet", "-b", "side");
  await released.commit("Fix another thing");
  await released.git("checkout", "--quiet", "main");
  await released.commit("Say what is wrong, and with what");
  await released.git("merge", "--quiet", "--no-ff", "--message=Merge what was beside", "side");
  await released.commitVersion("0.2.0");

  const { code, output } = await released.release();
  assert.equal(code, 0, output);
  const entry = [
    `## 0.2.0 - ${today()}`,
    "### Added",
    "- Add a thing with `code_in_it`",
    "### Changed",
    "- Say what is wrong, and with what\n- Call it 0.2.0",
    "### Fixed",
    "- Fix another thing",
  ].join("\n\n");
  assert.equal(await released.changelog(), `${HEAD}\n${entry}\n\n${FIRST}`);
  assert(output.startsWith(entry), output);
  assert.equal(await released.git("log", "-1", "--format=%s"), "Release 0.2.0");
  assert.equal(await released.git("diff", "--name-only", "HEAD~1"), "CHANGELOG.md");
  assert.equal(await released.git("cat-file", "-t", "v0.2.0"), "tag");
  assert.equal(await released.git("rev-parse", "v0.2.0^{commit}"), await released.git("rev-parse", "HEAD"));
  assert.equal(await released.git("status", "--porcelain"), "");
  assert.equal(await released.git("ls-remote", released.remote), "");
});

Deno.test("What people wrote below Unreleased is in the entry, and their lists go on with the commits'", async () => {
  await using released = await releasedProject();
  const notes = "Read this before you upgrade.\n\n### Added\n\n- A thing that people tell of\n  in two lines";
  await released.write("CHANGELOG.md", `${HEAD}\n${notes}\n\n${FIRST}`);
  await released.commit("Add a thing");
  await released.commitVersion("0.1.1");
  const { code, output } = await released.release();
  assert.equal(code, 0, output);
  const entry = `## 0.1.1 - ${today()}\n\n${notes}\n- Add a thing\n\n### Changed\n\n- Call it 0.1.1`;
  assert.equal(await released.changelog(), `${HEAD}\n${entry}\n\n${FIRST}`);
});

Deno.test("A first release has what people wrote and no commits; without a word of theirs it is refused", async () => {
  await using released = await ReleasedProject.create("0.1.0", HEAD);
  const before = await released.state();
  assert.deepEqual(await released.release(), {
    code: 1,
    output:
      'Cannot release 0.1.0: its entry would be empty; say below "Unreleased" in CHANGELOG.md what is new\n',
  });
  assert.deepEqual(await released.state(), before);

  await released.write("CHANGELOG.md", `${HEAD}\nFirst release.\n`);
  await released.commit("Say what there is");
  const { code, output } = await released.release();
  assert.equal(code, 0, output);
  assert.equal(await released.changelog(), `${HEAD}\n## 0.1.0 - ${today()}\n\nFirst release.\n`);
});

Deno.test("One release follows the other, each with its own commits", async () => {
  await using released = await releasedProject();
  // Higher as a number than 0.9.0, lower as text.
  for (const version of ["0.9.0", "0.10.0"]) {
    await released.commitVersion(version);
    const { code, output } = await released.release();
    assert.equal(code, 0, output);
  }
  const lists = ["0.10.0", "0.9.0"].map((version) =>
    `## ${version} - ${today()}\n\n### Changed\n\n- Call it ${version}\n`
  );
  assert.equal(await released.changelog(), [`${HEAD}`, ...lists, FIRST].join("\n"));
});

Deno.test("--dry-run shows the entry and what would be done, and does nothing", async () => {
  await using released = await releasedProject();
  await released.commitVersion("0.2.0");
  const before = await released.state();
  const entry = `## 0.2.0 - ${today()}\n\n### Changed\n\n- Call it 0.2.0`;
  assert.deepEqual(await released.release("--dry-run"), {
    code: 0,
    output: `${entry}\n\nWould put this into CHANGELOG.md, commit it, and tag the commit v0.2.0\n`,
  });
  assert.deepEqual(await released.state(), before);
});

/** What is done to a project that is ready to release 0.2.0, and what the release says then. */
const REFUSED: Readonly<
  Record<string, readonly [prepare: (released: ReleasedProject) => Promise<unknown>, said: string]>
> = {
  "a file is changed": [
    (released) => released.write("CHANGELOG.md", `${HEAD}\nMore.\n`),
    "Cannot release 0.2.0: commit these changes first, or take them back\nM CHANGELOG.md\n",
  ],
  "a file is not committed": [
    (released) => released.write("new.ts", ""),
    "Cannot release 0.2.0: commit these changes first, or take them back\n?? new.ts\n",
  ],
  "its tag exists": [
    (released) => released.git("tag", "v0.2.0", "v0.1.0"),
    "Cannot release 0.2.0: there is a tag v0.2.0 already; raise the version in deno.json\n",
  ],
  "the version has not been raised": [
    (released) => released.commitVersion("0.1.0"),
    "Cannot release 0.1.0: there is a tag v0.1.0 already; raise the version in deno.json\n",
  ],
  "a higher version has been released": [
    (released) => released.git("tag", "v0.10.0"),
    "Cannot release 0.2.0: 0.10.0 is higher and has been released; raise the version in deno.json\n",
  ],
  "the version is not three numbers": [
    (released) => released.commitVersion("0.2"),
    "Cannot release 0.2: the version in deno.json must be three numbers, as in 1.2.3\n",
  ],
  "the changelog has its entry": [
    async (released) => {
      await released.write("CHANGELOG.md", `${HEAD}\n## 0.2.0 - 2026-10-02\n\nNews.\n`);
      await released.commit("Write the entry by hand");
    },
    "Cannot release 0.2.0: CHANGELOG.md has an entry of it already; raise the version in deno.json\n",
  ],
  "the changelog is something else": [
    async (released) => {
      await released.write("CHANGELOG.md", "- all is new\n");
      await released.commit("Write it as it comes");
    },
    "Cannot release 0.2.0: CHANGELOG.md is not in the form of Keep a Changelog; mend it\n",
  ],
  "there is no changelog": [
    async (released) => {
      await released.git("rm", "--quiet", "CHANGELOG.md");
      await released.commit("Tell nobody");
    },
    "Cannot release 0.2.0: CHANGELOG.md is not in the form of Keep a Changelog; mend it\n",
  ],
  "Git refuses the commit": [
    (released) => hook(released, "pre-commit", "echo not today >&2; exit 1"),
    "Cannot release 0.2.0: git commit failed\nnot today\n",
  ],
  "Git refuses the tag": [
    (released) => hook(released, "reference-transaction", "! grep -q refs/tags/"),
    "Cannot release 0.2.0: git tag failed\nfatal: ref updates aborted by hook\n",
  ],
};

async function hook(released: ReleasedProject, name: string, script: string): Promise<void> {
  const path = `${released.folder}/.git/hooks/${name}`;
  await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

for (const [when, [prepare, said]] of Object.entries(REFUSED)) {
  Deno.test(`A release is refused, and all is as it was, where ${when}`, async () => {
    await using released = await releasedProject();
    await released.commitVersion("0.2.0");
    await prepare(released);
    const before = await released.state();
    const { code, output } = await released.release();
    assert(output.endsWith(said), output);
    assert.equal(code, 1);
    assert.deepEqual(await released.state(), before);
  });
}

Deno.test("An argument that means nothing is refused with status 64, and --help says what there is", async () => {
  await using released = await releasedProject();
  assert.deepEqual(await released.release("--push"), {
    code: 64,
    output: "Unknown option '--push'; --help tells what there is\n",
  });
  assert.match(
    (await released.release("--help")).output,
    /^Makes a release of .*--dry-run {3}show the entry/s,
  );
});
