/**
 * What may follow `deno task demo`.
 *
 * @module
 */

export interface DemoOptions {
  /** Ends by itself after so many minutes and says whether every event came through; null: runs until Ctrl-C. */
  readonly minutes: number | null;
}

export const HELP =
  `Shows the gateway at work on this machine: RabbitMQ, Redis, a simulated Discord, the gateway and a small bot.

Usage: deno task demo [--minutes N]

  --minutes N   stop sending after N minutes, and hold what the bot consumed against what Discord sent:
                exit status 1 where they differ
`;

/** A command line that means nothing. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Reads the arguments; `"help"` where help was asked for.
 *
 * @throws UsageError
 */
export function parseArguments(args: readonly string[]): DemoOptions | "help" {
  let minutes: number | null = null;
  const rest = args.flatMap((arg) => arg.startsWith("--minutes=") ? ["--minutes", arg.slice(10)] : [arg]);
  while (rest.length > 0) {
    const flag = rest.shift();
    if (flag === "--help" || flag === "-h") return "help";
    if (flag !== "--minutes") throw new UsageError(`Unknown argument: ${flag}; --help tells what there is`);
    const value = rest.shift() ?? "";
    minutes = Number(value);
    if (value === "" || !(minutes > 0 && minutes <= MINUTES_MAX)) {
      throw new UsageError(
        `--minutes must be a number above 0, ${MINUTES_MAX} at most: current value is "${value}"`,
      );
    }
  }
  return { minutes };
}

/** A day; the simulator's ledger counts on beyond what it lists. */
const MINUTES_MAX = 1_440;
