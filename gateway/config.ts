/**
 * The configuration: the environment, parsed once, whole, with every mistake named. The settings themselves
 * are in `config/settings.ts`. Nothing here reads the environment, prints or exits: that is `main.ts`.
 *
 * @module
 */
import { type Presence, presenceOf } from "./config/presence.ts";
import { type Endpoint, type Reading, TOKEN_EXPECTED } from "./config/reader.ts";
import { Secret } from "./config/secret.ts";
import { type Setting, type SettingName, SETTINGS, type SettingValues } from "./config/settings.ts";
import { EventChoice } from "./delivery/event_choice.ts";
import { Partitions } from "./delivery/partitions.ts";
import { failureText } from "./failure.ts";
import { oneLine } from "./one_line.ts";
import { splitBrokerUrls } from "./protocol/broker_url.ts";
import type { Compression } from "./protocol/gateway_url.ts";
import { hasHashTag, hostAndPort, redisAddress, type RedisServers } from "./protocol/redis_servers.ts";
import type { StateKeeping } from "./state/plan.ts";
import type { WorkerPlace } from "./worker_config.ts";

export { type Endpoint, type Presence, Secret };

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace" | "off";
export type LogFormat = "pretty" | "json";

export interface Config {
  /** `all` = gateway and dashboard. */
  readonly role: "all" | "gateway" | "dashboard";
  readonly discord: {
    /** Raw, without `Bot `. Empty where a dashboard runs alone, which needs none. */
    readonly token: Secret;
    /** Base of REST calls without version, without a slash at its end. */
    readonly apiUrl: string;
    readonly apiVersion: number;
    /** null: what `GET /gateway/bot` says. */
    readonly gatewayUrl: string | null;
    readonly compression: Compression;
    readonly intents: number;
    readonly largeThreshold: number;
    readonly presence: Presence;
  };
  readonly shards: {
    /** null: that of the stored sessions, else Discord's recommendation. */
    readonly total: number | null;
    readonly first: number;
    /** Included; null: the total less one. */
    readonly last: number | null;
    /** Identify buckets; null: Discord's `max_concurrency`. */
    readonly concurrency: number | null;
    readonly identifySpacingMs: number;
    readonly resume: boolean;
    /** Threads that they are spread over; 1: none, they run on the main one. */
    readonly workers: number;
  };
  /** Several URLs and addresses, joined with commas, are of nodes to be tried in turn. */
  readonly rabbit: Endpoint & {
    /** Declared and bound to every event. */
    readonly defaultQueues: readonly string[];
  };
  readonly redis: {
    readonly servers: Secret<RedisServers>;
    /** `host:port` of each of them. */
    readonly address: string;
    /** Put before every key; may be empty. */
    readonly prefix: string;
  };
  readonly events: {
    readonly persistent: boolean;
    /** Names of those that are not persistent all the same. */
    readonly transient: ReadonlySet<string>;
    /** null: for ever. */
    readonly ttlMs: number | null;
    /** Which of them are published. */
    readonly choice: EventChoice;
    /** null: off. */
    readonly partitions: Partitions | null;
    readonly maxUnconfirmedBytes: number;
    /** This replica has the first of the folders that no other process uses; null: off. */
    readonly spool: { readonly folders: readonly string[]; readonly maxBytes: number } | null;
    /** null: silence is not watched. */
    readonly silenceMinMs: number | null;
  };
  /** Part of the events that are traced; null: the runtime exports no traces. */
  readonly traceRatio: number | null;
  readonly commands: { readonly ttlMs: number };
  /** The state cache; null: off. */
  readonly state: StateConfig | null;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** Ids of Discord channels; null: none. */
  readonly logChannels: { readonly shards: string | null; readonly guilds: string | null };
  /** Where metrics and health listen. */
  readonly prometheus: Listener;
  /** Where the platform that hosts the process looks for it; null: it does not say. */
  readonly platform: Listener | null;
  readonly dashboard: Listener & {
    /** Base of what browsers ask for, without a slash at its end; null: the listener. */
    readonly publicUrl: string | null;
    /** Addresses of reverse proxies that are believed. */
    readonly proxies: readonly string[];
    readonly password: Secret | null;
    readonly apiToken: Secret | null;
    readonly oauth: { readonly clientId: string; readonly clientSecret: Secret } | null;
    /** Discord user ids. */
    readonly operators: readonly string[];
    readonly viewers: readonly string[];
    /** Queues to look at besides the default ones. */
    readonly watchedQueues: readonly string[];
    readonly rabbitManagement: Endpoint | null;
  };
  readonly fleet: {
    readonly enabled: boolean;
    readonly replicaName: string;
    readonly leaseTtlMs: number;
    /** null: any number. */
    readonly shardsMax: number | null;
  };
  /** Set where this is the configuration of one of a process's worker threads. */
  readonly worker: WorkerPlace | null;
  /** Every text that must not be written anywhere, for the log to look for. */
  readonly secrets: readonly Secret[];
}

export interface StateConfig extends StateKeeping {
  /** Whether events wait while it cannot be written. */
  readonly strict: boolean;
}

export interface Listener {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** One mistake in the environment. */
export interface Fault {
  readonly name: string;
  /** What the setting says, in words that fit after "is"; never a secret. */
  readonly said: string;
  /** What is allowed, in words that fit after "expected". */
  readonly expected: string;
}

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** What the configuration takes from its surroundings. */
export interface ParseOptions {
  /** Whether standard output is one. */
  readonly isTerminal: boolean;
  /** Name of this replica where `REPLICA_NAME` gives none: host name and process id. */
  readonly replicaName: string;
  /** Reads the file of a `<NAME>_FILE`; may throw. */
  readFile(path: string): string;
}

/** A fault as one line. */
export function faultLine({ name, said, expected }: Fault): string {
  return `${name} is ${said}: expected ${expected}`;
}

/** Parses every setting, those of later functions included. Names that mean nothing here are passed over. */
export function parseConfig(
  environment: Readonly<Record<string, string>>,
  options: ParseOptions,
): ParsedConfig {
  const faults: Fault[] = [];
  const given = new Map<SettingName, string>();
  const values: { [name: string]: unknown } = {};
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    const setting: Setting<unknown> = SETTINGS[name];
    const source = sourceOf(name, setting, environment, options);
    if ("expected" in source) {
      faults.push(source);
      continue;
    }
    if (source.text !== "") given.set(name, source.said);
    const reading: Reading<unknown> = setting.read(source.text || setting.defaultText);
    if ("value" in reading) values[name] = reading.value;
    else faults.push({ name: source.name, said: source.said, expected: reading.expected });
  }
  faults.push(...contradictions(values as Partial<SettingValues>, given));
  return faults.length > 0
    ? { ok: false, faults }
    : { ok: true, config: arrange(values as SettingValues, options) };
}

/** Where a setting's text came from, and what may be said of it. */
interface Source {
  readonly name: string;
  /** Empty where nothing was given. */
  readonly text: string;
  readonly said: string;
}

function sourceOf(
  name: SettingName,
  setting: Setting<unknown>,
  environment: Readonly<Record<string, string>>,
  options: ParseOptions,
): Source | Fault {
  const raw = environment[name] ?? "";
  if (!setting.secret) {
    const text = raw.trim();
    return { name, text, said: text === "" ? "missing" : quoted(text) };
  }
  const fileName = `${name}_FILE`;
  const path = environment[fileName] ?? "";
  if (path === "") return { name, text: raw, said: raw === "" ? "missing" : "a value that is not shown" };
  const said = quoted(path);
  if (raw !== "") {
    return { name: fileName, said, expected: `nothing while ${name} is set: give one of the two` };
  }
  let content;
  try {
    content = options.readFile(path).replace(/\r?\n$/, "");
  } catch (error) {
    return { name: fileName, said, expected: `the path of a file that can be read (${reasonOf(error)})` };
  }
  return content === ""
    ? { name: fileName, said, expected: "the path of a file that is not empty" }
    : { name: fileName, text: content, said: `${said}, whose content is not shown` };
}

/** Mistakes that no setting makes alone. A value that is missing here could not be read and has its fault. */
function contradictions(
  values: Partial<SettingValues>,
  given: ReadonlyMap<SettingName, string>,
): Fault[] {
  const faults: Fault[] = [];
  const fault = (name: SettingName, expected: string) =>
    faults.push({ name, said: given.get(name) ?? "missing", expected });
  if (values.BOT_TOKEN === null && values.ROLE !== "dashboard") fault("BOT_TOKEN", TOKEN_EXPECTED);
  const { SHARDS_TOTAL: total, SHARDS_START: first, SHARDS_END: last } = values;
  if (total != null && first !== undefined && first >= total) {
    fault("SHARDS_START", `less than SHARDS_TOTAL, which is ${total}`);
  }
  if (total != null && last != null && last >= total) {
    fault("SHARDS_END", `less than SHARDS_TOTAL, which is ${total}`);
  }
  if (first !== undefined && last != null && last < first) {
    fault("SHARDS_END", `at least SHARDS_START, which is ${first}`);
  }
  const places = ["REDIS_SENTINELS", "REDIS_CLUSTER", "REDIS_URL", "REDIS_HOST", "REDIS_PORT"] as const;
  const place = places.find((name) => given.has(name));
  if (place === "REDIS_SENTINELS" || place === "REDIS_CLUSTER") {
    for (const name of places) {
      if (name !== place && given.has(name)) {
        fault(name, `nothing while ${place} is set: give one of the two`);
      }
    }
  }
  if (values.REDIS_CLUSTER != null && values.REDIS_PREFIX !== undefined && !hasHashTag(values.REDIS_PREFIX)) {
    fault(
      "REDIS_PREFIX",
      "a prefix with a hash tag, like {gateway}:, which keeps all keys in one slot of REDIS_CLUSTER",
    );
  }
  const { DASHBOARD_OAUTH_CLIENT_ID: clientId, DASHBOARD_OAUTH_CLIENT_SECRET: clientSecret } = values;
  if (clientId != null && clientSecret === null) {
    fault("DASHBOARD_OAUTH_CLIENT_SECRET", "a value where DASHBOARD_OAUTH_CLIENT_ID has one");
  }
  if (clientSecret != null && clientId === null) {
    fault("DASHBOARD_OAUTH_CLIENT_ID", "a value where DASHBOARD_OAUTH_CLIENT_SECRET has one");
  }
  return faults;
}

function arrange(values: SettingValues, options: ParseOptions): Config {
  const platform = values.PORT === null ? null : { host: "0.0.0.0", port: values.PORT };
  const rabbit = values.RABBIT_URL ?? rabbitFromParts(values);
  const redis = redisServers(values);
  const clientId = values.DASHBOARD_OAUTH_CLIENT_ID;
  const clientSecret = values.DASHBOARD_OAUTH_CLIENT_SECRET;
  return {
    role: values.ROLE,
    discord: {
      token: values.BOT_TOKEN ?? new Secret(""),
      apiUrl: values.API_URL,
      apiVersion: values.API_VERSION,
      gatewayUrl: values.GATEWAY_URL,
      compression: values.COMPRESS,
      intents: values.INTENTS,
      largeThreshold: values.LARGE_THRESHOLD,
      presence: presenceOf(values.STATUS, values.ACTIVITY_TYPE, values.ACTIVITY_NAME),
    },
    shards: {
      total: values.SHARDS_TOTAL,
      first: values.SHARDS_START,
      last: values.SHARDS_END,
      concurrency: values.SHARDS_CONCURRENCY,
      identifySpacingMs: values.SHARDS_WAIT * 1000,
      resume: values.RESUME,
      workers: values.CLUSTERS,
    },
    rabbit: { ...rabbit, defaultQueues: values.DEFAULT_QUEUE },
    redis: {
      servers: new Secret(redis),
      address: redisAddress(redis),
      prefix: values.REDIS_PREFIX,
    },
    events: {
      persistent: values.EVENT_PERSISTENT,
      transient: new Set(values.EVENT_TRANSIENT),
      ttlMs: values.EVENT_TTL * 1000 || null,
      choice: new EventChoice(values.EVENTS_ALLOW, values.EVENTS_DENY),
      partitions: values.PARTITIONS === null ? null : new Partitions(values.PARTITIONS),
      maxUnconfirmedBytes: values.MAX_UNCONFIRMED_BYTES,
      spool: values.SPOOL_PATH === null ? null : {
        folders: spoolNames(values).map((name) => `${values.SPOOL_PATH}/${name}`),
        maxBytes: values.SPOOL_MAX_BYTES,
      },
      silenceMinMs: values.SILENCE_MIN * 60_000 || null,
    },
    traceRatio: values.OTEL_DENO === "true" ? values.TRACE_RATIO : null,
    commands: { ttlMs: values.COMMAND_TTL * 1000 },
    state: values.STATE_ENABLED ? stateOf(values) : null,
    log: {
      level: values.LOG_LEVEL ?? firstLevel(values.RUST_LOG ?? "") ?? "info",
      format: values.LOG_FORMAT ?? (options.isTerminal ? "pretty" : "json"),
    },
    logChannels: { shards: values.LOG_CHANNEL, guilds: values.LOG_GUILD_CHANNEL },
    prometheus: { host: values.PROMETHEUS_HOST, port: values.PROMETHEUS_PORT },
    platform,
    dashboard: {
      ...(platform ?? { host: values.DASHBOARD_HOST, port: values.DASHBOARD_PORT }),
      publicUrl: values.DASHBOARD_URL,
      proxies: values.DASHBOARD_PROXIES,
      password: values.DASHBOARD_PASSWORD,
      apiToken: values.DASHBOARD_API_TOKEN,
      oauth: clientId === null || clientSecret === null ? null : { clientId, clientSecret },
      operators: values.DASHBOARD_OPERATORS,
      viewers: values.DASHBOARD_VIEWERS,
      watchedQueues: values.WATCH_QUEUES,
      rabbitManagement: values.RABBIT_MANAGEMENT_URL,
    },
    fleet: {
      enabled: values.FLEET,
      replicaName: values.REPLICA_NAME ?? options.replicaName,
      leaseTtlMs: values.LEASE_TTL * 1000,
      shardsMax: values.SHARDS_MAX,
    },
    worker: null,
    secrets: [
      values.BOT_TOKEN,
      values.DASHBOARD_PASSWORD,
      values.DASHBOARD_API_TOKEN,
      clientSecret,
      ...splitBrokerUrls(rabbit.url.reveal()).flatMap(passwordsIn),
      ...("url" in redis ? passwordsIn(redis.url) : [values.REDIS_PASSWORD, values.REDIS_SENTINEL_PASSWORD]),
      ...passwordsIn(values.RABBIT_MANAGEMENT_URL?.url.reveal() ?? null),
    ].filter((secret) => secret !== null),
  };
}

function rabbitFromParts(values: SettingValues): Endpoint {
  const address = hostAndPort({ host: values.RABBIT_HOST, port: values.RABBIT_PORT });
  const user = encodeURIComponent(values.RABBIT_USERNAME);
  const password = encodeURIComponent(values.RABBIT_PASSWORD.reveal());
  return { url: new Secret(`amqp://${user}:${password}@${address}/%2F`), address };
}

function redisServers(values: SettingValues): RedisServers {
  const login = { username: values.REDIS_USERNAME, password: values.REDIS_PASSWORD?.reveal() ?? null };
  if (values.REDIS_SENTINELS !== null) {
    return {
      ...login,
      sentinels: values.REDIS_SENTINELS,
      masterName: values.REDIS_SENTINEL_NAME,
      sentinelPassword: values.REDIS_SENTINEL_PASSWORD?.reveal() ?? null,
    };
  }
  if (values.REDIS_CLUSTER !== null) return { ...login, clusterNodes: values.REDIS_CLUSTER };
  if (values.REDIS_URL !== null) return { url: values.REDIS_URL.url.reveal() };
  const user = encodeURIComponent(login.username ?? "");
  const password = encodeURIComponent(login.password ?? "");
  const credentials = user === "" && password === "" ? "" : `${user}:${password}@`;
  return {
    url: `redis://${credentials}${hostAndPort({ host: values.REDIS_HOST, port: values.REDIS_PORT })}`,
  };
}

/** Replicas of one fleet that have no names and share a disk. */
const NAMELESS_REPLICAS_MOST = 100;

/**
 * A process that is started again finds what its predecessor left under the same name; two that run at a time on one
 * machine run other shards, have names of their own, or are of one fleet, where it does not matter which finds what.
 */
function spoolNames(values: SettingValues): string[] {
  const { REPLICA_NAME, FLEET, SHARDS_START, SHARDS_END } = values;
  if (REPLICA_NAME !== null) return [`replica-${REPLICA_NAME}`];
  if (FLEET) return Array.from({ length: NAMELESS_REPLICAS_MOST }, (_, index) => `fleet-${index + 1}`);
  const areAll = SHARDS_START === 0 && SHARDS_END === null;
  return [areAll ? "all-shards" : `shards-${SHARDS_START}-to-${SHARDS_END ?? "last"}`];
}

function stateOf(values: SettingValues): StateConfig {
  return {
    members: values.STATE_MEMBER,
    memberTtlMs: values.STATE_MEMBER_TTL,
    messages: values.STATE_MESSAGE,
    messageTtlMs: values.STATE_MESSAGE_TTL,
    presences: values.STATE_PRESENCE,
    emojis: values.STATE_EMOJI,
    voices: values.STATE_VOICE,
    old: values.STATE_OLD,
    strict: values.STATE_STRICT,
  };
}

const LOG_LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace", "off"];

/** The first level that directives in the manner of `RUST_LOG` name: `info,lapin=warn`, `lapin=warn`. */
function firstLevel(directives: string): LogLevel | undefined {
  return directives.toLowerCase().split(/[,=/\s]+/)
    .map((word) => LOG_LEVELS.find((level) => level === word))
    .find((level) => level !== undefined);
}

/** RabbitMQ's own default password; no secret, and a word that a log may need. */
const KNOWN_PASSWORD = "guest";

/** The password of a URL in both its spellings, because an error may quote either. */
function passwordsIn(url: string | null): Secret[] {
  if (url === null) return [];
  const { password } = new URL(url);
  if (password === "" || password === KNOWN_PASSWORD) return [];
  return [...new Set([password, decodeURIComponent(password)])].map((text) => new Secret(text));
}

const QUOTED_LENGTH_MAX = 100;

/** A text for a fault; not shown at all where it is a URL that may hold a password. */
function quoted(text: string): string {
  if (/:.*@/s.test(text)) return "a URL with a password, not shown";
  return `"${oneLine(text, QUOTED_LENGTH_MAX)}"`;
}

function reasonOf(error: unknown): string {
  return oneLine(failureText(error), QUOTED_LENGTH_MAX);
}
