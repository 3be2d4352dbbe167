/**
 * A Redis with a replica, and Sentinels that make the replica the master when the other one is down.
 *
 * @module
 */

import { programPaths } from "./programs.ts";
import { answersPing, redisKind, type RedisServer, redisServer } from "./redis.ts";
import { command, untilAnswered } from "./redis_commands.ts";
import { Server, type ServerKind } from "./server.ts";

/** What the Sentinels call the master. */
const MASTER_NAME = "mymaster";
/** A test is not to wait for long until a master that was killed is taken for dead. */
const DOWN_AFTER_MS = 1_000;
const FAILOVER_TIMEOUT_MS = 10_000;

/** Writes its configuration where there is none yet, for it keeps there what it has learnt; then runs it. */
const START_SENTINEL = `program=$1 file=$2
shift 2
[ -f "$file" ] || printf '%s\\n' "$@" >"$file"
exec "$program" "$file" --sentinel`;

export interface WatchedRedis extends AsyncDisposable {
  /** The first one is the master at the beginning, the second one its replica. Both have one password. */
  readonly servers: readonly [RedisServer, RedisServer];
  readonly password: string;
  readonly masterName: string;
  readonly sentinels: readonly [Sentinel, ...Sentinel[]];
  readonly sentinelPassword: string;
  /** Has the Sentinels make the replica the master, both being well; resolves when they have begun. */
  failOver(): Promise<void>;
}

export interface Sentinel {
  readonly server: Server;
  /** `redis://:password@127.0.0.1:port` */
  readonly url: string;
}

/** Starts all of them; resolves when they know each other, and the replica has what the master has. */
export async function startWatchedRedis({ sentinelCount = 1 } = {}): Promise<WatchedRedis> {
  const { redis: program } = await programPaths(["redis"]);
  const password = crypto.randomUUID();
  const sentinelPassword = crypto.randomUUID();
  await using opening = new AsyncDisposableStack();
  const start = async (kind: ServerKind) => opening.use(await Server.start(kind));

  const master = await start(redisKind(program, password, () => replicationArguments(password)));
  const masterPort = master.ports[0] ?? 0;
  const replica = await start(
    redisKind(
      program,
      password,
      () => [...replicationArguments(password), "--replicaof", "127.0.0.1", String(masterPort)],
    ),
  );
  const servers = [redisServer(master, password), redisServer(replica, password)] as const;
  await untilAnswered(
    servers[1].url,
    ["INFO", "replication"],
    (info) => /master_link_status:up/.test(`${info}`),
  );

  const watched = { masterPort, password, quorum: Math.floor(sentinelCount / 2) + 1 };
  const startOne = async () => await startSentinelOn(program, sentinelPassword, watched, start);
  const sentinels: [Sentinel, ...Sentinel[]] = [await startOne()];
  while (sentinels.length < sentinelCount) sentinels.push(await startOne());
  for (const { url } of sentinels) {
    await untilAnswered(
      url,
      ["SENTINEL", "MASTER", MASTER_NAME],
      (master) => fieldsOf(master).get("num-other-sentinels") === String(sentinelCount - 1),
    );
    // One of which it has not heard anything yet it would not make the master.
    await untilAnswered(url, ["SENTINEL", "REPLICAS", MASTER_NAME], (replicas) => {
      const [of] = Array.isArray(replicas) ? replicas.map(fieldsOf) : [];
      return of?.get("flags") === "slave" && of.get("master-link-status") === "ok";
    });
  }
  const opened = opening.move();
  return {
    servers,
    password,
    masterName: MASTER_NAME,
    sentinels,
    sentinelPassword,
    failOver: async () => {
      await command(sentinels[0].url, "SENTINEL", "FAILOVER", MASTER_NAME);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A Sentinel by itself that takes whatever is on a port for the master, and knows of nothing else. */
export async function startSentinel(
  { masterPort, password, sentinelPassword }: {
    readonly masterPort: number;
    readonly password: string;
    readonly sentinelPassword: string;
  },
): Promise<Sentinel> {
  const { redis: program } = await programPaths(["redis"]);
  return await startSentinelOn(program, sentinelPassword, { masterPort, password, quorum: 1 }, Server.start);
}

interface Watched {
  readonly masterPort: number;
  readonly password: string;
  /** How many Sentinels must find it down. */
  readonly quorum: number;
}

async function startSentinelOn(
  program: string,
  sentinelPassword: string,
  watched: Watched,
  start: (kind: ServerKind) => Promise<Server>,
): Promise<Sentinel> {
  const server = await start(sentinelKind(program, sentinelPassword, watched));
  return redisServer(server, sentinelPassword);
}

function replicationArguments(password: string): string[] {
  return ["--masterauth", password, "--repl-diskless-sync-delay", "0"];
}

function sentinelKind(
  program: string,
  sentinelPassword: string,
  { masterPort, password, quorum }: Watched,
): ServerKind {
  return {
    title: "Redis Sentinel",
    portCount: 1,
    launch: (folder, [port]) => ({
      program: "sh",
      args: [
        ...["-c", START_SENTINEL, "sh", program, `${folder}/sentinel.conf`],
        ...["bind 127.0.0.1", `port ${port}`, `dir ${folder}`],
        ...[`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`],
        `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} ${quorum}`,
        `sentinel auth-pass ${MASTER_NAME} ${password}`,
        `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
        `sentinel failover-timeout ${MASTER_NAME} ${FAILOVER_TIMEOUT_MS}`,
      ],
    }),
    answers: ([port]) => answersPing(port ?? 0, sentinelPassword),
    portTaken: /Address already in use/,
  };
}

/** Names and values in turn. */
function fieldsOf(answer: unknown): Map<unknown, unknown> {
  const items: unknown[] = Array.isArray(answer) ? answer : [];
  return new Map(items.flatMap((name, index) => index % 2 === 0 ? [[name, items[index + 1]]] : []));
}
