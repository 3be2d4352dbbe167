/**
 * The table of contents: environment → configuration → adapters → service → run. This file alone reads the environment and
 * hears signals; importing it does nothing.
 *
 * @module
 */
import { hostname } from "node:os";
import { getHeapStatistics } from "node:v8";
import { createGenerations, createMetrics, createRest } from "./create_service.ts";
import { dashboardSettings } from "./dashboard_settings.ts";
import { LINK_MINUTES } from "./dashboard/sign_in/links.ts";
import { DashboardThread } from "./dashboard/thread.ts";
import { KeptServer } from "./gateway/adapters/kept_server.ts";
import { Log } from "./gateway/adapters/log.ts";
import { LogChannels } from "./gateway/adapters/log_channel.ts";
import { isOfTheWhole, Metrics } from "./gateway/adapters/metrics.ts";
import { answerMonitoring, type MonitoringSources } from "./gateway/adapters/monitoring.ts";
import { QueueMetrics } from "./gateway/adapters/queue_metrics.ts";
import type { RestClient } from "./gateway/adapters/rest/client.ts";
import { leftSpools } from "./gateway/adapters/spool/left_spools.ts";
import { WorkerPool, type WorkerPoolOptions } from "./gateway/adapters/workers/worker_pool.ts";
import { WorkersMetrics } from "./gateway/adapters/workers/workers_metrics.ts";
import { sleepUntil, systemClock } from "./gateway/clock.ts";
import { type Config, faultLine, type Listener, parseConfig } from "./gateway/config.ts";
import { type Exit, EXIT_CONFIGURATION, EXIT_SOFTWARE } from "./gateway/exit.ts";
import { EventCounts } from "./gateway/figures/event_counts.ts";
import type { Generations } from "./gateway/generations.ts";
import { turnTimes } from "./gateway/identify/shared_turns.ts";
import { observeAll, type Observer } from "./gateway/observation.ts";
import { missingForReadiness, Status } from "./gateway/status.ts";
import project from "./deno.json" with { type: "json" };

/** A terminal and the task runner both pass the first signal on, so one that follows at once is the same. */
const SECOND_SIGNAL_AFTER_MS = 1_000;
/** How long Discord's log channels, and then our own log, may take over what is still to be said after the stop. */
const LAST_EMBEDS_MAX_MS = 800;
const LAST_LINES_MAX_MS = 300;
/** As a shell reports a process that a signal ended. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof SIGNAL_STATUS;

/** Runs the service until it is told to stop or cannot go on, and returns the exit status. */
async function run(environment: Record<string, string>): Promise<number> {
  const replicaName = `${hostname()}-${Deno.pid}`;
  const files: Record<string, string> = {};
  const parsed = parseConfig(environment, {
    isTerminal: Deno.stdout.isTerminal(),
    replicaName,
    readFile: (path) => files[path] = Deno.readTextFileSync(path),
  });
  if (!parsed.ok) {
    const lines = parsed.faults.map((fault) => `${faultLine(fault)}\n`).join("");
    await Deno.stderr.write(new TextEncoder().encode(lines));
    return EXIT_CONFIGURATION;
  }
  return await runConfigured({ config: parsed.config, environment, files, replicaName });
}

/** The configuration, and what it was made of. */
interface Given {
  readonly config: Config;
  readonly environment: Readonly<Record<string, string>>;
  /** Path → content of what the environment names. */
  readonly files: Readonly<Record<string, string>>;
  /** Where the environment gives none. */
  readonly replicaName: string;
}

/** What runs here, as `ROLE` has it. */
interface Program {
  readonly observe: Observer;
  /** Resolves when it is on its way. */
  start(): Promise<void>;
  /** Resolves where it cannot go on. */
  readonly failed: Promise<Exit>;
  stop(): Promise<void>;
  /** What is still to be said to Discord's log channels. */
  flush(): Promise<void>;
}

async function runConfigured(given: Given): Promise<number> {
  const { config } = given;
  const output = Deno.stdout.writable.getWriter();
  const encoder = new TextEncoder();
  const write = (text: string) => output.write(encoder.encode(text));
  const log = new Log({
    ...config.log,
    color: Deno.stdout.isTerminal() && !Deno.noColor,
    secrets: config.secrets,
    wallMs: systemClock.wallMs,
    write,
  });
  // A secret that somebody is to read: on a terminal, and never where lines are kept.
  const isRead = Deno.stdout.isTerminal() && config.log.format === "pretty";
  const show = isRead ? (line: string) => void write(`${line}\n`) : null;
  const program = config.role === "dashboard"
    ? createDashboardAlone(config, log.observe, show)
    : createGateway(given, log, show);
  const { observe } = program;

  using signals = hearSignals();
  using faults = hearFaults(observe);
  const started = program.start().catch(faults.report);
  const status = await Promise.race([
    signals.first.then((signal) => {
      observe({ kind: "service.stopping", signal });
      return 0;
    }),
    program.failed.then(({ status, message }) => {
      observe({ kind: "service.failed", status, message });
      return status;
    }),
    faults.first.then(() => EXIT_SOFTWARE),
  ]);
  const stoppingAtMs = systemClock.nowMs();
  await program.stop();
  await started;
  observe({ kind: "service.stopped", tookMs: systemClock.nowMs() - stoppingAtMs });
  await program.flush();
  // Whoever reads our output may have stopped reading.
  await Promise.race([log.flush(), sleepUntil(systemClock, systemClock.nowMs() + LAST_LINES_MAX_MS)]);
  return status;
}

/** The gateway, and the dashboard beside it unless `ROLE` is `gateway`. */
function createGateway(given: Given, log: Log, show: ((line: string) => void) | null): Program {
  const { config } = given;
  const rest = createRest(config);
  const logChannels = new LogChannels({
    shardChannelId: config.logChannels.shards,
    guildChannelId: config.logChannels.guilds,
    rest,
    clock: systemClock,
    observe: (observation) => observe(observation),
  });
  const queueMetrics = new QueueMetrics();
  const shards = config.shards.workers === 1
    ? createShards(config, rest, (observation) => observe(observation))
    : createWorkers(given, {
      observe: (observation) => observe(observation),
      heard: (worker, observation) => {
        log.observeOf(worker)(observation);
        logChannels.observe(observation);
      },
    });
  const observe = observeAll(log.observe, shards.metrics.observe, queueMetrics.observe, logChannels.observe);
  const { missing } = shards;
  const server = createMonitoring(config.prometheus, observe, {
    metrics: {
      contentType: shards.metrics.contentType,
      text: async () => await shards.metricsText() + await queueMetrics.text(),
    },
    missing,
  });
  const dashboard = config.role === "all" ? createDashboard(config, observe, show, missing) : null;
  const probes = dashboard === null && config.platform !== null
    ? createProbes(config.platform, observe, missing)
    : null;
  return {
    observe,
    start: async () => {
      server.start();
      probes?.start();
      dashboard?.start();
      await Promise.all([shards.start(), warnOfLeftSpools(config, observe)]);
    },
    failed: shards.failed,
    stop: async () => {
      await Promise.all([shards.stop(), dashboard?.stop()]);
      await Promise.all([server.stop(), probes?.stop()]);
    },
    flush: () => logChannels.flush(AbortSignal.timeout(LAST_EMBEDS_MAX_MS)),
  };
}

/** Whatever runs the shards of this process. */
interface Shards extends Pick<Program, "start" | "failed" | "stop"> {
  /** What is observed on this thread. */
  readonly metrics: Metrics;
  metricsText(): Promise<string>;
  /** What keeps them from being ready. */
  readonly missing: () => readonly string[];
}

/** They run on this thread. */
function createShards(config: Config, rest: RestClient, observe: Observer): Shards {
  const metrics = createMetrics(() => generations.service);
  const processId = crypto.randomUUID();
  const generations: Generations = createGenerations(config, {
    rest,
    observe,
    metrics,
    surroundings: ({ turns }) => ({ processId, turns, siblings: null }),
    changed: () => {},
  });
  return {
    metrics,
    metricsText: () => metrics.text(),
    missing: () => missingForReadiness(generations.service.status.snapshot()),
    start: () => generations.start(),
    failed: generations.failed,
    stop: () => generations.stop(),
  };
}

/** They run on worker threads. */
function createWorkers(
  { config, environment, files, replicaName }: Given,
  { observe, heard }: Pick<WorkerPoolOptions, "observe" | "heard">,
): Shards {
  const noShards = new Status(systemClock);
  const noEvents = new EventCounts();
  const metrics = new Metrics({
    clock: systemClock,
    status: () => ({
      ...noShards.snapshot(),
      brokerConnected: pool.isWhole,
      redisConnected: pool.isWhole,
    }),
    eventCounts: () => noEvents,
    unconfirmed: () => ({ events: 0, bytes: 0 }),
    spool: () => null,
    unheldShards: () => 0,
  });
  const pool: WorkerPool = new WorkerPool({
    program: new URL("./worker.ts", import.meta.url),
    workers: config.shards.workers,
    start: { environment, files, replicaName },
    turnTimes: turnTimes(config.shards.identifySpacingMs),
    // As much as the runtime gives this thread, which then has next to nothing to do.
    heapMostMb: getHeapStatistics().heap_size_limit / 2 ** 20,
    clock: systemClock,
    metrics: new WorkersMetrics(metrics),
    observe,
    heard: (worker, observation) => {
      heard(worker, observation);
      if (isOfTheWhole(observation)) metrics.observe(observation);
    },
  });
  return {
    metrics,
    metricsText: () => pool.metricsText(),
    missing: () => pool.missing,
    start: () => Promise.resolve(pool.start()),
    failed: pool.failed,
    stop: () => pool.stop(),
  };
}

/** What a process with another number of workers has left, nobody publishes. */
async function warnOfLeftSpools({ events: { spool }, shards }: Config, observe: Observer): Promise<void> {
  if (spool === null) return;
  for (const { folder, events, workers } of await leftSpools(spool.folders, shards.workers)) {
    observe({
      kind: "service.warning",
      message: `${events} events wait in ${folder}, which nobody opens with CLUSTERS=${shards.workers}: ` +
        `start with CLUSTERS=${workers} once more, until gateway_spooled_events is 0`,
    });
  }
}

function createDashboardAlone(
  config: Config,
  log: Observer,
  show: ((line: string) => void) | null,
): Program {
  const queueMetrics = new QueueMetrics();
  const observe = observeAll(log, queueMetrics.observe);
  // Whether it is ready it says itself, on its own port.
  const server = createMonitoring(config.prometheus, observe, { metrics: queueMetrics, missing: () => [] });
  const dashboard = createDashboard(config, observe, show, null);
  return {
    observe,
    start: () => {
      server.start();
      dashboard.start();
      return Promise.resolve();
    },
    failed: new Promise(() => {}),
    stop: async () => {
      await Promise.all([dashboard.stop(), server.stop()]);
    },
    flush: () => Promise.resolve(),
  };
}

function createMonitoring(
  { host, port }: Listener,
  observe: Observer,
  sources: MonitoringSources,
): KeptServer {
  return new KeptServer({
    what: "metrics and probes",
    settings: "PROMETHEUS_HOST or PROMETHEUS_PORT",
    hostname: host,
    port,
    clock: systemClock,
    answer: (request) => answerMonitoring(request, sources),
    listening: (port) =>
      observe({ kind: "service.notice", message: `Metrics and probes are served on ${host}:${port}` }),
    warn: (message) => observe({ kind: "service.warning", message }),
  });
}

/** What a hosting platform looks for on the port that it gives, where no dashboard is there to answer. */
function createProbes(
  { host, port }: Listener,
  observe: Observer,
  missing: () => readonly string[],
): KeptServer {
  return new KeptServer({
    what: "probes",
    settings: "PORT",
    hostname: host,
    port,
    clock: systemClock,
    answer: (request) => answerMonitoring(request, { metrics: null, missing }),
    listening: (port) => observe({ kind: "service.notice", message: `Probes are served on ${host}:${port}` }),
    warn: (message) => observe({ kind: "service.warning", message }),
  });
}

function createDashboard(
  config: Config,
  observe: Observer,
  show: ((line: string) => void) | null,
  gatewayMissing: (() => readonly string[]) | null,
): DashboardThread {
  return new DashboardThread({
    settings: dashboardSettings(config, project.version),
    wantsLink: show !== null,
    clock: systemClock,
    gatewayMissing,
    tell: (news) => {
      switch (news.kind) {
        case "notice":
          return observe({ kind: "service.notice", message: news.message });
        case "warning":
          return observe({ kind: "service.warning", message: news.message });
        case "link":
          return show?.(`\nSign in to the dashboard, once, within ${LINK_MINUTES} minutes:\n${news.url}\n`);
        case "queue": {
          const { queue, messages, consumers, unattended } = news;
          return observe({ kind: "queue.watched", queue, messages, consumers, unattended });
        }
      }
    },
  });
}

/** The first signal asks for an orderly stop; one more than a second later ends the process on the spot. */
function hearSignals(): Disposable & { first: Promise<Signal> } {
  const first = Promise.withResolvers<Signal>();
  let firstAtMs: number | null = null;
  const listeners = (Object.keys(SIGNAL_STATUS) as Signal[]).map((signal) => {
    const listener = () => {
      if (firstAtMs === null) {
        firstAtMs = systemClock.nowMs();
        first.resolve(signal);
      } else if (systemClock.nowMs() - firstAtMs > SECOND_SIGNAL_AFTER_MS) Deno.exit(SIGNAL_STATUS[signal]);
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    first: first.promise,
    [Symbol.dispose]: () => {
      for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/**
 * A fault of our own, thrown where nobody catches it, leaves the process in a state that nobody has thought of:
 * it stops in good order, and whoever restarts it resumes every session.
 */
function hearFaults(observe: Observer): Disposable & { first: Promise<void>; report(fault: unknown): void } {
  const first = Promise.withResolvers<void>();
  const report = (fault: unknown) => {
    const message = fault instanceof Error ? fault.stack ?? fault.message : String(fault);
    observe({
      kind: "service.failed",
      status: EXIT_SOFTWARE,
      message: `Please report this fault: ${message}`,
    });
    first.resolve();
  };
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    report(event.error);
  };
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    report(event.reason);
  };
  globalThis.addEventListener("error", onError);
  globalThis.addEventListener("unhandledrejection", onRejection);
  return {
    first: first.promise,
    report,
    [Symbol.dispose]: () => {
      globalThis.removeEventListener("error", onError);
      globalThis.removeEventListener("unhandledrejection", onRejection);
    },
  };
}

if (import.meta.main) Deno.exit(await run(Deno.env.toObject()));
