/**
 * Everything that takes part: the servers, a simulated Discord, the gateway or a fleet of them, lines between them that
 * can be cut, and a bot that takes all that comes.
 *
 * @module
 */

import { startServerPair } from "../harness/pair.ts";
import type { RabbitServer } from "../harness/rabbitmq.ts";
import type { RedisServer } from "../harness/redis.ts";
import { startSimulatedDiscord } from "../harness/simulated_discord.ts";
import { Collector } from "./collector.ts";
import { DiscordControl } from "./discord_control.ts";
import { Extremes } from "./extremes.ts";
import { LeaseHistory } from "./lease_history.ts";
import { LeaseWatch } from "./lease_watch.ts";
import { layLines } from "./line_set.ts";
import { Publications } from "./publications.ts";
import { Receipts } from "./receipts.ts";
import type { Replica } from "./replica.ts";
import { sleep } from "./sleep.ts";
import { STATE_SETTINGS, StateWitness } from "./state_cache.ts";
import { WatchedGateway } from "./watched_gateway.ts";

export interface StageOptions {
  readonly seed: number;
  readonly shards: number;
  /** Gateways that share them as a fleet; one, which is what there is if nothing is said, is alone. */
  readonly replicas?: number;
  /** Over all shards. */
  readonly eventsPerSecond: number;
  /** The gateway connects to everybody without a proxy between: its lines do nothing. */
  readonly areLinesDirect?: boolean;
  /** The gateway keeps the state cache, with everything in it. */
  readonly isStateKept?: boolean;
  /** Events that Discord keeps for a resume, per session. */
  readonly replayBufferEvents: number;
  /** Events that Discord may create in all, generously. */
  readonly ledgerEntries: number;
}

/** Made like Discord's own: its first part is the bot's id, in base64. */
const TOKEN = "MTE4OTk1NTA3NTAxNjcwODIwOA.chaos.token-of-no-bot";
const GUILDS_PER_SHARD = 8;
/** Large enough to take a slow line some seconds. */
const LARGE_GUILD_BYTES = 200_000;
/** Every intent there is, the privileged ones too (Discord gateway docs, Intents). */
const ALL_INTENTS = 53_608_447;
/** Short, so that the simulator's replay buffers are trimmed often. */
const HEARTBEAT_INTERVAL_MS = 5_000;
/** A gateway that is paused for a while keeps its connections. */
const HEARTBEAT_GRACE_INTERVALS = 8;
/** Nobody runs out of identifies. */
const SESSION_STARTS = 1_000_000;

const CONNECT_DEADLINE_MS = 90_000;
const LOOK_INTERVAL_MS = 250;

/** How long others wait for a silent replica. */
export const LEASE_TTL_SECONDS = 5;

interface Parts {
  readonly rabbit: RabbitServer;
  readonly redis: RedisServer;
  readonly discord: DiscordControl;
  readonly replicas: readonly [Replica, ...Replica[]];
  readonly collector: Collector;
  readonly receipts: Receipts;
  readonly extremes: Extremes;
  /** What must be in the state cache; null where none is kept. */
  readonly witness: StateWitness | null;
  /** Null where the gateway is alone. */
  readonly fleet: WatchedFleet | null;
}

/** What is known of a fleet besides. */
export interface WatchedFleet {
  readonly publications: Publications;
  readonly leases: LeaseHistory;
  /** Why its replicas have no network of their own; null where they have. */
  readonly sharedNetwork: string | null;
}

export class Stage implements Parts, AsyncDisposable {
  readonly options: StageOptions;
  readonly rabbit: RabbitServer;
  readonly redis: RedisServer;
  readonly discord: DiscordControl;
  readonly replicas: Parts["replicas"];
  readonly collector: Collector;
  readonly receipts: Receipts;
  readonly extremes: Extremes;
  readonly witness: StateWitness | null;
  readonly fleet: WatchedFleet | null;
  readonly #opened: AsyncDisposableStack;

  private constructor(options: StageOptions, parts: Parts, opened: AsyncDisposableStack) {
    this.options = options;
    this.rabbit = parts.rabbit;
    this.redis = parts.redis;
    this.discord = parts.discord;
    this.replicas = parts.replicas;
    this.collector = parts.collector;
    this.receipts = parts.receipts;
    this.extremes = parts.extremes;
    this.witness = parts.witness;
    this.fleet = parts.fleet;
    this.#opened = opened;
  }

  /**
   * Starts everything; resolves when every shard is connected, events flow, and all that the servers were told to keep
   * is on their disks.
   *
   * @throws Error when something does not start.
   */
  static async start(options: StageOptions): Promise<Stage> {
    await using opening = new AsyncDisposableStack();
    const { replicas: replicaCount = 1, isStateKept = false } = options;
    const receipts = new Receipts();
    const extremes = new Extremes();
    const witness = isStateKept ? new StateWitness(options.shards) : null;

    const { rabbit, redis } = opening.use(await startServerPair());
    const fleet = replicaCount === 1 ? null : {
      publications: opening.use(new Publications()),
      leases: new LeaseHistory(),
    };
    if (fleet !== null) {
      const watch = await LeaseWatch.start(redis.url, fleet.leases);
      opening.defer(() => watch.stop());
    }
    const { lineSets, resumeUrl, sharedNetwork } = opening.use(
      await layLines(options, { rabbitUrl: rabbit.url, redisUrl: redis.url }, fleet?.publications ?? null),
    );
    const simulated = await startSimulatedDiscord([
      ...simulatorFlags(options),
      ...(resumeUrl === null ? [] : ["--resume-url", resumeUrl]),
    ]);
    opening.use(simulated.server);
    const discord = new DiscordControl(simulated.controlUrl);
    const restResumeUrl = `http://127.0.0.1:${simulated.server.ports[1]}`;

    const replicas = await Promise.all(lineSets.map(async (lineSet): Promise<Replica> => {
      const apiUrl = lineSet.leadToDiscord(simulated.restUrl, restResumeUrl);
      const gateway = await WatchedGateway.start(
        {
          BOT_TOKEN: TOKEN,
          INTENTS: String(ALL_INTENTS),
          API_URL: apiUrl,
          GATEWAY_URL: apiUrl.replace(/^http(.*)\/api$/, "ws$1"),
          RABBIT_URL: lineSet.rabbitUrl,
          REDIS_URL: lineSet.redisUrl,
          LOG_FORMAT: "json",
          LOG_LEVEL: "debug",
          ...(fleet === null ? {} : fleetSettings(lineSet.name)),
          ...(isStateKept ? STATE_SETTINGS : {}),
        },
        (vitals) => extremes.note(vitals),
        lineSet.machine,
      );
      opening.defer(() => gateway.end());
      return { name: lineSet.name, gateway, lines: lineSet.lines };
    }));
    await connected(discord, options.shards);
    const collector = await Collector.start(rabbit.url, receipts, {
      received: (pauseMs) => extremes.note({ pauseMs }),
      cameFirst: (type, shard, body) => witness?.add(type, shard, body),
    });
    opening.defer(() => collector.stop());

    const parts: Parts = {
      rabbit,
      redis,
      discord,
      replicas: replicas as unknown as Parts["replicas"],
      collector,
      receipts,
      extremes,
      witness,
      fleet: fleet && { ...fleet, sharedNetwork },
    };
    return new Stage(options, parts, opening.move());
  }

  /** Resolves when every shard is connected; rejects after a long wait. */
  async connected(): Promise<void> {
    await connected(this.discord, this.options.shards);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

/** The dashboard of each would cost as much as it does itself. */
function fleetSettings(name: string): Record<string, string> {
  return { FLEET: "true", ROLE: "gateway", REPLICA_NAME: name, LEASE_TTL: String(LEASE_TTL_SECONDS) };
}

function simulatorFlags(options: StageOptions): string[] {
  const values = {
    "shards": options.shards,
    "max-concurrency": options.shards,
    "guilds": options.shards * GUILDS_PER_SHARD,
    "large-guild-bytes": LARGE_GUILD_BYTES,
    "rate": options.eventsPerSecond,
    "seed": options.seed,
    "heartbeat-interval-ms": HEARTBEAT_INTERVAL_MS,
    "heartbeat-grace-intervals": HEARTBEAT_GRACE_INTERVALS,
    "replay-buffer-events": options.replayBufferEvents,
    "session-start-total": SESSION_STARTS,
    "ledger-entries": options.ledgerEntries,
    "token": TOKEN,
  };
  const switches = [
    "trim-replay",
    "guild-members-intent",
    "guild-presences-intent",
    "message-content-intent",
  ];
  return [
    ...Object.entries(values).flatMap(([flag, value]) => [`--${flag}`, String(value)]),
    ...switches.map((flag) => `--${flag}`),
  ];
}

async function connected(discord: DiscordControl, shards: number): Promise<void> {
  const deadlineMs = performance.now() + CONNECT_DEADLINE_MS;
  for (let count = 0; (count = await discord.shardsConnected()) < shards;) {
    if (performance.now() > deadlineMs) {
      throw new Error(
        `Only ${count} of ${shards} shards are connected after ${CONNECT_DEADLINE_MS / 1_000} s`,
      );
    }
    await sleep(LOOK_INTERVAL_MS);
  }
}
