import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import fc from "fast-check";
import { type Config, faultLine, parseConfig } from "../../gateway/config.ts";
import { SETTINGS } from "../../gateway/config/settings.ts";
import { EventChoice } from "../../gateway/delivery/event_choice.ts";
import { Partitions } from "../../gateway/delivery/partitions.ts";
import { DEFAULT_INTENTS, Intent } from "../../gateway/protocol/intents.ts";

const TOKEN = "MTIz.made-up.token";
const MISSING_FILE = "/run/secrets/missing";

function parse(environment: Record<string, string>, isTerminal = false) {
  const files: Record<string, string> = {
    "/run/secrets/token": `${TOKEN}\n`,
    "/run/secrets/token.crlf": `${TOKEN}\r\n`,
    "/run/secrets/two-lines": `${TOKEN}\n\n`,
    "/run/secrets/password": "p@ss word\n",
    "/run/secrets/empty": "\n",
  };
  return parseConfig(environment, {
    isTerminal,
    replicaName: "host-1",
    readFile(path) {
      const content = files[path];
      if (content === undefined) throw new Error("No such file\nor directory");
      return content;
    },
  });
}

function configOf(environment: Record<string, string>, isTerminal = false): Config {
  const parsed = parse({ BOT_TOKEN: TOKEN, ...environment }, isTerminal);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.faults.map(faultLine).join("\n"));
  return parsed.config;
}

function linesOf(environment: Record<string, string>): string[] {
  const parsed = parse({ BOT_TOKEN: TOKEN, ...environment });
  assert.ok(!parsed.ok, `no fault in ${JSON.stringify(environment)}`);
  return parsed.faults.map(faultLine);
}

function assertOneFault(environment: Record<string, string>, line: RegExp): void {
  const lines = linesOf(environment);
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0] ?? "", line);
}

for (const release of ["first", "0_4"]) {
  Deno.test(`parseConfig() takes an unchanged .env of twilight-dispatch, release ${release}`, async () => {
    const url = new URL(`../fixtures/twilight_dispatch_${release}.env`, import.meta.url);
    const config = configOf(parseEnv(await Deno.readTextFile(url)) as Record<string, string>);
    assert.equal(config.discord.token.reveal(), "a.made-up.token");
    assert.equal(config.discord.intents, 32_767);
    assert.deepEqual([config.shards.total, config.shards.first, config.shards.last], [2, 0, 1]);
    assert.equal(config.rabbit.url.reveal(), "amqp://guest:guest@127.0.0.1:5672/%2F");
    assert.equal(config.log.level, "info");
    const activity = { name: "Testing", type: release === "first" ? 3 : 0 };
    assert.deepEqual(config.discord.presence.activities, [activity]);
    assert.equal(config.logChannels.shards, release === "first" ? "754223149926711366" : null);
    assert.equal(config.logChannels.guilds, null);
    assert.deepEqual(config.rabbit.defaultQueues, [release === "first" ? "gateway" : "gateway.recv"]);
    assert.equal(config.discord.apiVersion, release === "first" ? 8 : 10);
    assert.equal(config.state?.memberTtlMs, release === "first" ? undefined : 60_000);
  });
}

Deno.test("parseConfig() needs nothing but a token, and has the defaults of the wire contract", () => {
  assert.deepEqual(JSON.parse(JSON.stringify(configOf({}))), {
    role: "all",
    discord: {
      token: "<redacted>",
      apiUrl: "https://discord.com/api",
      apiVersion: 10,
      gatewayUrl: null,
      compression: "zlib-stream",
      intents: DEFAULT_INTENTS,
      largeThreshold: 250,
      presence: { since: null, activities: [], status: "online", afk: false },
    },
    shards: {
      total: null,
      first: 0,
      last: null,
      concurrency: null,
      identifySpacingMs: 6000,
      resume: true,
      workers: 1,
    },
    rabbit: { url: "<redacted>", address: "127.0.0.1:5672", defaultQueues: ["gateway"] },
    redis: { servers: "<redacted>", address: "127.0.0.1:6379", prefix: "" },
    events: {
      persistent: true,
      transient: {}, // a Set, as JSON has it
      ttlMs: 86_400_000,
      choice: { allow: ["*"], deny: [] },
      partitions: null,
      maxUnconfirmedBytes: 64 * 1024 ** 2,
      spool: { folders: ["data/spool/all-shards"], maxBytes: 4 * 1024 ** 3 },
      silenceMinMs: 600_000,
    },
    traceRatio: null,
    commands: { ttlMs: 600_000 },
    state: null,
    log: { level: "info", format: "json" },
    logChannels: { shards: null, guilds: null },
    platform: null,
    prometheus: { host: "127.0.0.1", port: 8005 },
    dashboard: {
      host: "127.0.0.1",
      port: 8000,
      publicUrl: null,
      proxies: [],
      password: null,
      apiToken: null,
      oauth: null,
      operators: [],
      viewers: [],
      watchedQueues: [],
      rabbitManagement: null,
    },
    fleet: { enabled: false, replicaName: "host-1", leaseTtlMs: 10_000, shardsMax: null },
    worker: null,
    secrets: ["<redacted>"],
  });
});

Deno.test("parseConfig() gives a replica a folder of its own in the spool: its name's, else that of its shards", () => {
  const folders = (environment: Record<string, string>) => configOf(environment).events.spool?.folders ?? [];
  const folder = (environment: Record<string, string>) => folders(environment).join();
  assert.equal(folder({}), "data/spool/all-shards");
  assert.equal(folder({ SPOOL_PATH: "/var/spool" }), "/var/spool/all-shards");
  assert.equal(folder({ SHARDS_START: "4" }), "data/spool/shards-4-to-last");
  assert.equal(folder({ SHARDS_START: "4", SHARDS_END: "7" }), "data/spool/shards-4-to-7");
  assert.equal(folder({ SHARDS_END: "7", REPLICA_NAME: "one" }), "data/spool/replica-one");
  assert.equal(folder({ FLEET: "true", REPLICA_NAME: "one" }), "data/spool/replica-one");
  const [first, second] = folders({ FLEET: "true" });
  assert.deepEqual([first, second], ["data/spool/fleet-1", "data/spool/fleet-2"]);
});

Deno.test("parseConfig() takes an empty text for none at all, in every setting", () => {
  const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, ""]));
  assert.deepEqual(configOf({ ...empty, BOT_TOKEN: TOKEN }), configOf({}));
});

Deno.test("parseConfig() puts every setting into its place", () => {
  const config = configOf({
    API_VERSION: "9",
    API_URL: "http://127.0.0.1:9000/api/",
    GATEWAY_URL: "ws://127.0.0.1:9001",
    COMPRESS: "zstd-stream",
    LARGE_THRESHOLD: "50",
    STATUS: "DND",
    SHARDS_TOTAL: "16",
    SHARDS_START: "4",
    SHARDS_END: "4",
    SHARDS_CONCURRENCY: "16",
    SHARDS_WAIT: "0",
    RESUME: "false",
    CLUSTERS: "4",
    REDIS_PREFIX: "bot:",
    EVENT_PERSISTENT: "false",
    EVENT_TRANSIENT: "TYPING_START, presence_update,",
    EVENT_TTL: "0",
    EVENTS_ALLOW: "GUILD_*,MESSAGE_CREATE",
    EVENTS_DENY: "TYPING_START",
    PARTITIONS: "8",
    COMMAND_TTL: "1799",
    MAX_UNCONFIRMED_BYTES: "1000",
    SPOOL_PATH: "off",
    SILENCE_MIN: "0",
    STATE_ENABLED: "true",
    STATE_MEMBER: "true",
    STATE_MEMBER_TTL: "1",
    STATE_MESSAGE_TTL: "2",
    STATE_OLD: "true",
    LOG_CHANNEL: "1",
    LOG_GUILD_CHANNEL: "754223149926711366",
    PROMETHEUS_HOST: "0.0.0.0",
    PROMETHEUS_PORT: "0",
    DASHBOARD_HOST: "::1",
    DASHBOARD_PORT: "80",
    DASHBOARD_PASSWORD: "letmein",
    DASHBOARD_OAUTH_CLIENT_ID: "12",
    DASHBOARD_OAUTH_CLIENT_SECRET: "oauth",
    DASHBOARD_OPERATORS: "1,2",
    DASHBOARD_VIEWERS: "3",
    WATCH_QUEUES: "workers",
    RABBIT_MANAGEMENT_URL: "http://admin:secret@rabbit:15672",
    ROLE: "gateway",
    FLEET: "true",
    REPLICA_NAME: "a-1.b_2",
    LEASE_TTL: "3",
    SHARDS_MAX: "100",
  });
  const { token: _, intents: __, ...discord } = config.discord;
  assert.deepEqual(discord, {
    apiUrl: "http://127.0.0.1:9000/api",
    apiVersion: 9,
    gatewayUrl: "ws://127.0.0.1:9001/",
    compression: "zstd-stream",
    largeThreshold: 50,
    presence: { since: null, activities: [], status: "dnd", afk: false },
  });
  assert.deepEqual(config.shards, {
    total: 16,
    first: 4,
    last: 4,
    concurrency: 16,
    identifySpacingMs: 0,
    resume: false,
    workers: 4,
  });
  assert.equal(config.redis.prefix, "bot:");
  assert.deepEqual(config.events, {
    persistent: false,
    transient: new Set(["TYPING_START", "PRESENCE_UPDATE"]),
    ttlMs: null,
    choice: new EventChoice(["GUILD_*", "MESSAGE_CREATE"], ["TYPING_START"]),
    partitions: new Partitions(8),
    maxUnconfirmedBytes: 1000,
    spool: null,
    silenceMinMs: null,
  });
  assert.deepEqual(config.commands, { ttlMs: 1_799_000 });
  assert.deepEqual(config.state, {
    members: true,
    memberTtlMs: 1,
    messages: false,
    messageTtlMs: 2,
    presences: false,
    emojis: false,
    voices: false,
    old: true,
    strict: true,
  });
  assert.deepEqual(config.logChannels, { shards: "1", guilds: "754223149926711366" });
  assert.deepEqual(config.prometheus, { host: "0.0.0.0", port: 0 });
  assert.deepEqual([config.dashboard.host, config.dashboard.port], ["::1", 80]);
  assert.equal(config.dashboard.password?.reveal(), "letmein");
  assert.equal(config.dashboard.oauth?.clientId, "12");
  assert.equal(config.dashboard.oauth?.clientSecret.reveal(), "oauth");
  assert.deepEqual(config.dashboard.operators, ["1", "2"]);
  assert.deepEqual(config.dashboard.viewers, ["3"]);
  assert.deepEqual(config.dashboard.watchedQueues, ["workers"]);
  assert.equal(config.dashboard.rabbitManagement?.address, "rabbit:15672");
  assert.equal(config.dashboard.rabbitManagement?.url.reveal(), "http://admin:secret@rabbit:15672/");
  assert.equal(config.role, "gateway");
  assert.deepEqual(config.fleet, {
    enabled: true,
    replicaName: "a-1.b_2",
    leaseTtlMs: 3000,
    shardsMax: 100,
  });
  assert.deepEqual(config.secrets.map((secret) => secret.reveal()), [TOKEN, "letmein", "oauth", "secret"]);
});

Deno.test("parseConfig() says in one line where a missing token comes from", () => {
  for (
    const environment of [{ BOT_TOKEN: "" }, { BOT_TOKEN: "  " }, { BOT_TOKEN: "Bot " }, { BOT_TOKEN: "Bot" }]
  ) {
    assertOneFault(
      environment,
      /^BOT_TOKEN is .*Discord Developer Portal.* Bot, .*`deno task demo` needs none$/,
    );
  }
  assertOneFault({ BOT_TOKEN: "" }, /^BOT_TOKEN is missing: /);
});

Deno.test("parseConfig() takes a token with the prefix that HTTP wants", () => {
  for (const text of [TOKEN, `Bot ${TOKEN}`, ` Bot  ${TOKEN} `]) {
    assert.equal(configOf({ BOT_TOKEN: text }).discord.token.reveal(), TOKEN);
  }
});

Deno.test("parseConfig() refuses a token with anything in it that cannot be sent", () => {
  for (const text of ["a b", "a\tb", "a\nb", "a\u200bb", "a\u0000b", "Bot Bot a"]) {
    assertOneFault({ BOT_TOKEN: text }, /^BOT_TOKEN is a value that is not shown: .*without spaces/);
  }
});

Deno.test("parseConfig() never shows a secret that it refuses", () => {
  const secrets = {
    BOT_TOKEN: "hunter2 hunter2",
    RABBIT_URL: "http://user:hunter2@host",
    REDIS_URL: "redis://:hunter2%zz@host",
    RABBIT_MANAGEMENT_URL: "hunter2",
    RABBIT_HOST: "amqp://user:hunter2@host", // the wrong setting, and yet a password
    API_URL: "https://user:hunter2@host",
  };
  const lines = linesOf(secrets);
  assert.deepEqual(lines.map((line) => line.split(" ")[0]).sort(), Object.keys(secrets).sort());
  assert.doesNotMatch(lines.join("\n"), /hunter2/);
});

Deno.test("parseConfig() names all mistakes at once, each on a line with what it said and what is allowed", () => {
  assert.deepEqual(linesOf({ SHARDS_TOTAL: "two", STATUS: "away", RABBIT_PORT: "0", EVENT_TTL: "1.5" }), [
    'STATUS is "away": expected online, idle, dnd, or invisible',
    'SHARDS_TOTAL is "two": expected an integer from 1 to 65536',
    'RABBIT_PORT is "0": expected an integer from 1 to 65535',
    'EVENT_TTL is "1.5": expected an integer from 0 to 4294967',
  ]);
});

Deno.test("parseConfig() keeps a fault on one line of bounded length", () => {
  const [line = ""] = linesOf({ STATUS: `a\nb\u001b[31m${"c".repeat(10_000)}` });
  assert.match(line, /^STATUS is "a b \[31mc{9}/);
  assert.doesNotMatch(line, /\p{Cc}/u);
  assert.ok(line.length < 300);
});

const REFUSED: Record<string, string[]> = {
  API_VERSION: ["5", "ten", "-10", "1e1", "0x0a", "10.0", "100"],
  API_URL: ["discord.com", "ftp://discord.com", "https://", "https://discord.com/api?a=b"],
  GATEWAY_URL: ["https://gateway.discord.gg", "gateway.discord.gg", "wss://a:b@host"],
  COMPRESS: ["zlib", "gzip"],
  LARGE_THRESHOLD: ["49", "251"],
  STATUS: ["offline"],
  ACTIVITY_TYPE: ["6", "-1", "dancing"],
  ACTIVITY_NAME: ["two\nlines", "a".repeat(513)],
  SHARDS_TOTAL: ["0", "auto", "65537", "9".repeat(400)],
  SHARDS_CONCURRENCY: ["0"],
  SHARDS_WAIT: ["-1", "6s"],
  CLUSTERS: ["0"],
  RESUME: ["maybe"],
  RABBIT_HOST: ["a b", "host:5672", "a/b"],
  RABBIT_PORT: ["65536"],
  RABBIT_URL: [
    "amqp://",
    "redis://host",
    "host:5672",
    "amqp://user:password@one:5672,two:5672/vhost",
    "amqp://one,two/vhost",
    "amqp://one/vhost,two",
    "amqp://one,redis://two",
    "amqp://one,",
  ],
  REDIS_URL: ["redis://host/name", "amqp://host"],
  REDIS_SENTINELS: [",", "one:port", "one:0", "one:65536", "a b", "::1:26379", "redis://one:6379"],
  REDIS_CLUSTER: ["one:6379,:6379", "one/0"],
  REDIS_SENTINEL_NAME: ["two\nlines"],
  DEFAULT_QUEUE: [
    "gateway.send",
    "a,gateway.send.rejected",
    "gateway.send.reports",
    "amq.gen",
    "q".repeat(256),
  ],
  EVENT_TRANSIENT: ["GUILD_*", "typing start"],
  EVENTS_ALLOW: ["*_CREATE", "GUILD-*"],
  EVENT_TTL: ["4294968"],
  PARTITIONS: ["0", "1025"],
  COMMAND_TTL: ["0", "1800"],
  MAX_UNCONFIRMED_BYTES: [
    "0",
    "64MB",
    "64M",
    "-1",
    "1.5GiB",
    "9007199254740992",
    "9007199254740991KiB",
    "MiB",
  ],
  LOG_LEVEL: ["verbose"],
  LOG_FORMAT: ["xml"],
  LOG_CHANNEL: ["#general", "18446744073709551616", "01"],
  PROMETHEUS_PORT: ["65536"],
  REPLICA_NAME: ["a:b", "a b"],
  LEASE_TTL: ["0"],
  SHARDS_MAX: ["0"],
  DASHBOARD_OPERATORS: ["1,somebody"],
};

for (const [name, texts] of Object.entries(REFUSED)) {
  Deno.test(`parseConfig() refuses what ${name} cannot be`, () => {
    for (const text of texts) assertOneFault({ [name]: text }, new RegExp(`^${name} is .+: expected .+`));
  });
}

Deno.test("parseConfig() holds SHARDS_START, SHARDS_END and SHARDS_TOTAL together", () => {
  assertOneFault(
    { SHARDS_TOTAL: "2", SHARDS_START: "2" },
    /^SHARDS_START is "2": expected less than SHARDS_TOTAL/,
  );
  assertOneFault(
    { SHARDS_TOTAL: "2", SHARDS_END: "2" },
    /^SHARDS_END is "2": expected less than SHARDS_TOTAL/,
  );
  assertOneFault(
    { SHARDS_START: "3", SHARDS_END: "2" },
    /^SHARDS_END is "2": expected at least SHARDS_START/,
  );
  assert.equal(configOf({ SHARDS_START: "3", SHARDS_END: "3" }).shards.last, 3);
});

Deno.test("parseConfig() reads intents as a number or as names", () => {
  assert.equal(configOf({ INTENTS: "0" }).discord.intents, 0);
  assert.equal(configOf({ INTENTS: "53608447" }).discord.intents, 53_608_447);
  const named = configOf({ INTENTS: "GUILDS, guild_messages" });
  assert.equal(named.discord.intents, Intent.GUILDS | Intent.GUILD_MESSAGES);
});

Deno.test("parseConfig() lists undefined intent bits, and all names where one is unknown", () => {
  assertOneFault(
    { INTENTS: "4587521" },
    /undefined: bit 17 \(131072\), bit 18 \(262144\), bit 22 \(4194304\)$/,
  );
  assertOneFault(
    { INTENTS: "GUILDS,GUILD_BANS" },
    /^INTENTS is "GUILDS,GUILD_BANS": .*GUILDS, GUILD_MEMBERS/,
  );
});

Deno.test("parseConfig() reads an activity type as a word or a number", () => {
  const words = ["playing", "streaming", "listening", "watching", "custom", "competing"];
  for (const [number, word] of words.entries()) {
    const [byWord, byNumber] = [word, String(number)].map((text) =>
      configOf({ ACTIVITY_TYPE: text, ACTIVITY_NAME: "x" }).discord.presence
    );
    assert.deepEqual(byWord, byNumber);
    assert.equal(byWord?.activities[0]?.type, number);
  }
});

Deno.test("parseConfig() knows both releases' ways of naming the default queue", () => {
  const queues = (text: string) => configOf({ DEFAULT_QUEUE: text }).rabbit.defaultQueues;
  assert.deepEqual(queues("gateway"), ["gateway"]);
  assert.deepEqual(queues("true"), ["gateway.recv"]);
  assert.deepEqual(queues("gateway.recv"), ["gateway.recv"]);
  assert.deepEqual(queues("False"), []);
  assert.deepEqual(queues("gateway, gateway.recv,audit, audit"), ["gateway", "gateway.recv", "audit"]);
});

Deno.test("parseConfig() takes RUST_LOG's first level where LOG_LEVEL is unset", () => {
  const level = (environment: Record<string, string>) => configOf(environment).log.level;
  assert.equal(level({ RUST_LOG: "warn" }), "warn");
  assert.equal(level({ RUST_LOG: "DEBUG,lapin=warn" }), "debug");
  assert.equal(level({ RUST_LOG: "lapin=error,info" }), "error");
  assert.equal(level({ RUST_LOG: "off" }), "off");
  assert.equal(level({ RUST_LOG: "twilight_dispatch" }), "info");
  assert.equal(level({ RUST_LOG: "warn", LOG_LEVEL: "trace" }), "trace");
});

Deno.test("parseConfig() logs prettily on a terminal unless told otherwise", () => {
  assert.equal(configOf({}, true).log.format, "pretty");
  assert.equal(configOf({}, false).log.format, "json");
  assert.equal(configOf({ LOG_FORMAT: "json" }, true).log.format, "json");
  assert.equal(configOf({ LOG_FORMAT: "pretty" }, false).log.format, "pretty");
});

Deno.test("parseConfig() builds the address of RabbitMQ from its parts", () => {
  const { rabbit } = configOf({
    RABBIT_HOST: "rabbit_1",
    RABBIT_PORT: "5673",
    RABBIT_USERNAME: "us/er",
    RABBIT_PASSWORD: "p@ss:w/rd",
  });
  assert.equal(rabbit.url.reveal(), "amqp://us%2Fer:p%40ss%3Aw%2Frd@rabbit_1:5673/%2F");
  assert.equal(rabbit.address, "rabbit_1:5673");
  assert.equal(configOf({ RABBIT_HOST: "::1" }).rabbit.address, "[::1]:5672");
});

Deno.test("parseConfig() lets RABBIT_URL win over the parts", () => {
  const cases = [
    ["amqp://host", "amqp://host/%2F", "host:5672"],
    ["amqp://host:1/", "amqp://host:1/%2F", "host:1"],
    ["amqps://u:p@host/bots", "amqps://u:p@host/bots", "host:5671"],
    ["amqp://u:p@[::1]:5673/%2F?heartbeat=5", "amqp://u:p@[::1]:5673/%2F?heartbeat=5", "[::1]:5673"],
  ];
  for (const [given = "", url, address] of cases) {
    const { rabbit } = configOf({ RABBIT_URL: given, RABBIT_HOST: "other" });
    assert.deepEqual([rabbit.url.reveal(), rabbit.address], [url, address]);
  }
});

Deno.test("parseConfig() builds the address of Redis from its parts, or takes REDIS_URL", () => {
  const cases: [Record<string, string>, string, string][] = [
    [{ REDIS_HOST: "redis", REDIS_PORT: "1" }, "redis://redis:1", "redis:1"],
    [{ REDIS_PASSWORD: "p@ss" }, "redis://:p%40ss@127.0.0.1:6379", "127.0.0.1:6379"],
    [{ REDIS_USERNAME: "u", REDIS_PASSWORD: "p" }, "redis://u:p@127.0.0.1:6379", "127.0.0.1:6379"],
    [{ REDIS_URL: "rediss://u:p@host/3", REDIS_HOST: "other" }, "rediss://u:p@host/3", "host:6379"],
  ];
  for (const [environment, url, address] of cases) {
    const { redis } = configOf(environment);
    assert.deepEqual([redis.servers.reveal(), redis.address], [{ url }, address]);
  }
});

Deno.test("parseConfig() takes several brokers, each in a whole URL, and a comma in a password for one of its own", () => {
  const { rabbit, secrets } = configOf({
    RABBIT_URL: "amqp://u:p,w@one/prod , amqps://v:q%2Cw@two:5673/prod,amqp://three",
  });
  assert.equal(rabbit.url.reveal(), "amqp://u:p,w@one/prod,amqps://v:q%2Cw@two:5673/prod,amqp://three/%2F");
  assert.equal(rabbit.address, "one:5672, two:5673, three:5672");
  assert.deepEqual(secrets.map((secret) => secret.reveal()), [TOKEN, "p,w", "q%2Cw", "q,w"]);
});

Deno.test("parseConfig() takes Sentinels, with the login of the master and a password of their own", () => {
  const { redis, secrets } = configOf({
    REDIS_SENTINELS: "one, two:26380, [::1]:26381",
    REDIS_SENTINEL_NAME: "shards",
    REDIS_SENTINEL_PASSWORD: "sentinel",
    REDIS_USERNAME: "me",
    REDIS_PASSWORD: "master",
  });
  assert.deepEqual(redis.servers.reveal(), {
    sentinels: [{ host: "one", port: 26_379 }, { host: "two", port: 26_380 }, { host: "::1", port: 26_381 }],
    masterName: "shards",
    sentinelPassword: "sentinel",
    username: "me",
    password: "master",
  });
  assert.equal(redis.address, "one:26379, two:26380, [::1]:26381");
  assert.deepEqual(secrets.map((secret) => secret.reveal()), [TOKEN, "master", "sentinel"]);
  const bare = configOf({ REDIS_SENTINELS: "one" });
  assert.deepEqual(bare.redis.servers.reveal(), {
    sentinels: [{ host: "one", port: 26_379 }],
    masterName: "mymaster",
    sentinelPassword: null,
    username: null,
    password: null,
  });
  assert.deepEqual(bare.secrets.map((secret) => secret.reveal()), [TOKEN]);
});

Deno.test("parseConfig() takes nodes of a cluster, and with them a prefix that keeps all keys in one slot", () => {
  const environment = { REDIS_CLUSTER: "one,two:7000", REDIS_PASSWORD: "cluster" };
  const { redis, secrets } = configOf({ ...environment, REDIS_PREFIX: "bot:{gateway}:" });
  assert.deepEqual(redis.servers.reveal(), {
    clusterNodes: [{ host: "one", port: 6_379 }, { host: "two", port: 7_000 }],
    username: null,
    password: "cluster",
  });
  assert.equal(redis.address, "one:6379, two:7000");
  assert.deepEqual(secrets.map((secret) => secret.reveal()), [TOKEN, "cluster"]);
  for (const prefix of ["gateway:", "{}gateway:", "gateway}{:", "{}{gateway}:"]) {
    assertOneFault(
      { ...environment, REDIS_PREFIX: prefix },
      /^REDIS_PREFIX is "[^"]+": expected a prefix with a hash tag, like \{gateway\}:, which keeps all keys in one slot/,
    );
  }
  assertOneFault(environment, /^REDIS_PREFIX is missing: expected a prefix with a hash tag/);
});

Deno.test("parseConfig() takes one place of Redis only, but for REDIS_URL, which wins over the parts", () => {
  const sentinels = { REDIS_SENTINELS: "one" };
  const cluster = { REDIS_CLUSTER: "one", REDIS_PREFIX: "{gateway}:" };
  for (
    const [environment, line] of [
      [
        { ...sentinels, REDIS_HOST: "redis" },
        /^REDIS_HOST is "redis": expected nothing while REDIS_SENTINELS is set/,
      ],
      [
        { ...sentinels, REDIS_PORT: "6379" },
        /^REDIS_PORT is "6379": expected nothing while REDIS_SENTINELS is set/,
      ],
      [
        { ...cluster, REDIS_URL: "redis://:secret@redis" },
        /^REDIS_URL is a value that is not shown: expected nothing/,
      ],
      [
        { ...cluster, ...sentinels },
        /^REDIS_CLUSTER is "one": expected nothing while REDIS_SENTINELS is set/,
      ],
    ] as const
  ) {
    assertOneFault(environment, line);
  }
});

Deno.test("parseConfig() shows no password that stands where only hosts belong", () => {
  assertOneFault(
    { REDIS_SENTINELS: "me:secret@one:26379" },
    /^REDIS_SENTINELS is a URL with a password, not shown: /,
  );
});

Deno.test("parseConfig() lists the passwords inside URLs among the secrets, in both spellings", () => {
  const secrets = configOf({ RABBIT_URL: "amqp://u:p%40ss@host", REDIS_PASSWORD: "plain" }).secrets;
  assert.deepEqual(secrets.map((secret) => secret.reveal()), [TOKEN, "p%40ss", "p@ss", "plain"]);
});

Deno.test("parseConfig() reads sizes plainly and in units", () => {
  const bytes = (text: string) => configOf({ SPOOL_MAX_BYTES: text }).events.spool?.maxBytes;
  assert.equal(bytes("1"), 1);
  assert.equal(bytes("2 kib"), 2048);
  assert.equal(bytes("64MiB"), 64 * 1024 ** 2);
  assert.equal(bytes("1TiB"), 1024 ** 4);
});

Deno.test("parseConfig() opens the dashboard on every address where PORT is set", () => {
  const { platform, dashboard } = configOf({
    PORT: "3000",
    DASHBOARD_HOST: "127.0.0.1",
    DASHBOARD_PORT: "8000",
  });
  assert.deepEqual(platform, { host: "0.0.0.0", port: 3000 });
  assert.deepEqual([dashboard.host, dashboard.port], ["0.0.0.0", 3000]);
});

Deno.test("parseConfig() needs a token for a gateway only, and keeps no empty secret", () => {
  const config = configOf({ ROLE: "Dashboard", BOT_TOKEN: "" });
  assert.equal(config.role, "dashboard");
  assert.equal(config.discord.token.reveal(), "");
  assert.deepEqual(config.secrets, []);
  assertOneFault({ ROLE: "gateway", BOT_TOKEN: "" }, /^BOT_TOKEN is missing: /);
  assertOneFault({ ROLE: "worker" }, /^ROLE is "worker": expected all, gateway, or dashboard$/);
});

Deno.test("parseConfig() takes the dashboard's URL without a path, which nothing supports", () => {
  const publicUrl = (text: string) => configOf({ DASHBOARD_URL: text }).dashboard.publicUrl;
  assert.equal(publicUrl("https://shards.example"), "https://shards.example");
  assert.equal(publicUrl("https://shards.example/"), "https://shards.example");
  assert.equal(publicUrl("http://[::1]:8080/"), "http://[::1]:8080");
  assert.equal(publicUrl("https://SHARDS.example:443"), "https://shards.example");
  for (const rest of ["shards", "shards/", "/", "?a=1", "%2F"]) {
    assertOneFault(
      { DASHBOARD_URL: `https://example.org/${rest}` },
      /^DASHBOARD_URL is "https:.*": expected an http:\/\/ or https:\/\/ URL without .*path/,
    );
  }
  assertOneFault({ DASHBOARD_URL: "https://user@example.org" }, /^DASHBOARD_URL is .*: expected an http/);
  assert.equal(configOf({ API_URL: "http://localhost:1/api/" }).discord.apiUrl, "http://localhost:1/api");
});

Deno.test("parseConfig() believes proxies by address or network", () => {
  const { proxies } = configOf({ DASHBOARD_PROXIES: "127.0.0.1, 10.0.0.0/8,::1,fd00::/8" }).dashboard;
  assert.deepEqual(proxies, ["127.0.0.1", "10.0.0.0/8", "::1", "fd00::/8"]);
  for (const text of ["proxy", "10.0.0.0/33", "10.0.0", "::1/129", "1.2.3.4/", "1.2.3.4/8/8", "0x7f.1"]) {
    assertOneFault(
      { DASHBOARD_PROXIES: text },
      /^DASHBOARD_PROXIES is .*: expected IP addresses, or networks/,
    );
  }
});

Deno.test("parseConfig() wants both halves of the OAuth client or none", () => {
  assertOneFault({ DASHBOARD_OAUTH_CLIENT_ID: "1" }, /^DASHBOARD_OAUTH_CLIENT_SECRET is missing/);
  assertOneFault({ DASHBOARD_OAUTH_CLIENT_SECRET: "x" }, /^DASHBOARD_OAUTH_CLIENT_ID is missing/);
});

Deno.test("parseConfig() reads a secret from the file that <NAME>_FILE names, less the last line break", () => {
  for (const path of ["/run/secrets/token", "/run/secrets/token.crlf"]) {
    assert.equal(configOf({ BOT_TOKEN: "", BOT_TOKEN_FILE: path }).discord.token.reveal(), TOKEN);
  }
  const { redis } = configOf({ REDIS_PASSWORD_FILE: "/run/secrets/password" });
  assert.deepEqual(redis.servers.reveal(), { url: "redis://:p%40ss%20word@127.0.0.1:6379" });
});

Deno.test("parseConfig() offers a file to every secret", () => {
  const secrets = Object.entries(SETTINGS).filter(([, setting]) => setting.secret).map(([name]) => name);
  assert.equal(secrets.length, 10);
  for (const name of secrets) {
    assertOneFault(
      { [name]: "", [`${name}_FILE`]: MISSING_FILE },
      new RegExp(`^${name}_FILE is "${MISSING_FILE}": .*\\(No such file or directory\\)$`),
    );
  }
});

Deno.test("parseConfig() refuses a file that is empty, and one beside a text", () => {
  assertOneFault(
    { BOT_TOKEN: "", BOT_TOKEN_FILE: "/run/secrets/empty" },
    /^BOT_TOKEN_FILE is "\/run.*not empty$/,
  );
  assertOneFault({ BOT_TOKEN_FILE: "/run/secrets/token" }, /^BOT_TOKEN_FILE is .* while BOT_TOKEN is set/);
});

Deno.test("parseConfig() never shows what a file holds", () => {
  const [line = ""] = linesOf({ RABBIT_URL_FILE: "/run/secrets/password" });
  assert.match(
    line,
    /^RABBIT_URL_FILE is "\/run\/secrets\/password", whose content is not shown: expected an amqp/,
  );
});

Deno.test("parseConfig() answers any text in any setting with a value or with faults of one line", () => {
  const environment = fc.dictionary(fc.constantFrom(...Object.keys(SETTINGS)), fc.string({ unit: "binary" }));
  fc.assert(fc.property(environment, (texts) => {
    const parsed = parse(texts);
    if (parsed.ok) return;
    for (const fault of parsed.faults) assert.doesNotMatch(faultLine(fault), /\p{Cc}/u);
  }));
});
