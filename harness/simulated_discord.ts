/**
 * The simulated Discord as a process of its own.
 *
 * @module
 */

import { denoProgram } from "./deno_program.ts";
import { Server } from "./server.ts";

/** A running simulator. */
export interface SimulatedDiscord {
  readonly server: Server;
  /** Base of REST, for `API_URL`. */
  readonly restUrl: string;
  /** Base of the control API. */
  readonly controlUrl: string;
}

/** Starts one on free ports with these flags of `deno task simulate`; resolves when its control API answers. */
export async function startSimulatedDiscord(flags: readonly string[]): Promise<SimulatedDiscord> {
  const server = await Server.start({
    title: "the simulated Discord",
    portCount: 2,
    launch: (_folder, [port, resumePort]) =>
      denoProgram("simulator/main.ts", "simulator", {
        args: ["--port", String(port), "--resume-port", String(resumePort), ...flags],
      }),
    answers: ([port]) => answersOk(`http://127.0.0.1:${port}/control/state`),
    portTaken: /in use/i,
  });
  const address = `http://127.0.0.1:${server.ports[0]}`;
  return { server, restUrl: `${address}/api`, controlUrl: `${address}/control` };
}

/** Whether a GET is answered with 200. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.ok;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}
