/**
 * A Prometheus of one's own, and the tool that checks what is written for one.
 *
 * @module
 */

import { programPaths } from "./programs.ts";
import { Server, type ServerKind } from "./server.ts";
import { answersOk } from "./simulated_discord.ts";

/** A running Prometheus. */
export interface PrometheusServer {
  readonly server: Server;
  /** `http://127.0.0.1:port` */
  readonly url: string;
}

/** Writes the configuration into its data folder, which is its working folder. */
const START = `printf '%s' "$2" >prometheus.yaml
exec "$1" --config.file=prometheus.yaml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$3"`;

/**
 * Starts a Prometheus on a free port; resolves when it answers queries.
 *
 * @param config Text of its configuration. Files that it names must be named by their whole paths.
 * @throws Error when the program is missing, or does not start: a wrong configuration is in the message.
 */
export async function startPrometheus(config: string): Promise<PrometheusServer> {
  const { prometheus } = await programPaths(["prometheus"]);
  const server = await Server.start(prometheusKind(prometheus, config));
  return { server, url: `http://127.0.0.1:${server.ports[0]}` };
}

function prometheusKind(program: string, config: string): ServerKind {
  return {
    title: "Prometheus",
    portCount: 1,
    launch: (_folder, [port]) => ({
      program: "sh",
      args: ["-c", START, "sh", program, config, String(port)],
    }),
    answers: ([port]) => answersOk(`http://127.0.0.1:${port}/-/ready`),
    portTaken: /address already in use/,
  };
}

/** How a run of {@link promtool} ended. */
export interface PromtoolEnd {
  readonly ok: boolean;
  /** All that it printed. */
  readonly output: string;
}

/** Runs `promtool`, which lies beside Prometheus's program, with these arguments. */
export async function promtool(args: readonly string[]): Promise<PromtoolEnd> {
  const { prometheus } = await programPaths(["prometheus"]);
  const { success, stdout } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 2>&1', "sh", prometheus.replace(/[^/]*$/, "promtool"), ...args],
    stdin: "null",
  }).output();
  return { ok: success, output: new TextDecoder().decode(stdout).trim() };
}
