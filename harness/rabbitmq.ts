/**
 * A RabbitMQ broker of one's own.
 *
 * @module
 */

import { connect } from "amqplib";
import { findProgram, programPaths } from "./programs.ts";
import { Server, type ServerKind } from "./server.ts";

/** A running RabbitMQ; its virtual host `/` is empty. */
export interface RabbitServer {
  readonly server: Server;
  /** `amqp://user:password@127.0.0.1:port` */
  readonly url: string;
  /** Of its management interface, with user and password; null without one. */
  readonly managementUrl: string | null;
  /** Who is connected. */
  connections(): Promise<readonly BrokerConnection[]>;
  /** The broker takes it that the machine's memory is short, and lets nobody publish. A restart ends it too. */
  raiseMemoryAlarm(): Promise<void>;
  endMemoryAlarm(): Promise<void>;
}

export interface BrokerConnection {
  /** As its client names it; empty where it does not. */
  readonly name: string;
  readonly channels: number;
}

/** As `rabbitmqctl` tells of it. */
interface ListedConnection {
  readonly client_properties: readonly (readonly [name: string, type: string, value: string])[];
  readonly channels: number;
}

/** Above which part of the machine's memory the alarm is raised, if nobody says otherwise (RabbitMQ docs, Memory Alarms). */
const MEMORY_WATERMARK = 0.4;
const USER = "shardline";

export interface RabbitOptions {
  /** Path of the program; left out, it is looked for, and installed where it is missing. */
  readonly program?: string;
  /** Whether it has its management interface, which takes it seconds to start. */
  readonly hasManagement?: boolean;
}

/**
 * Starts a RabbitMQ on free ports; resolves when it takes connections.
 *
 * After `kill()` the newest durable name may be gone: RabbitMQ 3 answers a declare before its metadata store has
 * written the last record of it, which the next declare does, or two seconds. Messages confirmed in an older queue
 * are kept.
 *
 * @throws Error when the program is missing or does not start.
 */
export async function startRabbit(
  { program, hasManagement = false }: RabbitOptions = {},
): Promise<RabbitServer> {
  const path = program ?? (await programPaths(["rabbitmq"])).rabbitmq;
  const epmd = await findProgram(EPMD_PLACES);
  if (epmd === undefined) throw new Error("Cannot start RabbitMQ: epmd, a part of Erlang, is not in PATH");
  // A password of its own, so that it cannot be taken for another broker that was given the same port.
  const password = crypto.randomUUID();
  const server = await Server.start(rabbitKind(path, epmd, { password, hasManagement }));
  const managementPort = server.ports[3];
  const setWatermark = async (fraction: number) =>
    void await control(path, server, ["set_vm_memory_high_watermark", String(fraction)]);
  return {
    server,
    url: rabbitUrl(server.ports[0], password),
    managementUrl: hasManagement ? `http://${USER}:${password}@127.0.0.1:${managementPort}` : null,
    connections: async () => {
      const listed = await control(path, server, [
        ...["--quiet", "--formatter", "json"],
        ...["list_connections", "client_properties", "channels"],
      ]);
      return (JSON.parse(listed) as ListedConnection[]).map(({ client_properties, channels }) => ({
        name: client_properties.find(([key]) => key === "connection_name")?.[2] ?? "",
        channels,
      }));
    },
    raiseMemoryAlarm: () => setWatermark(0),
    endMemoryAlarm: () => setWatermark(MEMORY_WATERMARK),
  };
}

const EPMD_PLACES = [
  "epmd",
  "/usr/lib/erlang/bin/epmd",
  "/opt/homebrew/bin/epmd",
  "/usr/local/bin/epmd",
  "/home/linuxbrew/.linuxbrew/bin/epmd",
];

/**
 * Erlang's port mapper runs beside the broker, in the same process group: left to itself the broker would start it as
 * a daemon that stays. `epmd -names` succeeds once it listens.
 */
const START = `epmd=$1 broker=$2
if [ -n "$3" ]; then
  echo '[rabbitmq_management].' >"$RABBITMQ_ENABLED_PLUGINS_FILE"
  printf 'management.tcp.ip = 127.0.0.1\\nmanagement.tcp.port = %s\\n' "$3" >"$RABBITMQ_CONFIG_FILE.conf"
fi
"$epmd" -address 127.0.0.1 -port "$ERL_EPMD_PORT" &
until "$epmd" -names >/dev/null 2>&1; do
  kill -s 0 $! 2>/dev/null || exit 1
  sleep 0.05
done
exec "$broker"`;

function rabbitKind(
  program: string,
  epmd: string,
  { password, hasManagement }: { readonly password: string; readonly hasManagement: boolean },
): ServerKind {
  return {
    title: "RabbitMQ",
    portCount: hasManagement ? 4 : 3,
    launch: (folder, [port, distributionPort, epmdPort, managementPort = ""]) => ({
      program: "sh",
      args: ["-c", START, "sh", epmd, program, String(managementPort)],
      env: {
        ...nodeEnvironment(folder, port, epmdPort),
        ERL_EPMD_ADDRESS: "127.0.0.1",
        RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
        RABBITMQ_NODE_PORT: String(port),
        RABBITMQ_DIST_PORT: String(distributionPort),
        RABBITMQ_DEFAULT_USER: USER,
        RABBITMQ_DEFAULT_PASS: password,
        RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq`,
        RABBITMQ_ADVANCED_CONFIG_FILE: `${folder}/advanced`,
        RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/enabled_plugins`,
        RABBITMQ_MNESIA_BASE: `${folder}/data`,
        RABBITMQ_LOG_BASE: `${folder}/log`,
        RABBITMQ_LOGS: "-",
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: ERLANG_ARGUMENTS,
      },
    }),
    answers: ([port]) => takesConnections(rabbitUrl(port, password)),
    portTaken: /eaddrinuse|address (already )?in use|epmd running|already in use/i,
  };
}

/** By which the broker's own tools find the node; no file of the machine's own broker is read or written. */
function nodeEnvironment(
  folder: string,
  port: number | undefined,
  epmdPort: number | undefined,
): Record<string, string> {
  return {
    HOME: folder, // for Erlang's cookie
    LANG: "C.UTF-8",
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_NODENAME: `shardline-${port}@localhost`,
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
  };
}

/** What `rabbitmqctl` prints, which lies beside the broker's program. */
async function control(program: string, server: Server, args: readonly string[]): Promise<string> {
  const [port, , epmdPort] = server.ports;
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@"', "sh", program.replace(/[^/]*$/, "rabbitmqctl"), ...args],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", ...nodeEnvironment(server.folder, port, epmdPort) },
    stdin: "null",
  }).output();
  if (success) return new TextDecoder().decode(stdout);
  const said = [stdout, stderr].map((output) => new TextDecoder().decode(output)).join("").trim();
  throw new Error(`Cannot run rabbitmqctl ${args.join(" ")}: ${said}`);
}

/** Two schedulers that sleep when idle; distribution on 127.0.0.1; no alarm about a disk that is merely small. */
const ERLANG_ARGUMENTS =
  "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1} -rabbit disk_free_limit 10000000";

function rabbitUrl(port: number | undefined, password: string): string {
  return `amqp://${USER}:${password}@127.0.0.1:${port}`;
}

async function takesConnections(url: string): Promise<boolean> {
  try {
    const connection = await connect(url);
    await connection.close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}
