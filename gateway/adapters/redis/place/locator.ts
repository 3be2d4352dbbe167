/**
 * Which Redis server takes our writes now: the one there is, the master that Sentinels name, or the node of a cluster that
 * owns our keys.
 *
 * @module
 */
import type { Redis } from "ioredis";
import { sleepUntil, systemClock } from "../../../clock.ts";
import { failureText } from "../../../failure.ts";
import {
  type HostAndPort,
  hostAndPort,
  redisAddress,
  type RedisLogin,
  type RedisSentinels,
  type RedisServers,
  serverPlace,
} from "../../../protocol/redis_servers.ts";
import { ask } from "./ask.ts";

/**
 * Sentinels make another server the master while the old one, where it lives, goes on taking writes for ten seconds, which
 * are lost. So they are asked as long as a connection stands.
 */
const WATCH_EVERY_MS = 1_000;

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
    redisAddress(servers); // throws
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
    const known = this.#knownNodes.filter((node) =>
      !servers.clusterNodes.some((given) => isSame(given, node))
    );
    return this.#askInTurn([...servers.clusterNodes, ...known], async (node) => {
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
    throw new Error(failures.join("; "));
  }
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

function isSame(one: HostAndPort, other: HostAndPort): boolean {
  return one.host === other.host && one.port === other.port;
}
