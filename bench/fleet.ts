/**
 * `deno task bench:fleet`: what a fleet of this service does when it is restarted replica by replica, or the number of its
 * shards changes, and what it costs by its size.
 *
 * @module
 */
import type { Bounded } from "./bounded.ts";
import { boundedMain, type BoundedRun, parseFlags, UsageError } from "./bounded_run.ts";
import { measureReshard } from "./fleet/reshard.ts";
import { measureRollingRestart } from "./fleet/rolling_restart.ts";
import { measureSize, SIZES } from "./fleet/sizes.ts";
import type { Stage } from "./path/stage.ts";

/** What can be measured, by the names that `--only` takes, in this order. */
const MEASURES: ReadonlyMap<string, (stage: Stage) => Promise<Bounded[]>> = new Map([
  ["restart", measureRollingRestart],
  ["reshard", measureReshard],
  ...SIZES.map((size) =>
    [`${size.shards}x${size.replicas}`, (stage: Stage) => measureSize(stage, size)] as const
  ),
]);

const HELP = `Measures a fleet of replicas, each a process of its own; takes some 20 minutes.
Exit status 1 where a bound is not kept.

Usage: deno task bench:fleet [flags]

  --only NAME     measure that alone; may be given several times: restart, which is a rolling restart of 4 replicas
                  with 256 shards under 2,000 events/s, reshard, from 16 to 32 shards on 2 replicas under 1,000
                  events/s, or what shards on replicas cost, idle and at 1,000 events/s:
                  ${SIZES.map(({ shards, replicas }) => `${shards}x${replicas}`).join(", ")}
  --json FILE     write the figures there too, to a file below /tmp
`;

if (import.meta.main) Deno.exit(await boundedMain(HELP, () => parse(Deno.args)));

function parse(args: readonly string[]): BoundedRun | "help" {
  const { help, only = [...MEASURES.keys()], json } = parseFlags(args, {
    help: { type: "boolean" },
    only: { type: "string", multiple: true },
    json: { type: "string" },
  });
  if (help) return "help";
  const unknown = only.find((name) => !MEASURES.has(name));
  if (unknown !== undefined) {
    throw new UsageError(`Cannot measure ${unknown}: there are ${[...MEASURES.keys()].join(", ")}`);
  }
  const measures = [...MEASURES].map(([name, measure]) => ({ name, measure }));
  return { measures: measures.filter(({ name }) => only.includes(name)), jsonPath: json ?? null };
}
