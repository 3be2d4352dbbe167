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
import { Outbox, type SpoolUse } from "./delivery/outbox.ts";
import type { OutgoingEvent, Publisher } from "./delivery/publisher.ts";
import { NOTHING_SPOOLED, type Spool, type SpoolContents } from "./delivery/spool.ts";
import type { EventTracer } from "./delivery/tracing.ts";
import { type Exit, EXIT_CONFIGURATION, EXIT_REFUSED, exitOfCloseCode } from "./exit.ts";
import { failureText } from "./failure.ts";
import type { EventCounts } from "./figures/event_counts.ts";
import { FiguresGatherer } from "./figures/gatherer.ts";
import type { FiguresStore } from "./figures/store.ts";
import { FiguresWriter } from "./figures/writer.ts";
import type { GuildNames } from "./guild_names.ts";
import { HostedShard, type ShardLegacy } from "./hosted_shard.ts";
import { type GatewayBot, IdentifyBudget } from "./identify/budget.ts";
import { IdentifyQueue } from "./identify/queue.ts";
import { newsObserver, type ObservedGap } from "./news.ts";
import { type GapReason, observeAll, type Observer } from "./observation.ts";
import { botId } from "./protocol/bot_token.ts";
import { heartbeatFrame, identifyFrame, presenceFrame, resumeFrame } from "./protocol/client_frames.ts";
import { gatewayConnectionUrl } from "./protocol/gateway_url.ts";
import { Intent } from "./protocol/intents.ts";
import type { Board } from "./resume/board.ts";
import { BoardWriter } from "./resume/board_writer.ts";
import { type FoundShard, foundShards } from "./resume/found_shard.ts";
import { PointKeeper } from "./resume/keeper.ts";
import type { LostSession, ResumePoint, ResumePoints, StoredFleet } from "./resume/points.ts";
import type { ShardStart } from "./shard/machine.ts";
import type { Transport } from "./shard/transport.ts";
import { keptEffectOf } from "./state/rules.ts";
import { Status } from "./status.ts";

export interface ServicePorts {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly transport: Transport;
  readonly publisher: Publisher;
  readonly notices: Notices;
  readonly commands: CommandSource;
  readonly points: ResumePoints;
  /** Null where it is switched off. */
  readonly spool: Spool | null;
  readonly board: Board;
  readonly figures: FiguresStore;
  /** Of this program. */
  readonly version: string;
  /** Null where nobody asks for guild names. */
  readonly guildNames: GuildNames | null;
  /** Null where events are not traced. */
  readonly tracer: EventTracer | null;
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
const LEAVE_MAX_MS = 2_000;
/** Long enough for what the broker does not confirm to go to the spool. */
const DRAIN_MAX_MS = 2_500;
const REMEMBER_MAX_MS = 1_500;
const SETTLE_MAX_MS = 500;
const DISCONNECT_MAX_MS = 1_000;

/** Between two resumes at start: a thousand handshakes at one moment would only get in each other's way. */
const RESUME_SPACING_MS = 5;

/** What an earlier process left, in the store and on disk. */
interface Left {
  readonly fleet: StoredFleet;
  /** Null without a spool. */
  readonly spooled: SpoolContents | null;
  /** What was on disk could not be read. */
  readonly isSpoolDamaged: boolean;
  readonly shards: ReadonlyMap<number, FoundShard>;
  /** Number of shards that the sessions are of; null where nobody knows. */
  readonly total: number | null;
}

const NO_LANE = { firstSession: "", firstSequence: 1 };

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
  readonly #figures: FiguresGatherer;
  readonly #figuresWriter: FiguresWriter;
  #total: number | null = null;
  #spooledLanes: SpoolContents["lanes"] = new Map();
  /** Shard → what is still to be told of one that does not run here. */
  readonly #unhostedLosses = new Map<number, readonly LostSession[]>();
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
    const news = newsObserver(notices, clock, (gap) => this.#gapTold(gap));
    const { replicaName } = config.fleet;
    const figures = new FiguresGatherer({
      clock,
      known: () => ({
        total: this.#total,
        recommended: this.#budget.gateway?.shards ?? null,
        states: this.status.states,
        brokerConnected: this.status.brokerConnected,
        unconfirmed: this.unconfirmed,
        spooled: this.spooled,
      }),
      progressOf: (shard) => this.#shards.get(shard),
      replicaName,
      version: ports.version,
      holdsSecret: (text) => config.secrets.some((secret) => text.includes(secret.reveal())),
    });
    this.#figures = figures;
    const observe = observeAll(this.status.observe, figures.observe, news, ports.observe);
    this.observe = observe;
    this.#figuresWriter = new FiguresWriter({
      store: ports.figures,
      gatherer: figures,
      replicaName,
      isStoreThere: () => this.status.redisConnected,
      clock,
      observe,
    });
    this.#outbox = new Outbox({
      publisher,
      clock,
      observe,
      maxBytes: config.events.maxUnconfirmedBytes,
      isHeeded: (type) => this.#isHeeded(type),
      events: {
        published: (shard, sessionId, sequence, receivedAtMs) =>
          this.#shards.get(shard)?.published(sessionId, sequence, receivedAtMs),
        durable: (shard, sessionId, sequence) => this.#shards.get(shard)?.stored(sessionId, sequence),
        pointOf: (shard, sessionId) => this.#shards.get(shard)?.pointOf(sessionId) ?? null,
        full: (shard) => this.#shards.get(shard)?.park(),
        room: () => this.#unparkAll(),
        confirmed: (delayMs) => {
          figures.confirmed(delayMs);
          ports.confirmed(delayMs);
        },
        givenUp: (event) => this.#eventRefused(event),
        unreadable: (shard) => this.#spoolDamaged(shard),
      },
    });
    this.#boardWriter = new BoardWriter({ board, entries: this.status, clock, observe });
    this.#keeper = new PointKeeper({
      points,
      clock,
      observe,
      stored: (shard, point) => {
        this.#boardWriter.sessionsMoved();
        this.#shards.get(shard)?.stored(point.sessionId, point.sequence);
      },
      lossesStored: (shard, lost) => this.#shards.get(shard)?.lossesStored(lost),
      refused: (shard, point) => {
        const spooled = this.#shards.get(shard)?.pointOf(point.sessionId);
        if (spooled) this.#outbox.notePoint(shard, { ...point, lost: spooled.lost });
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
      refused: (body, { error, message }) => figures.rejected(body, error, message),
      ttlMs: config.commands.ttlMs,
      shards: this.#shards,
    });
  }

  /** What waits in memory for the broker's confirmation. */
  get unconfirmed(): { events: number; bytes: number } {
    return { events: this.#outbox.unconfirmedEvents, bytes: this.#outbox.unconfirmedBytes };
  }

  /** What is in the spool; null without one. */
  get spooled(): SpoolUse | null {
    return this.#outbox.spooled;
  }

  /** How many events came. */
  get eventCounts(): EventCounts {
    return this.#figures.counts;
  }

  /**
   * Waits for store and broker as long as it takes, then starts the shards. Resolves when they are on their way,
   * or when the service is stopped meanwhile.
   */
  async start(): Promise<void> {
    const { points, publisher, commands, clock } = this.#ports;
    if (this.#stopping.signal.aborted) return;
    this.#figuresWriter.start();
    this.#sayWhatIsMissing();
    const opened = new Promise<void>((resolve) => this.#brokerOpened = resolve);
    publisher.start({
      opened: () => {
        this.#outbox.opened();
        this.#brokerOpened();
      },
      closed: (refusal) => this.#outbox.closed(refusal),
    });
    // Also where every session can be resumed: a refused token is better known now than at the first IDENTIFY.
    const gatewayRead = this.#budget.refresh();
    const left = await this.#unlessStopping(this.#findLeft());
    if (left === null) return;
    this.#spooledLanes = left.spooled?.lanes ?? new Map();
    const total = await this.#determineTotal(left, gatewayRead);
    if (total === null) return;
    const range = this.#range(total);
    if (range === null) return;
    const loss = this.#lossOfAll(left, total);
    const legacies = new Map(range.map((shard) => [shard, this.#legacy(left, shard, loss)]));
    const elsewhere = new Map(
      [...left.shards.keys()].filter((shard) => !legacies.has(shard) && (shard >= total || loss !== null))
        .map((shard) => [shard, this.#legacy(left, shard, loss)]),
    );
    const reign = {
      total,
      bot: this.#bot,
      startedAtMs: clock.wallMs(),
      keepSessions: loss === null,
      lost: new Map([...legacies, ...elsewhere].map(([shard, { lost }]) => [shard, lost])),
      imported: left.fleet,
    };
    if (await this.#unlessStopping(points.begin(reign).then(() => true)) === null) return;
    this.#hostShards(legacies, total);
    for (const [shard, { lost }] of elsewhere) this.#unhostedLosses.set(shard, lost);
    // Only now, for the spool forgets points of which the store then knows that they are lost.
    // Also where a process died before the spool had forgotten them.
    const keepPoints = loss === null && [null, total].includes(left.spooled?.total ?? null);
    if (await this.#unlessStopping(this.#useSpool(left, total, keepPoints)) === null) return;
    this.#tellOfVanished(total);
    this.status.assign(range);
    this.#boardWriter.start();
    // Discord keeps a session for a minute or two only. What comes before the broker is there waits in the spool.
    const hasSession = range.some((shard) => legacies.get(shard)?.point);
    const cannotWait = left.spooled !== null && hasSession;
    if (!cannotWait && await this.#unlessStopping(opened.then(() => true)) === null) return;
    await this.#startShards(range, total, left, loss);
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
    await this.#phase("drain", DRAIN_MAX_MS, () => this.#outbox.secured());
    await this.#phase("remember", REMEMBER_MAX_MS, async (signal) => {
      await this.#keeper.flush(signal);
      await Promise.all([this.#boardWriter.stop(), this.#figuresWriter.stop()]);
    });
    // What the store did not take goes to the spool.
    if (this.#outbox.spooled !== null) {
      await this.#phase("settle", SETTLE_MAX_MS, () => this.#outbox.secured());
    }
    await this.#phase("disconnect", DISCONNECT_MAX_MS, async () => {
      const { disconnectStore, spool } = this.#ports;
      this.#outbox.stop();
      await Promise.all([commands.close(), publisher.close(), disconnectStore(), spool?.close()]);
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

  // What an earlier process left.

  get #bot(): string | null {
    return botId(this.#config.discord.token.reveal());
  }

  async #findLeft(): Promise<Left> {
    const [fleet, { spooled, isSpoolDamaged }] = await Promise.all([
      this.#ports.points.load(),
      this.#openSpool(),
    ]);
    const shards = foundShards(fleet, spooled ?? NOTHING_SPOOLED);
    return { fleet, spooled, isSpoolDamaged, shards, total: fleet.total ?? spooled?.total ?? null };
  }

  async #openSpool(): Promise<Pick<Left, "spooled" | "isSpoolDamaged">> {
    const opening = await this.#ports.spool?.open({ bot: this.#bot });
    if (opening === undefined) return { spooled: null, isSpoolDamaged: false };
    if (opening.kind === "unusable") {
      this.observe({ kind: "service.warning", message: `Running without a spool: ${opening.problem}` });
      return { spooled: null, isSpoolDamaged: false };
    }
    const { contents, movedAside } = opening;
    if (movedAside !== null) {
      const { to, problem } = movedAside;
      this.observe({ kind: "spool.moved_aside", to, problem });
    }
    return { spooled: contents, isSpoolDamaged: movedAside?.isLost ?? false };
  }

  /** Drains what is in the spool from now on, and keeps in it what the broker does not confirm. */
  async #useSpool({ fleet, spooled, shards }: Left, total: number, keepPoints: boolean): Promise<true> {
    const { spool } = this.#ports;
    const settings = this.#config.events.spool;
    if (spool === null || settings === null || spooled === null) return true;
    // Another service wrote last: what the spool knows of other sessions is older.
    await spool.begin({ total, keepPoints: keepPoints && !fleet.foreign }).catch((error: unknown) => {
      // A full disk, say: what is in it can be drained all the same.
      this.observe({ kind: "spool.refused", error: failureText(error) });
    });
    const lanes = [...spooled.lanes];
    if (lanes.length > 0) {
      this.observe({
        kind: "spool.opened",
        shards: lanes.length,
        events: lanes.reduce((sum, [, { events }]) => sum + events, 0),
        bytes: lanes.reduce((sum, [, { bytes }]) => sum + bytes, 0),
      });
    }
    for (const [shard, { events }] of lanes) {
      if (shards.get(shard)?.late) this.observe({ kind: "spool.late", shard, events });
    }
    this.#outbox.useSpool(spool, settings.maxBytes, keepPoints ? spooled : { ...spooled, points: new Map() });
    return true;
  }

  /** Why no session at all is resumed; null where they are. */
  #lossOfAll({ fleet, total: totalLeft }: Left, total: number): GapReason | null {
    if (!this.#config.shards.resume) return "resume_disabled";
    if (fleet.bot !== null && this.#bot !== null && fleet.bot !== this.#bot) return "bot_changed";
    return totalLeft === total ? null : "total_changed";
  }

  // How many shards, and which.

  /** The configured number; else that of the stored sessions while they can be resumed; else Discord's. */
  async #determineTotal(left: Left, gatewayRead: Promise<void>): Promise<number | null> {
    const { total } = this.#config.shards;
    if (total !== null) return this.#setTotal(total);
    const someSession = [...left.shards.values()].some((shard) => shard.point !== null);
    if (someSession && left.total !== null && this.#lossOfAll(left, left.total) === null) {
      return this.#setTotal(left.total);
    }
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

  #hostShards(legacies: ReadonlyMap<number, ShardLegacy>, total: number): void {
    const presence = JSON.stringify(this.#config.discord.presence);
    for (const [shard, legacy] of legacies) {
      this.#shards.set(shard, this.#host(shard, total, presence, legacy));
    }
  }

  async #startShards(
    range: readonly number[],
    total: number,
    left: Left,
    loss: GapReason | null,
  ): Promise<void> {
    const { clock } = this.#ports;
    const presence = JSON.stringify(this.#config.discord.presence);
    const starts = range.map((shard) => ({
      shard,
      start: this.#shardStart(left.shards.get(shard), presence, loss),
    }));
    const resuming = starts.filter(({ start }) => start.session !== null);
    this.observe({
      kind: "service.started",
      shards: range.length,
      total,
      resuming: resuming.length,
    });
    if (left.fleet.foreign && resuming.length > 0) {
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

  #shardStart(found: FoundShard | undefined, presence: string, loss: GapReason | null): ShardStart {
    const point = found?.point ?? null;
    const { intents } = this.#config.discord;
    return {
      session: loss === null && found !== undefined && point !== null
        ? { ...point, sequence: found.durableSequence }
        : null,
      presence: loss === "bot_changed" ? null : found?.presence ?? null,
      // A session that another service wrote tells neither its presence nor its intents: it is left as it is.
      presenceOutdated: point !== null && point.configuredPresence !== null &&
        point.configuredPresence !== presence,
      replace: point !== null && point.intents !== null && point.intents !== intents
        ? "intents_changed"
        : null,
    };
  }

  /** What a shard takes over from an earlier process, with what is found to be lost of it. */
  #legacy(left: Left, shard: number, loss: GapReason | null): ShardLegacy {
    const found = left.shards.get(shard);
    if (found === undefined) return { point: null, guilds: null, lost: [] };
    const lost = [...found.lost];
    // Given up while the store took nothing, so that only the spool knows of the one after it.
    const { superseded, point } = found;
    if (superseded !== null && !lost.some(({ sessionId }) => sessionId === superseded.sessionId)) {
      // Before the later one began, whatever else is known of it.
      const sinceMs = superseded.lastEventAtMs ?? (point?.startedAtMs ?? 1) - 1;
      lost.push({ ...this.#lostNow(superseded, "superseded"), sinceMs });
    }
    const reasons: (GapReason | null)[] = [left.isSpoolDamaged ? "spool_damaged" : null, loss];
    for (const reason of reasons) {
      if (reason !== null && point !== null) lost.push(this.#lostNow(point, reason));
    }
    const { guilds } = found;
    return loss === null ? { point, guilds, lost } : { point: null, guilds: null, lost };
  }

  #lostNow({ sessionId, sequence, lastEventAtMs }: ResumePoint, reason: GapReason): LostSession {
    return { sessionId, sequence, sinceMs: lastEventAtMs ?? this.#ports.clock.wallMs(), reason };
  }

  /** Whether a consumer gets an event of this name, or the state cache. */
  #isHeeded(type: string): boolean {
    const { events, state } = this.#config;
    return events.choice.isWanted(type) || (state !== null && keptEffectOf(type, state) !== "nothing");
  }

  #host(shard: number, total: number, presence: string, legacy: ShardLegacy): HostedShard {
    const { clock, dice, transport, guildNames, tracer } = this.#ports;
    const { discord, events } = this.#config;
    const machine = {
      shard,
      dice,
      configuredPresence: presence,
      silenceMinMs: events.silenceMinMs,
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
      eventChoice: events.choice,
      isHeeded: (type: string) => this.#isHeeded(type),
      partitions: events.partitions,
      guildNames,
      tracer,
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
    return new HostedShard(machine, services, legacy);
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

  // What is missing.

  #eventRefused(event: OutgoingEvent): void {
    const shard = this.#shards.get(event.shard);
    if (shard !== undefined) return shard.eventRefused(event);
    const { session, sequence, receivedAtMs, type } = event;
    this.#loseUnhosted(event.shard, {
      sessionId: session,
      sequence: sequence - 1,
      sinceMs: receivedAtMs,
      reason: "event_refused",
      type,
    });
    this.#outbox.letGo(event.shard, session, sequence);
  }

  /** What of the spool could not be read may be of a shard that runs elsewhere, or not at all any more. */
  #spoolDamaged(shard: number): void {
    const hosted = this.#shards.get(shard);
    if (hosted !== undefined) return hosted.spoolDamaged();
    const { firstSession, firstSequence } = this.#spooledLanes.get(shard) ?? NO_LANE;
    this.#loseUnhosted(shard, {
      sessionId: firstSession,
      sequence: firstSequence - 1,
      sinceMs: this.#ports.clock.wallMs(),
      reason: "spool_damaged",
    });
  }

  #loseUnhosted(shard: number, loss: LostSession): void {
    this.#setUnhostedLosses(shard, [...this.#unhostedLosses.get(shard) ?? [], loss]);
    this.#observeUnhosted(shard, loss);
  }

  /** Of a shard that runs elsewhere the process there keeps what is lost. */
  #setUnhostedLosses(shard: number, lost: readonly LostSession[]): void {
    this.#unhostedLosses.set(shard, lost);
    if (shard >= (this.#total ?? Infinity)) this.#keeper.change(shard, { lost });
  }

  /** Shards of a larger total than the one now: nothing will follow that could tell of what they lost. */
  #tellOfVanished(total: number): void {
    for (const [shard, lost] of this.#unhostedLosses) {
      if (shard < total) continue; // another process will run it, and tell
      for (const loss of lost) this.#observeUnhosted(shard, loss);
    }
  }

  #observeUnhosted(shard: number, { sessionId, sequence, sinceMs, reason, type }: LostSession): void {
    this.observe({
      kind: "shard.gap",
      shard,
      oldSession: sessionId,
      newSession: null,
      lastSequence: sequence,
      fromMs: sinceMs,
      toMs: this.#ports.clock.wallMs(),
      reason,
      ...(type === undefined ? {} : { sequence: sequence + 1, type }),
    });
  }

  #gapTold(gap: ObservedGap): void {
    const { shard, oldSession, lastSequence, reason } = gap;
    const hosted = this.#shards.get(shard);
    if (hosted !== undefined) return hosted.gapTold(gap);
    const lost =
      this.#unhostedLosses.get(shard)?.filter((loss) =>
        loss.sessionId !== oldSession || loss.sequence !== lastSequence || loss.reason !== reason
      ) ?? [];
    this.#setUnhostedLosses(shard, lost);
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
