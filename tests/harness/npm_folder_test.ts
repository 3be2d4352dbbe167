import assert from "node:assert/strict";
import { NpmFolder } from "../../harness/npm_folder.ts";

const SOURCE = new URL("../docs/simulator_bot", import.meta.url);

Deno.test("NpmFolder holds what its lock file names and what is written, and is gone with its end", async () => {
  const folder = await NpmFolder.install(SOURCE);
  const { path } = folder;
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", 'cd "$1" && ls', "sh", path],
  }).output();
  assert.deepEqual(
    new TextDecoder().decode(stdout).trim().split("\n").filter((name) => name !== "output.log"),
    [
      "node_modules",
      "package-lock.json",
      "package.json",
    ],
  );
  const text = "a 'quoted' $text %s\n";
  await folder.write("note.txt", text);
  const installed = JSON.parse(await Deno.readTextFile(`${path}/node_modules/discord.js/package.json`));
  const { dependencies } = JSON.parse(await Deno.readTextFile(`${path}/package.json`));
  assert.equal(installed.version, dependencies["discord.js"]);
  assert.equal(await Deno.readTextFile(`${path}/note.txt`), text);
  await assert.rejects(folder.write("no/folder/note.txt", text), /^Error: Cannot write .*note\.txt$/);
  await folder[Symbol.asyncDispose]();
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
});

Deno.test("NpmFolder.install() says what to do where Node, npm or what npm fetches is missing", async () => {
  await assert.rejects(
    NpmFolder.install(SOURCE, { node: "no-such-node" }),
    /^Error: Cannot find Node.js in PATH: install Node.js 20 or later with npm, and run the command again$/,
  );
  await assert.rejects(
    NpmFolder.install(SOURCE, { npm: "no-such-npm" }),
    /^Error: Cannot find npm in PATH: install/,
  );
  await assert.rejects(
    NpmFolder.install(SOURCE, { npm: "false" }),
    /^Error: Cannot install packages for Node: npm ci ended with status 1; see that it can reach its registry\n$/,
  );
});
