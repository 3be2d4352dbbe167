/**
 * What the URLs of an AMQP broker say (RabbitMQ docs, URI Specification).
 *
 * @module
 */

/** Two missed beats end a connection, so a silent broker is noticed after 20 to 30 s (RabbitMQ docs, Heartbeats: 5 to 20). */
const HEARTBEAT_SECONDS = 10;

export interface BrokerUrl {
  /** `host:port`, for people: never with a password. */
  readonly address: string;
  readonly user: string;
  readonly password: string;
  /** The whole, with how often a heartbeat is due. */
  readonly href: string;
}

/**
 * Each URL of several that are joined with commas. A comma parts two only before the next `amqp://` or `amqps://`: a
 * password may have one.
 */
export function splitBrokerUrls(text: string): string[] {
  return text.split(/\s*,\s*(?=amqps?:\/\/)/i);
}

/** The nodes of a broker, tried in turn. */
export class BrokerHosts {
  readonly #hosts: readonly BrokerUrl[];
  #next = 0;

  /**
   * @param urls One, or several joined with commas. Throws a TypeError for what is not a URL, and a URIError where user or
   *   password is not percent-encoded.
   */
  constructor(urls: string) {
    this.#hosts = splitBrokerUrls(urls).map(readBrokerUrl);
  }

  /** `host:port` of each, for people: never with a password. */
  get address(): string {
    return this.#hosts.map(({ address }) => address).join(", ");
  }

  /**
   * Each of them once. A round goes on where the one before was left: whose connection has just been lost comes last,
   * because a node that stopped is away for a while, and one that hangs would cost the whole time of an attempt.
   */
  *round(): Generator<BrokerUrl> {
    for (let tries = 0; tries < this.#hosts.length; tries++) {
      const host = this.#hosts[this.#next];
      this.#next = (this.#next + 1) % this.#hosts.length;
      if (host !== undefined) yield host;
    }
  }
}

function readBrokerUrl(text: string): BrokerUrl {
  const url = new URL(text);
  const isAnonymous = url.username === "" && url.password === "";
  if (!url.searchParams.has("heartbeat")) url.searchParams.set("heartbeat", String(HEARTBEAT_SECONDS));
  return {
    address: `${url.hostname}:${url.port || (url.protocol === "amqps:" ? 5671 : 5672)}`,
    user: isAnonymous ? "guest" : decodeURIComponent(url.username),
    password: isAnonymous ? "guest" : decodeURIComponent(url.password),
    href: url.href,
  };
}
