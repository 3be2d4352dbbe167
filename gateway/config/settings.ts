/**
 * Every setting there is: its name, its default, one sentence, and how its text is read. The parser and
 * `.env.example` are both made from this table.
 *
 * @module
 */
import {
  activityText,
  activityType,
  amqpUrls,
  boolean,
  botToken,
  byteCount,
  channelId,
  choice,
  defaultQueues,
  eventNames,
  eventPatterns,
  fraction,
  host,
  hostsAndPorts,
  httpUrl,
  integer,
  intents,
  listenPort,
  managementUrl,
  networks,
  optional,
  plainText,
  port,
  queueNames,
  type Reader,
  type Reading,
  redisUrl,
  secretText,
  siteUrl,
  snowflake,
  snowflakes,
  unless,
  webSocketUrl,
} from "./reader.ts";
import { DEFAULT_INTENTS, intentNames } from "../protocol/intents.ts";
import { SHARDS_MOST } from "../protocol/shard_count.ts";

export interface Setting<T> {
  readonly sentence: string;
  /** Read like a given text where none is given; empty where there is no default that can be written down. */
  readonly defaultText: string;
  readonly read: Reader<T>;
  /** Its text is never shown, and `<NAME>_FILE` may name a file that holds it. */
  readonly secret: boolean;
}

/** RabbitMQ refuses a message whose expiration is over 2^32 - 1 milliseconds. */
const EVENT_TTL_MOST_S = 4_294_967;

/** RabbitMQ closes a channel whose delivery is unacknowledged for 1,800 s (RabbitMQ docs, Consumers). */
const COMMAND_TTL_MOST_S = 1_799;

const DAY_S = 86_400;

function setting<T>(defaultText: string, read: Reader<T>, sentence: string): Setting<T> {
  return { sentence, defaultText, read, secret: false };
}

/** A setting without a default: null where it is not given. */
function option<T>(read: Reader<T>, sentence: string): Setting<T | null> {
  return setting("", optional(read), sentence);
}

function secret<T>(defaultText: string, read: Reader<T>, sentence: string): Setting<T> {
  return { sentence, defaultText, read, secret: true };
}

const DISCORD = {
  BOT_TOKEN: secret(
    "",
    optional(botToken),
    "Token of the bot: Discord Developer Portal, your application, Bot.",
  ),
  API_VERSION: setting("10", integer(6, 99), "Version of Discord's gateway and REST API."),
  API_URL: setting("https://discord.com/api", httpUrl, "Base of every REST call, without the version."),
  GATEWAY_URL: option(webSocketUrl, "Gateway to connect to; empty: the one Discord names."),
  COMPRESS: setting(
    "zlib-stream",
    choice("zlib-stream", "zstd-stream", "none"),
    "Compression of what Discord sends: zlib-stream, zstd-stream or none.",
  ),
  INTENTS: setting(
    intentNames(DEFAULT_INTENTS).join(","),
    intents,
    "Which events the bot asks for: an integer, or names joined with commas.",
  ),
  LARGE_THRESHOLD: setting(
    "250",
    integer(50, 250),
    "Members above which a guild arrives without its offline members, 50 to 250.",
  ),
  STATUS: setting(
    "online",
    choice("online", "idle", "dnd", "invisible"),
    "Status of the bot: online, idle, dnd or invisible.",
  ),
  ACTIVITY_TYPE: option(
    activityType,
    "Activity of the bot: playing, streaming, listening, watching, custom, competing, or its number.",
  ),
  ACTIVITY_NAME: option(activityText, "Text of the activity; empty: no activity."),
};

const SHARDS = {
  SHARDS_TOTAL: option(
    integer(1, SHARDS_MOST),
    "Shards of the bot; empty: as many as the stored sessions have, else what Discord recommends.",
  ),
  SHARDS_START: setting("0", integer(0, SHARDS_MOST - 1), "First shard to run here."),
  SHARDS_END: option(
    integer(0, SHARDS_MOST - 1),
    "Last shard to run here, itself included; empty: the last.",
  ),
  SHARDS_CONCURRENCY: option(
    integer(1, SHARDS_MOST),
    "Shards that may identify side by side; empty: what Discord allows the bot.",
  ),
  SHARDS_WAIT: setting("6", integer(0, 3600), "Seconds between two identifies of one bucket."),
  RESUME: setting("true", boolean, "Whether stored sessions are resumed at the start."),
  CLUSTERS: setting(
    "1",
    integer(1, 1024),
    "Worker threads that the shards of this process are spread over; 1: none, the process runs them itself.",
  ),
};

const RABBIT = {
  RABBIT_HOST: setting("127.0.0.1", host, "Host of RabbitMQ."),
  RABBIT_PORT: setting("5672", port, "Port of RabbitMQ."),
  RABBIT_USERNAME: setting("guest", plainText, "User name at RabbitMQ."),
  RABBIT_PASSWORD: secret("guest", secretText, "Password at RabbitMQ."),
  RABBIT_URL: secret(
    "",
    optional(amqpUrls),
    "All of that in one, with vhost or TLS: amqps://user:password@host/vhost; several, joined with commas, are tried in turn.",
  ),
  DEFAULT_QUEUE: setting(
    "gateway",
    defaultQueues,
    "Queues that receive every event, joined with commas; true: gateway.recv, false: none.",
  ),
};

const REDIS = {
  REDIS_HOST: setting("127.0.0.1", host, "Host of Redis."),
  REDIS_PORT: setting("6379", port, "Port of Redis."),
  REDIS_USERNAME: option(plainText, "User name at Redis, where it wants one."),
  REDIS_PASSWORD: secret("", optional(secretText), "Password at Redis, where it wants one."),
  REDIS_URL: secret(
    "",
    optional(redisUrl),
    "All of that in one, with database or TLS: rediss://user:password@host/0.",
  ),
  REDIS_SENTINELS: option(
    hostsAndPorts(26_379),
    "Instead of host and port: Redis Sentinels that say where the master is, joined with commas.",
  ),
  REDIS_SENTINEL_NAME: setting("mymaster", plainText, "What those Sentinels call the master."),
  REDIS_SENTINEL_PASSWORD: secret(
    "",
    optional(secretText),
    "Password at those Sentinels, where they want one.",
  ),
  REDIS_CLUSTER: option(
    hostsAndPorts(6_379),
    "Instead of host and port: some nodes of a Redis Cluster, joined with commas; REDIS_PREFIX needs a hash tag then.",
  ),
  REDIS_PREFIX: setting(
    "",
    plainText,
    "Put before every key in Redis; in a cluster with a hash tag, like {gateway}:.",
  ),
};

const EVENTS = {
  EVENT_PERSISTENT: setting("true", boolean, "Whether the broker keeps events on disk."),
  EVENT_TRANSIENT: setting(
    "",
    eventNames,
    "Events that are not kept on disk all the same, joined with commas.",
  ),
  EVENT_TTL: setting(
    String(DAY_S),
    integer(0, EVENT_TTL_MOST_S),
    "Seconds after which an event that nobody took is dropped by the broker; 0: never.",
  ),
  EVENTS_ALLOW: setting(
    "*",
    eventPatterns,
    "Events that are published, joined with commas; GUILD_* for many.",
  ),
  EVENTS_DENY: setting(
    "",
    eventPatterns,
    "Events that are not published, whatever EVENTS_ALLOW says, joined with commas; GUILD_* for many.",
  ),
  PARTITIONS: setting(
    "off",
    unless("off", integer(1, 1024)),
    "Queues gateway.p0, gateway.p1 and so on, each with the events of its own guilds, in order; off: none.",
  ),
  COMMAND_TTL: setting(
    "600",
    integer(1, COMMAND_TTL_MOST_S),
    "Seconds after which a command that could not be carried out is refused.",
  ),
  MAX_UNCONFIRMED_BYTES: setting(
    "64MiB",
    byteCount,
    "Most bytes of events held until the broker confirms them.",
  ),
  SPOOL_PATH: setting(
    "data/spool",
    unless("off", plainText),
    "Folder that events wait in while the broker is away; off: none.",
  ),
  SPOOL_MAX_BYTES: setting("4GiB", byteCount, "Most bytes of events that wait in that folder."),
  SILENCE_MIN: setting(
    "10",
    integer(0, 1440),
    "Minutes below which a shard without events is never taken for dead; 0: it never is.",
  ),
};

const STATE = {
  STATE_ENABLED: setting("false", boolean, "Whether a cache of guilds, channels and roles is kept in Redis."),
  STATE_MEMBER: setting("false", boolean, "Whether that cache keeps members."),
  STATE_MEMBER_TTL: setting(
    "60000",
    integer(0, Number.MAX_SAFE_INTEGER),
    "Milliseconds that a member is kept after it was written last; 0: for ever.",
  ),
  STATE_MESSAGE: setting("false", boolean, "Whether that cache keeps messages."),
  STATE_MESSAGE_TTL: setting(
    "60000",
    integer(0, Number.MAX_SAFE_INTEGER),
    "Milliseconds that a message is kept after it was written last; 0: for ever.",
  ),
  STATE_PRESENCE: setting("false", boolean, "Whether that cache keeps presences."),
  STATE_EMOJI: setting("false", boolean, "Whether that cache keeps emojis."),
  STATE_VOICE: setting("false", boolean, "Whether that cache keeps voice states."),
  STATE_OLD: setting("false", boolean, "Whether events carry what that cache held before them, as old."),
  STATE_STRICT: setting(
    "true",
    boolean,
    "Whether events wait while that cache cannot be written; otherwise they pass, and it is behind.",
  ),
};

const LOGS = {
  LOG_LEVEL: option(
    choice("error", "warn", "info", "debug", "trace", "off"),
    "How much is logged: error, warn, info, debug, trace or off; empty: what RUST_LOG says, else info.",
  ),
  LOG_FORMAT: option(
    choice("pretty", "json"),
    "How it is logged: pretty or json; empty: pretty on a terminal, else json.",
  ),
  RUST_LOG: option(
    plainText,
    "Read for its first level where LOG_LEVEL is empty, as twilight-dispatch has it.",
  ),
  LOG_CHANNEL: option(channelId, "Discord channel that is told when shards come and go; 0 or empty: none."),
  LOG_GUILD_CHANNEL: option(
    channelId,
    "Discord channel that is told when guilds come and go; 0 or empty: none.",
  ),
};

const TRACES = {
  OTEL_DENO: setting(
    "false",
    choice("true", "false"),
    "Whether traces are exported by OTLP, to where Deno's OTEL_EXPORTER_OTLP_ENDPOINT says: true or false, in no other words.",
  ),
  TRACE_RATIO: setting("0.01", fraction, "Part of the events that are traced then, 0 to 1."),
};

const SERVERS = {
  PROMETHEUS_HOST: setting("127.0.0.1", host, "Address that metrics and health listen on."),
  PROMETHEUS_PORT: setting("8005", listenPort, "Port that metrics and health listen on."),
  DASHBOARD_HOST: setting("127.0.0.1", host, "Address that the dashboard listens on."),
  DASHBOARD_PORT: setting("8000", listenPort, "Port that the dashboard listens on."),
  PORT: option(
    listenPort,
    "Port on every address, as hosting platforms set it: the dashboard is there, or probes alone.",
  ),
  DASHBOARD_URL: option(
    siteUrl,
    "URL, without a path, under which browsers reach the dashboard, where that is not its address and port.",
  ),
  DASHBOARD_PROXIES: setting(
    "",
    networks,
    "Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, joined with commas.",
  ),
  DASHBOARD_PASSWORD: secret(
    "",
    optional(secretText),
    "Password of the dashboard; empty: a one-time link at the start.",
  ),
  DASHBOARD_API_TOKEN: secret(
    "",
    optional(secretText),
    "Bearer token of the dashboard's JSON endpoints; empty: they are closed.",
  ),
  DASHBOARD_OAUTH_CLIENT_ID: option(snowflake, "Id of the Discord application that people sign in with."),
  DASHBOARD_OAUTH_CLIENT_SECRET: secret("", optional(secretText), "Secret of that application."),
  DASHBOARD_OPERATORS: setting(
    "",
    snowflakes,
    "Discord user ids that may act in the dashboard, joined with commas.",
  ),
  DASHBOARD_VIEWERS: setting(
    "",
    snowflakes,
    "Discord user ids that may look at the dashboard, joined with commas.",
  ),
  WATCH_QUEUES: setting(
    "",
    queueNames,
    "Queues that the dashboard shows besides the default ones, joined with commas.",
  ),
  RABBIT_MANAGEMENT_URL: secret(
    "",
    optional(managementUrl),
    "Management interface of RabbitMQ, for what is bound: http://user:password@host:15672.",
  ),
};

const FLEET = {
  ROLE: setting(
    "all",
    choice("all", "gateway", "dashboard"),
    "What runs here: gateway, dashboard, or all of it.",
  ),
  FLEET: setting("false", boolean, "Whether several replicas share the shards out among themselves."),
  REPLICA_NAME: option(
    replicaName,
    "Name of this replica, and of its folder in the spool; empty: host name and process id, and a folder named after its shards, or in a fleet the first that no other process uses.",
  ),
  LEASE_TTL: setting(
    "10",
    integer(1, 300),
    "Seconds after which the shards of a silent replica go to others.",
  ),
  SHARDS_MAX: option(
    integer(1, SHARDS_MOST),
    "Most shards that this replica takes, in a fleet; empty: any number.",
  ),
};

function replicaName(text: string): Reading<string> {
  return /^[A-Za-z0-9._-]{1,128}$/.test(text)
    ? { value: text }
    : { expected: 'at most 128 letters, digits, ".", "_", "-"' };
}

/** The settings under the headings of `.env.example`. */
export const SETTING_GROUPS: Readonly<Record<string, Readonly<Record<string, Setting<unknown>>>>> = {
  "Discord": DISCORD,
  "Shards": SHARDS,
  "RabbitMQ": RABBIT,
  "Redis": REDIS,
  "Events and commands": EVENTS,
  "State cache": STATE,
  "Logs": LOGS,
  "Traces": TRACES,
  "Metrics, health and dashboard": SERVERS,
  "Several replicas": FLEET,
};

export const SETTINGS = {
  ...DISCORD,
  ...SHARDS,
  ...RABBIT,
  ...REDIS,
  ...EVENTS,
  ...STATE,
  ...LOGS,
  ...TRACES,
  ...SERVERS,
  ...FLEET,
};

export type SettingName = keyof typeof SETTINGS;

/** What the settings say, each under its own name. */
export type SettingValues = {
  readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer Value> ? Value : never;
};
