/**
 * Everything that pages and endpoints are made from, put together once at the start.
 *
 * @module
 */
import type { Clock } from "../gateway/clock.ts";
import { AuditLog } from "./audit/audit_log.ts";
import { CommandSender } from "./commands/command_sender.ts";
import { RejectedCommands } from "./commands/rejected_commands.ts";
import { FleetReader } from "./fleet/fleet_reader.ts";
import { FleetTopic } from "./fleet/fleet_topic.ts";
import { HistoryReader } from "./fleet/history_reader.ts";
import { LiveFeed, type Topic } from "./fleet/live_feed.ts";
import { ManagementClient } from "./queues/management_client.ts";
import { QueuesTopic } from "./queues/queues_topic.ts";
import { QueueWatcher } from "./queues/queue_watcher.ts";
import { DashboardRedis } from "./redis.ts";
import { RestartTopic } from "./restarts/restart_topic.ts";
import { RollingRestart } from "./restarts/rolling_restart.ts";
import type { DashboardSettings } from "./settings.ts";
import { ShardReader } from "./shard/shard_reader.ts";
import { ShardTopic } from "./shard/shard_topic.ts";
import { readShardId } from "./shard_list.ts";
import { Attempts } from "./sign_in/attempts.ts";
import { DiscordSignIn } from "./sign_in/discord.ts";
import { OneTimeLinks } from "./sign_in/links.ts";
import { SignIns } from "./sign_in/sign_ins.ts";
import { Visitors } from "./sign_in/visitors.ts";

export interface DashboardServices {
  readonly settings: DashboardSettings;
  readonly clock: Clock;
  readonly redis: DashboardRedis;
  readonly visitors: Visitors;
  readonly signIns: SignIns;
  readonly attempts: Attempts;
  readonly links: OneTimeLinks;
  /** Null where nobody signs in by Discord. */
  readonly discord: DiscordSignIn | null;
  readonly fleet: FleetReader;
  readonly history: HistoryReader;
  /** Keeps open pages live. */
  readonly live: LiveFeed;
  /** What a page can be kept live with, by name: `shard` with the argument "12"; null where there is no such thing. */
  readonly topics: Readonly<Record<string, (argument: string) => Topic | null>>;
  readonly audit: AuditLog;
  readonly commands: CommandSender;
  readonly rejected: RejectedCommands;
  readonly queues: QueueWatcher;
  /** Null where its address is not set. */
  readonly management: ManagementClient | null;
  readonly shards: ShardReader;
  readonly restarts: RollingRestart;
  /** What keeps this process from being ready, found out anew. Empty: it is ready. Never rejects. */
  missing(): Promise<readonly string[]>;
}

/** What the dashboard is given by whoever runs it. */
export interface DashboardSurroundings {
  readonly clock: Clock;
  readonly tell: (news: DashboardNews) => void;
  /** What keeps the gateway beside it from being ready; null where none runs beside it. */
  readonly gatewayMissing: (() => readonly string[]) | null;
}

/** What the dashboard tells whoever runs it: for the log, and for the metrics. */
export type DashboardNews =
  | { readonly kind: "notice"; readonly message: string }
  | {
    readonly kind: "queue";
    readonly queue: string;
    /** Ready; null where the queue does not exist. */
    readonly messages: number | null;
    readonly consumers: number;
    /** It has grown for a minute, and nobody consumes from it. */
    readonly unattended: boolean;
  }
  /** A one-time link: for a terminal, and never for a log. */
  | { readonly kind: "link"; readonly url: string }
  | { readonly kind: "warning"; readonly message: string };

export function createServices(
  settings: DashboardSettings,
  { clock, tell, gatewayMissing }: DashboardSurroundings,
): DashboardServices {
  const redis = new DashboardRedis({ ...settings.redis, prefix: settings.redisPrefix });
  const fleet = new FleetReader({ redis, clock });
  const history = new HistoryReader({ redis, clock });
  const fleetTopic = new FleetTopic({ fleet, history });
  const audit = new AuditLog(redis, (message) => tell({ kind: "warning", message }));
  const { rabbitUrl, rabbitManagementUrl } = settings;
  const commands = new CommandSender({ rabbitUrl, clock });
  const queues = new QueueWatcher({ rabbitUrl, queues: settings.queues, clock, tell });
  const queuesTopic = new QueuesTopic({ queues, clock });
  const shards = new ShardReader({ redis, fleet });
  const restarts = new RollingRestart({
    redis,
    clock,
    audit,
    restartShard: async (shard, mode) => {
      const outcome = await commands.send({ op: 1, shard, ...(mode === "identify" && { data: { mode } }) });
      return outcome.kind === "accepted";
    },
    tellFault: (message) => tell({ kind: "warning", message }),
  });
  return {
    settings,
    clock,
    redis,
    visitors: new Visitors(settings, (message) => tell({ kind: "warning", message })),
    signIns: new SignIns({ redis, clock, settings }),
    attempts: new Attempts(redis),
    links: new OneTimeLinks(redis),
    discord: settings.oauth && new DiscordSignIn(settings.oauth, {
      clock,
      fetch,
      userAgent: `DiscordBot (shardline, ${settings.version})`,
    }),
    fleet,
    history,
    live: new LiveFeed({ clock, warn: (message) => tell({ kind: "warning", message }) }),
    topics: {
      fleet: () => fleetTopic,
      shard: (argument) => {
        const id = readShardId(argument);
        return id === null ? null : new ShardTopic(shards, id);
      },
      queues: () => queuesTopic,
      restart: () => new RestartTopic({ restarts, clock }),
    },
    audit,
    commands,
    rejected: new RejectedCommands(redis),
    queues,
    management: rabbitManagementUrl === null ? null : new ManagementClient({
      managementUrl: rabbitManagementUrl,
      rabbitUrl,
      queues: settings.queues,
      clock,
    }),
    shards,
    restarts,
    missing: async () => gatewayMissing?.() ?? (await redis.isThere() ? [] : ["redis"]),
  };
}

/** Begins everything that runs by itself. Resolves when pages can be answered. */
export async function startServices(services: DashboardServices): Promise<void> {
  services.commands.start();
  services.queues.start();
  await services.redis.start();
}

export async function stopServices(services: DashboardServices): Promise<void> {
  services.live.stop();
  // Whoever waits for an answer has it then, and writes to the audit what came of it.
  await Promise.all([services.restarts.close(), services.commands.stop(), services.queues.stop()]);
  await services.redis.stop();
}
