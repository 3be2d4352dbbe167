import assert from "node:assert/strict";
import { CommandLineError, flags, helpText, parseCommandLine } from "../../simulator/command_line.ts";
import {
  createKnobs,
  flagOf,
  KNOB_NAMES,
  KNOB_RULES,
  KnobError,
  type Knobs,
  parseKnobs,
} from "../../simulator/knobs.ts";
import type { SimulatorOptions } from "../../simulator/simulator.ts";

/** The rules as one type for all, so that a test can walk them. */
const RULES: Readonly<
  Record<keyof Knobs, {
    readonly default: number | boolean | readonly number[];
    readonly range?: readonly [number, number];
    readonly fraction?: boolean;
  }>
> = KNOB_RULES;

Deno.test("parseCommandLine() without arguments gives the documented defaults and ten events a second", () => {
  assert.deepEqual(parseCommandLine([]), {
    hostname: "127.0.0.1",
    port: 8_080,
    resumePort: 8_081,
    tokens: ["simulated-token"],
    guilds: 20,
    seed: 1,
    ledgerMaxEntries: 500_000,
    eventsPerSecond: 10,
  });
});

Deno.test("parseCommandLine() reads every option", () => {
  const line =
    "--host 0.0.0.0 --port 0 --resume-port 9 --resume-url ws://127.0.0.1:7 --token a --token b --guilds 5 --seed 7 --mix MESSAGE_CREATE=3,TYPING_START=0.5 " +
    "--large-guild-bytes 10 --ledger-entries 0 --shards 16 --rate 12.5 --shuffle-keys --no-acknowledge-heartbeats --keep-session-on 4009,1000 " +
    "--client-id 157730590492196864 --client-secret s --redirect-uri http://a/b --redirect-uri http://a/c " +
    "--person 80351110224678912=nelly --person 80351110224678913=ada";
  assert.deepEqual(parseCommandLine(line.split(" ")), {
    hostname: "0.0.0.0",
    port: 0,
    resumePort: 9,
    resumeUrl: "ws://127.0.0.1:7",
    tokens: ["a", "b"],
    guilds: 5,
    seed: 7,
    mix: { MESSAGE_CREATE: 3, TYPING_START: 0.5 },
    largeGuildBytes: 10,
    ledgerMaxEntries: 0,
    recommendedShards: 16,
    eventsPerSecond: 12.5,
    shuffleKeys: true,
    acknowledgeHeartbeats: false,
    keepSessionOn: [4009, 1000],
    clientId: "157730590492196864",
    clientSecret: "s",
    redirectUris: ["http://a/b", "http://a/c"],
    people: [
      { id: "80351110224678912", username: "nelly", globalName: null },
      { id: "80351110224678913", username: "ada", globalName: null },
    ],
  });
});

Deno.test("parseCommandLine() reads a flag for every knob", () => {
  for (const name of KNOB_NAMES) {
    const { default: value, range = [1000, 4009] } = RULES[name];
    const args = typeof value === "boolean"
      ? [value ? `--no-${flagOf(name)}` : `--${flagOf(name)}`]
      : [`--${flagOf(name)}`, String(range[1])];
    const expected = typeof value === "boolean" ? !value : typeof value === "object" ? [range[1]] : range[1];
    assert.deepEqual((parseCommandLine(args) as SimulatorOptions)[name], expected, name);
  }
});

Deno.test("parseCommandLine() refuses what it does not know, with the flag in the message", () => {
  const wrong: [string[], RegExp][] = [
    [["--nonsense"], /--nonsense/],
    [["stray"], /stray/],
    [["--port"], /--port/],
    [["--port", "eighty"], /--port: "eighty" is not a whole number/],
    [["--rate", "fast"], /--rate: "fast" is not a number/],
    [["--mix", "MESSAGE_CREATE"], /--mix: "" is not a number/],
    [["--paused=1"], /--paused/],
    [["--person", "nelly"], /--person: "nelly" is not ID=USERNAME/],
    [["--person", "1=nelly=ada"], /--person: "1=nelly=ada" is not ID=USERNAME/],
  ];
  for (const [args, message] of wrong) {
    assert.throws(
      () => parseCommandLine(args),
      (error) => error instanceof CommandLineError && message.test(error.message),
    );
  }
  assert.throws(() => parseCommandLine(["--send-limit", "0"]), KnobError);
  assert.throws(() => parseCommandLine(["--send-limit", "1.5"]), KnobError);
});

Deno.test("helpText() names every flag once, aligned, within 110 columns", () => {
  assert.equal(parseCommandLine(["--help"]), "help");
  assert.equal(parseCommandLine(["-h"]), "help");
  const lines = helpText().split("\n");
  assert.deepEqual(lines.filter((line) => line.length > 110), []);
  const { options, knobs } = flags();
  for (const { flag } of [...options, ...knobs]) {
    assert.equal(lines.filter((line) => line.startsWith(`  --${flag} `)).length, 1, flag);
  }
});

Deno.test("simulator/README.md has a row for every flag, with its default and the words of the help", async () => {
  const readme = await Deno.readTextFile(new URL("../../simulator/README.md", import.meta.url));
  const { options, knobs } = flags();
  const rows = [...options, ...knobs].map(({ flag, value, default: otherwise, help }) =>
    `| \`--${flag}${value === "" ? "" : ` ${value}`}\` | ${otherwise} | ${help} |`
  );
  const table = readme.split("\n").filter((line) => line.startsWith("| `--")).map((line) =>
    line.replace(/ +/g, " ")
  );
  assert.deepEqual(table, rows.map((row) => row.replace(/ +/g, " ")));
});

Deno.test("parseKnobs() takes the ends of every range and nothing beyond", () => {
  for (const name of KNOB_NAMES) {
    const { default: value, range, fraction } = RULES[name];
    assert.deepEqual(parseKnobs({ [name]: value }), { [name]: value });
    if (typeof value !== "number" || range === undefined) continue;
    const [least, greatest] = range;
    for (const inside of [least, greatest]) {
      assert.deepEqual(parseKnobs({ [name]: inside }), { [name]: inside });
    }
    const outside = [
      least - 1,
      greatest * 2 + 1,
      NaN,
      Infinity,
      "1",
      null,
      true,
      ...(fraction ? [] : [least + 0.5]),
    ];
    for (const each of outside) {
      assert.throws(() => parseKnobs({ [name]: each }), KnobError, `${name} ${each}`);
    }
  }
});

Deno.test("parseKnobs() refuses what is no setting, no switch and no close code", () => {
  const wrong: Record<string, unknown>[] = [
    { nonsense: 1 },
    { toString: 1 },
    { paused: 1 },
    { paused: "true" },
    ...[999, 1004, 1005, 1006, 1015, 2_999, 5_000, 4_000.5, "4000"].flatMap((code) => [
      { heartbeatCloseCode: code },
      { keepSessionOn: [4_000, code] },
    ]),
    { keepSessionOn: 4_000 },
  ];
  for (const changes of wrong) assert.throws(() => parseKnobs(changes), KnobError, JSON.stringify(changes));
});

Deno.test("createKnobs() fills in the default of every setting that is not given", () => {
  const knobs = createKnobs({ maxConcurrency: 16 });
  assert.deepEqual(Object.keys(knobs), KNOB_NAMES);
  assert.equal(knobs.maxConcurrency, 16);
  assert.equal(knobs.heartbeatIntervalMs, 41_250);
  assert.equal(knobs.trimReplay, false);
});
