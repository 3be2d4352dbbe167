/**
 * `deno task sim`: simulated histories, one a seed, until the first that breaks a promise.
 *
 * @module
 */
import { CommandLineError, HELP, parseCommandLine, type SimOptions } from "./command_line.ts";
import { Tally } from "./tally.ts";
import { runWorld, type Verdict } from "./world.ts";

/** The status of a command that was called wrongly (sysexits, EX_USAGE). */
const EXIT_USAGE = 64;

async function print(text: string, stream: typeof Deno.stdout | typeof Deno.stderr): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode(`${text}\n`));
  writer.releaseLock();
}

function failureText(seed: number, verdict: Verdict, { isVerbose, lines }: SimOptions): string {
  const last = verdict.history.last(isVerbose ? "detail" : "state").slice(-lines);
  return [
    ...last,
    "",
    `plan: ${JSON.stringify(verdict.plan)}`,
    `seed ${seed}: ${verdict.failure}`,
    `replay with: deno task sim --seed ${seed}`,
  ].join("\n");
}

async function run(options: SimOptions): Promise<number> {
  const { firstSeed, runs, lines } = options;
  const tally = new Tally();
  const startedAtMs = performance.now();
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const verdict = await runWorld(seed, lines);
    tally.add(verdict);
    if (verdict.failure === null) continue;
    await print(failureText(seed, verdict, options), Deno.stderr);
    return 1;
  }
  await print(tally.text({ firstSeed, tookMs: performance.now() - startedAtMs }), Deno.stdout);
  return 0;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseCommandLine(args);
    if (options !== "help") return await run(options);
    await print(HELP, Deno.stdout);
    return 0;
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    await print(error.message, Deno.stderr);
    return EXIT_USAGE;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
