/**
 * The gateway service with all its adapters: on the main thread, or on one of several worker threads.
 *
 * @module
 */
import { forgetWritten, RedisStateStore } from "./gateway/adapters/redis/state_store.ts";
import { nextTurn } from "./gateway/adapters/turns.ts";
import { sha256Digest } from "./gateway/adapters/digest.ts";
import { isLogged } from "./gateway/adapters/log.ts";
import { EventSpans } from "./gateway/adapters/event_spans.ts";
import { Metrics } from "./gateway/adapters/metrics.ts";
import { RabbitMemberLink } from "./gateway/adapters/rabbitmq/member_link.ts";
import { RabbitRouterLink } from "./gateway/adapters/rabbitmq/router_link.ts";
import { RabbitCommandSource } from "./gateway/adapters/rabbitmq/command_source.ts";
import { RabbitConnection } from "./gateway/adapters/rabbitmq/connection.ts";
import { RabbitNotices } from "./gateway/adapters/rabbitmq/notices.ts";
import { RabbitPublisher } from "./gateway/adapters/rabbitmq/publisher.ts";
import { EVENT_EXCHANGE } from "./gateway/adapters/rabbitmq/topology.ts";
import { RedisBoard } from "./gateway/adapters/redis/board.ts";
import { ignoreClosed, RedisClient, type RedisClientOptions } from "./gateway/adapters/redis/client.ts";
import { RedisReshardStore } from "./gateway/adapters/redis/reshard_store.ts";
import { RedisSharedTurns } from "./gateway/adapters/redis/shared_turns.ts";
import { RedisLeases } from "./gateway/adapters/redis/leases.ts";
import { RedisFiguresStore } from "./gateway/adapters/redis/figures_store.ts";
import { RedisGuildNames } from "./gateway/adapters/redis/guild_names.ts";
import { RedisResumePoints } from "./gateway/adapters/redis/resume_points.ts";
import { RestClient } from "./gateway/adapters/rest/client.ts";
import { folderInBank } from "./gateway/adapters/spool/bank_folder.ts";
import { eventsIn } from "./gateway/adapters/spool/left_spools.ts";
import { SqliteSpool } from "./gateway/adapters/spool/sqlite_spool.ts";
import { WebSocketTransport } from "./gateway/adapters/websocket.ts";
import { systemClock } from "./gateway/clock.ts";
import type { Config } from "./gateway/config.ts";
import type { Publisher } from "./gateway/delivery/publisher.ts";
import { type Fences, LEAD_LEASE, shardLease } from "./gateway/fleet/leases.ts";
import type { Siblings } from "./gateway/founding.ts";
import type { GenerationPorts } from "./gateway/generation.ts";
import { Generations } from "./gateway/generations.ts";
import type { GatewayBot } from "./gateway/identify/budget.ts";
import { type SharedTurns, turnTimes } from "./gateway/identify/shared_turns.ts";
import type { Observer } from "./gateway/observation.ts";
import { type Bank, FIRST_BANK, otherBank } from "./gateway/resume/bank.ts";
import { GatewayService } from "./gateway/service.ts";
import { StatePlan } from "./gateway/state/plan.ts";
import { StatePublisher } from "./gateway/state/publisher.ts";
import { StateWriter } from "./gateway/state/writer.ts";
import project from "./deno.json" with { type: "json" };

const RESHARD_ANSWER_MAX_MS = 1_000;
/** Connections to Redis that may hang, one after the other, before a lease is not renewed in time. */
const LEASE_TRIES = 5;

export interface ServiceSurroundings {
  readonly rest: RestClient;
  readonly observe: Observer;
  readonly metrics: Pick<Metrics, "published" | "keptState">;
  /** Names it where no spool does: no other service that runs has it. */
  readonly processId: string;
  /** Outside a fleet: what it shares with whatever else identifies in this process. */
  readonly turns: () => SharedTurns | null;
  /** The other workers of its process; null where it is none. */
  readonly siblings: Siblings | null;
  readonly generation: GenerationPorts;
}

/** What a process has besides its services. */
export interface ProcessSurroundings extends Pick<ServiceSurroundings, "rest" | "observe"> {
  readonly metrics: Pick<Metrics, "published" | "keptState">;
  /** Of the service of this generation. */
  surroundings(generation: GenerationPorts): Pick<ServiceSurroundings, "processId" | "turns" | "siblings">;
  /** So many shards are run from now on. */
  changed(total: number): void;
}

/** The services of a process, of which there are two while the number of shards changes. */
export function createGenerations(
  config: Config,
  { rest, observe, metrics, surroundings, changed }: ProcessSurroundings,
): Generations {
  // A connection of its own: it outlives each of the services, whose own say what becomes of Redis.
  // Events may be held back until it answers.
  const redis = createRedis(config, { observe: () => {}, answerTimeoutMs: RESHARD_ANSWER_MAX_MS });
  redis.start();
  return new Generations({
    config,
    clock: systemClock,
    observe,
    store: new RedisReshardStore(redis),
    create: (generation) =>
      createService(config, { rest, observe, metrics, generation, ...surroundings(generation) }),
    changed,
    disconnect: () => redis.disconnect(),
  });
}

type OwnRedisOptions = Pick<RedisClientOptions, "bank" | "observe" | "answerTimeoutMs">;

function createRedis({ redis }: Config, options: OwnRedisOptions): RedisClient {
  return new RedisClient({
    ...redis.servers.reveal(),
    prefix: redis.prefix,
    clock: systemClock,
    dice: Math.random,
    ...options,
  });
}

export function createRest(config: Config): RestClient {
  return new RestClient({
    apiUrl: config.discord.apiUrl,
    apiVersion: config.discord.apiVersion,
    token: config.discord.token.reveal(),
    userAgent: `DiscordBot (shardline, ${project.version})`,
    clock: systemClock,
    fetch,
  });
}

/** The metrics of a service, which is there by the time that they are read. */
export function createMetrics(service: () => GatewayService): Metrics {
  return new Metrics({
    clock: systemClock,
    status: () => service().status.snapshot(),
    eventCounts: () => service().eventCounts,
    unconfirmed: () => service().unconfirmed,
    spool: () => service().spooled,
    unheldShards: () => service().unheldShards,
  });
}

function createService(
  given: Config,
  { rest, observe, metrics, processId, turns, siblings, generation }: ServiceSurroundings,
): GatewayService {
  // Its sessions are of this very change: they are nobody's to begin anew.
  const config = generation.isNext ? { ...given, shards: { ...given.shards, resume: true } } : given;
  let bank: Bank = FIRST_BANK;
  const placed = Promise.withResolvers<void>();
  const clock = systemClock;
  const dice = Math.random;
  const toRabbit = (purpose: "publishing" | "consuming") =>
    new RabbitConnection({ url: config.rabbit.url.reveal(), purpose, clock, dice, observe: told });
  const toRedis = (options: Omit<OwnRedisOptions, "bank">) =>
    createRedis(config, { bank: () => bank, ...options });
  const publishing = toRabbit("publishing");
  const consuming = toRabbit("consuming");
  const redis = toRedis({ observe: told });
  // A connection of its own: a renewal is late behind nothing that else is asked, and one that hangs is given up soon.
  const leases = toRedis({ observe: () => {}, answerTimeoutMs: config.fleet.leaseTtlMs / LEASE_TRIES });
  const fences: Fences = {
    get member() {
      return service.member;
    },
    tokenOf: (shard) => service.tokenOf(shardLease(shard)),
    leadToken: () => service.tokenOf(LEAD_LEASE),
  };
  const { spool } = config.events;
  const fleetTurns = config.fleet.enabled
    ? new RedisSharedTurns(redis, {
      member: crypto.randomUUID(),
      times: turnTimes(config.shards.identifySpacingMs),
      observe: told,
    })
    : null;
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
    // No worker could refuse what its siblings are to carry out.
    commands: config.fleet.enabled || config.worker !== null
      ? {
        kind: "fleet",
        links: (member) => ({
          router: new RabbitRouterLink(consuming, { clock }),
          member: new RabbitMemberLink(consuming, { member }),
        }),
      }
      : { kind: "alone", source: new RabbitCommandSource(consuming) },
    learn: (shards) => statePublisher?.learn(shards) ?? Promise.resolve(),
    adopt: (sessions) => statePublisher?.adopt(sessions),
    digest: sha256Digest,
    place: async () => {
      const place = await generation.place();
      if (place === null) return null;
      bank = place.bank;
      placed.resolve();
      if (!generation.isNext) warnOfOtherBank(bank);
      return place;
    },
    reshard: (total) => generation.reshard(total),
    drained: (isDrained) => generation.drained(isDrained),
    points: new RedisResumePoints(redis, {
      observe: told,
      fences,
      isRehearsing: () => service.isRehearsing,
    }),
    leases: new RedisLeases(leases),
    sharedTurns: fleetTurns === null ? turns : () => fleetTurns,
    // What workers of one process tell each other is of the service that runs.
    siblings: generation.isNext ? null : siblings,
    // The next process has the same where it runs the same, and is the same member.
    get processId() {
      return bank === FIRST_BANK ? processId : `${processId}-${bank}`;
    },
    spool: spool && new SqliteSpool({
      folders: () => spool.folders.map((folder) => folderInBank(folder, bank)),
      clock,
    }),
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
    // While another speaks for the process only what is wrong with this one concerns anybody.
    observe: (observation) => {
      if (!service.isAside || isLogged(observation, "warn")) observe(observation);
    },
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

  /** What a process has left that died while the number of shards was changed, nobody publishes for now. */
  async function warnOfOtherBank(bank: Bank): Promise<void> {
    for (const folder of spool?.folders ?? []) {
      const left = folderInBank(folder, otherBank(bank));
      const events = await eventsIn(left);
      if (events === 0) continue;
      told({
        kind: "service.warning",
        message:
          `${events} events wait in ${left}, of before the number of shards was changed: they are published ` +
          "once it is changed again",
      });
    }
  }

  /** Before the broker, where there is a state cache. */
  function withState(publisher: Publisher): Publisher {
    const { state } = config;
    if (state === null) {
      forgetWritten(redis).catch(ignoreClosed);
      return publisher;
    }
    // A connection of its own: whatever is asked of it, resume points do not wait. What becomes of Redis, the other tells.
    const client = toRedis({ observe: () => {} });
    const store = new RedisStateStore(client, { clock, observe: told, fences, placed: placed.promise });
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
