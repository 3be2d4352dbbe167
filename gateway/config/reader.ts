/**
 * Readers: how the text of one setting becomes its value. What a reader refuses it answers with what is
 * allowed, in words that fit after "expected".
 *
 * @module
 */
import { Secret } from "./secret.ts";
import { splitBrokerUrls } from "../protocol/broker_url.ts";
import type { HostAndPort } from "../protocol/redis_servers.ts";
import { ALL_INTENTS, Intent, INTENT_NAMES, intentNames, undefinedIntentBits } from "../protocol/intents.ts";

export type Reading<T> = { readonly value: T } | { readonly expected: string };

export type Reader<T> = (text: string) => Reading<T>;

/** Where a server is: a URL with whatever password it needs, and what may be written of it in a log. */
export interface Endpoint {
  readonly url: Secret;
  /** `host:port` */
  readonly address: string;
}

/** A reader with one fixed answer to all that it refuses; `parse` gives undefined for that. */
function reader<T>(expected: string, parse: (text: string) => T | undefined): Reader<T> {
  return (text) => {
    const value = parse(text);
    return value === undefined ? { expected } : { value };
  };
}

/** The empty text means that there is none. */
export function optional<T>(read: Reader<T>): Reader<T | null> {
  return (text) => text === "" ? { value: null } : read(text);
}

/** One word means that there is none. */
export function unless<T>(word: string, read: Reader<T>): Reader<T | null> {
  return (text) => {
    if (text.toLowerCase() === word) return { value: null };
    const reading = read(text);
    return "value" in reading ? reading : { expected: `${word}, or ${reading.expected}` };
  };
}

export function integer(min: number, max: number): Reader<number> {
  return reader(`an integer from ${min} to ${max}`, (text) => {
    const value = parseInteger(text);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  });
}

export const fraction: Reader<number> = reader("a number from 0 to 1", (text) => {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  return value >= 0 && value <= 1 ? value : undefined;
});

const ANY_OF = new Intl.ListFormat("en", { type: "disjunction" });

/** One of the words, in whatever case. */
export function choice<const T extends string>(...words: T[]): Reader<T> {
  return reader(ANY_OF.format(words), (text) => words.find((word) => word === text.toLowerCase()));
}

export const boolean: Reader<boolean> = reader("true or false", (text) => {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  if (/^(false|no|off|0)$/i.test(text)) return false;
  return undefined;
});

/** Items joined with `,`. Spaces around them and empty ones do not count. */
export function list<T>(what: string, item: (text: string) => T | undefined): Reader<readonly T[]> {
  return reader(`${what}, joined with ","`, (text) => {
    const items = splitList(text).map(item);
    return items.every((value) => value !== undefined) ? items : undefined;
  });
}

const BYTES_OF_UNIT: Readonly<Record<string, number>> = {
  "": 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** A number of bytes, at least one. */
export const byteCount: Reader<number> = reader(
  "a number of bytes, at least 1, plain or in KiB, MiB, GiB, TiB (64MiB)",
  (text) => {
    const [, digits = "", unit = ""] = /^(\d+) ?([KMGT]iB)?$/i.exec(text) ?? [];
    const count = parseInteger(digits);
    const factor = BYTES_OF_UNIT[unit.toLowerCase()];
    if (count === undefined || factor === undefined) return undefined;
    const bytes = count * factor;
    return bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : undefined;
  },
);

/** What Discord shows of an activity is far shorter; it documents no limit. */
const ACTIVITY_MAX_LENGTH = 512;

/** Any text but one that would break a line or a key. */
export const plainText: Reader<string> = reader(
  "text without control characters",
  (text) => hasControlCharacter(text) ? undefined : text,
);

/** Text that has room in an IDENTIFY, which may have 4096 bytes (Discord gateway docs, Sending Events). */
export const activityText: Reader<string> = reader(
  `text of at most ${ACTIVITY_MAX_LENGTH} characters, none of them a control character`,
  (text) => text.length > ACTIVITY_MAX_LENGTH || hasControlCharacter(text) ? undefined : text,
);

/** Anything at all: what nobody may see cannot be judged either. */
export const secretText: Reader<Secret> = (text) => ({ value: new Secret(text) });

export const host: Reader<string> = reader("a host name or an IP address", parseHost);

/** A port to connect to. */
export const port: Reader<number> = integer(1, 65_535);

/** A port to listen on; 0 takes any that is free. */
export const listenPort: Reader<number> = integer(0, 65_535);

/** A Discord id; `0` means that there is none, as twilight-dispatch has it. */
export const channelId: Reader<string | null> = reader(
  "the id of a Discord channel, or 0 for none",
  (text) => text === "0" ? null : parseSnowflake(text),
);

export const snowflake: Reader<string> = reader("a Discord id", parseSnowflake);

export const networks: Reader<readonly string[]> = list(
  "IP addresses, or networks like 10.0.0.0/8",
  parseNetwork,
);

export const snowflakes: Reader<readonly string[]> = list("Discord user ids", parseSnowflake);

export const eventNames: Reader<readonly string[]> = list(
  "event names like TYPING_START",
  (text) => /^[A-Z0-9_]+$/i.test(text) ? text.toUpperCase() : undefined,
);

export const eventPatterns: Reader<readonly string[]> = list(
  "event names like GUILD_CREATE or GUILD_*",
  (text) => /^[A-Z0-9_]*\*?$/i.test(text) ? text.toUpperCase() : undefined,
);

export const queueNames: Reader<readonly string[]> = list("names of queues", parseQueueName);

/** Queues that must not receive events: an event there would be taken for a command, or the like. */
const OWN_QUEUES: readonly string[] = ["gateway.send", "gateway.send.rejected", "gateway.send.reports"];

/** The queues that receive every event: twilight-dispatch 0.4 has a boolean here, the wire contract a list. */
export const defaultQueues: Reader<readonly string[]> = reader(
  `true, false, or names of queues joined with ",", but not ${ANY_OF.format(OWN_QUEUES)}`,
  (text) => {
    if (/^true$/i.test(text)) return ["gateway.recv"];
    if (/^false$/i.test(text)) return [];
    const names = splitList(text).map(parseQueueName);
    return names.every((name) => name !== undefined && !OWN_QUEUES.includes(name))
      ? [...new Set(names.filter((name) => name !== undefined))]
      : undefined;
  },
);

const ACTIVITY_TYPES = ["playing", "streaming", "listening", "watching", "custom", "competing"];

/** The number of an activity type (Discord gateway docs, Activity Types), given as such or as its word. */
export const activityType: Reader<number> = reader(
  `${ACTIVITY_TYPES.join(", ")}, or a number from 0 to 5 in that order`,
  (text) => {
    if (/^[0-5]$/.test(text)) return Number(text);
    const index = ACTIVITY_TYPES.indexOf(text.toLowerCase());
    return index < 0 ? undefined : index;
  },
);

/** Intents as one integer, or as names joined with `,`. */
export const intents: Reader<number> = (text) => {
  const bits = parseInteger(text);
  if (bits === undefined) return intentsFromNames(splitList(text));
  const undefinedBits = undefinedIntentBits(bits);
  if (undefinedBits.length === 0) return { value: bits };
  const which = undefinedBits.map((bit) => `bit ${bit} (${2 ** bit})`).join(", ");
  return { expected: `only documented intents, all of which make ${ALL_INTENTS}; undefined: ${which}` };
};

function intentsFromNames(names: readonly string[]): Reading<number> {
  let bits = 0;
  for (const given of names) {
    const name = INTENT_NAMES.find((known) => known === given.toUpperCase());
    if (name === undefined) {
      return {
        expected: `an integer, or names joined with "," out of ${intentNames(ALL_INTENTS).join(", ")}`,
      };
    }
    bits |= Intent[name];
  }
  return { value: bits };
}

/** What is said where the token is missing. */
export const TOKEN_EXPECTED = "the token of a bot, which the Discord Developer Portal gives " +
  "(https://discord.com/developers/applications, your application, Bot, Reset Token); " +
  "`deno task demo` needs none";

/** The raw bot token; Discord takes a `Bot ` prefix in HTTP only, so one that was copied along is removed. */
export const botToken: Reader<Secret> = (text) => {
  const token = text.trim().replace(/^Bot(\s+|$)/, "");
  if (token === "") return { expected: TOKEN_EXPECTED };
  // Printable ASCII: what was copied from a page may hide a character that no HTTP header can carry.
  return /^[!-~]+$/.test(token)
    ? { value: new Secret(token) }
    : { expected: "a token without spaces, line breaks or invisible characters inside" };
};

/** Base of the REST calls, without the slash at its end. */
export const httpUrl: Reader<string> = reader(
  "an http:// or https:// URL without user, password or query",
  (text) => {
    const url = parseWebUrl(text);
    return url && (url.origin + url.pathname).replace(/\/+$/, "");
  },
);

/** Where a site is that has a host to itself: its origin. */
export const siteUrl: Reader<string> = reader(
  "an http:// or https:// URL without user, password, path or query",
  (text) => {
    const url = parseWebUrl(text);
    return url?.pathname === "/" ? url.origin : undefined;
  },
);

export const webSocketUrl: Reader<string> = reader(
  "a ws:// or wss:// URL without user or password",
  (text) => {
    const url = parseUrl(text, ["ws:", "wss:"]);
    if (url === undefined || url.username !== "" || url.password !== "") return undefined;
    return url.href;
  },
);

export const managementUrl: Reader<Endpoint> = reader(
  "an http:// or https:// URL, with user and password if it needs them",
  (text) => endpoint(parseUrl(text, ["http:", "https:"]), { "http:": 80, "https:": 443 }),
);

/** One broker, or the nodes of one, each in a whole URL: that is what AMQP clients take, and nodes may differ in all of it. */
export const amqpUrls: Reader<Endpoint> = reader(
  'an amqp:// or amqps:// URL, amqp://user:password@host:port/vhost, or several such, each of them whole, joined with ","',
  (text) => {
    const nodes = splitBrokerUrls(text).map(parseAmqpUrl);
    return nodes.every((node) => node !== undefined)
      ? {
        url: new Secret(nodes.map(({ url }) => url.reveal()).join(",")),
        address: nodes.map(({ address }) => address).join(", "),
      }
      : undefined;
  },
);

function parseAmqpUrl(text: string): Endpoint | undefined {
  const url = parseUrl(text, ["amqp:", "amqps:"]);
  if (url === undefined) return undefined;
  // Another host in a shorter form, which would be taken for a part of this one's name or vhost. A vhost has "%2C".
  if ((url.hostname + url.pathname + url.search).includes(",")) return undefined;
  // A URL that ends in "/" names the vhost "" to the letter; nobody means that one.
  if (url.pathname === "" || url.pathname === "/") url.pathname = "/%2F";
  return endpoint(url, { "amqp:": 5672, "amqps:": 5671 });
}

export const redisUrl: Reader<Endpoint> = reader(
  "a redis:// or rediss:// URL: redis://user:password@host:port/database",
  (text) => {
    const url = parseUrl(text, ["redis:", "rediss:"]);
    if (url !== undefined && !/^\/?\d*$/.test(url.pathname)) return undefined;
    return endpoint(url, { "redis:": 6379, "rediss:": 6379 });
  },
);

/** Hosts, each with a port where it is not the usual one. */
export function hostsAndPorts(usualPort: number): Reader<readonly HostAndPort[]> {
  return reader(`hosts like host:${usualPort} or [::1]:${usualPort}, joined with ","`, (text) => {
    const places = splitList(text).map((item) => parseHostAndPort(item, usualPort));
    return places.length > 0 && places.every((place) => place !== undefined) ? places : undefined;
  });
}

function parseHostAndPort(text: string, usualPort: number): HostAndPort | undefined {
  const [, name = "", portText] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  const host = parseHost(name);
  const port = portText === undefined ? usualPort : parseInteger(portText);
  return host !== undefined && port !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

function endpoint(
  url: URL | undefined,
  defaultPorts: Readonly<Record<string, number>>,
): Endpoint | undefined {
  if (url === undefined) return undefined;
  const address = `${url.hostname}:${url.port || defaultPorts[url.protocol]}`;
  return { url: new Secret(url.href), address };
}

function parseWebUrl(text: string): URL | undefined {
  const url = parseUrl(text, ["http:", "https:"]);
  return url?.username === "" && url.password === "" && url.search === "" ? url : undefined;
}

/** Undefined too where a percent escape is broken: whoever decodes it later would throw the password about. */
function parseUrl(text: string, protocols: readonly string[]): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  try {
    decodeURIComponent(url.username + url.password + url.pathname);
  } catch {
    return undefined;
  }
  return protocols.includes(url.protocol) && url.hostname !== "" ? url : undefined;
}

function parseInteger(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function parseSnowflake(text: string): string | undefined {
  return /^[1-9]\d{0,19}$/.test(text) && BigInt(text) < 2n ** 64n ? text : undefined;
}

function parseHost(text: string): string | undefined {
  if (/^[A-Za-z0-9._-]+$/.test(text)) return text;
  const address = text.replace(/^\[(.*)\]$/, "$1");
  return address.includes(":") && URL.canParse(`http://[${address}]`) ? address : undefined;
}

/** An address alone is a network of one. */
function parseNetwork(text: string): string | undefined {
  const [, address = "", prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const isVersion6 = address.includes(":");
  const isAddress = isVersion6
    ? URL.canParse(`http://[${address}]`)
    : URL.canParse(`http://${address}`) && new URL(`http://${address}`).hostname === address &&
      /^[\d.]+$/.test(address);
  return isAddress && Number(prefix ?? 0) <= (isVersion6 ? 128 : 32) ? text : undefined;
}

/** AMQP 0-9-1: at most 255 bytes; names that begin with `amq.` belong to the broker. */
function parseQueueName(text: string): string | undefined {
  const bytes = new TextEncoder().encode(text).length;
  return bytes <= 255 && !text.startsWith("amq.") && !hasControlCharacter(text) ? text : undefined;
}

function splitList(text: string): string[] {
  return text.split(",").map((item) => item.trim()).filter((item) => item !== "");
}

function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
