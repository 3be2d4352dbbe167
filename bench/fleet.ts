/**
 * `deno task bench:fleet`: what a fleet of this service does when it is restarted replica by replica, and what it costs
 * by its size.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { Screen, standardOutput } from "../harness/screen.ts";
import { type Bounded, boundedRow, isKept } from "./bounded.ts";
import { measureRollingRestart } from "./fleet/rolling_restart.ts";
import { measureSize, SIZES } from "./fleet/sizes.ts";
import { machineLine, thisMachine } from "./machine.ts";
import { Stage } from "./path/stage.ts";

/** What can be measured, by the names that `--only` takes, in this order. */
const MEASURES: ReadonlyMap<string, (stage: Stage) => Promise<Bounded[]>> = new Map([
  ["restart", measureRollingRestart],
  ...SIZES.map((size) =>
    [`${size.shards}x${size.replicas}`, (stage: Stage) => measureSize(stage, size)] as const
  ),
]);

const HELP = `Measures a fleet of replicas, each a process of its own; takes some 20 minutes.
Exit status 1 where a bound is not kept.

Usage: deno task bench:fleet [flags]

  --only NAME     measure that alone; may be given several times: restart, which is a rolling restart of 4 replicas
                  with 256 shards under 2,000 events/s, or what shards on replicas cost, idle and at 1,000 events/s:
                  ${SIZES.map(({ shards, replicas }) => `${shards}x${replicas}`).join(", ")}
  --json FILE     write the figures there too, to a file below /tmp
`;

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

/** A command line that means nothing. */
class UsageError extends Error {
  override readonly name = "UsageError";
}

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const screen = new Screen(standardOutput());
  try {
    const { help, only = [...MEASURES.keys()], json } = parseFlags(args);
    if (!help) return await run(screen, only, json ?? null);
    screen.say(HELP.trimEnd());
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    screen.say(error.message);
    return error instanceof UsageError ? EXIT_USAGE : 1;
  }
}

function parseFlags(args: readonly string[]) {
  let values;
  try {
    values = parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean" },
        only: { type: "string", multiple: true },
        json: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const unknown = values.only?.find((name) => !MEASURES.has(name));
  if (unknown === undefined) return values;
  throw new UsageError(`Cannot measure ${unknown}: there are ${[...MEASURES.keys()].join(", ")}`);
}

async function run(screen: Screen, names: readonly string[], jsonPath: string | null): Promise<number> {
  const startedAt = new Date().toISOString();
  const machine = await thisMachine();
  screen.say(machineLine(machine, null, startedAt));
  const figures: Record<string, readonly Bounded[]> = {};
  await using stage = await Stage.start();
  for (const [name, measure] of MEASURES) {
    if (!names.includes(name)) continue;
    const rows = await measure(stage);
    figures[name] = rows;
    screen.rows(rows.map(boundedRow));
  }
  if (jsonPath !== null) {
    await Deno.writeTextFile(jsonPath, `${JSON.stringify({ startedAt, machine, figures }, null, 2)}\n`);
  }
  return Object.values(figures).flat().every(isKept) ? 0 : 1;
}
