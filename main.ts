/**
 * The table of contents: environment → configuration → adapters → service → run. This file alone names adapters,
 * reads the environment and hears signals; importing it does nothing.
 *
 * @module
 */
import { hostname } from "node:os";
import { dashboardSettings } from "./dashboard_settings.ts";
import { LINK_MINUTES } from "./dashboard/sign_in/links.ts";
import { DashboardThread } from "./dashboard/thread.ts";
import type { Publisher } from "./gateway/delivery/publisher.ts";
import { forgetWritten, RedisStateStore } from "./gateway/adapters/redis/state_store.ts";
import { nextTurn } from "./gateway/adapters/turns.ts";
import { StatePlan } from "./gateway/state/plan.ts";
import { StatePublisher } from "./gateway/state/publisher.ts";
import { StateWriter } from "./gateway/state/writer.ts";
import { EventSpans } from "./gateway/adapters/event_spans.ts";
import { KeptServer } from "./gateway/adapters/kept_server.ts";
import { Log } from "./gateway/adapters/log.ts";
import { LogChannels } from "./gateway/adapters/log_channel.ts";
import { Metrics } from "./gateway/adapters/metrics.ts";
import { answerMonitoring, type MonitoringSources } from "./gateway/adapters/monitoring.ts";
import { QueueMetrics } from "./gateway/adapters/queue_metrics.ts";
import { RabbitMemberLink } from "./gateway/adapters/rabbitmq/member_link.ts";
import { RabbitRouterLink } from "./gateway/adapters/rabbitmq/router_link.ts";
import { RabbitCommandSource } from "./gateway/adapters/rabbitmq/command_source.ts";
import { RabbitConnection } from "./gateway/adapters/rabbitmq/connection.ts";
import { RabbitNotices } from "./gateway/adapters/rabbitmq/notices.ts";
import { RabbitPublisher } from "./gateway/adapters/rabbitmq/publisher.ts";
import { EVENT_EXCHANGE } from "./gateway/adapters/rabbitmq/topology.ts";
import { RedisBoard } from "./gateway/adapters/redis/board.ts";
import { ignoreClosed, RedisClient } from "./gateway/adapters/redis/client.ts";
import { RedisSharedTurns } from "./gateway/adapters/redis/shared_turns.ts";
import { RedisLeases } from "./gateway/adapters/redis/leases.ts";
import { RedisFiguresStore } from "./gateway/adapters/redis/figures_store.ts";
import { RedisGuildNames } from "./gateway/adapters/redis/guild_names.ts";
import { RedisResumePoints } from "./gateway/adapters/redis/resume_points.ts";
import { RestClient } from "./gateway/adapters/rest/client.ts";
import { SqliteSpool } from "./gateway/adapters/spool/sqlite_spool.ts";
import { WebSocketTransport } from "./gateway/adapters/websocket.ts";
import { sleepUntil, systemClock } from "./gateway/clock.ts";
import { type Config, faultLine, type Listener, parseConfig } from "./gateway/config.ts";
import { type Exit, EXIT_CONFIGURATION, EXIT_SOFTWARE } from "./gateway/exit.ts";
import { type Fences, shardLease } from "./gateway/fleet/leases.ts";
import type { GatewayBot } from "./gateway/identify/budget.ts";
import { turnTimes } from "./gateway/identify/shared_turns.ts";
import { observeAll, type Observer } from "./gateway/observation.ts";
import { GatewayService } from "./gateway/service.ts";
import { missingForReadiness } from "./gateway/status.ts";
import project from "./deno.json" with { type: "json" };

/** A terminal and the task runner both pass the first signal on, so one that follows at once is the same. */
const SECOND_SIGNAL_AFTER_MS = 1_000;
/** How long Discord's log channels, and then our own log, may take over what is still to be said after the stop. */
const LAST_EMBEDS_MAX_MS = 800;
const LAST_LINES_MAX_MS = 300;
/** Connections to Redis that may hang, one after the other, before a lease is not renewed in time. */
const LEASE_TRIES = 5;
/** As a shell reports a process that a signal ended. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof SIGNAL_STATUS;

/** Runs the service until it is told to stop or cannot go on, and returns the exit status. */
async function run(environment: Record<string, string>): Promise<number> {
  const parsed = parseConfig(environment, {
    isTerminal: Deno.stdout.isTerminal(),
    replicaName: `${hostname()}-${Deno.pid}`,
    readFile: (path) => Deno.readTextFileSync(path),
  });
  if (!parsed.ok) {
    const lines = parsed.faults.map((fault) => `${faultLine(fault)}\n`).join("");
    await Deno.stderr.write(new TextEncoder().encode(lines));
    return EXIT_CONFIGURATION;
  }
  return await runConfigured(parsed.config);
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

async function runConfigured(config: Config): Promise<number> {
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
    : createGateway(config, log.observe, show);
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
function createGateway(config: Config, log: Observer, show: ((line: string) => void) | null): Program {
  const rest = new RestClient({
    apiUrl: config.discord.apiUrl,
    apiVersion: config.discord.apiVersion,
    token: config.discord.token.reveal(),
    userAgent: `DiscordBot (shardline, ${project.version})`,
    clock: systemClock,
    fetch,
  });
  const logChannels = new LogChannels({
    shardChannelId: config.logChannels.shards,
    guildChannelId: config.logChannels.guilds,
    rest,
    clock: systemClock,
    observe: (observation) => observe(observation),
  });
  const metrics = new Metrics({
    clock: systemClock,
    status: () => service.status.snapshot(),
    eventCounts: () => service.eventCounts,
    unconfirmed: () => service.unconfirmed,
    spool: () => service.spooled,
    unheldShards: () => service.unheldShards,
  });
  const queueMetrics = new QueueMetrics();
  const observe = observeAll(log, metrics.observe, queueMetrics.observe, logChannels.observe);
  const service = createService(config, rest, observe, metrics);
  const missing = () => missingForReadiness(service.status.snapshot());
  const server = createMonitoring(config.prometheus, observe, {
    metrics: {
      contentType: metrics.contentType,
      text: async () => await metrics.text() + await queueMetrics.text(),
    },
    missing,
  });
  const dashboard = config.role === "all" ? createDashboard(config, observe, show, missing) : null;
  const probes = dashboard === null && config.platform !== null
    ? createProbes(config.platform, observe, missing)
    : null;
  return {
    observe,
    start: () => {
      server.start();
      probes?.start();
      dashboard?.start();
      return service.start();
    },
    failed: service.failed,
    stop: async () => {
      await Promise.all([service.stop(), dashboard?.stop()]);
      await Promise.all([server.stop(), probes?.stop()]);
    },
    flush: () => logChannels.flush(AbortSignal.timeout(LAST_EMBEDS_MAX_MS)),
  };
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

function createService(
  config: Config,
  rest: RestClient,
  observe: Observer,
  metrics: Pick<Metrics, "published" | "keptState">,
): GatewayService {
  const clock = systemClock;
  const dice = Math.random;
  const processId = crypto.randomUUID();
  const rabbitUrl = config.rabbit.url.reveal();
  const publishing = new RabbitConnection({
    url: rabbitUrl,
    purpose: "publishing",
    clock,
    dice,
    observe: told,
  });
  const consuming = new RabbitConnection({
    url: rabbitUrl,
    purpose: "consuming",
    clock,
    dice,
    observe: told,
  });
  const redis = new RedisClient({
    ...config.redis.servers.reveal(),
    prefix: config.redis.prefix,
    clock,
    dice,
    observe: told,
  });
  // A connection of its own: a renewal is late behind nothing that else is asked, and one that hangs is given up soon.
  const leases = new RedisClient({
    ...config.redis.servers.reveal(),
    prefix: config.redis.prefix,
    clock,
    dice,
    observe: () => {},
    answerTimeoutMs: config.fleet.leaseTtlMs / LEASE_TRIES,
  });
  const fences: Fences = {
    get member() {
      return service.member;
    },
    tokenOf: (shard) => service.tokenOf(shardLease(shard)),
  };
  let statePublisher: StatePublisher | null = null;
  const service: GatewayService = new GatewayService(config, {
    clock,
    dice,
    transport: new WebSocketTransport({ clock, compression: config.discord.compression }),
    publisher: (fence) =>
      withState(
        fence(
          new RabbitPublisher(publishing, {
            queues: config.rabbit.defaultQueues,
            partitions: config.events.partitions,
            persistent: config.events.persistent,
            transientTypes: config.events.transient,
            ttlMs: config.events.ttlMs ?? 0,
            clock,
            observe: told,
          }),
        ),
      ),
    notices: new RabbitNotices(publishing, { clock, observe: told }),
    commands: config.fleet.enabled
      ? {
        kind: "fleet",
        links: (member) => ({
          router: new RabbitRouterLink(consuming, { clock }),
          member: new RabbitMemberLink(consuming, { member }),
        }),
      }
      : { kind: "alone", source: new RabbitCommandSource(consuming) },
    points: new RedisResumePoints(redis, { observe: told, fences }),
    learn: (shards) => statePublisher?.learn(shards) ?? Promise.resolve(),
    leases: new RedisLeases(leases),
    sharedTurns: config.fleet.enabled
      ? new RedisSharedTurns(redis, {
        member: processId,
        times: turnTimes(config.shards.identifySpacingMs),
        observe: told,
      })
      : null,
    processId,
    spool: config.events.spool && new SqliteSpool({ folders: config.events.spool.folders, clock }),
    board: new RedisBoard(redis),
    figures: new RedisFiguresStore(redis),
    version: project.version,
    tracer: config.traceRatio === null ? null : new EventSpans({
      exchange: EVENT_EXCHANGE,
      ratio: config.traceRatio,
      dice,
      // The runtime's own, which exports by OTLP. It is there only where the runtime was started with OTEL_DENO=true.
      tracer: Deno.telemetry.tracerProvider.getTracer("shardline", project.version),
    }),
    guildNames: config.logChannels.guilds === null ? null : new RedisGuildNames(redis, clock),
    readGatewayBot: () => readGatewayBot(rest, told),
    disconnectStore: async () => {
      await Promise.all([redis.disconnect(), leases.disconnect()]);
    },
    observe,
    confirmed: (delayMs) => metrics.published(delayMs),
  });
  redis.start();
  leases.start();
  // Commands are taken later; whether the broker can be reached is to be known, and said, from the beginning.
  consuming.start();
  return service;

  /** What adapters see goes the way of everything else: through the service, whose status it moves. */
  function told(...[observation]: Parameters<Observer>): void {
    service.observe(observation);
  }

  /** Before the broker, where there is a state cache. */
  function withState(publisher: Publisher): Publisher {
    const { state } = config;
    if (state === null) {
      forgetWritten(redis).catch(ignoreClosed);
      return publisher;
    }
    // A connection of its own: whatever is asked of it, resume points do not wait. What becomes of Redis, the other tells.
    const client = new RedisClient({
      ...config.redis.servers.reveal(),
      prefix: config.redis.prefix,
      clock,
      dice,
      observe: () => {},
    });
    const store = new RedisStateStore(client, { clock, observe: told, fences });
    const plan = new StatePlan(state);
    statePublisher = new StatePublisher({
      publisher,
      store,
      plan,
      writer: new StateWriter({ store, plan, nextTurn }),
      choice: config.events.choice,
      isStrict: state.strict,
      isOurs: (shard) => fences.tokenOf(shard) !== null,
      clock,
      observe: told,
      written: (tookMs) => metrics.keptState(tookMs),
    });
    return statePublisher;
  }
}

async function readGatewayBot(
  rest: RestClient,
  observe: Observer,
): Promise<GatewayBot | "token_refused" | null> {
  const outcome = await rest.getGatewayBot();
  switch (outcome.kind) {
    case "ok":
      return outcome.value;
    case "token_refused":
      return "token_refused";
    case "limited":
      observe({
        kind: "rest.failed",
        route: "GET /gateway/bot",
        status: outcome.status,
        error: "rate limited",
        retryInMs: outcome.retryAfterMs,
      });
      return null;
    case "failed":
      observe({
        kind: "rest.failed",
        route: "GET /gateway/bot",
        status: outcome.status,
        error: outcome.message,
        retryInMs: null,
      });
      return null;
  }
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
