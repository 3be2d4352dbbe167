/**
 * One shard and what this service keeps of it: joins its driver with the outbox, the resume points, the identify
 * queue and the commands.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { CommandDispatcher, CommandedShard } from "./commands/dispatcher.ts";
import type { EventChoice } from "./delivery/event_choice.ts";
import type { Partitions } from "./delivery/partitions.ts";
import type { OutgoingEvent } from "./delivery/publisher.ts";
import type { SpooledPoint } from "./delivery/spool.ts";
import type { EventTracer } from "./delivery/tracing.ts";
import type { ShardProgress } from "./figures/watched_shard.ts";
import type { GuildNames } from "./guild_names.ts";
import type { IdentifyQueue, IdentifyTurn } from "./identify/queue.ts";
import type { GapReason, Observer } from "./observation.ts";
import { type FrameHead, type GuildEventType, isGuildEvent, readGuild } from "./protocol/frame_head.ts";
import type { PointKeeper } from "./resume/keeper.ts";
import type { EventLane } from "./reshard/rehearsal.ts";
import { endsSession, type LostSession, type ResumePoint } from "./resume/points.ts";
import type { ShardCommand } from "./shard/command_queue.ts";
import { ShardDriver, type ShardHost } from "./shard/driver.ts";
import { GuildList } from "./shard/guild_list.ts";
import type {
  DeliveredEvent,
  MachineOptions,
  ReconnectMode,
  SessionLoss,
  ShardStart,
  StartedSession,
} from "./shard/machine.ts";
import type { Transport } from "./shard/transport.ts";

/** What all shards of a process share. */
export interface ShardServices {
  readonly clock: Clock;
  readonly observe: Observer;
  readonly transport: Transport;
  readonly eventWay: EventLane;
  readonly keeper: PointKeeper;
  readonly identifyQueue: IdentifyQueue;
  readonly commands: Pick<CommandDispatcher, "sent" | "expired">;
  readonly eventChoice: EventChoice;
  /** Whether a consumer gets events of this name, or the state cache. */
  isHeeded(type: string): boolean;
  /** Null where events are not spread over any. */
  readonly partitions: Partitions | null;
  /** Null where nobody asks for names. */
  readonly guildNames: GuildNames | null;
  /** Null where events are not traced. */
  readonly tracer: EventTracer | null;
  readonly intents: number;
  /** Our own presence settings, the text of an op 3's `d`. */
  readonly configuredPresence: string;
  /** See {@link ShardHost.checkLease}. */
  checkLease(shard: number): void;
  connectionUrl(gatewayUrl: string): URL | null;
  mainUrl(): string | Promise<string>;
  fatal(code: number): void;
}

/** What an earlier process left of a shard. */
export interface ShardLegacy {
  /** Of the session that is resumed, up to where it is *published*; {@link ShardStart} may begin further on. */
  readonly point: ResumePoint | null;
  readonly guilds: readonly bigint[] | null;
  /** Sessions given up whose gaps have not been told, the oldest first. */
  readonly lost: readonly LostSession[];
}

/** What identifies a gap among those of its shard. */
export interface ToldGap {
  readonly oldSession: string;
  readonly lastSequence: number;
  readonly reason: GapReason;
}

interface UntoldLoss extends LostSession {
  sequence: number;
  /** Wall clock of its READY; null where that is not known. */
  readonly startedAtMs: number | null;
  /** The gap is on its way to whoever wants to know. */
  observed: boolean;
}

export class HostedShard implements ShardHost, CommandedShard, ShardProgress {
  readonly #shard: number;
  readonly #services: ShardServices;
  readonly #driver: ShardDriver;
  /** How far the session there is has been published; moved in place, for it moves with every event. */
  #point: { -readonly [Field in keyof ResumePoint]: ResumePoint[Field] } | null;
  /** False for a session without an id of Discord's: its point is of no use to anybody else. */
  #resumable = true;
  /** When the last event came that an earlier process had of the session there is; null where nobody knows. */
  readonly #lastEventBeforeMs: number | null;
  #guilds: GuildList;
  /** Oldest first. Bounded by the identifies that Discord allows in a day. */
  #untold: UntoldLoss[];

  constructor(machine: MachineOptions, services: ShardServices, legacy: ShardLegacy) {
    this.#shard = machine.shard;
    this.#services = services;
    // A session that another service began is taken to have our settings, so that a later change of them is seen.
    const { intents, configuredPresence } = services;
    const { point } = legacy;
    this.#point = point && {
      ...point,
      intents: point.intents ?? intents,
      configuredPresence: point.configuredPresence ?? configuredPresence,
    };
    this.#lastEventBeforeMs = point?.lastEventAtMs ?? null;
    this.#guilds = new GuildList(legacy.guilds ?? []);
    this.#untold = legacy.lost.map((lost) => ({ ...lost, startedAtMs: null, observed: false }));
    const { transport, clock, observe, connectionUrl } = services;
    this.#driver = new ShardDriver({ machine, transport, clock, observe, connectionUrl, host: this });
  }

  start(start: ShardStart): void {
    // Stored with the beginning of the reign; a store that has come back empty since gets it again.
    if (this.#untold.length > 0) this.#keepLost();
    this.#driver.start(start);
  }

  /** Has the point written that it was begun with: the store knows of less. */
  keepPoint(): void {
    if (this.#point !== null) this.#services.keeper.moved(this.#shard, this.#point);
  }

  stop(): Promise<void> {
    return this.#driver.stop();
  }

  park(): void {
    this.#driver.park();
  }

  /** Does nothing to a shard that is not parked. */
  unpark(): void {
    this.#driver.unpark();
  }

  /** Leaves resumably, and stays away until {@link comeBack}. Resolves when the close frames are out. */
  withdraw(reason: string): Promise<void> {
    return this.#driver.withdraw(reason);
  }

  /** Does nothing to a shard that was not withdrawn. */
  comeBack(): void {
    this.#driver.comeBack();
  }

  /** Everything of the session up to `sequence`, received then by the wall clock, is confirmed by the broker. */
  published(sessionId: string, sequence: number, receivedAtMs: number): void {
    this.#observeGapsBefore(sessionId);
    const point = this.#point;
    if (point?.sessionId === sessionId) {
      if (sequence <= point.sequence) return;
      point.sequence = sequence;
      point.lastEventAtMs = receivedAtMs;
      if (this.#resumable) this.#services.keeper.moved(this.#shard, point);
      return;
    }
    // What a lost session still had on its way moves no point any more, but its gap begins behind it.
    const loss = this.#untold.find((loss) => isGivenUp(loss, sessionId));
    if (loss === undefined || sequence <= loss.sequence) return;
    loss.sequence = sequence;
    this.#keepLost();
  }

  /**
   * Everything of the session up to `sequence` is durable, in the store or in the spool. `isShared`: whoever may run the
   * shard next can go on from there.
   */
  stored(sessionId: string, sequence: number, { isShared }: { readonly isShared: boolean }): void {
    this.#driver.stored(sessionId, sequence, { isShared });
  }

  /** The point of this session, for the spool; null where it is not the one there is, or cannot be resumed. */
  pointOf(sessionId: string): SpooledPoint | null {
    if (!this.#resumable || this.#point?.sessionId !== sessionId) return null;
    return { ...this.#point, lost: this.#lost };
  }

  /** The gap is known to whoever wants to know. */
  gapTold({ oldSession, lastSequence, reason }: ToldGap): void {
    const told = this.#untold.find((loss) =>
      loss.observed && loss.sessionId === oldSession && loss.sequence === lastSequence &&
      loss.reason === reason
    );
    if (told === undefined) return;
    this.#untold = this.#untold.filter((loss) => loss !== told);
    this.#keepLost();
    this.#letGo(told);
  }

  /** It is durable that all this was lost. */
  lossesStored(lost: readonly LostSession[]): void {
    for (const loss of lost) this.#letGo(loss);
  }

  /** The broker refuses this event for good. Its session goes on. */
  eventRefused({ session, sequence, type, receivedAtMs }: OutgoingEvent): void {
    const loss: UntoldLoss = {
      sessionId: session,
      sequence: sequence - 1,
      startedAtMs: null,
      sinceMs: receivedAtMs,
      reason: "event_refused",
      type,
      observed: false,
    };
    this.#untold.splice(this.#settledLosses, 0, loss);
    this.#keepLost();
    this.#observeGap(loss, session, null);
  }

  /** Spooled events of the shard cannot be read: what is published next does not follow on what was before. */
  spoolDamaged(): void {
    const settled = this.#settledLosses;
    const unsettled = this.#untold[settled];
    const next = unsettled ?? this.#point;
    if (next === null || unsettled?.reason === "spool_damaged") return;
    const { sessionId, sequence, startedAtMs } = next;
    // Nobody knows when the first of them came. Too early is safe.
    const sinceMs = startedAtMs ?? unsettled?.sinceMs ?? this.#services.clock.wallMs();
    const reason = "spool_damaged";
    this.#untold.splice(settled, 0, { sessionId, sequence, startedAtMs, sinceMs, reason, observed: false });
    this.#keepLost();
  }

  /** Whether something was lost, and nobody has heard of it. */
  get hasUntold(): boolean {
    return this.#untold.length > 0;
  }

  /** Null while there is none. */
  get sessionId(): string | null {
    return this.#point?.sessionId ?? null;
  }

  // ShardProgress

  get sequenceReceived(): number | null {
    return this.#driver.sequenceReceived;
  }

  get sequencePublished(): number | null {
    return this.#point?.sequence ?? null;
  }

  get sequenceStored(): number | null {
    return this.#driver.sequenceStored;
  }

  get guildCount(): number {
    return this.#guilds.size;
  }

  get resumeGatewayUrl(): string | null {
    return this.#point?.resumeGatewayUrl ?? null;
  }

  // CommandedShard

  submit(command: ShardCommand): void {
    this.#driver.submit(command);
  }

  restart(mode: ReconnectMode): void {
    this.#driver.restart(mode);
  }

  // ShardHost

  checkLease(): void {
    this.#services.checkLease(this.#shard);
  }

  deliver(delivered: DeliveredEvent): void {
    const { type, bytes, head } = delivered;
    const { observe, isHeeded } = this.#services;
    observe({ kind: "event.received", shard: this.#shard, type, bytes: bytes.length });
    if (isHeeded(type)) this.#publish(delivered);
    else {
      observe({ kind: "event.filtered", shard: this.#shard, type });
      this.pass(delivered.sessionId, delivered.sequence);
    }
    if (isGuildEvent(type)) this.#guildEvent(type, bytes, head);
  }

  #publish({ sessionId, sequence, type, bytes, head }: DeliveredEvent): void {
    const { eventWay, clock, partitions, eventChoice, tracer } = this.#services;
    const event: OutgoingEvent = {
      shard: this.#shard,
      session: sessionId,
      sequence,
      type,
      body: bytes,
      receivedAtMs: clock.wallMs(),
      partition: partitions === null ? null : partitions.of(bytes, head),
      trace: null,
    };
    // The span is that of publishing it.
    const isTraced = tracer !== null && eventChoice.isWanted(type);
    eventWay.accept(isTraced ? { ...event, trace: tracer.begin(event) } : event);
  }

  #guildEvent(name: GuildEventType, bytes: Uint8Array, head: FrameHead): void {
    switch (name) {
      case "GUILD_CREATE":
        return this.#guildCreated(bytes, head);
      case "GUILD_UPDATE":
        return this.#guildUpdated(bytes, head);
      case "GUILD_DELETE":
        return this.#guildDeleted(bytes, head);
      default:
        name satisfies never;
    }
  }

  pass(sessionId: string, sequence: number): void {
    this.#services.eventWay.pass(this.#shard, sessionId, sequence);
  }

  sessionStarted({ sessionId, resumeGatewayUrl, resumable, guildIds }: StartedSession): void {
    const { clock, keeper, intents, configuredPresence } = this.#services;
    const startedAtMs = clock.wallMs();
    this.#guilds = new GuildList(guildIds);
    this.#point = {
      sessionId,
      sequence: 0,
      resumeGatewayUrl,
      intents,
      configuredPresence,
      startedAtMs,
      lastEventAtMs: startedAtMs,
    };
    this.#resumable = resumable;
    keeper.changeAtOnce(this.#shard, {
      point: resumable ? { ...this.#point } : null,
      guilds: this.#guilds.ids(),
    });
  }

  sessionLost({ sessionId, sinceMs, reason }: SessionLoss): void {
    const point = this.#point;
    if (point?.sessionId !== sessionId) {
      throw new Error(`Shard ${this.#shard} gave up session ${sessionId}, which it was not started with`);
    }
    const { sequence, startedAtMs } = point;
    const { clock, keeper } = this.#services;
    const wallMs = clock.wallMs();
    this.#untold.push({
      sessionId,
      sequence,
      startedAtMs,
      sinceMs: sinceMs === null ? this.#lastEventBeforeMs ?? wallMs : wallMs - (clock.nowMs() - sinceMs),
      reason,
      observed: false,
    });
    this.#point = null;
    keeper.change(this.#shard, { point: null, lost: this.#lost });
  }

  presenceKept(presence: string | null): void {
    this.#services.keeper.change(this.#shard, { presence });
  }

  /** Of a session that was resumed, and so can be. */
  presenceConfigured(): void {
    if (this.#point === null) return;
    this.#point.configuredPresence = this.#services.configuredPresence;
    this.#services.keeper.moved(this.#shard, this.#point);
  }

  commandSent(command: ShardCommand): void {
    this.#services.commands.sent(command);
  }

  commandExpired(command: ShardCommand): void {
    this.#services.commands.expired(command);
  }

  requestTurn(granted: (turn: IdentifyTurn) => void): void {
    this.#services.identifyQueue.request(this.#shard, granted);
  }

  turnUsed(): void {
    this.#services.identifyQueue.used(this.#shard);
  }

  returnTurn(): void {
    this.#services.identifyQueue.giveBack(this.#shard);
  }

  mainUrl(): string | Promise<string> {
    return this.#services.mainUrl();
  }

  fatal(code: number): void {
    this.#services.fatal(code);
  }

  /** An event that the broker refused holds the shard's sequence until it cannot be forgotten that it is missing. */
  #letGo({ sessionId, sequence, reason }: LostSession): void {
    if (reason === "event_refused") this.#services.eventWay.letGo(this.#shard, sessionId, sequence + 1);
  }

  /** Losses whose gaps are on their way come before all others. */
  get #settledLosses(): number {
    return this.#untold.filter(({ observed }) => observed).length;
  }

  get #lost(): LostSession[] {
    return this.#untold.map(({ startedAtMs: _, observed: __, ...lost }) => lost);
  }

  #keepLost(): void {
    this.#services.keeper.change(this.#shard, { lost: this.#lost });
  }

  /**
   * A shard's events are published in order: with the first of a session, all is settled that will ever be of the
   * sessions before it, and their gaps are known from end to end.
   */
  #observeGapsBefore(sessionId: string): void {
    if (this.#untold.length === 0) return;
    const isCurrent = this.#point?.sessionId === sessionId;
    const own = this.#untold.findIndex((loss) => isGivenUp(loss, sessionId));
    const startedAtMs = isCurrent ? this.#point?.startedAtMs : this.#untold[own]?.startedAtMs;
    for (const [index, loss] of this.#untold.entries()) {
      if (loss.observed) continue;
      // One of a session that nobody knows was left over from before them all.
      const isBefore = isCurrent || index < own;
      if (!isBefore && endsSession(loss)) return;
      this.#observeGap(loss, sessionId, startedAtMs ?? null);
    }
  }

  #observeGap(loss: UntoldLoss, newSession: string, startedAtMs: number | null): void {
    const { clock, observe } = this.#services;
    const { sessionId, sequence, sinceMs, reason, type } = loss;
    loss.observed = true;
    // What a damaged spool held may have come at any time before now.
    const toMs = endsSession(loss) ? startedAtMs ?? clock.wallMs() : clock.wallMs();
    observe({
      kind: "shard.gap",
      shard: this.#shard,
      oldSession: sessionId,
      newSession: type === undefined ? newSession : sessionId,
      lastSequence: sequence,
      // By another machine's clock, where another replica had the session.
      fromMs: Math.min(sinceMs, toMs),
      toMs,
      reason,
      ...(type === undefined ? {} : { sequence: sequence + 1, type }),
    });
  }

  #guildCreated(bytes: Uint8Array, head: FrameHead): void {
    const { id, name } = readGuild(bytes, head);
    if (id === null) return;
    if (name !== null) this.#services.guildNames?.keep(id, name);
    if (!this.#guilds.add(id)) return;
    this.#services.keeper.change(this.#shard, { guilds: this.#guilds.ids() });
    this.#services.observe({ kind: "guild.joined", shard: this.#shard, guild: String(id), name });
  }

  #guildUpdated(bytes: Uint8Array, head: FrameHead): void {
    const { guildNames } = this.#services;
    if (guildNames === null) return;
    const { id, name } = readGuild(bytes, head);
    if (id !== null && name !== null) guildNames.keep(id, name);
  }

  #guildDeleted(bytes: Uint8Array, head: FrameHead): void {
    const { id, unavailable } = readGuild(bytes, head);
    if (id === null || unavailable === true) return;
    if (this.#guilds.remove(id)) {
      this.#services.keeper.change(this.#shard, { guilds: this.#guilds.ids() });
    }
    const left = (name: string | null) =>
      this.#services.observe({ kind: "guild.left", shard: this.#shard, guild: String(id), name });
    const { guildNames } = this.#services;
    if (guildNames === null) left(null);
    else guildNames.take(id).then(left);
  }
}

/** Whether it is the loss of this session itself. */
function isGivenUp(loss: UntoldLoss, sessionId: string): boolean {
  return loss.sessionId === sessionId && endsSession(loss);
}
