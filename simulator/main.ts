/**
 * `deno task simulate`: a simulated Discord on this machine, until it is interrupted.
 *
 * @module
 */
import { CommandLineError, helpText, parseCommandLine } from "./command_line.ts";
import { KnobError } from "./knobs.ts";
import {
  DEFAULT_CLIENT_SECRET,
  DEFAULT_TOKEN,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from "./simulator.ts";

/** The status of a command that was called wrongly (sysexits, EX_USAGE). */
const EXIT_USAGE = 64;

async function print(
  text: string,
  stream: typeof Deno.stdout | typeof Deno.stderr = Deno.stdout,
): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode(`${text}\n`));
  writer.releaseLock();
}

/** The end of the simulator by Ctrl-C or by a supervisor. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => resolve();
    Deno.addSignalListener("SIGINT", stop);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
  });
}

function greeting(simulator: Simulator, options: SimulatorOptions): string {
  const [token = DEFAULT_TOKEN] = options.tokens ?? [];
  const { clientSecret = DEFAULT_CLIENT_SECRET } = options;
  return `A simulated Discord is running. Ctrl-C stops it.

  REST             ${simulator.restUrl}
  gateway          ${simulator.gatewayUrl}
  resume gateway   ${simulator.resumeGatewayUrl}
  control API      ${simulator.controlUrl}
  bot token        ${token === DEFAULT_TOKEN ? token : "as given"}
  OAuth2           ${simulator.authorizeUrl}
  client id        ${simulator.control.oauth().clientId}
  client secret    ${clientSecret === DEFAULT_CLIENT_SECRET ? clientSecret : "as given"}

Try:
  curl ${simulator.controlUrl}/state
  curl -X POST ${simulator.controlUrl}/inject -d '{"fault":"reconnect","shard":0}'`;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseCommandLine(args);
    if (options === "help") {
      await print(helpText());
      return 0;
    }
    const simulator = await startSimulator(options);
    await print(greeting(simulator, options));
    await interrupted();
    await simulator.close();
    return 0;
  } catch (error) {
    // A wrong flag, a value out of its range or a port that is taken: one line says so.
    if (!(error instanceof Error)) throw error;
    await print(error.message, Deno.stderr);
    return error instanceof CommandLineError || error instanceof KnobError || error instanceof RangeError
      ? EXIT_USAGE
      : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
