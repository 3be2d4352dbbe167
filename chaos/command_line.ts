/**
 * What may follow `deno task chaos` and `deno task outage`.
 *
 * @module
 */

import { parseArgs } from "node:util";

export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly shards: number;
  /** Gateways that share the shards; one: no fleet. */
  readonly replicas: number;
  readonly eventsPerSecond: number;
  /** Only faults of which one of these words is part; all where there is none. */
  readonly words: readonly string[];
  /** The gateway keeps the state cache, and Redis is compared with what came. */
  readonly isStateKept: boolean;
  /** Shows the plan, and does nothing. */
  readonly planOnly: boolean;
  /** Where to leave the gateway's log and the course of things; null: nowhere. */
  readonly keep: string | null;
}

export type OutageOptions = Omit<ChaosOptions, "replicas" | "words" | "isStateKept" | "planOnly">;

/** A command line that means nothing. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

interface NumberFlag {
  readonly least: number;
  readonly most: number;
  readonly whole: boolean;
}

const NUMBERS = {
  minutes: { least: 0.1, most: 1_440, whole: false },
  seed: { least: 0, most: Number.MAX_SAFE_INTEGER, whole: true },
  shards: { least: 1, most: 128, whole: true },
  replicas: { least: 1, most: 8, whole: true },
  rate: { least: 1, most: 5_000, whole: false },
} as const satisfies Record<string, NumberFlag>;

type NumberName = keyof typeof NUMBERS;

const CHAOS_DEFAULTS = { minutes: 5, seed: 1, shards: 8, replicas: 1, rate: 200 };
const OUTAGE_DEFAULTS = { minutes: 10, seed: 1, shards: 8, rate: 1_000 };

export const CHAOS_HELP =
  `Runs the gateway under faults drawn at random, and holds what came out of the queue against what Discord sent.
Exit status 1 where an event was lost, changed or out of order, or a lost session is not named, or the state
cache is not what it must be, or a replica published an event of a shard whose lease it did not hold.

Usage: deno task chaos [flags]

  --minutes N       how long faults strike (${CHAOS_DEFAULTS.minutes})
  --seed N          same seed, same faults in the same order (${CHAOS_DEFAULTS.seed})
  --shards N        number of shards (${CHAOS_DEFAULTS.shards})
  --replicas N      gateways that share them as a fleet, each with lines of its own; where this machine allows
                    it, each in a network namespace of its own (${CHAOS_DEFAULTS.replicas}: no fleet)
  --rate N          events per second, over all shards (${CHAOS_DEFAULTS.rate})
  --faults WORD,…   only faults with one of these words in their line of --plan: --faults gateway,alarm
  --state           keep the state cache, and hold it against what came out of the queue
  --plan            show the plan, and do nothing
  --keep FOLDER     leave the gateway's log and the course of things there
`;

export const OUTAGE_HELP =
  `Stops RabbitMQ for some minutes while events flow, starts it again, and waits until all of them have come.
Exit status 1 where an event was lost, changed or out of order, or the gateway grew past 300 MB.

Usage: deno task outage [flags]

  --minutes N       how long RabbitMQ is away (${OUTAGE_DEFAULTS.minutes})
  --rate N          events per second, over all shards (${OUTAGE_DEFAULTS.rate})
  --shards N        number of shards (${OUTAGE_DEFAULTS.shards})
  --seed N          same seed, same events (${OUTAGE_DEFAULTS.seed})
  --keep FOLDER     leave the gateway's log there
`;

/**
 * Reads the arguments of `deno task chaos`; `"help"` where help was asked for.
 *
 * @throws UsageError
 */
export function parseChaos(args: readonly string[]): ChaosOptions | "help" {
  const flags = readFlags(args, CHAOS_DEFAULTS, ["faults", "keep"], ["state", "plan"]);
  if (flags === "help") return "help";
  const { minutes, seed, shards, replicas, rate } = readNumbers(flags, CHAOS_DEFAULTS);
  return {
    minutes,
    seed,
    shards,
    replicas,
    eventsPerSecond: rate,
    words: String(flags.faults ?? "").split(",").map((word) => word.trim()).filter(Boolean),
    isStateKept: flags.state === true,
    planOnly: flags.plan === true,
    keep: flags.keep === undefined ? null : String(flags.keep),
  };
}

/**
 * Reads the arguments of `deno task outage`; `"help"` where help was asked for.
 *
 * @throws UsageError
 */
export function parseOutage(args: readonly string[]): OutageOptions | "help" {
  const flags = readFlags(args, OUTAGE_DEFAULTS, ["keep"], []);
  if (flags === "help") return "help";
  const { minutes, seed, shards, rate } = readNumbers(flags, OUTAGE_DEFAULTS);
  const keep = flags.keep === undefined ? null : String(flags.keep);
  return { minutes, seed, shards, eventsPerSecond: rate, keep };
}

type Flags = Readonly<Record<string, unknown>>;

function readFlags(
  args: readonly string[],
  numbers: Partial<Record<NumberName, number>>,
  texts: readonly string[],
  switches: readonly string[],
): Flags | "help" {
  const text = [...Object.keys(numbers), ...texts].map((flag) => [flag, { type: "string" }] as const);
  const on = switches.map((flag) => [flag, { type: "boolean" }] as const);
  try {
    const { values }: { values: Flags } = parseArgs({
      args: [...args],
      options: { ...Object.fromEntries([...text, ...on]), help: { type: "boolean", short: "h" } },
    });
    return values.help === true ? "help" : values;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new UsageError(`${error.message.replace(/\. To specify.*|\.$/s, "")}; --help tells what there is`);
  }
}

/** Of those that have a default. */
function readNumbers<Name extends NumberName>(
  flags: Flags,
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const read: Record<Name, number> = { ...defaults };
  for (const flag of Object.keys(defaults) as Name[]) {
    const text = flags[flag];
    if (text === undefined) continue;
    const { least, most, whole }: NumberFlag = NUMBERS[flag];
    const value = Number(text);
    const fits = text !== "" && value >= least && value <= most && (!whole || Number.isInteger(value));
    if (!fits) {
      throw new UsageError(
        `--${flag} must be a ${
          whole ? "whole " : ""
        }number from ${least} to ${most}: current value is "${text}"`,
      );
    }
    read[flag] = value;
  }
  return read;
}
