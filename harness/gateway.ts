/**
 * The service as a process of its own, as `deno task start` runs it but for its environment.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };
import { denoProgram } from "./deno_program.ts";
import { Server } from "./server.ts";
import type { Launch } from "./supervisor.ts";
import { answersOk } from "./simulated_discord.ts";

/** Those with which `deno task start` runs it. */
const V8_FLAGS = project.tasks.start.command.match(/--v8-flags=\S+/g) ?? [];

/** Settings with which the state cache keeps all that it can. */
export const ALL_STATE = {
  STATE_ENABLED: "true",
  STATE_MEMBER: "true",
  STATE_MESSAGE: "true",
  STATE_PRESENCE: "true",
  STATE_EMOJI: "true",
  STATE_VOICE: "true",
} as const;

/** A running service. */
export interface Gateway {
  readonly server: Server;
  /** Where `/metrics` and `/readyz` are. */
  readonly monitoringUrl: string;
  readonly dashboardUrl: string;
  /** Where its spool is unless the settings say otherwise: it goes with the server's data. */
  readonly spoolPath: string;
}

/** A machine to run it on. */
export interface GatewayMachine {
  /** Its address, on which the service listens. */
  readonly address: string;
  launchThere(launch: Omit<Launch, "output">): Omit<Launch, "output">;
}

const THIS_MACHINE: GatewayMachine = { address: "127.0.0.1", launchThere: (launch) => launch };

/**
 * Starts the service with exactly these settings, on free ports and with a spool of its own; resolves when
 * it is alive.
 */
export async function startGateway(
  settings: Readonly<Record<string, string>>,
  machine: GatewayMachine = THIS_MACHINE,
): Promise<Gateway> {
  const server = await Server.start({
    title: "the gateway",
    portCount: 2,
    launch: (folder, [monitoringPort, dashboardPort]) =>
      machine.launchThere(denoProgram("main.ts", "service", {
        flags: V8_FLAGS,
        env: {
          SPOOL_PATH: spoolIn(folder),
          ...(machine === THIS_MACHINE ? {} : { PROMETHEUS_HOST: machine.address }),
          ...settings,
          PROMETHEUS_PORT: String(monitoringPort),
          DASHBOARD_PORT: String(dashboardPort),
        },
      })),
    answers: ([port]) => answersOk(`http://${machine.address}:${port}/livez`),
    // The service waits for a taken port rather than end.
    portTaken: /(?!)/,
  });
  const [monitoringUrl = "", dashboardUrl = ""] = server.ports.map((port) =>
    `http://${machine.address}:${port}`
  );
  return { server, monitoringUrl, dashboardUrl, spoolPath: spoolIn(server.folder) };
}

function spoolIn(folder: string): string {
  return `${folder}/spool`;
}
