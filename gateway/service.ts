/**
 * The service: puts the rooms together, starts them in order and stops them in reverse, each phase with a
 * deadline of its own.
 *
 * It knows no adapter. What it needs of the outside is in {@link ServicePorts}.
 *
 * @module
 */
import { type Clock, type Dice, sleepUntil } from "./clock.ts";
import type { CommandRefusal } from "./commands/command.ts";
import { CommandDispatcher } from "./commands/dispatcher.ts";
import type { FleetShards } from "./commands/router.ts";
import { CommandIntake, type CommandPorts } from "./command_intake.ts";
import type { Config } from "./config.ts";
import type { Notices } from "./delivery/notices.ts";
import { Outbox, type SpoolUse } from "./delivery/outbox.ts";
import type { Publisher } from "./delivery/publisher.ts";
import type { Spool } from "./delivery/spool.ts";
import type { EventTracer } from "./delivery/tracing.ts";
import { type Exit, EXIT_REFUSED, exitOfCloseCode } from "./exit.ts";
import { failureText } from "./failure.ts";
import type { EventCounts } from "./figures/event_counts.ts";
import { FiguresGatherer } from "./figures/gatherer.ts";
import type { FiguresStore, MemberFigures } from "./figures/store.ts";
import { FiguresWriter } from "./figures/writer.ts";
import type { GuildNames } from "./guild_names.ts";
import { Assignment } from "./fleet/assignment.ts";
import { FencedPublisher } from "./fleet/fenced_publisher.ts";
import { Lead } from "./fleet/lead.ts";
import {
  LEAD_LEASE,
  type Leases,
  type LeaseToken,
  type SeenMember,
  shardLease,
  shardOfLease,
} from "./fleet/leases.ts";
import { Membership, type SeenFleet } from "./fleet/membership.ts";
import { Hosting } from "./hosting.ts";
import { type Foundation, Founding, type Siblings } from "./founding.ts";
import type { GenerationPorts, Place } from "./generation.ts";
import type { LeftOnDisk } from "./legacy.ts";
import { type GatewayBot, IdentifyBudget } from "./identify/budget.ts";
import { IdentifyQueue } from "./identify/queue.ts";
import type { SharedTurns } from "./identify/shared_turns.ts";
import { newsObserver, type ObservedGap } from "./news.ts";
import { observeAll, type Observer } from "./observation.ts";
import { EventWay } from "./reshard/event_way.ts";
import type { Digest } from "./reshard/overlap.ts";
import { botId } from "./protocol/bot_token.ts";
import { gatewayConnectionUrl } from "./protocol/gateway_url.ts";
import { Intent } from "./protocol/intents.ts";
import { type Bank, FIRST_BANK } from "./resume/bank.ts";
import type { Board } from "./resume/board.ts";
import { BoardWriter } from "./resume/board_writer.ts";
import { PointKeeper } from "./resume/keeper.ts";
import type { ResumePoints } from "./resume/points.ts";
import type { Transport } from "./shard/transport.ts";
import { keptEffectOf } from "./state/rules.ts";
import { Status } from "./status.ts";
import { UnhostedLosses } from "./unhosted_losses.ts";

export interface ServicePorts extends Pick<GenerationPorts, "place" | "reshard" | "drained"> {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly transport: Transport;
  /** What is published, and whatever stands before it; `fence` is to be innermost, where events leave. */
  readonly publisher: (fence: (publisher: Publisher) => Publisher) => Publisher;
  /** Whoever stands before the broker learns what other processes have done of these shards. Resolves when it has. */
  learn(shards: readonly number[]): Promise<void>;
  /** Whoever stands before the broker learns of sessions, by shard, whose beginning was not published. */
  adopt(sessions: ReadonlyMap<number, string>): void;
  /** Names what happened the same in every session that has it. */
  readonly digest: Digest;
  readonly notices: Notices;
  readonly commands: CommandPorts;
  readonly points: ResumePoints;
  readonly leases: Leases;
  /** Null while nobody else identifies for the same bot. */
  sharedTurns(): SharedTurns | null;
  /** Null where it is no worker of a process. */
  readonly siblings: Siblings | null;
  /** Null where it is switched off. */
  readonly spool: Spool | null;
  readonly board: Board;
  readonly figures: FiguresStore;
  /** Names this process where no spool does, once its place is known: no other one has it. */
  readonly processId: string;
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

/** All of them together. What comes last has at least {@link PHASE_MIN_MS}. */
const STOP_MAX_MS = 9_000;
const PHASE_MIN_MS = 250;
/** What a service is while the number of shards changes: what comes, what goes, or else all that there is. */
type Part = "coming" | "sole" | "going";

/** Shards go to other members one after the other, a few at a time. */
const HANDOVER_MAX_MS = 4_000;

export class GatewayService {
  readonly #config: Config;
  readonly #ports: ServicePorts;
  readonly #stopping = new AbortController();
  readonly #publisher: Publisher;
  readonly #outbox: Outbox;
  readonly #eventWay: EventWay;
  readonly #keeper: PointKeeper;
  readonly #hosting: Hosting;
  readonly #unhosted: UnhostedLosses;
  readonly #budget: IdentifyBudget;
  readonly #identifyQueue: IdentifyQueue;
  readonly #dispatcher: CommandDispatcher;
  readonly #commands: CommandIntake;
  readonly #boardWriter: BoardWriter;
  readonly #figures: FiguresGatherer;
  readonly #figuresWriter: FiguresWriter;
  #fence: FencedPublisher | null = null;
  #membership: Membership | null = null;
  #assignment: Assignment | null = null;
  /** Null outside a fleet. */
  #lead: Lead | null = null;
  #leasesSeen: SeenFleet["leases"] | null = null;
  #whenLooked: ((fleet: SeenFleet) => void)[] = [];
  #disk: LeftOnDisk | null = null;
  #isDiskRefusalSaid = false;
  #part: Part = "sole";
  /** Its events are held back, and no shard is to change hands meanwhile. */
  #isHeld = false;
  /** What there is to be founded is, by this process or another. */
  #isFounded = false;
  /** It ends. */
  #isLeaving = false;
  /** An operator wants it so. */
  #isDrained = false;
  #total: number | null = null;
  #recommendationSaid: number | null = null;
  #brokerOpened: () => void = () => {};
  #stop: Promise<void> | null = null;
  readonly #news: Observer;
  #exit: (exit: Exit) => void = () => {};
  #hasStopped: () => void = () => {};
  /** Where it keeps what is its own; null where it has not found that out. */
  #place: Place | null = null;

  readonly status: Status;
  /** Whoever sees something tells it here: status, news and everybody outside hear of it. */
  readonly observe: Observer;
  /** Resolves where the service cannot go on: it is to be stopped, and the process to end so. */
  readonly failed: Promise<Exit>;
  /** Resolves once it has stopped. */
  readonly stopped: Promise<void>;

  constructor(config: Config, ports: ServicePorts) {
    this.#config = config;
    this.#ports = ports;
    const { clock, dice, notices, points, board, transport, guildNames, tracer } = ports;
    this.status = new Status(clock);
    this.failed = new Promise((resolve) => this.#exit = resolve);
    this.stopped = new Promise((resolve) => this.#hasStopped = resolve);
    const news = newsObserver(notices, clock, (gap) => this.#gapTold(gap));
    this.#news = (observation) => {
      // What is asked of the other side is its own to tell. A gap of what was published is anybody's.
      if (this.#part === "sole" || (this.#part === "going" && observation.kind === "shard.gap")) {
        news(observation);
      } else if (observation.kind === "shard.gap") this.#gapTold(observation);
    };
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
        fleet: this.#memberFigures,
      }),
      progressOf: (shard) => this.#shards.get(shard),
      replicaName,
      version: ports.version,
      holdsSecret: (text) => config.secrets.some((secret) => text.includes(secret.reveal())),
    });
    this.#figures = figures;
    const observe = observeAll(
      this.status.observe,
      (observation) => this.#part === "sole" && figures.observe(observation),
      this.#news,
      ports.observe,
    );
    this.observe = observe;
    this.#figuresWriter = new FiguresWriter({
      store: ports.figures,
      gatherer: figures,
      replicaName,
      isStoreThere: () => this.status.redisConnected,
      clock,
      observe,
    });
    this.#publisher = ports.publisher((publisher) => {
      this.#fence = new FencedPublisher(publisher, () => this.#membership?.holds() ?? false);
      return this.#fence;
    });
    this.#outbox = new Outbox({
      publisher: this.#publisher,
      clock,
      observe,
      maxBytes: config.events.maxUnconfirmedBytes,
      isHeeded: (type) => this.#isHeeded(type),
      events: {
        published: (shard, sessionId, sequence, receivedAtMs) =>
          this.#shards.get(shard)?.published(sessionId, sequence, receivedAtMs),
        // Another member that takes the shard over does not have this process's disk.
        durable: (shard, sessionId, sequence) =>
          this.#shards.get(shard)?.stored(sessionId, sequence, { isShared: !config.fleet.enabled }),
        pointOf: (shard, sessionId) => this.#shards.get(shard)?.pointOf(sessionId) ?? null,
        full: (shard) => this.#shards.get(shard)?.park(),
        room: () => this.#hosting.unparkAll(),
        confirmed: (delayMs) => {
          figures.confirmed(delayMs);
          ports.confirmed(delayMs);
        },
        givenUp: (event) => {
          const hosted = this.#shards.get(event.shard);
          if (hosted === undefined) this.#unhosted.eventRefused(event);
          else hosted.eventRefused(event);
        },
        // What of the spool could not be read may be of a shard that runs elsewhere, or not at all any more.
        unreadable: (shard) => {
          const hosted = this.#shards.get(shard);
          if (hosted === undefined) this.#unhosted.spoolDamaged(shard);
          else hosted.spoolDamaged();
        },
      },
    });
    this.#eventWay = new EventWay({
      outbox: this.#outbox,
      clock,
      digest: ports.digest,
      maxBytes: config.events.maxUnconfirmedBytes,
    });
    this.#boardWriter = new BoardWriter({
      board,
      entries: this.status,
      composes: () => this.#part === "sole" && (!config.fleet.enabled || this.tokenOf(LEAD_LEASE) !== null),
      isShared: config.fleet.enabled,
      clock,
      observe,
    });
    this.#keeper = new PointKeeper({
      points,
      clock,
      observe,
      stored: (shard, point) => {
        this.#boardWriter.sessionsMoved();
        this.#shards.get(shard)?.stored(point.sessionId, point.sequence, { isShared: true });
        this.#outbox.replacePoint(shard, point.sessionId);
      },
      lossesStored: (shard, lost) => this.#shards.get(shard)?.lossesStored(lost),
      refused: (shard, point) => {
        const spooled = this.#shards.get(shard)?.pointOf(point.sessionId);
        if (spooled) this.#outbox.notePoint(shard, { ...point, lost: spooled.lost });
      },
      fenced: (shards) => {
        observe({ kind: "points.fenced", shards: shards.size });
        this.#membership?.renewNow();
      },
    });
    this.#unhosted = new UnhostedLosses({
      clock,
      observe,
      keep: (shard, lost) => {
        this.#keeper.change(shard, { lost });
        if (lost.length === 0) this.#letGoOfVanished(shard);
      },
      letGo: (shard, sessionId, sequence) => this.#outbox.letGo(shard, sessionId, sequence),
    });
    this.#budget = new IdentifyBudget({ clock, dice, observe, read: () => this.#readGatewayBot() });
    this.#identifyQueue = new IdentifyQueue({
      clock,
      budget: this.#budget,
      spacingMs: config.shards.identifySpacingMs,
      concurrency: config.shards.concurrency,
      shared: () => ports.sharedTurns(),
    });
    const { discord, events } = config;
    this.#hosting = new Hosting({
      config,
      clock,
      dice,
      observe,
      points,
      outbox: this.#outbox,
      keeper: this.#keeper,
      learn: (shards) => ports.learn(shards),
      services: {
        transport,
        eventWay: this.#eventWay,
        identifyQueue: this.#identifyQueue,
        commands: {
          sent: (command) => this.#dispatcher.sent(command),
          expired: (command) => this.#dispatcher.expired(command),
        },
        eventChoice: events.choice,
        isHeeded: (type) => this.#isHeeded(type),
        partitions: events.partitions,
        guildNames,
        tracer,
        intents: discord.intents,
        configuredPresence: JSON.stringify(discord.presence),
        // Where nothing may be relied on any more all shards are withdrawn.
        checkLease: (shard) => {
          if (this.#membership?.holds()) this.#hosting.checkLease(shard);
        },
        connectionUrl: (gatewayUrl) =>
          gatewayConnectionUrl(gatewayUrl, {
            apiVersion: discord.apiVersion,
            compression: discord.compression,
            plainAllowed: discord.apiUrl.startsWith("http:") ||
              discord.gatewayUrl?.startsWith("ws:") === true,
          }),
        mainUrl: () => this.#mainUrl(),
        fatal: (code) => this.#exit(exitOfCloseCode(code, discord.intents)),
      },
      leases: {
        isHeld: (shard) => this.tokenOf(shardLease(shard)) !== null,
        isProven: (shard) => this.#membership?.isProven(shardLease(shard)) ?? false,
        mayConnect: (shard) => this.#membership?.mayConnect(shardLease(shard)) ?? false,
        isContinued: (shard) => this.#membership?.isContinued(shardLease(shard)) ?? false,
      },
      assigned: (shards) => this.status.assign(shards),
      left: (shard) => {
        this.#eventWay.left(shard);
        this.#dispatcher.left(shard);
      },
      stopping: this.#stopping.signal,
    });
    const concluding = {
      clock,
      observe,
      notices,
      refused: (body: Uint8Array, { error, message }: CommandRefusal) =>
        figures.rejected(body, error, message),
      ttlMs: config.commands.ttlMs,
      reshard: (total: number | null) => ports.reshard(total),
    };
    this.#dispatcher = new CommandDispatcher({
      ...concluding,
      shards: this.#shards,
      total: () => this.#total,
    });
    this.#commands = new CommandIntake({
      ...concluding,
      ports: ports.commands,
      dispatcher: this.#dispatcher,
      fleet: this.#fleetShards,
      drain: (isDrained) => {
        if (isDrained !== this.#isDrained) this.observe({ kind: "fleet.drained", isDrained });
        this.drain(isDrained);
        ports.drained(isDrained);
      },
    });
  }

  get #shards(): Hosting["shards"] {
    return this.#hosting.shards;
  }

  /** What waits in memory for the broker's confirmation. */
  get unconfirmed(): { events: number; bytes: number } {
    return { events: this.#outbox.unconfirmedEvents, bytes: this.#outbox.unconfirmedBytes };
  }

  /** What is in the spool; null without one. */
  get spooled(): SpoolUse | null {
    return this.#outbox.spooled;
  }

  /** How many shards of the fleet nobody holds, where this process leads it; else 0, for one tells. */
  get unheldShards(): number {
    if (this.tokenOf(LEAD_LEASE) === null || !this.#membership?.holds()) return 0;
    const { total, holderOf } = this.#fleetShards;
    let count = 0;
    for (let shard = 0; shard < total; shard++) count += Number(holderOf(shard) === null);
    return count;
  }

  /** How many events came. */
  get eventCounts(): EventCounts {
    return this.#figures.counts;
  }

  /** Id of this process among the members of the fleet. */
  get member(): string {
    return this.#membership?.member ?? this.#ports.processId;
  }

  /** Under which this process holds a lease; null where it does not. */
  tokenOf(lease: string): LeaseToken | null {
    return this.#membership?.tokenOf(lease) ?? null;
  }

  /**
   * Waits for store and broker as long as it takes, and alone until nobody else runs its shards; then starts them. Resolves
   * when they are on their way, or when the service is stopped meanwhile.
   */
  async start(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    if (this.#part === "sole") this.#figuresWriter.start();
    this.#sayWhatIsMissing();
    const opened = new Promise<void>((resolve) => this.#brokerOpened = resolve);
    this.#publisher.start({
      opened: () => {
        this.#outbox.opened();
        this.#brokerOpened();
      },
      closed: (refusal) => this.#outbox.closed(refusal),
    });
    // Also where every session can be resumed: a refused token is better known now than at the first IDENTIFY.
    const gatewayRead = this.#budget.refresh();
    this.#place = await this.#unlessStopping(this.#ports.place());
    if (this.#place === null) return;
    const holder = await this.#unlessStopping(this.#takeDisk());
    if (holder === null) return;
    const membership = this.#becomeMember(holder);
    this.#commands.joinAs(membership.member);
    const founding = this.#founding(membership, gatewayRead);
    const foundation = this.#config.fleet.enabled ? await founding.join() : await founding.alone();
    if (foundation === null) return;
    const { total, disk, damaged, alone } = foundation;
    this.#total = total;
    this.#sayRecommendation(this.#budget.gateway);
    this.#hosting.agree({ total, disk, damaged });
    if (await this.#unlessStopping(this.#useSpool(foundation)) === null) return;
    this.#unhosted.begin(total, foundation.elsewhere, disk.spooled?.lanes ?? new Map());
    if (alone !== null) this.status.assign(alone);
    this.#boardWriter.start();
    // Discord keeps a session for a minute or two only. What comes before the broker is there waits in the spool.
    const cannotWait = disk.spooled !== null && foundation.hasSessions;
    if (!cannotWait && await this.#unlessStopping(opened.then(() => true)) === null) return;
    if (alone === null) this.observe({ kind: "fleet.joined", member: membership.member, total });
    else await this.#hosting.begin(alone);
    if (this.#stopping.signal.aborted) return;
    this.#assignment = this.#assign(membership, total, alone);
    if (alone === null) this.#lead = new Lead(membership, total, this.observe);
    this.#isFounded = true;
    if (this.#part === "sole") this.#commands.start();
  }

  /** Stops in order, within ten seconds whatever hangs. Safe twice, and before or during {@link start}. */
  stop(): Promise<void> {
    this.#stop ??= this.#stopInOrder().finally(this.#hasStopped);
    return this.#stop;
  }

  async #stopInOrder(): Promise<void> {
    const { clock } = this.#ports;
    this.#stopping.abort();
    const endsAtMs = clock.nowMs() + STOP_MAX_MS;
    await this.#phase("quiet", QUIET_MAX_MS, endsAtMs, () => {
      this.#identifyQueue.stop();
      this.#budget.stop();
      return this.#commands.quiet();
    });
    const mayHandOver = this.#config.fleet.enabled && this.#part !== "going";
    if (mayHandOver && this.#assignment !== null && this.#membership?.holds()) {
      await this.#phase("hand over", HANDOVER_MAX_MS, endsAtMs, (signal) => this.#handAllOver(signal));
    }
    await this.#phase("leave", LEAVE_MAX_MS, endsAtMs, async () => {
      await Promise.all([this.#commands.leave(), this.#hosting.stop()]);
    });
    await this.#phase("drain", DRAIN_MAX_MS, endsAtMs, () => this.#outbox.secured());
    await this.#phase("remember", REMEMBER_MAX_MS, endsAtMs, async (signal) => {
      await this.#keeper.flush(signal);
      await Promise.all([this.#boardWriter.stop(), this.#figuresWriter.stop()]);
      await this.#leaveFleet();
    });
    // What the store did not take goes to the spool.
    if (this.#outbox.spooled !== null) {
      await this.#phase("settle", SETTLE_MAX_MS, endsAtMs, () => this.#outbox.secured());
    }
    await this.#phase("disconnect", DISCONNECT_MAX_MS, endsAtMs, async () => {
      const { disconnectStore, spool } = this.#ports;
      this.#outbox.stop();
      // Where what is to be remembered was late, this was not come to.
      this.#membership?.stop();
      await Promise.all([this.#commands.close(), this.#publisher.close(), disconnectStore(), spool?.close()]);
    });
  }

  async #phase(
    name: string,
    maxMs: number,
    endsAtMs: number,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { clock } = this.#ports;
    const deadline = new AbortController();
    const done = new AbortController();
    const deadlineMs = Math.min(maxMs, Math.max(PHASE_MIN_MS, endsAtMs - clock.nowMs()));
    const timedOut = sleepUntil(clock, clock.nowMs() + deadlineMs, done.signal).then(() => {
      if (done.signal.aborted) return;
      this.observe({ kind: "service.late", phase: name, deadlineMs });
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

  // A change of the number of shards.

  /** Before {@link start}: it comes up beside the service that runs, and nobody hears of it before {@link takeOver}. */
  rehearse(): void {
    this.#part = "coming";
    this.#eventWay.rehearse();
  }

  get isRehearsing(): boolean {
    return this.#part === "coming";
  }

  /** Whether another service of this process speaks for it. */
  get isAside(): boolean {
    return this.#part !== "sole";
  }

  /** Where it keeps what is its own. */
  get bank(): Bank {
    return this.#place?.bank ?? FIRST_BANK;
  }

  /** How many IDENTIFYs Discord allows until it counts anew; null: it did not say. */
  async identifiesLeft(): Promise<number | null> {
    await this.#budget.refresh();
    return this.#budget.gateway?.sessionStartLimit.remaining ?? null;
  }

  /** How many shards there are; null where that is not known yet. */
  get total(): number | null {
    return this.#total;
  }

  /** Members that run shards, or are there to do so, itself included. */
  get members(): ReadonlySet<string> {
    return new Set([this.member, ...this.#running.map(([id]) => id)]);
  }

  /** How many shards all of them take together. */
  get capacity(): number {
    const { enabled, shardsMax } = this.#config.fleet;
    if (!enabled) return Infinity;
    const others = this.#running.filter(([id]) => id !== this.member);
    return others.reduce((sum, [, { share }]) => sum + (share?.most ?? Infinity), shardsMax ?? Infinity);
  }

  /** Members that are there and know how many shards there are, by what was seen of them last. */
  get #running(): [string, SeenMember][] {
    const fleet = this.#membership?.fleet;
    return [...fleet?.members ?? []].filter(([id, { total }]) => total !== null && !fleet?.gone.has(id));
  }

  /** How many shards run here. */
  get shards(): number {
    return this.#shards.size;
  }

  /** How many of them are connected. */
  get readyShards(): number {
    return this.status.connected;
  }

  /** Where it rehearses: keeps all that has come lately for as long as it is kept. */
  keepAll(isKept: boolean): void {
    this.#eventWay.keepAll(isKept);
  }

  /** What it runs is run by it alone from now on. `published`: digests of what the other side has published lately. */
  takeOver(published: Iterable<string>): void {
    if (this.#part !== "coming") return;
    this.#part = "sole";
    const sessions = [...this.#shards].flatMap(([shard, { sessionId }]): [number, string][] =>
      sessionId === null ? [] : [[shard, sessionId]]
    );
    this.#ports.adopt(new Map(sessions));
    this.#eventWay.takeOver(published);
    for (const { shard, status, waitingForTurn } of this.status.snapshot().shards) {
      this.#news({ kind: "shard.status", shard, status, waitingForTurn });
    }
    this.#figuresWriter.start();
    if (this.#isFounded) this.#commands.start();
  }

  /** Digests of what it has seen since shortly before it took over. */
  get seen(): readonly string[] {
    return this.#eventWay.seen;
  }

  /** Others may take over: notes what is published. */
  watch(): void {
    this.#eventWay.watch();
  }

  /** What keeps the events here from being held back for a moment: they do not flow. */
  get obstacle(): string | null {
    const spooled = this.spooled?.events ?? 0;
    if (spooled > 0) return `${spooled} events wait in the spool`;
    if (!this.status.brokerConnected) return "RabbitMQ is away";
    if (this.#membership?.holds() === false) return "its leases are not renewed";
    const shards = [...this.#shards];
    const waiting = shards.filter(([shard]) => !this.#outbox.isFlowing(shard)).length;
    if (waiting > 0) return `events of ${waiting} shards wait for RabbitMQ`;
    const untold = shards.filter(([, hosted]) => hosted.hasUntold).length;
    return untold > 0 ? `gaps of ${untold} shards are not told yet` : null;
  }

  /**
   * Holds back what comes from now on. Resolves once all that came before is published, with digests of what was in the
   * last seconds; null where that takes too long, or the service is stopped.
   */
  async hold(maxMs: number): Promise<readonly string[] | null> {
    const { clock } = this.#ports;
    this.#isHeld = true;
    this.#eventWay.hold();
    const done = new AbortController();
    const isEmpty = await this.#unlessStopping(Promise.race([
      Promise.all([...this.#shards.keys()].map((shard) => this.#outbox.emptied(shard))).then(() => true),
      sleepUntil(clock, clock.nowMs() + maxMs, done.signal).then(() => false),
    ]));
    done.abort();
    return isEmpty ? this.#eventWay.published : null;
  }

  /** Nobody takes over, or it has done so itself and all is told: events go straight on their way. */
  letOn(): void {
    this.#isHeld = false;
    this.#eventWay.beStraight();
  }

  /** Others have taken over: what is left to do is to {@link end}. */
  retire(): void {
    this.#part = "going";
    // Whatever its leases do from now on: it takes no shard any more.
    this.#isHeld = true;
    this.#commands.quiet();
    this.#figuresWriter.stop();
  }

  /** Leaves its sessions. Resolves when the close frames are out. */
  async leaveSessions(): Promise<void> {
    await Promise.all([this.#hosting.stop(), this.#commands.leave()]);
    // What its shards had still to send goes to those that run now.
    await this.#commands.close();
  }

  /** Stops, and leaves no points that a later change could take for its own. */
  async discard(): Promise<void> {
    for (const shard of this.#shards.keys()) this.#keeper.forget(shard);
    await this.stop();
  }

  /**
   * Publishes what others have not seen, and stops. `seen`: digests of what they have. Resolves with how many that were.
   * `isHurried`: it does not wait until they are confirmed.
   */
  async end(seen: Iterable<string>, { isHurried = false } = {}): Promise<number> {
    const late = this.#eventWay.end(seen);
    // What lay in its spool nobody would open before the next change.
    const confirmed = Promise.all([...this.#shards.keys()].map((shard) => this.#outbox.emptied(shard)));
    if (!isHurried) await this.#unlessStopping(confirmed);
    await this.stop();
    return late;
  }

  // The fleet.

  #becomeMember(member: string): Membership {
    const { clock, leases, version } = this.#ports;
    const { fleet, shards } = this.#config;
    const membership = new Membership({
      member,
      leases,
      clock,
      card: () => ({
        replica: fleet.replicaName,
        version,
        ttlMs: fleet.leaseTtlMs,
        total: this.#total,
        share: fleet.enabled
          ? {
            first: shards.first,
            last: shards.last,
            most: fleet.shardsMax,
            leaving: this.#isDraining,
            away: this.status.away,
          }
          : null,
      }),
      isBound: fleet.enabled,
      events: {
        seen: (seen) => this.#seen(seen),
        lost: (names) => this.#lost(shardsOf(names)),
        lapsed: () => {
          this.#fence?.review();
          this.observe({ kind: "leases.lapsed", shards: this.#shards.size });
          this.#hosting.withdrawAll("lease not renewed");
        },
        regained: () => {
          this.observe({ kind: "leases.regained", shards: this.#shards.size });
          this.#fence?.review();
          this.#hosting.comeBackAll();
        },
        proven: (names) => {
          for (const shard of shardsOf(names)) this.#hosting.prove(shard);
        },
      },
    });
    this.#membership = membership;
    membership.start();
    this.#fence?.review();
    return membership;
  }

  /** It hands its shards over, and takes none. */
  get #isDraining(): boolean {
    return this.#isLeaving || this.#isDrained;
  }

  get #memberFigures(): MemberFigures | null {
    const membership = this.#membership;
    if (membership === null || !this.#config.fleet.enabled) return null;
    return { member: membership.member, isDraining: this.#isDraining, holds: membership.holds() };
  }

  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** Has it hand its shards over and take none, or take some again. */
  drain(isDrained: boolean): void {
    this.#isDrained = isDrained;
    this.#membership?.renewNow();
  }

  /** Who holds which shard, as it is now. */
  get #fleetShards(): FleetShards {
    const total = () => this.#total ?? 0;
    const holderOf = (shard: number) => {
      const fleet = this.#membership?.fleet;
      const holder = fleet?.leases.get(shardLease(shard))?.holder ?? null;
      return holder === null || fleet?.gone.has(holder) ? null : holder;
    };
    return {
      get total() {
        return total();
      },
      keys: () => Array.from({ length: total() }, (_, shard) => shard),
      has: (shard) => shard < total(),
      holderOf,
      membersOf: (replica) => {
        const fleet = this.#membership?.fleet;
        const named = [...fleet?.members ?? []].filter(([id, card]) =>
          card.replica === replica && card.share !== null && !fleet?.gone.has(id)
        );
        return named.map(([id]) => id);
      },
    };
  }

  #seen(fleet: SeenFleet): void {
    this.#fence?.review();
    if (fleet.leases !== this.#leasesSeen) this.#commands.holdersChanged();
    this.#leasesSeen = fleet.leases;
    this.#lead?.consider(fleet);
    if (!this.#isHeld) this.#assignment?.consider(fleet);
    for (const resolve of this.#whenLooked.splice(0)) resolve(fleet);
  }

  #lost(shards: readonly number[]): void {
    const here = shards.filter((shard) => this.#shards.has(shard));
    if (here.length === 0) return;
    this.observe({ kind: "shards.lost", shards: here.length });
    this.#hosting.drop(here);
  }

  /** Nothing is to be told any more of a shard that there is no more. */
  async #letGoOfVanished(shard: number): Promise<void> {
    await this.#keeper.written(shard);
    await this.#membership?.letGo([shardLease(shard)]);
  }

  #nextLook(): Promise<SeenFleet> {
    return new Promise((resolve) => this.#whenLooked.push(resolve));
  }

  #founding(membership: Membership, gatewayRead: Promise<void>): Founding {
    const { clock, points, siblings } = this.#ports;
    return new Founding({
      config: this.#config,
      total: this.#place?.total ?? this.#config.shards.total,
      clock,
      observe: this.observe,
      points,
      membership,
      siblings,
      bot: this.#bot,
      disk: async () => {
        await this.#takeDisk();
        return this.#disk ?? NOTHING_ON_DISK;
      },
      recommended: () => this.#recommended(gatewayRead),
      nextLook: () => this.#unlessStopping(this.#nextLook()),
      unlessStopping: (work) => this.#unlessStopping(work),
      exit: this.#exit,
    });
  }

  #assign(membership: Membership, total: number, alone: readonly number[] | null): Assignment {
    return new Assignment({
      clock: this.#ports.clock,
      membership,
      total,
      alone: alone && new Set(alone),
      shards: {
        taken: (shards) => this.#unlessStopping(this.#hosting.begin(shards)),
        handOver: async (shard, to) => {
          const replica = membership.fleet?.members.get(to)?.replica ?? to;
          const outcome = await this.#hosting.handOver(shard);
          if (outcome !== "busy") {
            this.observe({ kind: "shard.handed_over", shard, to: replica, done: outcome === "left" });
          }
          return outcome;
        },
      },
    });
  }

  /** Resolves when all shards that others have room for are with them. */
  async #handAllOver(signal: AbortSignal): Promise<void> {
    const membership = this.#membership;
    const assignment = this.#assignment;
    if (membership === null || assignment === null) return;
    this.#isLeaving = true;
    while (!signal.aborted) {
      const looked = this.#nextLook();
      membership.renewNow();
      const { members } = await looked;
      const isKnown = members.get(membership.member)?.share?.leaving === true;
      if (isKnown && !assignment.isMoving) return;
    }
  }

  /** Lets go of all that others can go on with: what is in the spool is this process's own, and that of the next one here. */
  async #leaveFleet(): Promise<void> {
    const membership = this.#membership;
    if (membership === null) return;
    const spooled = this.#disk?.spooled;
    const isOnDisk = (shard: number) => spooled?.lanes.has(shard) || spooled?.points.has(shard);
    const isLeft = (name: string) => {
      const shard = shardOfLease(name);
      if (shard === null) return true;
      // Stopped before it began with this shard: others would not know what an earlier process here has left of it.
      if (!this.#shards.has(shard) && isOnDisk(shard)) return false;
      return this.#outbox.spooled === null ||
        (this.#outbox.isEmpty(shard) && this.#keeper.isWritten(shard));
    };
    await membership.letGo([...membership.held.keys()].filter(isLeft));
    await membership.stop();
  }

  // What an earlier process left.

  get #bot(): string | null {
    return botId(this.#config.discord.token.reveal());
  }

  /** Takes this replica's folder, where another process does not have it. Resolves with the id of this process. */
  async #takeDisk(): Promise<string> {
    const { spool, processId } = this.#ports;
    if (spool === null || this.#disk !== null) return this.member;
    const opening = await spool.open({ bot: this.#bot });
    if (opening.kind === "unusable") {
      if (!this.#isDiskRefusalSaid) {
        this.observe({ kind: "service.warning", message: `Running without a spool: ${opening.problem}` });
      }
      this.#isDiskRefusalSaid = true;
      return processId;
    }
    const { contents, movedAside, holder } = opening;
    if (movedAside !== null) {
      const { to, problem } = movedAside;
      this.observe({ kind: "spool.moved_aside", to, problem });
    }
    // Sessions that come up now are of this change: what is on disk is of an earlier one. Its events are published.
    const spooled = this.#part === "coming" ? { ...contents, points: new Map() } : contents;
    this.#disk = { spooled, isSpoolDamaged: movedAside?.isLost ?? false };
    return holder;
  }

  /** Drains what is in the spool from now on, and keeps in it what the broker does not confirm. */
  async #useSpool({ total, disk: { spooled }, keepPoints, late }: Foundation): Promise<true> {
    const { spool } = this.#ports;
    const settings = this.#config.events.spool;
    if (spool === null || settings === null || spooled === null) return true;
    const keptPoints = keepPoints && this.#part !== "coming";
    await spool.begin({ total, keepPoints: keptPoints }).catch((error: unknown) => {
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
    for (const shard of late) {
      this.observe({ kind: "spool.late", shard, events: spooled.lanes.get(shard)?.events ?? 0 });
    }
    this.#outbox.useSpool(spool, settings.maxBytes, spooled);
    return true;
  }

  /** Whether a consumer gets an event of this name, or the state cache. */
  #isHeeded(type: string): boolean {
    const { events, state } = this.#config;
    return events.choice.isWanted(type) || (state !== null && keptEffectOf(type, state) !== "nothing");
  }

  /** How many shards Discord recommends. */
  async #recommended(gatewayRead: Promise<void>): Promise<number | null> {
    let read = gatewayRead;
    while (this.#budget.gateway === null) {
      if (await this.#unlessStopping(read.then(() => true)) === null) return null;
      read = this.#budget.refresh();
    }
    return this.#budget.gateway.shards;
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
    if (recommended === running || !this.#speaksForAll) return;
    this.observe({
      kind: "service.notice",
      message:
        `Discord recommends ${recommended} shards, ${running} are run: SHARDS_TOTAL or the stored sessions ` +
        "say so",
    });
  }

  /** Of what is the same for all workers of a process one tells an operator. */
  get #speaksForAll(): boolean {
    const { worker } = this.#config;
    return worker === null || worker.number === 1;
  }

  #gapTold(gap: ObservedGap): void {
    const hosted = this.#shards.get(gap.shard);
    if (hosted === undefined) this.#unhosted.gapTold(gap.shard, gap);
    else hosted.gapTold(gap);
  }

  /** What an operator might otherwise find out the hard way. */
  #sayWhatIsMissing(): void {
    if (!this.#speaksForAll) return;
    const { discord } = this.#config;
    const notice = (message: string) => this.observe({ kind: "service.notice", message });
    if ((discord.intents & Intent.MESSAGE_CONTENT) === 0) {
      notice(
        "MESSAGE_CONTENT is not among the intents: bots read empty messages, except in direct messages, " +
          "mentions and their own",
      );
    }
  }
}

const NOTHING_ON_DISK: LeftOnDisk = { spooled: null, isSpoolDamaged: false };

function shardsOf(names: readonly string[]): number[] {
  return names.map(shardOfLease).filter((shard) => shard !== null);
}
