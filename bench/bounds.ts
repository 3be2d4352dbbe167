/**
 * `deno task bench:bounds`: everything about the service that has a bound but CPU per event, which is `path.ts`'s: how
 * late events are, memory, idling, starting, resuming, one very large event.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Screen, standardOutput } from "../harness/screen.ts";
import { measureAddedLatency } from "./bounds/added_latency.ts";
import { type Bounded, boundedRow, isKept } from "./bounded.ts";
import { measureIdle } from "./bounds/idle.ts";
import { measureKeptGuilds } from "./bounds/kept_guilds.ts";
import { measureLargeGuild } from "./bounds/large_guild.ts";
import { measureMemory, measureSoak } from "./bounds/memory.ts";
import { measureResumes } from "./bounds/resumes.ts";
import { measureScrapedLatency } from "./bounds/scraped_latency.ts";
import { measureStart } from "./bounds/start.ts";
import { machineLine, thisMachine } from "./machine.ts";
import { Stage } from "./path/stage.ts";

/** What can be measured, by the names that `--only` takes, in this order. */
const MEASURES = {
  start: measureStart,
  latency: measureAddedLatency,
  scrape: measureScrapedLatency,
  large: measureLargeGuild,
  kept: measureKeptGuilds,
  resume: measureResumes,
  memory: measureMemory,
  idle: measureIdle,
} as const satisfies Record<string, (stage: Stage) => Promise<Bounded[]>>;

type MeasureName = keyof typeof MEASURES;

const NAMES = Object.keys(MEASURES) as MeasureName[];

const HELP =
  `Measures everything about the service that has a bound, but CPU per event; takes some 25 minutes.
Exit status 1 where a bound is not kept.

Usage: deno task bench:bounds [flags]

  --only NAME     measure that alone; may be given several times: ${NAMES.join(", ")}, soak
  --minutes N     load for so long, and see whether memory stays flat: this is soak
  --json FILE     write the figures there too, to a file below /tmp
`;

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

interface Options {
  readonly names: readonly MeasureName[];
  /** Of the soak; null: none. */
  readonly minutes: number | null;
  readonly jsonPath: string | null;
}

/** A command line that means nothing. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const screen = new Screen(standardOutput());
  try {
    const options = parseOptions(args);
    if (options !== "help") return await run(screen, options);
    screen.say(HELP.trimEnd());
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    screen.say(error.message);
    return error instanceof UsageError ? EXIT_USAGE : 1;
  }
}

function parseOptions(args: readonly string[]): Options | "help" {
  const { help, only = NAMES, minutes, json } = parseFlags(args);
  if (help) return "help";
  const names = only.filter((name) => name !== "soak").map((name) => {
    if (!isMeasureName(name)) {
      throw new UsageError(`Cannot measure ${name}: there are ${NAMES.join(", ")} and soak`);
    }
    return name;
  });
  if (minutes === undefined && only.includes("soak")) {
    throw new UsageError("Cannot measure soak: --minutes says for how long");
  }
  if (minutes !== undefined && !(Number(minutes) >= 1 && Number.isInteger(Number(minutes)))) {
    throw new UsageError(`Cannot load for ${minutes} minutes: it takes a whole number from 1 on`);
  }
  return {
    names,
    minutes: minutes === undefined ? null : Number(minutes),
    jsonPath: json ?? null,
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean" },
        only: { type: "string", multiple: true },
        minutes: { type: "string" },
        json: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function isMeasureName(name: string): name is MeasureName {
  return Object.hasOwn(MEASURES, name);
}

async function run(screen: Screen, { names, minutes, jsonPath }: Options): Promise<number> {
  const startedAt = new Date().toISOString();
  const machine = await thisMachine();
  screen.say(machineLine(machine, null, startedAt));
  const figures: Record<string, readonly Bounded[]> = {};
  await using stage = await Stage.start();
  const show = (name: string, rows: readonly Bounded[]) => {
    figures[name] = rows;
    screen.rows(rows.map(boundedRow));
  };
  for (const name of names) show(name, await MEASURES[name](stage));
  if (minutes !== null) show("soak", await measureSoak(stage, minutes));
  if (jsonPath !== null) {
    await Deno.writeTextFile(jsonPath, `${JSON.stringify({ startedAt, machine, figures }, null, 2)}\n`);
  }
  return Object.values(figures).flat().every(isKept) ? 0 : 1;
}
