import assert from "node:assert/strict";
import { CommandLineError, HELP, parseCommandLine } from "./command_line.ts";

Deno.test("parseCommandLine() runs one seed where nothing is asked for", () => {
  assert.deepEqual(parseCommandLine([]), { firstSeed: 1, runs: 1, lines: 200, isVerbose: false });
});

Deno.test("parseCommandLine() reads every flag that the help names", () => {
  const args = ["--seed", "0", "--runs", "20000", "--lines", "5", "--verbose"];
  assert.deepEqual(parseCommandLine(args), { firstSeed: 0, runs: 20_000, lines: 5, isVerbose: true });
  for (const flag of args.filter((arg) => arg.startsWith("--"))) assert.match(HELP, new RegExp(`${flag}\\b`));
  assert.equal(parseCommandLine(["--help"]), "help");
});

Deno.test("parseCommandLine() refuses what makes no sense", () => {
  for (
    const args of [["--seed", "x"], ["--seed", "1.5"], ["--runs", "0"], ["--lines", ""], ["--fast"], ["8"]]
  ) {
    assert.throws(() => parseCommandLine(args), CommandLineError, args.join(" "));
  }
});
