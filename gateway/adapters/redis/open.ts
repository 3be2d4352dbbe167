/**
 * Connections to whichever Redis server takes our writes now: the one there is, the master that Sentinels name, or the
 * node of a cluster that owns our keys. The dashboard makes its own in the same way.
 *
 * Each is a plain connection to one server, in a cluster too: all keys are in one slot there, because scripts use many of
 * them at once, and so one node has them all. Redirecting single commands, as cluster clients do, would gain nothing; and
 * whoever repeats, and tells of losses, would be a library that does not know what must not be lost. So there is one way
 * for all three: a server that is no longer the right one is left, and before each connection is asked anew which one is.
 *
 * @module
 */
import { createConnection, type NetConnectOpts, Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { AbstractConnector, Redis, type RedisOptions } from "ioredis";
import { sleepUntil, systemClock } from "../../clock.ts";
import { failureText } from "../../failure.ts";
import {
  type HostAndPort,
  hostAndPort,
  redisAddress,
  type RedisCluster,
  type RedisLogin,
  type RedisSentinels,
  type RedisServers,
  serverPlace,
} from "../../protocol/redis_servers.ts";

/** Who is asked where to connect has the answer at hand. There are others to ask, and a failover is not to wait. */
const LOOK_UP_TIMEOUT_MS = 2_000;
const DISCONNECT_TIMEOUT_MS = 200;
/**
 * Sentinels make another server the master while the old one, where it lives, goes on taking writes for ten seconds, which
 * are lost. So they are asked as long as a connection stands.
 */
const WATCH_EVERY_MS = 1_000;

/** Whether the server says that it is not, or not any more, the one that takes our writes. */
export function isOfAnotherServer(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const causes = "previousErrors" in error && Array.isArray(error.previousErrors) ? error.previousErrors : [];
  // A script's words are before it: `ERR Error running script …: -READONLY …` until Redis 7.
  return [error, ...causes].some(({ name, message }) =>
    name === "ReplyError" && /(?:^|[ -])(?:READONLY|MOVED|CLUSTERDOWN) /.test(message)
  );
}

/** Whether the connection takes commands. One that does not has lost what it was asked, and says so itself. */
export function isSound(redis: Redis): boolean {
  return redis.status === "ready" && redis.stream.writable;
}

/** Finds the server that takes our writes. Of several that may be asked it begins with another one each time. */
export class RedisLocator {
  readonly servers: RedisServers;
  readonly #prefix: string;
  #lookUps = 0;
  /** Nodes of the cluster as it was seen last: those that were given may all be gone by now. */
  #knownNodes: readonly HostAndPort[] = [];
  #place: HostAndPort | null = null;
  #watching: Promise<unknown> = Promise.resolve();

  /**
   * @param prefix What all keys begin with. Its hash tag says where they are in a cluster.
   * @throws TypeError for what is not a URL.
   */
  constructor(servers: RedisServers, prefix: string) {
    this.servers = servers;
    this.#prefix = prefix;
    redisAddress(servers);
  }

  /** Of what was found last, or of all that were asked in vain; never with a password. */
  get address(): string {
    return this.#place === null ? redisAddress(this.servers) : hostAndPort(this.#place);
  }

  /** Rejects where nobody says it, with what each has answered. */
  async find(over: AbortSignal): Promise<HostAndPort> {
    this.#place = null;
    this.#place = await this.#look(over);
    return this.#place;
  }

  /** Calls back once where Sentinels name another master than this one, as long as it is not over. */
  watch(place: HostAndPort, over: AbortSignal, moved: (error: Error) => void): void {
    const { servers } = this;
    // A node of a cluster says itself when it is no longer the owner, and a single server knows no other.
    if (!("sentinels" in servers)) return;
    this.#watching = this.#watch(servers, hostAndPort(place), over).then((master) => {
      if (master !== null) moved(new Error(`the Sentinels name another master: ${master}`));
    });
  }

  /** Resolves once the Sentinels are not asked any more, after it was over. */
  async left(): Promise<void> {
    await this.#watching;
  }

  /** Resolves with another master, or with null once it is over. */
  async #watch(servers: RedisSentinels, address: string, over: AbortSignal): Promise<string | null> {
    const pause = () => sleepUntil(systemClock, systemClock.nowMs() + WATCH_EVERY_MS, over);
    let master = address;
    const untilMoved = async (redis: Redis) => {
      while (!over.aborted && master === address) {
        await pause();
        master = hostAndPort(await masterOf(redis, servers));
      }
    };
    const login = sentinelLogin(servers);
    for (let tries = 0; !over.aborted && master === address; tries++) {
      const sentinel = servers.sentinels[(this.#lookUps + tries) % servers.sentinels.length];
      // Whoever does not answer says nothing against this master, and is not the only one.
      if (sentinel !== undefined) await ask(sentinel, login, over, untilMoved).catch(pause);
    }
    return over.aborted ? null : master;
  }

  #look(over: AbortSignal): Promise<HostAndPort> {
    const { servers } = this;
    if ("url" in servers) return Promise.resolve(serverPlace(servers));
    if ("sentinels" in servers) {
      return this.#askInTurn(servers.sentinels, (sentinel) => askSentinel(sentinel, servers, over));
    }
    return this.#askInTurn([...servers.clusterNodes, ...this.#knownNodes], async (node) => {
      const { owner, nodes } = await askNode(node, servers, this.#prefix, over);
      this.#knownNodes = nodes;
      return owner;
    });
  }

  /** One that is cut off from the others may answer for long what is no longer true: it is not asked first for ever. */
  async #askInTurn(
    places: readonly HostAndPort[],
    ask: (place: HostAndPort) => Promise<HostAndPort>,
  ): Promise<HostAndPort> {
    const failures: string[] = [];
    const first = this.#lookUps++ % places.length;
    for (const place of [...places.slice(first), ...places.slice(0, first)]) {
      try {
        return await ask(place);
      } catch (error) {
        failures.push(`${hostAndPort(place)}: ${failureText(error)}`);
      }
    }
    throw new Error([...new Set(failures)].join("; "));
  }
}

/** What is left out decides on the types of answers. */
type Options = Omit<RedisOptions, "replyMapping">;

/** A client that connects to what the locator finds, each time. It is refused by a server that is a replica. */
export function openRedis(locator: RedisLocator, options: Options): Redis {
  const { servers } = locator;
  const all = { ...options, Connector: connectorTo(locator) };
  return "url" in servers ? new Redis(servers.url, all) : new Redis({ ...loginOf(servers), ...all });
}

function loginOf({ username, password }: RedisLogin): Pick<RedisOptions, "username" | "password"> {
  return { username: username ?? undefined, password: password ?? undefined };
}

interface ConnectorOptions {
  readonly disconnectTimeout: number;
  readonly family?: number;
  readonly tls?: ConnectionOptions;
}

function connectorTo(locator: RedisLocator) {
  return class extends AbstractConnector {
    readonly #options: ConnectorOptions;
    #looking = new AbortController();
    #tell: (kind: string, error: Error) => void = () => {};

    constructor(options: unknown) {
      super((options as ConnectorOptions).disconnectTimeout);
      this.#options = options as ConnectorOptions;
    }

    override async connect(tell: (kind: string, error: Error) => void): Promise<Socket> {
      this.#tell = tell;
      this.connecting = true;
      this.#looking = new AbortController();
      try {
        const place = await locator.find(this.#looking.signal);
        this.stream = this.connecting ? this.#open(place) : new Socket().destroy();
      } catch (error) {
        // After a rejection ioredis would not try again; a stream that has ended it takes for a lost connection.
        this.firstError = error instanceof Error ? error : new Error(String(error));
        this.stream = new Socket().destroy();
      }
      return this.stream;
    }

    /** `INFO`, where Redis lets us ask. A replica would refuse whatever writes. */
    override check({ role }: { readonly role?: string }): boolean {
      if (role !== "slave") return true;
      this.#tell("error", new Error("it is a replica, which takes no writes"));
      return false;
    }

    override disconnect(): void {
      this.#looking.abort();
      super.disconnect();
    }

    #open(place: HostAndPort): Socket {
      const { tls, family } = this.#options;
      const to: NetConnectOpts = { ...place, ...(family !== undefined && { family }) };
      const stream = tls === undefined ? createConnection(to) : connectTls({ ...to, ...tls });
      stream.once("error", (error) => this.firstError = error);
      const over = new AbortController();
      stream.once("close", () => over.abort());
      locator.watch(place, over.signal, (error) => stream.destroy(error));
      return stream;
    }
  };
}

/** The master, as one Sentinel knows it. */
function askSentinel(
  sentinel: HostAndPort,
  servers: RedisSentinels,
  over: AbortSignal,
): Promise<HostAndPort> {
  return ask(sentinel, sentinelLogin(servers), over, (redis) => masterOf(redis, servers));
}

async function masterOf(redis: Redis, { masterName }: RedisSentinels): Promise<HostAndPort> {
  const answer = await redis.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName);
  if (!Array.isArray(answer)) throw new Error(`it knows no master named ${masterName}`);
  return { host: String(answer[0]), port: Number(answer[1]) };
}

function sentinelLogin({ sentinelPassword }: RedisSentinels): RedisLogin {
  return { username: null, password: sentinelPassword };
}

/** `CLUSTER SLOTS`: first and last slot, then host, port and more of the master, and of each replica. */
type SlotRange = readonly [
  first: number,
  last: number,
  ...nodes: readonly (readonly [string | null, number])[],
];

/** The owner of the slot that our keys are in, and all nodes, as one node knows them. */
function askNode(
  node: HostAndPort,
  login: RedisLogin,
  prefix: string,
  over: AbortSignal,
): Promise<{ owner: HostAndPort; nodes: HostAndPort[] }> {
  return ask(node, login, over, async (redis) => {
    const [slot, state, slots] = await Promise.all([
      redis.call("CLUSTER", "KEYSLOT", prefix),
      redis.call("CLUSTER", "INFO"),
      redis.call("CLUSTER", "SLOTS"),
    ]);
    // It may be cut off from the others, who have another owner by now.
    if (!String(state).includes("cluster_state:ok")) throw new Error("it says that the cluster is down");
    const ranges = slots as SlotRange[];
    // Where a node has not been told its own name, it is the one that we have reached it by.
    const placeOf = ([host, port]: readonly [string | null, number]) => ({ host: host || node.host, port });
    const range = ranges.find(([first, last]) => Number(slot) >= first && Number(slot) <= last);
    if (range?.[2] === undefined) throw new Error(`it knows no owner of slot ${slot}`);
    return {
      owner: placeOf(range[2]),
      nodes: ranges.flatMap(([_first, _last, ...nodes]) => nodes.map(placeOf)),
    };
  });
}

/** Asks something on a connection of its own. Rejects with what kept it from being answered. */
async function ask<Answer>(
  place: HostAndPort,
  login: RedisLogin,
  over: AbortSignal,
  question: (redis: Redis) => Promise<Answer>,
): Promise<Answer> {
  over.throwIfAborted();
  const redis = new Redis({
    ...place,
    ...loginOf(login),
    connectionName: "shardline-look-up",
    connectTimeout: LOOK_UP_TIMEOUT_MS,
    socketTimeout: LOOK_UP_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
  });
  let failure: unknown = null;
  redis.on("error", (error) => failure = error);
  const ended = new Promise((resolve) => redis.once("end", resolve));
  const leave = () => redis.disconnect();
  over.addEventListener("abort", leave);
  try {
    await redis.connect();
    return await question(redis);
  } catch (error) {
    throw failure ?? error;
  } finally {
    over.removeEventListener("abort", leave);
    if (redis.status !== "end") redis.disconnect();
    await ended;
  }
}
