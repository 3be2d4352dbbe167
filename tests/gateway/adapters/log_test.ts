import assert from "node:assert/strict";
import fc from "fast-check";
import { LINES_WAITING_MAX, Log, type LogOptions } from "../../../gateway/adapters/log.ts";
import { Secret } from "../../../gateway/config.ts";
import type { Observation } from "../../../gateway/observation.ts";

const AT_MS = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
const SESSION = "0123456789abcdef0123456789abcdef";
const TOKEN = "MTIz.made-up.token";

type Samples = { readonly [Kind in Observation["kind"]]: Extract<Observation, { kind: Kind }> };

/** One of every kind; the compiler asks for those that are new. */
const SAMPLES: Samples = {
  "shard.connecting": { kind: "shard.connecting", shard: 3, host: "gateway.discord.gg", attempt: 1 },
  "shard.connected": { kind: "shard.connected", shard: 3, heartbeatIntervalMs: 41_250 },
  "shard.identifying": { kind: "shard.identifying", shard: 3 },
  "shard.ready": { kind: "shard.ready", shard: 3, session: SESSION, guilds: 12, resumable: true },
  "shard.resuming": { kind: "shard.resuming", shard: 3, session: SESSION, sequence: 77 },
  "shard.resumed": { kind: "shard.resumed", shard: 3, replayed: 5 },
  "shard.disconnected": {
    kind: "shard.disconnected",
    shard: 3,
    code: 4000,
    reason: "Unknown error.",
    by: "discord",
  },
  "shard.reconnecting": { kind: "shard.reconnecting", shard: 3, delayMs: 1500, resume: true },
  "shard.status": { kind: "shard.status", shard: 3, status: "Connected", waitingForTurn: false },
  "shard.acknowledged": { kind: "shard.acknowledged", shard: 3, latencyMs: 42 },
  "shard.zombie": { kind: "shard.zombie", shard: 3 },
  "shard.silent": { kind: "shard.silent", shard: 3, silentMs: 1_800_000, usualMs: 600_000 },
  "shard.handed_over": { kind: "shard.handed_over", shard: 3, to: "gateway-2", done: true },
  "shard.parked": { kind: "shard.parked", shard: 3 },
  "shard.unparked": { kind: "shard.unparked", shard: 3, parkedMs: 4_200 },
  "shard.gap": {
    kind: "shard.gap",
    shard: 3,
    oldSession: SESSION,
    newSession: "fedcba9876543210fedcba9876543210",
    lastSequence: 77,
    fromMs: AT_MS - 1000,
    toMs: AT_MS,
    reason: "invalid_session",
  },
  "shard.fatal": { kind: "shard.fatal", shard: 3, code: 4004, meaning: "authentication failed" },
  "event.received": { kind: "event.received", shard: 3, type: "MESSAGE_CREATE", bytes: 800 },
  "event.filtered": { kind: "event.filtered", shard: 3, type: "TYPING_START" },
  "event.dropped": { kind: "event.dropped", shard: 3, type: "MESSAGE_CREATE", reason: "replayed" },
  "frame.unreadable": { kind: "frame.unreadable", shard: 3, bytes: 12, skipped: true },
  "frame.ruined": { kind: "frame.ruined", shard: 3, error: "invalid distance code" },
  "opcode.unknown": { kind: "opcode.unknown", shard: 3, opcode: 99 },
  "guild.joined": { kind: "guild.joined", shard: 3, guild: "41771983423143937", name: "A guild" },
  "guild.left": { kind: "guild.left", shard: 3, guild: "41771983423143937", name: null },
  "command.carried_out": { kind: "command.carried_out", opcode: 0, shards: 1 },
  "command.rejected": { kind: "command.rejected", reason: "unknown_shard", message: "no shard 99 here" },
  "identify.budget": { kind: "identify.budget", remaining: 990, total: 1000, resetsInMs: 3_600_000 },
  "identify.exhausted": { kind: "identify.exhausted", resetsInMs: 3_600_000 },
  "identify.low": { kind: "identify.low", remaining: 9, total: 1000, resetsInMs: 3_600_000 },
  "shards.begun": { kind: "shards.begun", shards: 16, total: 16, resuming: 4 },
  "shards.waiting": { kind: "shards.waiting", holder: "gateway-2" },
  "shards.lost": { kind: "shards.lost", shards: 4 },
  "leases.lapsed": { kind: "leases.lapsed", shards: 16 },
  "leases.regained": { kind: "leases.regained", shards: 16 },
  "points.fenced": { kind: "points.fenced", shards: 1 },
  "fleet.joined": { kind: "fleet.joined", member: "8f4e", total: 16 },
  "fleet.led": { kind: "fleet.led", member: "8f4e" },
  "fleet.drained": { kind: "fleet.drained", isDrained: true },
  "reshard.phase": { kind: "reshard.phase", phase: "rehearsing", from: 16, to: 32 },
  "reshard.abandoned": {
    kind: "reshard.abandoned",
    from: 16,
    to: 32,
    reason: "An operator has abandoned it",
  },
  "reshard.progress": {
    kind: "reshard.progress",
    ready: 5,
    shards: 8,
    obstacle: "3 of its 8 new shards are not connected",
  },
  "reshard.ended": { kind: "reshard.ended", late: 2 },
  "identify.refused": { kind: "identify.refused", error: "not connected" },
  "shards.recommendation": { kind: "shards.recommendation", recommended: 4, running: 2 },
  "broker.connected": { kind: "broker.connected", address: "127.0.0.1:5672", purpose: "publishing" },
  "broker.lost": { kind: "broker.lost", address: "127.0.0.1:5672", purpose: "consuming", error: "closed" },
  "broker.unreachable": { kind: "broker.unreachable", address: "127.0.0.1:5672", error: "refused" },
  "broker.passed_over": { kind: "broker.passed_over", address: "127.0.0.2:5672", error: "refused" },
  "broker.blocked": { kind: "broker.blocked", reason: "low on memory" },
  "broker.unblocked": { kind: "broker.unblocked" },
  "broker.returned": { kind: "broker.returned", type: "MESSAGE_CREATE" },
  "broker.refused": { kind: "broker.refused", type: "MESSAGE_CREATE" },
  "event.quarantined": {
    kind: "event.quarantined",
    shard: 3,
    type: "MESSAGE_CREATE",
    session: SESSION,
    sequence: 77,
    bytes: 800,
    kept: true,
  },
  "broker.channel_lost": { kind: "broker.channel_lost", purpose: "publishing", error: "406" },
  "news.dropped": { kind: "news.dropped", count: 7 },
  "redis.connected": { kind: "redis.connected", address: "127.0.0.1:6379" },
  "redis.lost": { kind: "redis.lost", address: "127.0.0.1:6379", error: "closed" },
  "redis.refusing": { kind: "redis.refusing", address: "127.0.0.1:6379", error: "OOM" },
  "redis.accepting": { kind: "redis.accepting", address: "127.0.0.1:6379" },
  "redis.unreachable": { kind: "redis.unreachable", address: "127.0.0.1:6379", error: "refused" },
  "redis.evicting": {
    kind: "redis.evicting",
    address: "127.0.0.1:6379",
    policy: "allkeys-lru",
    maxMemoryBytes: 1_048_576,
  },
  "redis.garbage": { kind: "redis.garbage", key: "gateway_sessions", problem: "not JSON" },
  "state.opened": { kind: "state.opened" },
  "state.closed": { kind: "state.closed" },
  "state.unfilled": { kind: "state.unfilled", shard: 3 },
  "state.refused": { kind: "state.refused", error: "OOM command not allowed" },
  "state.failed": { kind: "state.failed", type: "GUILD_CREATE", error: "fault" },
  "state.sizes": { kind: "state.sizes", sizes: { guild: 300 }, guildsBehind: 0 },
  "points.written": { kind: "points.written", shards: 16, tookMs: 2 },
  "points.refused": { kind: "points.refused", error: "READONLY" },
  "board.refused": { kind: "board.refused", error: "READONLY" },
  "figures.refused": { kind: "figures.refused", error: "READONLY" },
  "spool.opened": { kind: "spool.opened", events: 500, bytes: 400_000, shards: 16 },
  "spool.late": { kind: "spool.late", shard: 3, events: 12 },
  "spool.used": { kind: "spool.used", unconfirmedEvents: 250 },
  "spool.emptied": { kind: "spool.emptied" },
  "spool.moved_aside": { kind: "spool.moved_aside", to: "data/spool/old", problem: "not a database" },
  "spool.written": { kind: "spool.written", events: 40, tookMs: 3 },
  "spool.refused": { kind: "spool.refused", error: "database or disk is full" },
  "spool.unreadable": { kind: "spool.unreadable", shard: 3, events: 12, error: "disk I/O error" },
  "spool.full": { kind: "spool.full", bytes: 1_000_000, maxBytes: 1_000_000 },
  "spool.room": { kind: "spool.room" },
  "rest.failed": { kind: "rest.failed", route: "GET /gateway/bot", status: 502, error: "x", retryInMs: 900 },
  "queue.watched": {
    kind: "queue.watched",
    queue: "gateway",
    messages: 1_000,
    consumers: 0,
    unattended: true,
  },
  "log_channel.dropped": { kind: "log_channel.dropped", count: 7 },
  "worker.ended": { kind: "worker.ended", worker: 2, error: "out of memory", startsInMs: 1_000 },
  "service.notice": { kind: "service.notice", message: "Metrics are on 127.0.0.1:8005" },
  "service.warning": { kind: "service.warning", message: "MESSAGE_CONTENT is not among the intents" },
  "service.stopping": { kind: "service.stopping", signal: "SIGTERM" },
  "service.failed": { kind: "service.failed", status: 77, message: "Discord refused the token" },
  "service.late": { kind: "service.late", phase: "drain", deadlineMs: 4000 },
  "service.stopped": { kind: "service.stopped", tookMs: 812 },
};

/** A log that keeps what it writes. */
function openLog(options: Partial<LogOptions> = {}) {
  const writes: string[] = [];
  const log = new Log({
    level: "trace",
    format: "json",
    color: false,
    secrets: [],
    wallMs: () => AT_MS,
    write: (text) => {
      writes.push(text);
      return Promise.resolve();
    },
    ...options,
  });
  return { log, writes };
}

/** What a log with these options writes of the observations. */
async function written(options: Partial<LogOptions>, ...observations: Observation[]): Promise<string> {
  const { log, writes } = openLog(options);
  observations.forEach(log.observe);
  await log.flush();
  return writes.join("");
}

for (const format of ["json", "pretty"] as const) {
  Deno.test(`Log writes each kind of observation as ${format}`, async () => {
    const snapshot = await Deno.readTextFile(new URL(`./log_${format}.txt`, import.meta.url));
    const text = await written({ format }, ...Object.values(SAMPLES));
    assert.deepEqual(text.split("\n"), snapshot.split("\n"));
  });
}

Deno.test("Log writes JSON whose lines can all be parsed, with time, level, message and flat fields", async () => {
  const lines = (await written({}, ...Object.values(SAMPLES))).trimEnd().split("\n");
  assert.equal(lines.length, Object.keys(SAMPLES).length - 3); // all that comes at the pace of events, or of a clock, is left out
  for (const line of lines) {
    const entry = JSON.parse(line);
    assert.equal(entry.time, "2026-02-03T04:05:06.789Z");
    assert.match(entry.level, /^(error|warn|info|debug|trace)$/);
    assert.ok(entry.message.length > 0);
    for (const value of Object.values(entry)) assert.ok(value === null || typeof value !== "object");
  }
});

Deno.test("Log.observeOf() has each line say which worker it is of", async () => {
  const { log, writes } = openLog();
  log.observeOf(2)(SAMPLES["shard.resumed"]);
  await log.flush();
  const { shard, replayed, worker } = JSON.parse(writes.join(""));
  assert.deepEqual({ shard, replayed, worker }, { shard: 3, replayed: 5, worker: 2 });
  const silent = openLog({ level: "error" });
  silent.log.observeOf(2)(SAMPLES["shard.resumed"]);
  await silent.log.flush();
  assert.deepEqual(silent.writes, []);
});

Deno.test("Log colours the level alone, and only when told to", async () => {
  const zombie = SAMPLES["shard.zombie"];
  const plain = "04:05:06.789 WARN  Shard without answer      shard=3\n";
  assert.equal(await written({ format: "pretty" }, zombie), plain);
  assert.equal(
    await written({ format: "pretty", color: true }, zombie),
    plain.replace("WARN ", "\x1b[33mWARN \x1b[0m"),
  );
  assert.doesNotMatch(await written({ format: "json", color: true }, zombie), /\x5cu001b/);
});

Deno.test("Log writes the levels asked for and weightier ones", async () => {
  const levels = ["error", "warn", "info", "debug", "trace"] as const;
  for (const [index, level] of levels.entries()) {
    const text = await written({ level }, ...Object.values(SAMPLES));
    const seen = new Set(text.trimEnd().split("\n").map((line) => JSON.parse(line).level));
    assert.deepEqual(seen, new Set(levels.slice(0, index + 1)));
  }
  assert.equal(await written({ level: "off" }, ...Object.values(SAMPLES)), "");
});

Deno.test("Log never writes what comes at the pace of events", async () => {
  const kinds = ["event.received", "event.filtered", "state.sizes"] as const;
  for (const kind of kinds) assert.equal(await written({ level: "trace" }, SAMPLES[kind]), "", kind);
});

Deno.test("Log says of an event that the broker refuses for good whether it is kept", async () => {
  const quarantined = SAMPLES["event.quarantined"];
  const text = await written({}, quarantined, { ...quarantined, kept: false });
  assert.deepEqual(text.trimEnd().split("\n").map((line) => JSON.parse(line).message), [
    "Event refused by RabbitMQ for good, set aside in the spool",
    "Event refused by RabbitMQ for good, lost",
  ]);
});

Deno.test("Log writes times in whole milliseconds", async () => {
  const gap = { ...SAMPLES["shard.gap"], fromMs: 1_795_501_365_836.0608, toMs: 1_795_501_365_837.5 };
  const { fromMs, toMs } = JSON.parse(await written({}, gap));
  assert.deepEqual([fromMs, toMs], [1_795_501_365_836, 1_795_501_365_838]);
});

Deno.test("Log shortens session ids", async () => {
  const text = await written({}, SAMPLES["shard.ready"], SAMPLES["shard.resuming"], SAMPLES["shard.gap"]);
  assert.doesNotMatch(text, /012345678|fedcba987/);
  assert.equal(text.match(/"01234567"|"fedcba98"/g)?.length, 4);
});

Deno.test("Log keeps one line one line, whatever Discord or a bot says", async () => {
  const nasty = 'x"\r\n{"level":"error","message":"forged"}\u001b[2J\u202e\u2028' + "y".repeat(1_000_000);
  for (const format of ["json", "pretty"] as const) {
    const text = await written(
      { format },
      { ...SAMPLES["shard.disconnected"], reason: nasty },
      { ...SAMPLES["guild.joined"], name: nasty },
      { ...SAMPLES["command.rejected"], message: nasty },
      { ...SAMPLES["event.dropped"], type: nasty },
    );
    const lines = text.split("\n");
    assert.equal(lines.length, 5);
    for (const line of lines) {
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}]/u);
      assert.ok(line.length < 1200, String(line.length));
    }
  }
});

Deno.test("Log cuts a field at 200 characters", async () => {
  const text = await written({}, { ...SAMPLES["broker.lost"], error: "e".repeat(201) });
  assert.equal(JSON.parse(text).error, "e".repeat(200) + "…");
});

Deno.test("Log never writes a secret, wherever it turns up and however it is cut", async () => {
  const secrets = ["pass", "a longer pass word", TOKEN, ""].map((text) => new Secret(text));
  for (const format of ["json", "pretty"] as const) {
    const text = await written(
      { format, secrets },
      { ...SAMPLES["rest.failed"], error: `Bot ${TOKEN} and ${TOKEN}` },
      { ...SAMPLES["broker.lost"], error: "-".repeat(195) + TOKEN },
      { ...SAMPLES["service.warning"], message: `${TOKEN}: a longer pass word` },
      { ...SAMPLES["redis.garbage"], key: "pass" },
    );
    assert.doesNotMatch(text, /MTIz|pass|a longer/);
    assert.equal(text.match(/<redacted>/g)?.length, 5);
    assert.match(text, /Bot <redacted> and <redacted>/);
  }
});

Deno.test("Log writes nothing on the way of an event, and one turn's lines at once", async () => {
  const { log, writes } = openLog();
  for (let shard = 0; shard < 100; shard++) log.observe({ kind: "shard.zombie", shard });
  assert.equal(writes.length, 0);
  await log.flush();
  assert.equal(writes.length, 1);
  assert.equal(writes[0]?.match(/\n/g)?.length, 100);
});

Deno.test("Log waits for a slow output, and then writes all that was said meanwhile, in order", async () => {
  const writes: string[] = [];
  const writing = Promise.withResolvers<void>();
  const slow = Promise.withResolvers<void>();
  const { log } = openLog({
    write: async (text) => {
      writes.push(text);
      writing.resolve();
      await slow.promise;
    },
  });
  log.observe({ kind: "shard.zombie", shard: 0 });
  await writing.promise;
  for (let shard = 1; shard <= 3; shard++) log.observe({ kind: "shard.zombie", shard });
  assert.equal(writes.length, 1);
  slow.resolve();
  await log.flush();
  assert.equal(writes.length, 2);
  assert.deepEqual(writes.join("").match(/"shard":\d/g), [
    '"shard":0',
    '"shard":1',
    '"shard":2',
    '"shard":3',
  ]);
});

Deno.test("Log drops the oldest lines past its bound, and says how many", async () => {
  const { log, writes } = openLog();
  for (let shard = 0; shard < LINES_WAITING_MAX + 5; shard++) log.observe({ kind: "shard.zombie", shard });
  log.observe({ kind: "shard.parked", shard: 0 });
  await log.flush();
  const lines = writes.join("").trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, LINES_WAITING_MAX + 1);
  assert.deepEqual([lines[0].kind, lines[0].count, lines[0].level], ["log.dropped", 6, "warn"]);
  assert.equal(lines[1].shard, 6);
  assert.equal(lines.at(-1).kind, "shard.parked");
  log.observe({ kind: "shard.zombie", shard: 0 });
  await log.flush();
  assert.equal(JSON.parse(writes.at(-1) ?? "").kind, "shard.zombie"); // said once
});

Deno.test("Log outlives an output that breaks", async () => {
  let writes = 0;
  const { log } = openLog({
    write: () => {
      writes++;
      return Promise.reject(new Error("EPIPE"));
    },
  });
  for (let round = 0; round < 2; round++) {
    log.observe({ kind: "shard.zombie", shard: 0 });
    await log.flush();
  }
  assert.equal(writes, 2);
});

Deno.test("Log.flush() resolves at once where nothing was said", async () => {
  const { log, writes } = openLog();
  await log.flush();
  assert.equal(writes.length, 0);
});

Deno.test("Log makes one parsable line of any reason", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), async (reason) => {
      const text = await written({}, { ...SAMPLES["shard.disconnected"], reason });
      assert.match(text, /^[^\n]+\n$/);
      assert.equal(JSON.parse(text).code, 4000);
    }),
    { numRuns: 50 },
  );
});
