/**
 * The Prometheus metrics of the service.
 *
 * Names without a unit or `_total` are those of twilight-dispatch and stay as they are (wire contract, HTTP);
 * ours follow Prometheus naming.
 *
 * @module
 */
import process from "node:process";
import {
  type Aggregator,
  Counter,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";
import type { Clock } from "../clock.ts";
import type { EventCounts } from "../figures/event_counts.ts";
import { LabelValues } from "../figures/label_values.ts";
import { GAP_REASONS, type Observation, type Observer } from "../observation.ts";
import type { StatusSnapshot } from "../status.ts";
import { eventCountsText } from "./event_counts_text.ts";
import { type Kind, KINDS } from "../state/entity.ts";
import { nextTurn } from "./turns.ts";

export interface MetricsOptions {
  readonly clock: Clock;
  readonly status: () => StatusSnapshot;
  readonly eventCounts: () => EventCounts;
  /** What waits in memory for the broker's confirmation. */
  readonly unconfirmed: () => { events: number; bytes: number };
  /** What waits in the spool, and how much may; null where there is none. */
  readonly spool: () => { events: number; bytes: number; maxBytes: number } | null;
  /** Shards that no replica holds, as far as this one is to tell. */
  readonly unheldShards: () => number;
}

/** The observations counted in `gateway_shard_events`, each with its `type`. */
const SHARD_EVENT_TYPES: ReadonlyMap<Observation["kind"], string> = new Map<Observation["kind"], string>([
  ["shard.connecting", "Connecting"],
  ["shard.connected", "Connected"],
  ["shard.identifying", "Identifying"],
  ["shard.ready", "Ready"],
  ["shard.resuming", "Resuming"],
  ["shard.resumed", "Resumed"],
  ["shard.disconnected", "Disconnected"],
  ["shard.reconnecting", "Reconnecting"],
]);

/** What is the same for all workers of a service: whoever has heard of it last knows it best. */
const OF_THE_WHOLE: ReadonlySet<Observation["kind"]> = new Set([
  "identify.budget",
  "identify.low",
  "identify.exhausted",
  "shards.recommendation",
]);

export function isOfTheWhole({ kind }: Observation): boolean {
  return OF_THE_WHOLE.has(kind);
}

/** From a confirmation on the same machine to a broker that was away. */
const PUBLISH_BUCKETS_SECONDS = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60],
];
/** From a broker that blinked to an outage longer than Discord keeps any session. */
const PARKED_BUCKETS_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600];
const WRITE_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** The families of one registry, with all that they say at one moment. */
export type FamiliesSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[];

/**
 * All counters, gauges and histograms but that of {@link EventCounts}. Where several workers make one service, its families
 * are sums of theirs; where another aggregator is named, `first` is the main thread, which comes before the workers.
 */
function createFamilies(registry: Registry) {
  const registers = [registry];
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  const counterBy = <Label extends string>(labelNames: Label[], name: string, help: string) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, aggregator: Aggregator = "sum") =>
    new Gauge({ name, help, registers, aggregator });
  const gaugeBy = <Label extends string>(labelNames: Label[], name: string, help: string) =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, registers });

  return {
    shardEvents: counterBy(["type"], "gateway_shard_events", "Changes of the shards' connections"),
    guildEvents: counterBy(["type"], "gateway_guild_events", "Guilds joined and left"),
    shards: gauge("gateway_shards", "Shards of this process"),
    statuses: gaugeBy(["type"], "gateway_statuses", "Shards by status"),
    status: gaugeBy(["type"], "gateway_status", "Shards by status, under its first name"),
    latencies: gaugeBy(["shard"], "gateway_latencies", "Heartbeat round trip in milliseconds"),
    latency: gaugeBy(
      ["shard"],
      "gateway_latency",
      "Heartbeat round trip in milliseconds, under its first name",
    ),
    unheldShards: gauge(
      "gateway_unheld_shards",
      "Shards of the fleet that no replica holds, told by the one that leads; 0 from others",
    ),
    handovers: counterBy(
      ["result"],
      "gateway_handovers_total",
      "Shards that another replica was to take over, handed over or not",
    ),
    leaseLapses: counter(
      "gateway_lease_lapses_total",
      "Times that all shards were left because their leases could not be renewed",
    ),
    parkedShards: gauge("gateway_parked_shards", "Shards that wait until the broker has caught up"),
    parkedSeconds: histogram(
      "gateway_shard_parked_seconds",
      "How long a shard waited until the broker had caught up",
      PARKED_BUCKETS_SECONDS,
    ),
    zombies: counter("gateway_zombies_total", "Connections left because a heartbeat was not acknowledged"),
    silences: counter(
      "gateway_silences_total",
      "Connections left because nothing came for much longer than usual",
    ),
    sessionGaps: counterBy(
      ["reason"],
      "gateway_session_gaps_total",
      "Gaps in the events: sessions lost, events refused for good, spooled events that cannot be read",
    ),

    receivedBytes: counter("gateway_received_bytes_total", "Bytes of events received, decompressed"),
    framesUnreadable: counter("gateway_frames_unreadable_total", "Frames whose head could not be read"),
    eventsDropped: counterBy(["type", "reason"], "gateway_events_dropped_total", "Events not handed on"),
    eventsRefused: counter(
      "gateway_events_refused_total",
      "Refusals of events by the broker",
    ),
    eventsQuarantined: counter(
      "gateway_events_quarantined_total",
      "Events the broker refused for good, set aside",
    ),
    eventsLate: counter(
      "gateway_events_late_total",
      "Spooled events of shards that had gone on elsewhere, published late",
    ),
    eventsUnroutable: counter("gateway_events_unroutable_total", "Events that reached no queue"),
    unconfirmedEvents: gauge("gateway_unconfirmed_events", "Events the broker has not confirmed yet"),
    unconfirmedBytes: gauge(
      "gateway_unconfirmed_bytes",
      "What holding those costs: their bodies, and 500 bytes each",
    ),
    publishSeconds: histogram(
      "gateway_publish_seconds",
      "Time from the receipt of an event to the broker's confirmation",
      PUBLISH_BUCKETS_SECONDS,
    ),

    spooledEvents: gauge("gateway_spooled_events", "Events that wait in the spool"),
    spooledBytes: gauge("gateway_spooled_bytes", "Bytes of events that wait in the spool"),
    spoolMaxBytes: gauge("gateway_spool_max_bytes", "Bytes that may wait in the spool; 0 without a spool"),
    spoolWriteSeconds: histogram(
      "gateway_spool_write_seconds",
      "Time to write what has gathered to the spool",
      WRITE_BUCKETS_SECONDS,
    ),
    spoolRefused: counter("gateway_spool_refused_total", "Writes the disk did not take, to be tried again"),

    commands: counterBy(["result"], "gateway_commands_total", "Commands carried out or rejected"),
    commandsRejected: counterBy(["reason"], "gateway_commands_rejected_total", "Commands rejected"),

    identifyRemaining: gauge("gateway_identify_remaining", "Identifies left of the daily budget", "first"),
    identifyTotal: gauge("gateway_identify_total", "Identifies in the daily budget", "first"),
    identifyReset: gauge("gateway_identify_reset_seconds", "Time until the daily budget is renewed", "first"),
    recommendedShards: gauge(
      "gateway_recommended_shards",
      "Number of shards that Discord recommends",
      "first",
    ),

    brokerConnected: gauge(
      "gateway_broker_connected",
      "1 while both connections to the broker are open",
      "min",
    ),
    redisConnected: gauge("gateway_redis_connected", "1 while Redis is connected and writes", "min"),
    redisGarbage: counter("gateway_redis_garbage_total", "Values in Redis that could not be read"),
    redisWritesRefused: counterBy(
      ["what"],
      "gateway_redis_writes_refused_total",
      "Writes that Redis did not take, to be tried again",
    ),
    pointsWriteSeconds: histogram(
      "gateway_points_write_seconds",
      "Time to store the resume points that moved",
      WRITE_BUCKETS_SECONDS,
    ),
    stateSeconds: histogram(
      "gateway_state_seconds",
      "Time until the state cache had an event",
      WRITE_BUCKETS_SECONDS,
    ),
    stateFailures: counterBy(
      ["reason"],
      "gateway_state_failures_total",
      "Events that the state cache did not get, and times that Redis began to refuse it",
    ),
    stateSizes: Object.fromEntries(
      KINDS.map((kind) => [kind, gauge(`state_${kind}s`, `Keys of this kind in the state cache`, "max")]),
    ) as Record<Kind, ReturnType<typeof gauge>>,
    stateGuildsBehind: gauge(
      "gateway_state_behind_guilds",
      "Guilds of which the state cache has not all, or not the newest",
      "max",
    ),
    restFailures: counter("gateway_rest_failures_total", "Requests to Discord's REST API that failed"),
    logEmbedsDropped: counter("gateway_log_embeds_dropped_total", "Embeds for the log channels not sent"),
    newsDropped: counter("gateway_news_dropped_total", "News for gateway.events not published"),
    workersEnded: counter("gateway_workers_ended_total", "Workers that ended and were started again"),

    // prom-client's own default metrics read files under /proc, for which the service has no permission.
    memory: gauge("process_resident_memory_bytes", "Resident memory", "first"),
    cpu: new Counter({
      name: "process_cpu_seconds_total",
      help: "User and system CPU time",
      registers,
      aggregator: "first",
    }),
    startTime: gauge("process_start_time_seconds", "Start of the process, seconds since the epoch", "first"),
    eventLoopLag: gauge(
      "process_event_loop_lag_seconds",
      "How long a timer of 0 ms took just now; some 2 ms at rest",
      "max",
    ),
  };
}

export class Metrics {
  readonly contentType: string = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #families = createFamilies(this.#registry);
  readonly #droppedTypes = new LabelValues();
  #identifyResetsAtMs: number | null = null;

  constructor(options: MetricsOptions) {
    this.#options = options;
    const families = this.#families;
    // A series that begins at 0 shows its first increase; one that appears at 1 does not.
    for (const type of SHARD_EVENT_TYPES.values()) families.shardEvents.inc({ type }, 0);
    for (const type of ["Join", "Leave"]) families.guildEvents.inc({ type }, 0);
    for (const reason of GAP_REASONS) families.sessionGaps.inc({ reason }, 0);
    for (const result of ["carried_out", "rejected"]) families.commands.inc({ result }, 0);
    for (const result of ["handed_over", "stayed"]) families.handovers.inc({ result }, 0);
    for (const what of ["points", "board"]) families.redisWritesRefused.inc({ what }, 0);
    for (const reason of ["not_kept", "refused"]) families.stateFailures.inc({ reason }, 0);
    // What Discord has not told yet is absent: 0 would be an alarm.
    families.identifyRemaining.remove();
    families.identifyTotal.remove();
    families.identifyReset.remove();
    families.recommendedShards.remove();
    families.startTime.set(options.clock.wallMs() / 1000);
  }

  readonly observe: Observer = (observation) => {
    const families = this.#families;
    if (observation.kind === "event.received") { // First, for it comes with every event.
      families.receivedBytes.inc(observation.bytes);
      return;
    }
    const shardEventType = SHARD_EVENT_TYPES.get(observation.kind);
    if (shardEventType !== undefined) families.shardEvents.inc({ type: shardEventType });

    switch (observation.kind) {
      case "shard.zombie":
        return families.zombies.inc();
      case "shard.silent":
        return families.silences.inc();
      case "shard.handed_over":
        return families.handovers.inc({ result: observation.done ? "handed_over" : "stayed" });
      case "leases.lapsed":
        return families.leaseLapses.inc();
      case "shard.unparked":
        return families.parkedSeconds.observe(observation.parkedMs / 1000);
      case "shard.gap":
        return families.sessionGaps.inc({ reason: observation.reason });
      case "event.dropped": {
        const type = this.#droppedTypes.bounded(observation.type ?? "none");
        return families.eventsDropped.inc({ type, reason: observation.reason });
      }
      case "event.filtered":
        return families.eventsDropped.inc({
          type: this.#droppedTypes.bounded(observation.type),
          reason: "filtered",
        });
      case "frame.unreadable":
        return families.framesUnreadable.inc();
      case "guild.joined":
        return families.guildEvents.inc({ type: "Join" });
      case "guild.left":
        return families.guildEvents.inc({ type: "Leave" });
      case "command.carried_out":
        return families.commands.inc({ result: "carried_out" });
      case "command.rejected":
        families.commands.inc({ result: "rejected" });
        return families.commandsRejected.inc({ reason: observation.reason });
      case "identify.budget":
      case "identify.low":
        families.identifyRemaining.set(observation.remaining);
        families.identifyTotal.set(observation.total);
        return this.#setIdentifyReset(observation.resetsInMs);
      case "identify.exhausted":
        families.identifyRemaining.set(0);
        return this.#setIdentifyReset(observation.resetsInMs);
      case "shards.recommendation":
        return families.recommendedShards.set(observation.recommended);
      case "broker.returned":
        return families.eventsUnroutable.inc();
      case "broker.refused":
        return families.eventsRefused.inc();
      case "event.quarantined":
        return families.eventsQuarantined.inc();
      case "news.dropped":
        return families.newsDropped.inc(observation.count);
      case "redis.garbage":
        return families.redisGarbage.inc();
      case "points.written":
        return families.pointsWriteSeconds.observe(observation.tookMs / 1000);
      case "points.refused":
        return families.redisWritesRefused.inc({ what: "points" });
      case "board.refused":
        return families.redisWritesRefused.inc({ what: "board" });
      case "state.failed":
        return families.stateFailures.inc({ reason: "not_kept" });
      case "state.refused":
        return families.stateFailures.inc({ reason: "refused" });
      case "state.sizes":
        for (const kind of KINDS) families.stateSizes[kind].set(observation.sizes[kind] ?? 0);
        families.stateGuildsBehind.set(observation.guildsBehind);
        return;
      case "spool.late":
        return families.eventsLate.inc(observation.events);
      case "spool.written":
        return families.spoolWriteSeconds.observe(observation.tookMs / 1000);
      case "spool.refused":
        return families.spoolRefused.inc();
      case "rest.failed":
        return families.restFailures.inc();
      case "log_channel.dropped":
        return families.logEmbedsDropped.inc(observation.count);
      case "worker.ended":
        return families.workersEnded.inc();
    }
  };

  /** The broker confirmed an event that was received `tookMs` ago. */
  published(tookMs: number): void {
    this.#families.publishSeconds.observe(tookMs / 1000);
  }

  /** The state cache had an event `tookMs` after it was asked. */
  keptState(tookMs: number): void {
    this.#families.stateSeconds.observe(tookMs / 1000);
  }

  /** Everything, in Prometheus's text format 0.0.4. */
  async text(): Promise<string> {
    await this.#read();
    const text = await this.#registry.metrics();
    await nextTurn();
    return `${text}\n${await eventCountsText(this.#options.eventCounts())}`;
  }

  /** The same without the counts of events, as data. */
  async families(): Promise<FamiliesSnapshot> {
    await this.#read();
    return await this.#registry.getMetricsAsJSON();
  }

  async #read(): Promise<void> {
    this.#readStatus();
    this.#readUnconfirmed();
    this.#readSpool();
    this.#readIdentifyReset();
    await this.#readProcess();
  }

  #readStatus(): void {
    const families = this.#families;
    const snapshot = this.#options.status();
    families.shards.set(snapshot.shards.length);
    families.unheldShards.set(this.#options.unheldShards());
    families.parkedShards.set(snapshot.shards.filter((shard) => shard.parked).length);
    for (const [type, count] of Object.entries(snapshot.counts)) {
      families.statuses.set({ type }, count);
      families.status.set({ type }, count);
    }
    families.latencies.reset(); // A shard may have left this process.
    families.latency.reset();
    for (const { shard, latencyMs } of snapshot.shards) {
      families.latencies.set({ shard }, latencyMs);
      families.latency.set({ shard }, latencyMs);
    }
    families.brokerConnected.set(Number(snapshot.brokerConnected));
    families.redisConnected.set(Number(snapshot.redisConnected));
  }

  #readUnconfirmed(): void {
    const { events, bytes } = this.#options.unconfirmed();
    this.#families.unconfirmedEvents.set(events);
    this.#families.unconfirmedBytes.set(bytes);
  }

  #readSpool(): void {
    const { events, bytes, maxBytes } = this.#options.spool() ?? { events: 0, bytes: 0, maxBytes: 0 };
    this.#families.spooledEvents.set(events);
    this.#families.spooledBytes.set(bytes);
    this.#families.spoolMaxBytes.set(maxBytes);
  }

  #setIdentifyReset(resetsInMs: number): void {
    this.#identifyResetsAtMs = this.#options.clock.nowMs() + resetsInMs;
  }

  #readIdentifyReset(): void {
    if (this.#identifyResetsAtMs === null) return;
    const leftMs = Math.max(0, this.#identifyResetsAtMs - this.#options.clock.nowMs());
    this.#families.identifyReset.set(leftMs / 1000);
  }

  async #readProcess(): Promise<void> {
    const families = this.#families;
    families.memory.set(Deno.memoryUsage().rss);
    const { user, system } = process.cpuUsage();
    families.cpu.reset();
    families.cpu.inc((user + system) / 1_000_000);
    const beforeMs = this.#options.clock.nowMs();
    // A timer: an immediate comes before what the sockets have brought, and that is what a turn is long from.
    await new Promise<void>((resolve) => setTimeout(resolve));
    families.eventLoopLag.set((this.#options.clock.nowMs() - beforeMs) / 1000);
  }
}
