/**
 * Connections to whichever Redis server takes our writes now. The dashboard makes its own in the same way.
 *
 * Each is a plain connection to one server, in a cluster too: all keys are in one slot there, because scripts use many of
 * them at once, and so one node has them all. Redirecting single commands, as cluster clients do, would gain nothing; and
 * whoever repeats, and tells of losses, would be a library that does not know what must not be lost. So there is one way
 * for all: a server that is no longer the right one is left, and before each connection is asked anew which one is.
 *
 * @module
 */
import { createConnection, type NetConnectOpts, Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { AbstractConnector, Redis, type RedisOptions } from "ioredis";
import type { HostAndPort } from "../../../protocol/redis_servers.ts";
import { loginOf } from "./ask.ts";
import type { RedisLocator } from "./locator.ts";

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

/** What is left out decides on the types of answers. */
type Options = Omit<RedisOptions, "replyMapping">;

/** A client that connects to what the locator finds, each time. It is refused by a server that is a replica. */
export function openRedis(locator: RedisLocator, options: Options): Redis {
  const { servers } = locator;
  const all = { ...options, Connector: connectorTo(locator) };
  return "url" in servers ? new Redis(servers.url, all) : new Redis({ ...loginOf(servers), ...all });
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
      stream.once("connect", () => locator.watch(place, over.signal, (error) => stream.destroy(error)));
      return stream;
    }
  };
}
