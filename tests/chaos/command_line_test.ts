import assert from "node:assert/strict";
import { CHAOS_HELP, OUTAGE_HELP, parseChaos, parseOutage, UsageError } from "../../chaos/command_line.ts";

Deno.test("parseChaos() has a default for everything", () => {
  assert.deepEqual(parseChaos([]), {
    minutes: 5,
    seed: 1,
    shards: 8,
    replicas: 1,
    eventsPerSecond: 200,
    words: [],
    isStateKept: false,
    planOnly: false,
    keep: null,
  });
});

Deno.test("parseChaos() reads every flag", () => {
  const line =
    "--minutes 0.5 --seed=9 --shards 2 --replicas 3 --rate 12.5 --faults gateway,,alarm --state --plan --keep /tmp/here";
  assert.deepEqual(parseChaos(line.split(" ")), {
    minutes: 0.5,
    seed: 9,
    shards: 2,
    replicas: 3,
    eventsPerSecond: 12.5,
    words: ["gateway", "alarm"],
    isStateKept: true,
    planOnly: true,
    keep: "/tmp/here",
  });
});

Deno.test("parseOutage() has a default for everything, and reads every flag", () => {
  const defaults = { minutes: 10, seed: 1, shards: 8, eventsPerSecond: 1_000, keep: null };
  assert.deepEqual(parseOutage([]), defaults);
  assert.deepEqual(parseOutage(["--minutes", "60", "--rate", "500", "--keep", "k"]), {
    ...defaults,
    minutes: 60,
    eventsPerSecond: 500,
    keep: "k",
  });
});

Deno.test("parseChaos() and parseOutage() hear a call for help", () => {
  for (const parse of [parseChaos, parseOutage]) {
    for (const flag of ["--help", "-h"]) assert.equal(parse([flag]), "help");
  }
});

Deno.test("CHAOS_HELP and OUTAGE_HELP keep to 110 columns", () => {
  for (const line of `${CHAOS_HELP}${OUTAGE_HELP}`.split("\n")) assert(line.length <= 110, line);
});

Deno.test("parseOutage() knows nothing of replicas, and parseChaos() of no more than 8", () => {
  assert.throws(() => parseOutage(["--replicas", "2"]), /Unknown option '--replicas'/);
  assert.throws(
    () => parseChaos(["--replicas", "9"]),
    /--replicas must be a whole number from 1 to 8: current value is "9"/,
  );
});

for (
  const [args, message] of [
    [["--minutes", "0"], '--minutes must be a number from 0.1 to 1440: current value is "0"'],
    [["--minutes="], '--minutes must be a number from 0.1 to 1440: current value is ""'],
    [["--rate", "fast"], '--rate must be a number from 1 to 5000: current value is "fast"'],
    [["--shards", "1.5"], '--shards must be a whole number from 1 to 128: current value is "1.5"'],
    [["--nonsense"], "Unknown option '--nonsense'; --help tells what there is"],
    [["stray"], /stray/],
  ] as const
) {
  Deno.test(`parseChaos() and parseOutage() refuse "${args.join(" ")}" and say what is allowed`, () => {
    for (const parse of [parseChaos, parseOutage]) {
      assert.throws(() => parse(args), (error) => {
        assert(error instanceof UsageError);
        if (typeof message === "string") assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      });
    }
  });
}
