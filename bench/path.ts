/**
 * `deno task bench`: what an event costs on its whole way, from Discord to the bot, beside what people write in place of
 * this service. Discord, gateway, servers and bot are processes of their own.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ALL_STATE } from "../harness/gateway.ts";
import { Screen, standardOutput } from "../harness/screen.ts";
import { Contenders } from "./contenders.ts";
import { boundedRow, isKept } from "./bounded.ts";
import { machineLine, thisMachine } from "./machine.ts";
import { cpuBounds } from "./path/cpu_bounds.ts";
import { configured, contender, type MeasuredGateway, SHARDLINE, traced } from "./path/gateways.ts";
import { measure, type Measured, multiples, PACED_PER_SECOND, type Run } from "./path/measure.ts";
import { Stage } from "./path/stage.ts";
import { type Work, workTitle } from "./path/work.ts";
import { type Spread, spreadOf } from "./spread.ts";

/** All others differ from it in one thing. */
const USUAL: Work = { bodies: 800, compression: "zlib-stream", shards: 16 };
const BODIES = [300, 800, 3_000, "mix"] as const;
const COMPRESSIONS = ["zlib-stream", "zstd-stream", "none"] as const;
const SHARDS = [1, 16, 256, 1_024] as const;

/** The default of `TRACE_RATIO`, and what costs most. */
const TRACED_RATIOS = [0.01, 1] as const;

const REPEATS = 3;

const HELP =
  `Measures what an event costs on its whole way, beside what people write in place of this service.
Takes some forty minutes; machines are noisy, so what is compared takes turns. Exit status 1 where a bound is not kept.

Usage: deno task bench [flags]

  --usual        only the usual case: messages of 800 bytes, zlib-stream, 16 shards
  --all          every size with every compression and every number of shards; takes hours
  --alone        this service alone
  --traced       this service alone, in the usual case: with no event traced, one in a hundred, and all of them
  --state        this service alone, with the mix: without the state cache, with all of it, and with "old" besides
  --workers      this service alone, with 16 and 256 shards on the main thread, and on two workers
  --repeats N    how often each is measured (${REPEATS})
  --json FILE    write all figures there too, to a file below /tmp
`;

async function main(args: readonly string[]): Promise<number> {
  const screen = new Screen(standardOutput());
  const flags = parseFlags(args);
  if (typeof flags === "string") {
    screen.say(flags);
    return 64; // EX_USAGE of sysexits.h
  }
  if (flags.help) {
    screen.say(HELP.trimEnd());
    return 0;
  }
  const works = flags.state
    ? [{ ...USUAL, bodies: "mix" } as const]
    : flags.workers
    ? [USUAL, { ...USUAL, shards: 256 }]
    : flags.usual || flags.traced
    ? [USUAL]
    : flags.all
    ? allWorks()
    : variedWorks();
  const others = flags.traced
    ? TRACED_RATIOS.map(traced)
    : flags.state
    ? [configured("state cache", ALL_STATE), configured("the same, old", { ...ALL_STATE, STATE_OLD: "true" })]
    : flags.workers
    ? [configured("two workers", { CLUSTERS: "2" })]
    : null;
  await using contenders = flags.alone || others !== null ? null : await Contenders.install();
  const gateways = contenders === null
    ? [SHARDLINE, ...others ?? []]
    : [SHARDLINE, contender(contenders, "discordjs"), contender(contenders, "discordeno")];
  const machine = await thisMachine();
  const startedAt = new Date().toISOString();
  screen.say(machineLine(machine, contenders?.nodeVersion ?? null, startedAt));
  const measured = await measureInTurns(works, gateways, flags.repeats, {
    begins: (turn) => screen.say(`turn ${turn} of ${flags.repeats}`),
    done: (work, ofWork) => {
      screen.say(`\n${workTitle(work)}`);
      screen.rows([HEADINGS, ...ofWork.map((one) => row(one, ofWork[0]?.runs ?? []))]);
    },
  });
  const bounds = cpuBounds(measured, USUAL);
  screen.say("");
  screen.rows(bounds.map(boundedRow));
  if (flags.json !== undefined) {
    const figures = { startedAt, machine, node: contenders?.nodeVersion ?? null, measured, bounds };
    await Deno.writeTextFile(flags.json, `${JSON.stringify(figures, null, 2)}\n`);
  }
  return bounds.every(isKept) ? 0 : 1;
}

function parseFlags(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", default: false },
        usual: { type: "boolean", default: false },
        all: { type: "boolean", default: false },
        alone: { type: "boolean", default: false },
        traced: { type: "boolean", default: false },
        state: { type: "boolean", default: false },
        workers: { type: "boolean", default: false },
        repeats: { type: "string", default: String(REPEATS) },
        json: { type: "string" },
      },
    });
    const repeats = Number(values.repeats);
    if (Number.isInteger(repeats) && repeats >= 1) return { ...values, repeats };
    return `Cannot measure ${values.repeats} times: it takes a whole number from 1 on`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The usual work, and all that differ from it in one thing; first those that it is compared with. */
function variedWorks(): Work[] {
  const others: Work[] = [
    ...SHARDS.toReversed().map((shards) => ({ ...USUAL, shards })),
    ...BODIES.map((bodies) => ({ ...USUAL, bodies })),
    ...COMPRESSIONS.map((compression) => ({ ...USUAL, compression })),
  ];
  return [USUAL, ...others.filter((work) => workTitle(work) !== workTitle(USUAL))];
}

function allWorks(): Work[] {
  return BODIES.flatMap((bodies) =>
    COMPRESSIONS.flatMap((compression) => SHARDS.map((shards) => ({ bodies, compression, shards })))
  );
}

interface TurnEvents {
  /** The first turn is 1. */
  begins(turn: number): void;
  /** All runs of this work are done. */
  done(work: Work, ofWork: readonly Measured[]): void;
}

/**
 * All works with all gateways in turn, again and again, each time another gateway first: what slows the machine down for
 * a while slows all of them down.
 */
async function measureInTurns(
  works: readonly Work[],
  gateways: readonly MeasuredGateway[],
  repeats: number,
  events: TurnEvents,
): Promise<Measured[]> {
  await using stage = await Stage.start();
  const turns = works.map((work) => ({
    work,
    able: gateways.filter((gateway) => gateway.knows(work)).map((gateway) => ({
      gateway,
      runs: [] as Run[],
    })),
  }));
  const measured: Measured[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    events.begins(repeat + 1);
    for (const { work, able } of turns) {
      const first = repeat % able.length;
      for (const { gateway, runs } of [...able.slice(first), ...able.slice(0, first)]) {
        runs.push(await measure(stage, gateway, work));
      }
      if (repeat < repeats - 1) continue;
      const ofWork = able.map(({ gateway, runs }) => ({ work, gateway: gateway.title, runs }));
      events.done(work, ofWork);
      measured.push(...ofWork);
    }
  }
  return measured;
}

const HEADINGS: [string, ...string[]] = [
  "as fast as taken, then",
  "µs an event",
  "",
  "ratio",
  "events/s",
  `µs at ${PACED_PER_SECOND.toLocaleString("en")}/s`,
  "ratio",
  "added ms, p50",
  "p99",
  "p99.9",
  "MB",
  "Redis: scripts",
  "commands",
];

function row({ gateway, runs }: Measured, ours: readonly Run[]): [string, ...string[]] {
  const of = (figure: (run: Run) => number) => spreadOf(runs.map(figure));
  const ratio = (figure: (run: Run) => number) =>
    ours === runs ? "" : `1 : ${spreadOf(multiples(runs, ours, figure)).median.toFixed(1)}`;
  const fast = of(({ fastCpuUs }) => fastCpuUs);
  return [
    gateway,
    fast.median.toFixed(1),
    inBrackets(fast),
    ratio(({ fastCpuUs }) => fastCpuUs),
    Math.round(of(({ fastPerSecond }) => fastPerSecond).median).toLocaleString("en"),
    of(({ pacedCpuUs }) => pacedCpuUs).median.toFixed(1),
    ratio(({ pacedCpuUs }) => pacedCpuUs),
    of(({ addedMs }) => addedMs.p50Ms).median.toFixed(2),
    of(({ addedMs }) => addedMs.p99Ms).median.toFixed(2),
    of(({ addedMs }) => addedMs.p999Ms).median.toFixed(2),
    (of(({ memoryBytes }) => memoryBytes).median / 1e6).toFixed(0),
    of(({ redis }) => redis.scripts).median.toFixed(2),
    of(({ redis }) => redis.commands).median.toFixed(2),
  ];
}

function inBrackets({ least, most }: Spread): string {
  return `(${least.toFixed(1)}–${most.toFixed(1)})`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
