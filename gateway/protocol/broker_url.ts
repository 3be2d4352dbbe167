/**
 * What the URL of an AMQP broker says (RabbitMQ docs, URI Specification).
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

/** Throws a TypeError for what is not a URL, and a URIError where user or password is not percent-encoded. */
export function readBrokerUrl(text: string): BrokerUrl {
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
