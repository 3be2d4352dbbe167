import assert from "node:assert/strict";
import { hasLanguage, languageEnvironment, type LanguageName } from "../../harness/languages.ts";
import { Supervisor } from "../../harness/supervisor.ts";

/** Programs that a machine could have, by their names; the text is a shell script. */
async function withPrograms(
  programs: Readonly<Record<string, string>>,
  test: (path: string) => Promise<void>,
): Promise<void> {
  await using supervisor = await Supervisor.start();
  for (const [name, script] of Object.entries(programs)) {
    const path = `${supervisor.folder}/${name}`;
    await Deno.writeTextFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  await test(supervisor.folder);
}

const RUST = {
  cargo: "echo cargo 1.88.0",
  cc: "echo cc 12",
  rustc: "echo 'rustc 1.88.0 (6b00bc388 2025-06-23)'",
};

const MACHINES: readonly (readonly [string, LanguageName, Readonly<Record<string, string>>, boolean])[] = [
  ["has Python", "python", { python3: "exit 0" }, true],
  ["has a Python that is too old, or lacks venv", "python", { python3: "exit 1" }, false],
  ["has no Python", "python", {}, false],
  ["has Rust", "rust", RUST, true],
  ["has a newer Rust", "rust", { ...RUST, rustc: "echo 'rustc 1.100.0-nightly'" }, true],
  [
    "has a Rust that is too old",
    "rust",
    { ...RUST, rustc: "echo 'rustc 1.87.0 (17067e9ac 2025-05-09)'" },
    false,
  ],
  ["has rustup without a toolchain", "rust", { ...RUST, cargo: "exit 1" }, false],
  ["has no linker", "rust", { cargo: RUST.cargo, rustc: RUST.rustc }, false],
  ["has no Rust", "rust", {}, false],
];

for (const [machine, language, programs, expected] of MACHINES) {
  Deno.test(`hasLanguage() is ${expected} of ${language} on a machine that ${machine}`, () =>
    withPrograms(programs, async (path) => assert.equal(await hasLanguage(language, path), expected)));
}

Deno.test("languageEnvironment() has what pip and Cargo are set up by, and no secret of a bot", () => {
  const names = ["PIP_INDEX_URL", "CARGO_HOME", "RUSTUP_HOME", "BOT_TOKEN"];
  const before = names.map((name) => Deno.env.get(name));
  try {
    for (const name of names) Deno.env.set(name, "here");
    const environment = languageEnvironment();
    assert.deepEqual(names.filter((name) => environment[name] === "here"), names.slice(0, 3));
  } finally {
    for (const [index, name] of names.entries()) {
      const value = before[index];
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
});
