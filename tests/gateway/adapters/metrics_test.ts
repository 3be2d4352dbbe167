import assert from "node:assert/strict";
import process from "node:process";
import { Metrics, type MetricsOptions } from "../../../gateway/adapters/metrics.ts";
import { EventCounts } from "../../../gateway/figures/event_counts.ts";
import type { Observation } from "../../../gateway/observation.ts";
import { Status } from "../../../gateway/status.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { metricValue, readMetrics } from "../../fakes/prometheus_text.ts";

function metricsOf(...shards: number[]) {
  const clock = new ManualClock();
  const status = new Status(clock);
  status.assign(shards);
  const counts = new EventCounts();
  const unconfirmed = { events: 0, bytes: 0 };
  const spool: { content: ReturnType<MetricsOptions["spool"]> } = { content: null };
  const fleet = { unheld: 0 };
  const metrics = new Metrics({
    clock,
    status: () => status.snapshot(),
    eventCounts: () => counts,
    unconfirmed: () => unconfirmed,
    spool: () => spool.content,
    unheldShards: () => fleet.unheld,
  });
  const observe = (observation: Observation) => {
    status.observe(observation);
    metrics.observe(observation);
  };
  /** One scrape, as a function from name and labels to value. */
  const scrape = async () => {
    const samples = readMetrics(await metrics.text());
    return (name: string, labels: Readonly<Record<string, string>> = {}) =>
      metricValue(samples, name, labels);
  };
  return { clock, status, counts, unconfirmed, spool, fleet, metrics, observe, scrape };
}

const SHARD_EVENT_TYPES = [
  "Connecting",
  "Connected",
  "Identifying",
  "Ready",
  "Resuming",
  "Resumed",
  "Disconnected",
  "Reconnecting",
];
const STATUSES = ["Connected", "Disconnected", "Handshaking", "Identifying", "Resuming"];

Deno.test("Metrics.text() shows every known series of the contract from the start, with 0", async () => {
  const value = await metricsOf().scrape();

  for (const type of SHARD_EVENT_TYPES) assert.equal(value("gateway_shard_events", { type }), 0, type);
  for (const type of ["Join", "Leave"]) assert.equal(value("gateway_guild_events", { type }), 0, type);
  for (const type of STATUSES) {
    assert.equal(value("gateway_statuses", { type }), 0, type);
    assert.equal(value("gateway_status", { type }), 0, type);
  }
  assert.equal(value("gateway_shards"), 0);
});

Deno.test("Metrics.text() shows each counter of ours from the start, with 0, but those by names from outside", async () => {
  const { metrics } = metricsOf();
  const text = await metrics.text();
  const counters = [...text.matchAll(/^# TYPE (gateway_\S+_total) counter$/gm)].map(([, name]) => name ?? "");
  const seen = new Map(readMetrics(text).map(({ name, value }) => [name, value]));
  const byNames = ["gateway_events_dropped_total", "gateway_commands_rejected_total"];
  assert.ok(counters.includes("gateway_silences_total"));
  for (const name of counters) assert.equal(seen.get(name), byNames.includes(name) ? undefined : 0, name);
});

Deno.test("Metrics.text() gives each family of the contract its type", async () => {
  const text = await metricsOf(0).metrics.text();
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));

  for (const name of ["gateway_events", "gateway_shard_events", "gateway_guild_events"]) {
    assert.equal(types.get(name), "counter", name);
  }
  for (const name of ["shards", "statuses", "latencies", "status", "latency"]) {
    assert.equal(types.get(`gateway_${name}`), "gauge", name);
  }
});

Deno.test("Metrics.text() names every family of the service gateway_ or process_, but the state cache's, which are of old", async () => {
  const text = await metricsOf(0).metrics.text();
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) {
    assert.match(name ?? "", /^(gateway|process|state)_/);
  }
});

Deno.test("Metrics.text() shows the events counted by type and shard, and the bytes of those observed", async () => {
  const { counts, observe, scrape } = metricsOf(0, 1);
  counts.add("MESSAGE_CREATE", 0);
  counts.add("MESSAGE_CREATE", 0);
  counts.add("TYPING_START", 1);
  observe({ kind: "event.received", shard: 0, type: "MESSAGE_CREATE", bytes: 500 });
  observe({ kind: "event.received", shard: 0, type: "MESSAGE_CREATE", bytes: 300 });
  observe({ kind: "event.received", shard: 1, type: "TYPING_START", bytes: 100 });

  const value = await scrape();
  assert.equal(value("gateway_events", { type: "MESSAGE_CREATE", shard: "0" }), 2);
  assert.equal(value("gateway_events", { type: "TYPING_START", shard: "1" }), 1);
  assert.equal(value("gateway_received_bytes_total"), 900);
});

const SHARD_EVENTS: readonly [string, Observation][] = [
  ["Connecting", { kind: "shard.connecting", shard: 0, host: "gateway.discord.gg", attempt: 1 }],
  ["Connected", { kind: "shard.connected", shard: 0, heartbeatIntervalMs: 41_250 }],
  ["Identifying", { kind: "shard.identifying", shard: 0 }],
  ["Ready", { kind: "shard.ready", shard: 0, session: "a", guilds: 1, resumable: true }],
  ["Resuming", { kind: "shard.resuming", shard: 0, session: "a", sequence: 5 }],
  ["Resumed", { kind: "shard.resumed", shard: 0, replayed: 2 }],
  ["Disconnected", { kind: "shard.disconnected", shard: 0, code: 4000, reason: "", by: "discord" }],
  ["Reconnecting", { kind: "shard.reconnecting", shard: 0, delayMs: 0, resume: true }],
];

for (const [type, observation] of SHARD_EVENTS) {
  Deno.test(`Metrics.observe() counts ${observation.kind} as the shard event ${type} alone`, async () => {
    const { observe, scrape } = metricsOf(0);
    observe(observation);
    const value = await scrape();
    for (const other of SHARD_EVENT_TYPES) {
      assert.equal(value("gateway_shard_events", { type: other }), other === type ? 1 : 0, other);
    }
  });
}

/** An observation, and the one series that it moves from 0 (or from absence) to the value. */
const MOVES: readonly [Observation, string, Record<string, string>, number][] = [
  [{ kind: "guild.joined", shard: 0, guild: "1", name: "a" }, "gateway_guild_events", { type: "Join" }, 1],
  [{ kind: "guild.left", shard: 0, guild: "1", name: null }, "gateway_guild_events", { type: "Leave" }, 1],
  [{ kind: "shard.zombie", shard: 0 }, "gateway_zombies_total", {}, 1],
  [
    {
      kind: "shard.gap",
      shard: 0,
      oldSession: "a",
      newSession: "new",
      lastSequence: 1,
      fromMs: 0,
      toMs: 1,
      reason: "session_timed_out",
    },
    "gateway_session_gaps_total",
    { reason: "session_timed_out" },
    1,
  ],
  [{ kind: "shard.silent", shard: 0, silentMs: 9, usualMs: 3 }, "gateway_silences_total", {}, 1],
  [{ kind: "shard.parked", shard: 0 }, "gateway_parked_shards", {}, 1],
  [{ kind: "shard.unparked", shard: 0, parkedMs: 4_200 }, "gateway_shard_parked_seconds_sum", {}, 4.2],
  [{ kind: "shard.unparked", shard: 0, parkedMs: 4_200 }, "gateway_shard_parked_seconds_count", {}, 1],
  [
    {
      kind: "event.quarantined",
      shard: 0,
      type: "MESSAGE_CREATE",
      session: "a",
      sequence: 1,
      bytes: 9,
      kept: true,
    },
    "gateway_events_quarantined_total",
    {},
    1,
  ],
  [{ kind: "spool.late", shard: 0, events: 12 }, "gateway_events_late_total", {}, 12],
  [{ kind: "spool.written", events: 40, tookMs: 3 }, "gateway_spool_write_seconds_sum", {}, 0.003],
  [{ kind: "spool.written", events: 40, tookMs: 3 }, "gateway_spool_write_seconds_count", {}, 1],
  [{ kind: "spool.refused", error: "disk is full" }, "gateway_spool_refused_total", {}, 1],
  [
    { kind: "event.dropped", shard: 0, type: "TYPING_START", reason: "replayed" },
    "gateway_events_dropped_total",
    { type: "TYPING_START", reason: "replayed" },
    1,
  ],
  [
    { kind: "event.dropped", shard: 0, type: null, reason: "no_type" },
    "gateway_events_dropped_total",
    { type: "none", reason: "no_type" },
    1,
  ],
  [
    { kind: "frame.unreadable", shard: 0, bytes: 9, skipped: true },
    "gateway_frames_unreadable_total",
    {},
    1,
  ],
  [{ kind: "broker.refused", type: "MESSAGE_CREATE" }, "gateway_events_refused_total", {}, 1],
  [{ kind: "points.refused", error: "" }, "gateway_redis_writes_refused_total", { what: "points" }, 1],
  [{ kind: "board.refused", error: "" }, "gateway_redis_writes_refused_total", { what: "board" }, 1],
  [
    { kind: "state.failed", type: "GUILD_CREATE", error: "fault" },
    "gateway_state_failures_total",
    { reason: "not_kept" },
    1,
  ],
  [{ kind: "state.refused", error: "OOM" }, "gateway_state_failures_total", { reason: "refused" }, 1],
  [{ kind: "broker.returned", type: "MESSAGE_CREATE" }, "gateway_events_unroutable_total", {}, 1],
  [
    { kind: "command.carried_out", opcode: 0, shards: 2 },
    "gateway_commands_total",
    { result: "carried_out" },
    1,
  ],
  [
    { kind: "command.rejected", reason: "not_json", message: "" },
    "gateway_commands_total",
    { result: "rejected" },
    1,
  ],
  [
    { kind: "command.rejected", reason: "not_json", message: "" },
    "gateway_commands_rejected_total",
    { reason: "not_json" },
    1,
  ],
  [
    { kind: "identify.budget", remaining: 990, total: 1000, resetsInMs: 5_000 },
    "gateway_identify_remaining",
    {},
    990,
  ],
  [
    { kind: "identify.low", remaining: 9, total: 1000, resetsInMs: 5_000 },
    "gateway_identify_remaining",
    {},
    9,
  ],
  [
    { kind: "identify.budget", remaining: 990, total: 1000, resetsInMs: 5_000 },
    "gateway_identify_total",
    {},
    1000,
  ],
  [{ kind: "identify.exhausted", resetsInMs: 7_000 }, "gateway_identify_remaining", {}, 0],
  [{ kind: "identify.exhausted", resetsInMs: 7_000 }, "gateway_identify_reset_seconds", {}, 7],
  [
    { kind: "shards.recommendation", recommended: 18, running: 16 },
    "gateway_recommended_shards",
    {},
    18,
  ],
  [{ kind: "redis.connected", address: "redis:6379" }, "gateway_redis_connected", {}, 1],
  [
    { kind: "redis.garbage", key: "gateway_sessions", problem: "not JSON" },
    "gateway_redis_garbage_total",
    {},
    1,
  ],
  [{ kind: "points.written", shards: 3, tookMs: 4 }, "gateway_points_write_seconds_sum", {}, 0.004],
  [{ kind: "points.written", shards: 3, tookMs: 4 }, "gateway_points_write_seconds_count", {}, 1],
  [
    { kind: "rest.failed", route: "GET /gateway/bot", status: 500, error: "", retryInMs: 1 },
    "gateway_rest_failures_total",
    {},
    1,
  ],
  [{ kind: "log_channel.dropped", count: 4 }, "gateway_log_embeds_dropped_total", {}, 4],
  [{ kind: "news.dropped", count: 2 }, "gateway_news_dropped_total", {}, 2],
];

for (const [observation, name, labels, expected] of MOVES) {
  const series = `${name}${JSON.stringify(labels)}`;
  Deno.test(`Metrics.observe() moves ${series} to ${expected} on ${observation.kind}`, async () => {
    const { observe, scrape } = metricsOf(0);
    const before = (await scrape())(name, labels);
    assert.ok(before === undefined || before === 0, `${series} begins at ${before}`);
    observe(observation);
    assert.equal((await scrape())(name, labels), expected);
  });
}

Deno.test("Metrics.observe() bounds the types of dropped events", async () => {
  const { observe, metrics } = metricsOf(0);
  for (let number = 0; number < 1_000; number += 1) {
    observe({ kind: "event.dropped", shard: 0, type: `TYPE_${number}`, reason: "replayed" });
  }
  const dropped = readMetrics(await metrics.text()).filter(({ name }) =>
    name === "gateway_events_dropped_total"
  );
  assert.equal(dropped.length, 201);
  assert.equal(
    metricValue(dropped, "gateway_events_dropped_total", { type: "other", reason: "replayed" }),
    800,
  );
});

Deno.test("Metrics.text() shows status and latency of the shards under both names", async () => {
  const { observe, scrape } = metricsOf(0, 1);
  observe({ kind: "shard.status", shard: 0, status: "Connected", waitingForTurn: false });
  observe({ kind: "shard.acknowledged", shard: 0, latencyMs: 41 });

  const value = await scrape();
  assert.equal(value("gateway_shards"), 2);
  for (const name of ["gateway_statuses", "gateway_status"]) {
    assert.equal(value(name, { type: "Connected" }), 1);
    assert.equal(value(name, { type: "Disconnected" }), 1);
  }
  for (const name of ["gateway_latencies", "gateway_latency"]) {
    assert.equal(value(name, { shard: "0" }), 41);
    assert.equal(value(name, { shard: "1" }), 0);
  }
});

Deno.test("Metrics.text() drops the latency of a shard that left this process", async () => {
  const { status, scrape } = metricsOf(0, 1);
  assert.equal((await scrape())("gateway_latencies", { shard: "1" }), 0);
  status.assign([0]);
  const value = await scrape();
  assert.equal(value("gateway_latencies", { shard: "1" }), undefined);
  assert.equal(value("gateway_latency", { shard: "1" }), undefined);
  assert.equal(value("gateway_shards"), 1);
});

Deno.test("Metrics.text() calls the broker connected only while both connections are", async () => {
  const { observe, scrape } = metricsOf();
  const connected = async () => (await scrape())("gateway_broker_connected");
  assert.equal(await connected(), 0);
  observe({ kind: "broker.connected", address: "broker:5672", purpose: "publishing" });
  assert.equal(await connected(), 0);
  observe({ kind: "broker.connected", address: "broker:5672", purpose: "consuming" });
  assert.equal(await connected(), 1);
  observe({ kind: "broker.lost", address: "broker:5672", purpose: "consuming", error: "reset" });
  assert.equal(await connected(), 0);
});

Deno.test("Metrics.text() reads what is unconfirmed at the moment of the scrape", async () => {
  const { unconfirmed, scrape } = metricsOf();
  assert.equal((await scrape())("gateway_unconfirmed_events"), 0);
  unconfirmed.events = 3;
  unconfirmed.bytes = 1_500;
  const value = await scrape();
  assert.equal(value("gateway_unconfirmed_events"), 3);
  assert.equal(value("gateway_unconfirmed_bytes"), 1_500);
});

Deno.test("Metrics.text() reads the spool at the moment of the scrape, and shows 0 where there is none", async () => {
  const { spool, scrape } = metricsOf();
  const values = async () => {
    const value = await scrape();
    return ["spooled_events", "spooled_bytes", "spool_max_bytes"].map((name) => value(`gateway_${name}`));
  };
  assert.deepEqual(await values(), [0, 0, 0]);
  spool.content = { events: 3, bytes: 1_500, maxBytes: 4_096 };
  assert.deepEqual(await values(), [3, 1_500, 4_096]);
  spool.content = null;
  assert.deepEqual(await values(), [0, 0, 0]);
});

Deno.test("Metrics.observe() sorts how long a shard was parked into buckets from a second to an hour", async () => {
  const { observe, scrape } = metricsOf(0);
  for (const parkedMs of [900, 59_000, 4_000_000]) observe({ kind: "shard.unparked", shard: 0, parkedMs });
  const value = await scrape();
  const counted = ["1", "30", "60", "3600", "+Inf"].map((le) =>
    value("gateway_shard_parked_seconds_bucket", { le })
  );
  assert.deepEqual(counted, [1, 1, 2, 2, 3]);
});

Deno.test("Metrics.text() counts down to the renewal of the identify budget, and stops at 0", async () => {
  const { clock, observe, scrape } = metricsOf();
  observe({ kind: "identify.budget", remaining: 1, total: 1000, resetsInMs: 60_000 });
  clock.advance(45_000);
  assert.equal((await scrape())("gateway_identify_reset_seconds"), 15);
  clock.advance(45_000);
  assert.equal((await scrape())("gateway_identify_reset_seconds"), 0);
});

Deno.test("Metrics.text() leaves out what Discord has not told yet", async () => {
  const value = await metricsOf(0).scrape();
  for (
    const name of ["identify_remaining", "identify_total", "identify_reset_seconds", "recommended_shards"]
  ) {
    assert.equal(value(`gateway_${name}`), undefined, name);
  }
});

Deno.test("Metrics.keptState() sorts the time to the state cache into buckets", async () => {
  const { metrics, scrape } = metricsOf();
  metrics.keptState(4);
  const value = await scrape();
  assert.equal(value("gateway_state_seconds_bucket", { le: "0.0025" }), 0);
  assert.equal(value("gateway_state_seconds_bucket", { le: "0.005" }), 1);
  assert.equal(value("gateway_state_seconds_sum"), 0.004);
});

Deno.test("Metrics.published() sorts the time to a confirmation into buckets", async () => {
  const { metrics, scrape } = metricsOf();
  metrics.published(4);
  metrics.published(90_000);

  const value = await scrape();
  assert.equal(value("gateway_publish_seconds_bucket", { le: "0.0025" }), 0);
  assert.equal(value("gateway_publish_seconds_bucket", { le: "0.005" }), 1);
  assert.equal(value("gateway_publish_seconds_bucket", { le: "60" }), 1);
  assert.equal(value("gateway_publish_seconds_bucket", { le: "+Inf" }), 2);
  assert.equal(value("gateway_publish_seconds_sum"), 90.004);
});

Deno.test("Metrics.text() shows the process itself", async () => {
  const { clock, scrape } = metricsOf();
  await scrape();
  const value = await scrape();
  assert.ok((value("process_resident_memory_bytes") ?? 0) > 1_000_000);
  const cpuSeconds = value("process_cpu_seconds_total") ?? 0;
  const { user, system } = process.cpuUsage();
  assert.ok(cpuSeconds > 0 && cpuSeconds <= (user + system) / 1_000_000, `${cpuSeconds}`);
  assert.equal(value("process_start_time_seconds"), clock.epochMs / 1000);
  assert.equal(value("process_event_loop_lag_seconds"), 0);
});

Deno.test("Metrics.text() counts what sockets have brought in the delay of the event loop", async () => {
  const { clock, scrape } = metricsOf();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using caller = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using called = await listener.accept();
  let done = false;
  const exchangeBytes = async (socket: Deno.Conn) => {
    const byte = new Uint8Array(1);
    while (!done && await socket.read(byte) !== null) {
      clock.advance(10); // what is done with it takes so long
      await socket.write(byte);
    }
  };
  const exchanges = [caller, called].map(exchangeBytes);
  await caller.write(new Uint8Array(1));
  const value = await scrape();
  done = true;
  called.close();
  await Promise.allSettled(exchanges);
  assert((value("process_event_loop_lag_seconds") ?? 0) >= 0.01);
});

Deno.test("Metrics.text() tells of what a fleet's shards go through: unheld, handed over, left for their leases", async () => {
  const { fleet, observe, scrape } = metricsOf();
  const fresh = await scrape();
  for (const result of ["handed_over", "stayed"]) {
    assert.equal(fresh("gateway_handovers_total", { result }), 0);
  }
  assert.deepEqual([fresh("gateway_unheld_shards"), fresh("gateway_lease_lapses_total")], [0, 0]);
  fleet.unheld = 3;
  for (const done of [true, true, false]) observe({ kind: "shard.handed_over", shard: 1, to: "other", done });
  observe({ kind: "leases.lapsed", shards: 4 });
  const value = await scrape();
  assert.equal(value("gateway_unheld_shards"), 3);
  assert.equal(value("gateway_handovers_total", { result: "handed_over" }), 2);
  assert.equal(value("gateway_handovers_total", { result: "stayed" }), 1);
  assert.equal(value("gateway_lease_lapses_total"), 1);
});
