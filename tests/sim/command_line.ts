/**
 * The command line of the simulation.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** A command line that makes no sense. */
export class CommandLineError extends Error {
  override name = "CommandLineError";
}

export interface SimOptions {
  readonly firstSeed: number;
  readonly runs: number;
  /** Whether a failure prints every line, or only the changes of somebody's state. */
  readonly isVerbose: boolean;
  /** Lines printed of a failure. */
  readonly lines: number;
}

const DEFAULTS = { seed: "1", runs: "1", lines: "200" } as const;

export const HELP =
  `A deterministic simulation: the gateway's core with everything around it failing at random, in virtual time.
A third of the seeds runs several gateways that share the shards.
One seed is one history; after it nothing may be lost, out of order, or unsaid.

Usage: deno task sim [flags]

  --seed N    first seed (${DEFAULTS.seed})
  --runs N    number of seeds, counted on from the first (${DEFAULTS.runs})
  --lines N   lines of history that a failure prints (${DEFAULTS.lines})
  --verbose   print every line of them, not only changes of state

Example: replay the history of one seed
  deno task sim --seed 8123 --verbose
`;

/** What the arguments say; "help" where help is asked for. Throws {@link CommandLineError} where they make no sense. */
export function parseCommandLine(args: readonly string[]): SimOptions | "help" {
  const { seed, runs, lines, verbose, help } = readFlags(args);
  if (help) return "help";
  return {
    firstSeed: wholeNumber("seed", seed, 0),
    runs: wholeNumber("runs", runs, 1),
    lines: wholeNumber("lines", lines, 1),
    isVerbose: verbose,
  };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: "string", default: DEFAULTS.seed },
        runs: { type: "string", default: DEFAULTS.runs },
        lines: { type: "string", default: DEFAULTS.lines },
        verbose: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new CommandLineError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(flag: string, text: string, least: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < least) {
    throw new CommandLineError(`Cannot read --${flag}: "${text}" is not a whole number from ${least} on`);
  }
  return Number(text);
}
