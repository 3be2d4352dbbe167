import assert from "node:assert/strict";
import { PROJECT_FOLDER } from "../../harness/deno_program.ts";
import { type CommandEnd, run, task } from "./command.ts";
import { readDenoLock, versionsOf } from "./locks.ts";

Deno.test("deno task licences lists every package of deno.lock, each with a licence that is allowed", async () => {
  const { code, output } = await run(task("licences"), { folder: PROJECT_FOLDER });
  assert.equal(code, 0, output);
  const rows = [...output.matchAll(/^ {2}(\S+) +(\S+) +(\S.*)$/gm)].map(([, name, version, licence]) => ({
    version: `${name} ${version}`,
    licence,
  }));
  assert.deepEqual(rows.map(({ version }) => version).sort(), versionsOf((await readDenoLock()).packages));
  assert.deepEqual(rows.filter(({ licence }) => licence === "none"), []);
  // As their authors have published them.
  assert.equal(rows.find(({ version }) => version.startsWith("axe-core "))?.licence, "MPL-2.0");
  assert.equal(rows.find(({ version }) => version.startsWith("tslib "))?.licence, "0BSD");
  assert.match(output, new RegExp(`^${rows.length} packages: \\d+ MIT, `, "m"));
});

/** What the program says of packages with these package.json. */
async function licencesOf(packages: Readonly<Record<string, unknown>>): Promise<CommandEnd> {
  const folder = await Deno.makeTempDir();
  try {
    const npmPackages: Record<string, unknown> = {};
    for (const [name, content] of Object.entries(packages)) {
      const localPath = `${folder}/${name}`;
      await Deno.mkdir(localPath);
      await Deno.writeTextFile(`${localPath}/package.json`, JSON.stringify(content));
      npmPackages[`${name}@1.0.0`] = { name, version: "1.0.0", localPath };
    }
    return await runLicences(JSON.stringify({ npmPackages }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function runLicences(input: string): Promise<CommandEnd> {
  const program = [Deno.execPath(), "run", "-q", "--no-prompt", "-P=licences", "supply/licences.ts"];
  return run(program, { folder: PROJECT_FOLDER, input });
}

Deno.test("A licence that is missing or not allowed is named, in a line for each", async () => {
  const { code, output } = await licencesOf({
    silent: {},
    old: { licenses: [{ type: "MIT" }] },
    strict: { license: "AGPL-3.0-only" },
    // What axe-core may have is for axe-core.
    weak: { license: "MPL-2.0" },
    "axe-core": { license: "MPL-2.0" },
    free: { license: "MIT" },
  });
  assert.equal(code, 1);
  assert.deepEqual(output.trimEnd().split("\n").slice(-5), [
    "6 packages: 2 MPL-2.0, 2 none, 1 MIT, 1 AGPL-3.0-only",
    "Cannot use old 1.0.0: its package.json names no licence",
    "Cannot use silent 1.0.0: its package.json names no licence",
    "Cannot use strict 1.0.0: its licence, AGPL-3.0-only, is not in supply/allowed_licences.ts",
    "Cannot use weak 1.0.0: its licence, MPL-2.0, is not in supply/allowed_licences.ts",
  ]);
});

Deno.test("It says so where it is not told which packages there are", async () => {
  for (const input of ["", "{}", "error: no such module"]) {
    assert.deepEqual(await runLicences(input), {
      code: 1,
      output:
        "Cannot list licences: deno info did not say which packages there are; use deno task licences\n",
    });
  }
});
