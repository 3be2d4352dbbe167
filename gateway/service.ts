/**
 * The service: puts the rooms together, starts them in order and stops them in reverse, each phase with a
 * deadline of its own.
 *
 * It knows no adapter. What it needs of the outside is in {@link ServicePorts}.
 *
 * @module
 */
import { type Clock, type Dice, sleepUntil } from "./clock.ts";
import { CommandDispatcher } from "./commands/dispatcher.ts";
import type { CommandSource } from "./commands/source.ts";
import type { Config } from "./config.ts";
import type { Notices } from "./delivery/notices.ts";
import { Outbox } from "./delivery/outbox.ts";
import type { Publisher } from "./delivery/publisher.ts";
import { type Exit, EXIT_CONFIGURATION, EXIT_REFUSED, exitOfCloseCode } from "./exit.ts";
import { failureText } from "./failure.ts";
import type { GuildNames } from "./guild_names.ts";
import { HostedShard } from "./hosted_shard.ts";
import { type GatewayBot, IdentifyBudget } from "./identify/budget.ts";
import { IdentifyQueue } from "./identify/queue.ts";
import { newsObserver } from "./news.ts";
import { observeAll, type Observer } from "./observation.ts";
import { heartbeatFrame, identifyFrame, presenceFrame, resumeFrame } from "./protocol/client_frames.ts";
import { gatewayConnectionUrl } from "./protocol/gateway_url.ts";
import { Intent } from "./protocol/intents.ts";
import type { Board } from "./resume/board.ts";
import { BoardWriter } from "./resume/board_writer.ts";
import { PointKeeper } from "./resume/keeper.ts";
import type { ResumePoints, StoredFleet, StoredShard } from "./resume/points.ts";
import type { ShardStart } from "./shard/machine.ts";
import type { Transport } from "./shard/transport.ts";
import { Status } from "./status.ts";

export interface ServicePorts {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly transport: Transport;
  readonly publisher: Publisher;
  readonly notices: Notices;
  readonly commands: CommandSource;
  readonly points: ResumePoints;
  readonly board: Board;
  /** Null where nobody asks for guild names. */
  readonly guildNames: GuildNames | null;
  /** `GET /gateway/bot`. Null: no answer this time; why has been observed. */
  readGatewayBot(): Promise<GatewayBot | "token_refused" | null>;
  /** Lets go of the store, with or without an answer. */
  disconnectStore(): Promise<void>;
  /** Everybody outside who wants to know. */
  readonly observe: Observer;
  /** One event was confirmed so long after its receipt. */
  readonly confirmed: (delayMs: number) => void;
}

/** The phases of a stop; together they stay below the ten seconds that an orderly stop may take. */
const QUIET_MAX_MS = 1_000;
const LEAVE_MAX_MS = 2_500;
const DRAIN_MAX_MS = 2_500;
const REMEMBER_MAX_MS = 1_500;
const DISCONNECT_MAX_MS = 1_000;

/** Between two resumes at start: a thousand handshakes at one moment would only get in each other's way. */
const RESUME_SPACING_MS = 5;

export class GatewayService {
  readonly #config: Config;
  readonly #ports: ServicePorts;
  readonly #stopping = new AbortController();
  readonly #shards = new Map<number, HostedShard>();
  readonly #outbox: Outbox;
  readonly #keeper: PointKeeper;
  readonly #budget: IdentifyBudget;
  readonly #identifyQueue: IdentifyQueue;
  readonly #dispatcher: CommandDispatcher;
  readonly #boardWriter: BoardWriter;
  #total: number | null = null;
  #recommendationSaid: number | null = null;
  #brokerOpened: () => void = () => {};
  #stopped: Promise<void> | null = null;
  #exit: (exit: Exit) => void = () => {};

  readonly status: Status;
  /** Whoever sees something tells it here: status, news and everybody outside hear of it. */
  readonly observe: Observer;
  /** Resolves where the service cannot go on: it is to be stopped, and the process to end so. */
  readonly failed: Promise<Exit>;

  constructor(config: Config, ports: ServicePorts) {
    this.#config = config;
    this.#ports = ports;
    const { clock, dice, publisher, notices, points, board } = ports;
    this.status = new Status(clock);
    this.failed = new Promise((resolve) => this.#exit = resolve);
    const observe = observeAll(this.status.observe, newsObserver(notices, clock), ports.observe);
    this.observe = observe;
    this.#outbox = new Outbox({
      publisher,
      clock,
      maxBytes: config.events.maxUnconfirmedBytes,
      events: {
        published: (shard, sessionId, sequence) => this.#shards.get(shard)?.published(sessionId, sequence),
        full: (shard) => this.#shards.get(shard)?.park(),
        room: () => this.#unparkAll(),
        confirmed: ports.confirmed,
      },
    });
    this.#boardWriter = new BoardWriter({ board, entries: this.status, clock, observe });
    this.#keeper = new PointKeeper({
      points,
      clock,
      observe,
      stored: (shard, point) => {
        this.#boardWriter.sessionsMoved();
        this.#shards.get(shard)?.stored(point);
      },
    });
    this.#budget = new IdentifyBudget({ clock, dice, observe, read: () => this.#readGatewayBot() });
    this.#identifyQueue = new IdentifyQueue({
      clock,
      budget: this.#budget,
      spacingMs: config.shards.identifySpacingMs,
      concurrency: config.shards.concurrency,
    });
    this.#dispatcher = new CommandDispatcher({
      clock,
      observe,
      notices,
      ttlMs: config.commands.ttlMs,
      shards: this.#shards,
    });
  }

  /** What waits for the broker's confirmation. */
  get unconfirmed(): { events: number; bytes: number } {
    return { events: this.#outbox.unconfirmedEvents, bytes: this.#outbox.unconfirmedBytes };
  }

  /**
   * Waits for store and broker as long as it takes, then starts the shards. Resolves when they are on their way,
   * or when the service is stopped meanwhile.
   */
  async start(): Promise<void> {
    const { points, publisher, commands, clock } = this.#ports;
    if (this.#stopping.signal.aborted) return;
    this.#sayWhatIsMissing();
    const opened = new Promise<void>((resolve) => this.#brokerOpened = resolve);
    publisher.start({
      opened: () => {
        this.#outbox.opened();
        this.#brokerOpened();
      },
      closed: () => this.#outbox.closed(),
    });
    // Also where every session can be resumed: a refused token is better known now than at the first IDENTIFY.
    const gatewayRead = this.#budget.refresh();
    const stored = await this.#unlessStopping(points.load());
    if (stored === null) return;
    const total = await this.#determineTotal(stored, gatewayRead);
    if (total === null) return;
    const range = this.#range(total);
    if (range === null) return;
    const resumable = this.#config.shards.resume && stored.total === total;
    const reign = { total, startedAtMs: clock.wallMs(), keepSessions: resumable, imported: stored };
    if (await this.#unlessStopping(points.begin(reign).then(() => true)) === null) return;
    this.status.assign(range);
    this.#boardWriter.start();
    if (await this.#unlessStopping(opened.then(() => true)) === null) return;
    await this.#startShards(range, total, stored, resumable);
    if (!this.#stopping.signal.aborted) commands.start((command) => this.#dispatcher.handle(command));
  }

  /** Stops in order, within ten seconds whatever hangs. Safe twice, and before or during {@link start}. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { commands, publisher } = this.#ports;
    this.#stopping.abort();
    await this.#phase("quiet", QUIET_MAX_MS, () => {
      this.#identifyQueue.stop();
      this.#budget.stop();
      return commands.quiet();
    });
    await this.#phase("leave", LEAVE_MAX_MS, async () => {
      await Promise.all([...this.#shards.values()].map((shard) => shard.stop()));
    });
    await this.#phase("drain", DRAIN_MAX_MS, () => this.#outbox.empty());
    await this.#phase("remember", REMEMBER_MAX_MS, async (signal) => {
      await this.#keeper.flush(signal);
      await this.#boardWriter.stop();
    });
    await this.#phase("disconnect", DISCONNECT_MAX_MS, async () => {
      await Promise.all([commands.close(), publisher.close(), this.#ports.disconnectStore()]);
    });
  }

  async #phase(name: string, maxMs: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock } = this.#ports;
    const deadline = new AbortController();
    const done = new AbortController();
    const timedOut = sleepUntil(clock, clock.nowMs() + maxMs, done.signal).then(() => {
      if (done.signal.aborted) return;
      this.observe({ kind: "service.late", phase: name, deadlineMs: maxMs });
      deadline.abort();
    });
    const worked = work(deadline.signal).catch((error: unknown) => {
      this.observe({
        kind: "service.warning",
        message: `Cannot finish phase ${name} of the stop: ${failureText(error)}`,
      });
    });
    await Promise.race([worked, timedOut]);
    done.abort();
  }

  /** Null where the service is being stopped instead. */
  async #unlessStopping<Value>(work: Promise<Value>): Promise<Value | null> {
    const { signal } = this.#stopping;
    if (signal.aborted) return null;
    const stopping = new Promise<null>((resolve) => {
      signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    return await Promise.race([work, stopping]);
  }

  // How many shards, and which.

  /** The configured number; else that of the stored sessions while they can be resumed; else Discord's. */
  async #determineTotal(stored: StoredFleet, gatewayRead: Promise<void>): Promise<number | null> {
    const { total, resume } = this.#config.shards;
    if (total !== null) return this.#setTotal(total);
    const someSession = [...stored.shards.values()].some((shard) => shard.point !== null);
    if (resume && someSession && stored.total !== null) return this.#setTotal(stored.total);
    let read = gatewayRead;
    while (this.#budget.gateway === null) {
      if (await this.#unlessStopping(read.then(() => true)) === null) return null;
      read = this.#budget.refresh();
    }
    return this.#setTotal(this.#budget.gateway.shards);
  }

  #setTotal(total: number): number {
    this.#total = total;
    this.#sayRecommendation(this.#budget.gateway);
    return total;
  }

  #range(total: number): number[] | null {
    const { first, last } = this.#config.shards;
    const end = last ?? total - 1;
    if (first < total && end < total) {
      return Array.from({ length: end - first + 1 }, (_, index) => first + index);
    }
    this.#exit({
      status: EXIT_CONFIGURATION,
      message: `SHARDS_START to SHARDS_END is ${first} to ${end}: ` +
        `expected shards from 0 to ${total - 1}, because there are ${total}`,
    });
    return null;
  }

  async #startShards(
    range: readonly number[],
    total: number,
    stored: StoredFleet,
    resumable: boolean,
  ): Promise<void> {
    const { clock } = this.#ports;
    const presence = JSON.stringify(this.#config.discord.presence);
    const starts = range.map((shard) => {
      const left = stored.shards.get(shard);
      this.#shards.set(shard, this.#host(shard, total, presence, resumable ? left : undefined));
      return { shard, start: this.#shardStart(left, presence, resumable) };
    });
    const resuming = starts.filter(({ start }) => start.session !== null);
    this.observe({
      kind: "service.started",
      shards: range.length,
      total,
      resuming: resuming.length,
    });
    if (resumable && stored.foreign && resuming.length > 0) {
      this.observe({
        kind: "service.notice",
        message:
          `${resuming.length} sessions were begun by another service: their intents and presence stay as ` +
          "they are until INTENTS, STATUS or the activity change, or a session ends",
      });
    }
    for (const { shard, start } of starts) {
      if (start.session === null) this.#shards.get(shard)?.start(start);
    }
    for (const { shard, start } of resuming) {
      if (this.#stopping.signal.aborted) return;
      this.#shards.get(shard)?.start(start);
      await sleepUntil(clock, clock.nowMs() + RESUME_SPACING_MS, this.#stopping.signal);
    }
  }

  #shardStart(left: StoredShard | undefined, presence: string, resumable: boolean): ShardStart {
    const point = left?.point ?? null;
    const { intents } = this.#config.discord;
    const lossReason = this.#config.shards.resume ? "total_changed" : "resume_disabled";
    return {
      session: resumable ? point : null,
      presence: left?.presence ?? null,
      // A session that another service wrote tells neither its presence nor its intents: it is left as it is.
      presenceOutdated: point !== null && point.configuredPresence !== null &&
        point.configuredPresence !== presence,
      lost: point !== null && !resumable
        ? { sessionId: point.sessionId, sequence: point.sequence, reason: lossReason }
        : null,
      replace: point !== null && point.intents !== null && point.intents !== intents
        ? "intents_changed"
        : null,
    };
  }

  #host(shard: number, total: number, presence: string, stored: StoredShard | undefined): HostedShard {
    const { clock, dice, transport, guildNames } = this.#ports;
    const { discord } = this.#config;
    const machine = {
      shard,
      dice,
      configuredPresence: presence,
      identifyFrame: () =>
        identifyFrame({
          token: discord.token.reveal(),
          intents: discord.intents,
          largeThreshold: discord.largeThreshold,
          shard,
          shardsTotal: total,
          presence,
        }),
      resumeFrame: (sessionId: string, sequence: number) =>
        resumeFrame({ token: discord.token.reveal(), sessionId, sequence }),
      heartbeatFrame,
      presenceFrame,
    };
    const services = {
      clock,
      observe: this.observe,
      transport,
      outbox: this.#outbox,
      keeper: this.#keeper,
      identifyQueue: this.#identifyQueue,
      dispatcher: this.#dispatcher,
      guildNames,
      intents: discord.intents,
      configuredPresence: presence,
      connectionUrl: (gatewayUrl: string) =>
        gatewayConnectionUrl(gatewayUrl, {
          apiVersion: discord.apiVersion,
          compression: discord.compression,
          plainAllowed: discord.apiUrl.startsWith("http:") || discord.gatewayUrl?.startsWith("ws:") === true,
        }),
      mainUrl: () => this.#mainUrl(),
      fatal: (code: number) => this.#exit(exitOfCloseCode(code, discord.intents)),
    };
    return new HostedShard(machine, services, stored);
  }

  // What Discord says of the bot.

  #mainUrl(): string | Promise<string> {
    const { gatewayUrl } = this.#config.discord;
    if (gatewayUrl !== null) return gatewayUrl;
    const known = this.#budget.gateway?.url;
    if (known === undefined) return this.#waitForMainUrl();
    // Whoever asks for it again could not connect, or connects anew: the next one is to have the newest.
    this.#budget.freshen();
    return known;
  }

  async #waitForMainUrl(): Promise<string> {
    while (this.#budget.gateway === null && !this.#stopping.signal.aborted) await this.#budget.refresh();
    return this.#budget.gateway?.url ?? "";
  }

  async #readGatewayBot(): Promise<GatewayBot | null> {
    const answer = await this.#ports.readGatewayBot();
    if (answer === null) return null;
    if (answer === "token_refused") {
      this.#exit({
        status: EXIT_REFUSED,
        message: "Discord refused the token: copy it anew from the Developer Portal, Bot, into BOT_TOKEN",
      });
      return null;
    }
    this.#sayRecommendation(answer);
    return answer;
  }

  #sayRecommendation(gateway: GatewayBot | null): void {
    const recommended = gateway?.shards;
    const running = this.#total;
    if (recommended === undefined || running === null || this.#recommendationSaid === recommended) return;
    this.#recommendationSaid = recommended;
    this.observe({ kind: "shards.recommendation", recommended, running });
    if (recommended === running) return;
    this.observe({
      kind: "service.notice",
      message:
        `Discord recommends ${recommended} shards, ${running} are run: SHARDS_TOTAL or the stored sessions ` +
        "say so",
    });
  }

  // Room in the outbox.

  #unparkAll(): void {
    for (const shard of this.#shards.values()) shard.unpark();
  }

  /** What an operator might otherwise find out the hard way. */
  #sayWhatIsMissing(): void {
    const { discord, withoutEffect } = this.#config;
    const notice = (message: string) => this.observe({ kind: "service.notice", message });
    if ((discord.intents & Intent.MESSAGE_CONTENT) === 0) {
      notice(
        "MESSAGE_CONTENT is not among the intents: bots read empty messages, except in direct messages, " +
          "mentions and their own",
      );
    }
    if (withoutEffect.length > 0) {
      notice(`Accepted, and without effect in this version: ${withoutEffect.join(", ")}`);
    }
  }
}
