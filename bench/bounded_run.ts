/**
 * A benchmark of bounded figures from its command line to its exit status.
 *
 * @module
 */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { Screen, standardOutput } from "../harness/screen.ts";
import { type Bounded, boundedRow, isKept } from "./bounded.ts";
import { machineLine, thisMachine } from "./machine.ts";
import { Stage } from "./path/stage.ts";

/** One thing to measure; its figures are kept under its name. */
export interface Measure {
  readonly name: string;
  measure(stage: Stage): Promise<readonly Bounded[]>;
}

/** What a command line asks for. */
export interface BoundedRun {
  readonly measures: readonly Measure[];
  /** Null: the figures are only shown. */
  readonly jsonPath: string | null;
}

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

/** A command line that means nothing. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Obeys a command line. Resolves with the exit status: 1 where a bound is not kept, or a measure has failed. */
export async function boundedMain(help: string, parse: () => BoundedRun | "help"): Promise<number> {
  const screen = new Screen(standardOutput());
  try {
    const run = parse();
    if (run !== "help") return await measureAll(screen, run);
    screen.say(help.trimEnd());
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    screen.say(error.message);
    return error instanceof UsageError ? EXIT_USAGE : 1;
  }
}

/** @throws UsageError for a flag that there is not, or one without its value. */
export function parseFlags<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function measureAll(screen: Screen, { measures, jsonPath }: BoundedRun): Promise<number> {
  const startedAt = new Date().toISOString();
  const machine = await thisMachine();
  screen.say(machineLine(machine, null, startedAt));
  const figures: Record<string, readonly Bounded[]> = {};
  await using stage = await Stage.start();
  for (const { name, measure } of measures) {
    const rows = await measure(stage);
    figures[name] = rows;
    screen.rows(rows.map(boundedRow));
  }
  if (jsonPath !== null) {
    await Deno.writeTextFile(jsonPath, `${JSON.stringify({ startedAt, machine, figures }, null, 2)}\n`);
  }
  return Object.values(figures).flat().every(isKept) ? 0 : 1;
}
