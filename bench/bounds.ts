/**
 * `deno task bench:bounds`: everything about the service that has a bound but CPU per event, which is `path.ts`'s: how
 * late events are, memory, idling, starting, resuming, one very large event.
 *
 * @module
 */
import { measureAddedLatency } from "./bounds/added_latency.ts";
import type { Bounded } from "./bounded.ts";
import { boundedMain, type BoundedRun, type Measure, parseFlags, UsageError } from "./bounded_run.ts";
import { measureIdle } from "./bounds/idle.ts";
import { measureKeptGuilds } from "./bounds/kept_guilds.ts";
import { measureLargeGuild } from "./bounds/large_guild.ts";
import { measureMemory, measureSoak } from "./bounds/memory.ts";
import { measureResumes } from "./bounds/resumes.ts";
import { measureScrapedLatency } from "./bounds/scraped_latency.ts";
import { measureStart } from "./bounds/start.ts";
import type { Stage } from "./path/stage.ts";

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

if (import.meta.main) Deno.exit(await boundedMain(HELP, () => parse(Deno.args)));

function parse(args: readonly string[]): BoundedRun | "help" {
  const { help, only = NAMES, minutes, json } = parseFlags(args, {
    help: { type: "boolean" },
    only: { type: "string", multiple: true },
    minutes: { type: "string" },
    json: { type: "string" },
  });
  if (help) return "help";
  const measures: Measure[] = only.filter((name) => name !== "soak").map((name) => {
    if (!isMeasureName(name)) {
      throw new UsageError(`Cannot measure ${name}: there are ${NAMES.join(", ")} and soak`);
    }
    return { name, measure: MEASURES[name] };
  });
  if (minutes === undefined && only.includes("soak")) {
    throw new UsageError("Cannot measure soak: --minutes says for how long");
  }
  if (minutes !== undefined) {
    const count = Number(minutes);
    if (!(count >= 1 && Number.isInteger(count))) {
      throw new UsageError(`Cannot load for ${minutes} minutes: it takes a whole number from 1 on`);
    }
    measures.push({ name: "soak", measure: (stage) => measureSoak(stage, count) });
  }
  return { measures, jsonPath: json ?? null };
}

function isMeasureName(name: string): name is MeasureName {
  return Object.hasOwn(MEASURES, name);
}
