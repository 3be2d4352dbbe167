import assert from "node:assert/strict";
import { parseArguments, UsageError } from "../../demo/command_line.ts";

Deno.test("parseArguments() runs until Ctrl-C without arguments, and for so many minutes with --minutes", () => {
  assert.deepEqual(parseArguments([]), { minutes: null });
  assert.deepEqual(parseArguments(["--minutes", "5"]), { minutes: 5 });
  assert.deepEqual(parseArguments(["--minutes=0.5"]), { minutes: 0.5 });
});

Deno.test("parseArguments() hears a call for help", () => {
  assert.equal(parseArguments(["--help"]), "help");
  assert.equal(parseArguments(["-h"]), "help");
});

for (
  const args of [["--minutes"], ["--minutes", "0"], ["--minutes", "-1"], ["--minutes", "x"], [
    "--minutes=1441",
  ]]
) {
  Deno.test(`parseArguments() refuses "${args.join(" ")}" and says what is allowed`, () => {
    assert.throws(
      () => parseArguments(args),
      (error) =>
        error instanceof UsageError && /--minutes must be a number above 0, 1440 at most/.test(error.message),
    );
  });
}

Deno.test("parseArguments() refuses what it does not know", () => {
  assert.throws(() => parseArguments(["--fast"]), {
    name: "UsageError",
    message: /Unknown argument: --fast/,
  });
});
