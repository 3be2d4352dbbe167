/**
 * One shard and what this service keeps of it: joins its driver with the outbox, the resume points, the identify
 * queue and the commands.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { CommandDispatcher, CommandedShard } from "./commands/dispatcher.ts";
import type { Outbox } from "./delivery/outbox.ts";
import type { GuildNames } from "./guild_names.ts";
import type { IdentifyQueue } from "./identify/queue.ts";
import type { Observer } from "./observation.ts";
import { type FrameHead, readGuild } from "./protocol/frame_head.ts";
import type { PointKeeper } from "./resume/keeper.ts";
import type { ResumePoint, StoredShard } from "./resume/points.ts";
import type { ShardCommand } from "./shard/command_queue.ts";
import { ShardDriver, type ShardHost } from "./shard/driver.ts";
import { GuildList } from "./shard/guild_list.ts";
import type {
  DeliveredEvent,
  Gap,
  MachineOptions,
  ReconnectMode,
  ShardStart,
  StartedSession,
} from "./shard/machine.ts";
import type { Transport } from "./shard/transport.ts";

/** What all shards of a process share. */
export interface ShardServices {
  readonly clock: Clock;
  readonly observe: Observer;
  readonly transport: Transport;
  readonly outbox: Outbox;
  readonly keeper: PointKeeper;
  readonly identifyQueue: IdentifyQueue;
  readonly dispatcher: CommandDispatcher;
  /** Null where nobody asks for names. */
  readonly guildNames: GuildNames | null;
  readonly intents: number;
  /** Our own presence settings, the text of an op 3's `d`. */
  readonly configuredPresence: string;
  connectionUrl(gatewayUrl: string): URL | null;
  mainUrl(): string | Promise<string>;
  fatal(code: number): void;
}

export class HostedShard implements ShardHost, CommandedShard {
  readonly #shard: number;
  readonly #services: ShardServices;
  readonly #driver: ShardDriver;
  #point: ResumePoint | null;
  #guilds: GuildList;
  /** The session before this one, and how far it was published. */
  #lost: Pick<ResumePoint, "sessionId" | "sequence"> | null = null;

  constructor(machine: MachineOptions, services: ShardServices, stored: StoredShard | undefined) {
    this.#shard = machine.shard;
    this.#services = services;
    // A session that another service began is taken to have our settings, so that a later change of them is seen.
    const { intents, configuredPresence } = services;
    const point = stored?.point ?? null;
    this.#point = point && {
      ...point,
      intents: point.intents ?? intents,
      configuredPresence: point.configuredPresence ?? configuredPresence,
    };
    this.#guilds = new GuildList(stored?.guilds ?? []);
    const { transport, clock, observe, connectionUrl } = services;
    this.#driver = new ShardDriver({ machine, transport, clock, observe, connectionUrl, host: this });
  }

  start(start: ShardStart): void {
    this.#driver.start(start);
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

  /** Everything of the session up to `sequence` is confirmed by the broker. */
  published(sessionId: string, sequence: number): void {
    if (this.#point?.sessionId === sessionId) this.#keepPoint({ ...this.#point, sequence });
    // What a lost session still had on its way moves no point any more, but its gap begins behind it.
    else if (this.#lost?.sessionId === sessionId) this.#lost = { sessionId, sequence };
  }

  /** The point is durable. */
  stored(point: ResumePoint): void {
    this.#driver.stored(point.sessionId, point.sequence);
  }

  // CommandedShard

  submit(command: ShardCommand): void {
    this.#driver.submit(command);
  }

  restart(mode: ReconnectMode): void {
    this.#driver.restart(mode);
  }

  // ShardHost

  deliver({ sessionId, sequence, type, bytes, head }: DeliveredEvent): void {
    const { outbox, clock, observe } = this.#services;
    observe({ kind: "event.received", shard: this.#shard, type, bytes: bytes.length });
    outbox.accept({
      shard: this.#shard,
      session: sessionId,
      sequence,
      type,
      body: bytes,
      receivedAtMs: clock.wallMs(),
    });
    if (type === "GUILD_CREATE") this.#guildCreated(bytes, head);
    else if (type === "GUILD_UPDATE") this.#guildUpdated(bytes, head);
    else if (type === "GUILD_DELETE") this.#guildDeleted(bytes, head);
  }

  pass(sessionId: string, sequence: number): void {
    this.#services.outbox.pass(this.#shard, sessionId, sequence);
  }

  sessionStarted({ sessionId, resumeGatewayUrl, resumable, guildIds }: StartedSession): void {
    const { keeper, intents, configuredPresence } = this.#services;
    this.#guilds = new GuildList(guildIds);
    this.#point = resumable
      ? { sessionId, sequence: 0, resumeGatewayUrl, intents, configuredPresence }
      : null;
    keeper.changeAtOnce(this.#shard, { point: this.#point, guilds: this.#guilds.ids() });
  }

  sessionLost(): void {
    this.#lost = this.#point;
    this.#point = null;
    this.#services.keeper.change(this.#shard, { point: null });
  }

  presenceKept(presence: string | null): void {
    this.#services.keeper.change(this.#shard, { presence });
  }

  presenceConfigured(): void {
    if (this.#point === null) return;
    this.#keepPoint({ ...this.#point, configuredPresence: this.#services.configuredPresence });
  }

  gap({ oldSession, newSession, lastSequence, sinceMs, reason }: Gap): void {
    const { clock, observe } = this.#services;
    const toMs = clock.wallMs();
    const fromMs = toMs - (clock.nowMs() - sinceMs);
    observe({
      kind: "shard.gap",
      shard: this.#shard,
      oldSession,
      newSession,
      lastSequence: this.#lost?.sessionId === oldSession ? this.#lost.sequence : lastSequence,
      fromMs,
      toMs,
      reason,
    });
  }

  commandSent(command: ShardCommand): void {
    this.#services.dispatcher.sent(command);
  }

  commandExpired(command: ShardCommand): void {
    this.#services.dispatcher.expired(command);
  }

  requestTurn(granted: () => void): void {
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

  #keepPoint(point: ResumePoint): void {
    this.#point = point;
    this.#services.keeper.change(this.#shard, { point });
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
