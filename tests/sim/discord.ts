/**
 * A simulated Discord in virtual time: one bot's sessions, what is dispatched in them, and what of it can be
 * replayed. It drops from its replay buffer what heartbeats and RESUMEs report as done, as nobody can rule out that the
 * real one does.
 *
 * Source of the rules: Discord gateway docs (Connections, Sending Heartbeats, Resuming, Rate Limiting).
 *
 * @module
 */
import type { GatewayBot } from "../../gateway/identify/budget.ts";
import type { ConnectionEvents, Transport } from "../../gateway/shard/transport.ts";
import { BotWorld, type WorldEvent } from "./bot_world.ts";
import type { SimulatedDisk } from "./disk.ts";
import { DiscordConnection } from "./discord_connection.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import type { Dispatch, Session, SessionEnd } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import type { Scene } from "./scene.ts";
import type { SeededDice } from "./seeded_dice.ts";

/** IDENTIFYs of one bucket that come sooner are answered with op 9 (gateway docs, Rate Limiting). */
const IDENTIFY_SPACING_MS = 5_000;
const DAY_MS = 86_400_000;

const TYPES = [
  "MESSAGE_CREATE",
  "MESSAGE_UPDATE",
  "TYPING_START",
  "PRESENCE_UPDATE",
  "GUILD_UPDATE",
] as const;
const PADDING = "abcdefghijklmnopqrstuvwxyz ".repeat(120);

/** Close codes and how likely each ends the session; null: it always does. */
const CLOSES: readonly (readonly [code: number, ends: number])[] = [
  [1000, 0.5],
  [1001, 0],
  [4000, 0],
  [4001, 0],
  [4002, 0],
  [4003, 0.3],
  [4005, 0],
  [4007, 1],
  [4008, 0],
  [4009, 0.5],
  [4900, 0],
];
/** After these a client tries one RESUME: the same again before RESUMED and the session is gone. */
const DOUBTFUL: ReadonlySet<number> = new Set([1000, 4003, 4009]);

const encoder = new TextEncoder();

/** A session that can still be resumed. */
class LiveSession {
  readonly record: Session;
  connection: DiscordConnection | null = null;
  /** What may not be replayed any more: because the gateway reported it, because the buffer is full. */
  reportedThrough = 0;
  overflowedThrough = 0;
  /** The process that it was last attached to. */
  attachedBy = 0;
  /** "Gone" answers since the gateway last got RESUMED or READY. */
  goneAnswers = 0;
  /** A gateway has been started since whose settings are others. */
  isOutdated = false;
  cancelExpiry: () => void = () => {};

  constructor(record: Session) {
    this.record = record;
  }

  get last(): number {
    return this.record.dispatches.length;
  }

  get forgottenThrough(): number {
    return Math.max(this.reportedThrough, this.overflowedThrough);
  }
}

interface ClientFrame {
  readonly op: number;
  readonly d: {
    readonly shard?: readonly [number, number];
    readonly intents?: number;
    readonly session_id?: string;
    readonly seq?: number;
  };
}

export class SimulatedDiscord {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  readonly #live = new Map<string, LiveSession>();
  readonly #connections = new Map<number, DiscordConnection>();
  readonly #disks = new WeakMap<GatewayProcess, SimulatedDisk>();
  readonly #intents = new WeakMap<GatewayProcess, number>();
  readonly #attached = new Map<DiscordConnection, LiveSession>();
  readonly #bucketFreeAtMs = new Map<number, number>();
  #numbers = 0;
  #remaining: number;
  readonly #resetAtMs = DAY_MS;
  #budgetReadAtMs = 0;
  #isRefusing = false;
  #isMute = false;
  #isRestAway = false;
  #unanswered = 0;
  #isFlowing = true;
  /** Shards that were sent a damaged frame: a second one at the same place is taken for Discord's own, and skipped. */
  readonly #damagedShards = new Set<number>();
  /** Shards for which a fresh session was asked. */
  readonly #replaceableShards = new Set<number>();
  dispatched = 0;
  /** Null: events are of nothing in particular. */
  readonly #world: BotWorld | null;

  constructor(scene: Scene, dice: SeededDice) {
    this.#scene = scene;
    this.#dice = dice;
    this.#world = scene.plan.state === null ? null : new BotWorld(dice.fork(), scene.plan.shards);
    this.#remaining = scene.plan.identifiesPerDay;
    for (let shard = 0; shard < scene.plan.shards + 1; shard++) this.#dispatchLater(shard);
  }

  // What a gateway process sees of it.

  transport(process: GatewayProcess, disk: SimulatedDisk): Transport {
    this.#disks.set(process, disk);
    return { connect: (url, events) => this.#connect(process, url, events) };
  }

  readGatewayBot(process: GatewayProcess): Promise<GatewayBot | null> {
    return process.asks((resolve) => {
      const { clock, plan } = this.#scene;
      clock.after(this.#dice.between(20, 400), () => {
        if (this.#isRestAway || process.machine.isCut("discord")) return resolve(null);
        const readAtMs = clock.nowMs();
        const answer = {
          url: "wss://gateway.example",
          shards: plan.shards,
          sessionStartLimit: {
            total: Math.max(plan.identifiesPerDay, this.#remaining),
            remaining: this.#remaining,
            resetAfterMs: this.#resetAtMs - clock.nowMs(),
            maxConcurrency: plan.maxConcurrency,
          },
        };
        clock.after(this.#dice.between(20, 400), () => {
          this.#budgetReadAtMs = readAtMs;
          resolve(answer);
        });
      });
    });
  }

  get identifiesLeft(): number {
    return this.#remaining;
  }

  /** When it last said how many IDENTIFYs are left. */
  get budgetReadAtMs(): number {
    return this.#budgetReadAtMs;
  }

  /** A process is started with these settings: sessions of others are given up. */
  processStarts(process: GatewayProcess, settings: { total: number; intents: number }): void {
    this.#intents.set(process, settings.intents);
    for (const live of this.#live.values()) {
      const { total, intents } = live.record;
      if (total !== settings.total || intents !== settings.intents) live.isOutdated = true;
    }
  }

  /** Its sockets break. */
  processDied(process: GatewayProcess): void {
    for (const connection of this.#connections.values()) {
      if (connection.process === process) connection.abandoned();
    }
  }

  /** Nothing gets through between it and a machine any more; what stood is over after a while. */
  cutOff(machine: Machine): void {
    for (const connection of [...this.#connections.values()]) {
      if (connection.process.machine !== machine || connection.isStalled) continue;
      connection.isStalled = true;
      this.#scene.clock.after(this.#dice.between(1_000, 90_000), () => connection.close(1006, ""));
    }
  }

  /** Number of the process whose connection a shard's session is attached to; null: it is to none. */
  processOf(shard: number): number | null {
    const found = [...this.#attached].find(([connection, { record }]) =>
      record.shard === shard && connection.isOpen
    );
    return found?.[0].process.number ?? null;
  }

  /** Whether it still has this session, though not from this process. */
  missesResume(session: string, process: number): boolean {
    const live = this.#live.get(session);
    return live !== undefined && live.attachedBy !== process;
  }

  /** What is not as it should be in the end; null where every shard is attached. */
  unfinished(total: number): string | null {
    for (let shard = 0; shard < total; shard++) {
      const isAttached = [...this.#attached].some(([connection, { record }]) =>
        record.shard === shard && record.total === total && connection.isOpen
      );
      if (!isAttached) return `shard ${shard} is not connected`;
    }
    return null;
  }

  // What goes wrong.

  resetSocket(): void {
    this.#somewhere()?.close(1006, "");
  }

  closeSocket(): void {
    const connection = this.#somewhere();
    if (connection === null) return;
    const live = this.#attached.get(connection);
    // Before RESUME Discord does not know whose session a word about it would be of.
    if (live === undefined) return connection.close(1001, "going away");
    const [code, ends] = this.#dice.pick(CLOSES);
    if (this.#dice.chance(ends)) this.#end(live, "dropped");
    else if (DOUBTFUL.has(code)) this.#doubt(live);
    connection.close(code, "as drawn");
  }

  stallSocket(): void {
    const connection = this.#somewhere();
    if (connection === null) return;
    connection.isStalled = true;
    this.#note(`connection ${connection.number} stalls`);
    this.#scene.clock.after(this.#dice.between(1_000, 90_000), () => {
      if (!connection.isClosedByDiscord) connection.close(1006, "");
    });
  }

  deafenSocket(): void {
    const connection = this.#somewhere();
    if (connection !== null) connection.isDeaf = true;
  }

  silenceSocket(): void {
    const connection = this.#somewhere();
    if (connection !== null) connection.isSilent = true;
  }

  askReconnect(): void {
    const connection = this.#somewhere();
    if (connection === null) return;
    connection.sendText('{"t":null,"s":null,"op":7,"d":null}');
    this.#scene.clock.after(this.#dice.between(500, 5_000), () => connection.close(1001, "going away"));
  }

  invalidateSession(): void {
    const connection = this.#somewhere();
    const live = connection === null ? undefined : this.#attached.get(connection);
    if (connection === null || live === undefined) return;
    const isResumable = this.#dice.chance(0.5);
    if (isResumable) this.#doubt(live);
    else this.#end(live, "dropped");
    connection.sendText(`{"t":null,"s":null,"op":9,"d":${isResumable}}`);
  }

  /** Nobody is told of it until the next RESUME. */
  forgetSession(): void {
    const sessions = [...this.#live.values()];
    if (sessions.length === 0) return;
    const live = this.#dice.pick(sessions);
    const { connection } = live;
    this.#end(live, "dropped");
    connection?.close(1006, "");
  }

  damageFrame(): void {
    const connection = this.#somewhere();
    const live = connection === null ? undefined : this.#attached.get(connection);
    if (connection === null || live === undefined || this.#damagedShards.has(live.record.shard)) return;
    this.#damagedShards.add(live.record.shard);
    connection.damagesNext = true;
  }

  repeatDispatch(): void {
    const connection = this.#somewhere();
    const live = connection === null ? undefined : this.#attached.get(connection);
    const last = live?.record.dispatches.at(-1);
    if (connection !== null && last !== undefined) connection.sendDispatch(last, () => {});
  }

  dispatchUnnamed(): void {
    const sessions = [...this.#live.values()];
    if (sessions.length > 0) this.#dispatch(this.#dice.pick(sessions), null);
  }

  askHeartbeat(): void {
    this.#somewhere()?.sendText('{"t":null,"s":null,"op":1,"d":null}');
  }

  burst(): void {
    const shard = this.#dice.between(0, this.#scene.plan.shards - 1);
    for (let count = this.#dice.between(5, 40); count > 0; count--) this.#dispatchAll(shard);
  }

  leaveIdentifyUnanswered(): void {
    this.#unanswered += 1;
  }

  dispatchOversized(): void {
    const sessions = [...this.#live.values()];
    if (sessions.length === 0) return;
    const live = this.#dice.pick(sessions);
    const { bodyMaxBytes } = this.#scene.plan;
    if (this.#world === null) this.#dispatch(live, "GUILD_CREATE", bodyMaxBytes);
    else this.#happen(live, this.#world.large(live.record.shard, bodyMaxBytes));
  }

  set isRefusing(isRefusing: boolean) {
    this.#isRefusing = isRefusing;
  }

  set isMute(isMute: boolean) {
    this.#isMute = isMute;
  }

  set isRestAway(isRestAway: boolean) {
    this.#isRestAway = isRestAway;
  }

  /** Somebody asks for a fresh session on this shard. */
  replaceAsked(shard: number): void {
    this.#replaceableShards.add(shard);
  }

  /** All is well from now on. Connections that were left silent stay so: they are for the gateway to notice. */
  heal(): void {
    this.#isRefusing = false;
    this.#isMute = false;
    this.#isRestAway = false;
    this.#unanswered = 0;
    this.#remaining += 1_000;
    this.#scene.checkers.identifies.raised();
    for (const connection of this.#connections.values()) connection.damagesNext = false;
    if (this.#scene.plan.silenceMinutes > 0) return;
    for (const connection of [...this.#attached.keys()]) {
      if (connection.isSilent) connection.close(1006, "");
    }
  }

  /** Nothing new happens from now on. */
  ebb(): void {
    this.#isFlowing = false;
  }

  // Connections.

  #connect(process: GatewayProcess, url: string, events: ConnectionEvents): DiscordConnection {
    const { clock, plan } = this.#scene;
    const connection = new DiscordConnection({
      number: ++this.#numbers,
      process,
      clock,
      events,
      discord: this,
      latencyMs: this.#dice.between(5, 120),
      hauntsAfterMs: plan.isHaunted ? this.#dice.between(0, 3_000) : null,
    });
    if (!process.calls()) return connection;
    this.#connections.set(connection.number, connection);
    this.#note(`connection ${connection.number} to ${URL.parse(url)?.host}`);
    if (process.machine.isCut("discord")) connection.isStalled = true;
    else if (this.#isRefusing) connection.refused();
    else if (this.#isMute && this.#dice.chance(0.5)) connection.isStalled = true;
    else connection.opened();
    if (!this.#isMute) connection.sendText(this.#hello());
    return connection;
  }

  #hello(): string {
    const { heartbeatMs } = this.#scene.plan;
    return `{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":${heartbeatMs}}}`;
  }

  #somewhere(): DiscordConnection | null {
    const open = [...this.#connections.values()].filter(({ isOpen }) => isOpen);
    return open.length === 0 ? null : this.#dice.pick(open);
  }

  gone(connection: DiscordConnection, leftWith: number | null): void {
    const { clock, checkers, plan } = this.#scene;
    this.#connections.delete(connection.number);
    checkers.sends.closed(connection.number);
    const live = this.#attached.get(connection);
    if (live === undefined) return;
    this.#note(`connection ${connection.number} of ${live.record.id} is gone (${leftWith ?? "broken"})`);
    this.#attached.delete(connection);
    live.connection = null;
    if (leftWith === 1000 || leftWith === 1001) {
      checkers.sessionEnds.givenUp(live.record, this.#isReplaceable(live, connection.process));
      return this.#end(live, "replaced");
    }
    live.cancelExpiry = clock.after(plan.sessionTtlMs, () => this.#end(live, "expired"));
  }

  #isReplaceable({ isOutdated, record }: LiveSession, process: GatewayProcess): boolean {
    // Which of two replicas' settings is the newer one only their clocks can tell, and those need not agree.
    const isOfOtherSettings = this.#scene.plan.fleet !== null &&
      record.intents !== this.#intents.get(process);
    return isOutdated || isOfOtherSettings || this.#replaceableShards.has(record.shard);
  }

  frame(connection: DiscordConnection, text: string): void {
    const { clock, checkers } = this.#scene;
    checkers.sends.sent(connection.number, clock.nowMs());
    if (text.startsWith('{"op":1,')) return this.#heartbeat(connection, JSON.parse(text).d);
    const { op, d }: ClientFrame = JSON.parse(text);
    if (op === 2) this.#identify(connection, d);
    else if (op === 6) this.#resume(connection, d);
  }

  #heartbeat(connection: DiscordConnection, sequence: number | null): void {
    const live = this.#attached.get(connection);
    if (live !== undefined && sequence !== null) {
      this.#scene.checkers.points.reported(live.record, sequence, "heartbeat");
      live.reportedThrough = Math.max(live.reportedThrough, sequence);
    }
    if (!connection.isDeaf) connection.sendText('{"t":null,"s":null,"op":11,"d":null}');
  }

  #identify(connection: DiscordConnection, { shard: pair, intents = 0 }: ClientFrame["d"]): void {
    const { clock, checkers, ledger, plan } = this.#scene;
    const [shard = 0, total = 1] = pair ?? [];
    const nowMs = clock.nowMs();
    const bucket = shard % plan.maxConcurrency;
    const process = connection.process.number;
    checkers.identifies.identified({ process, bucket, atMs: nowMs, remaining: this.#remaining });
    this.#remaining -= 1;
    if (nowMs < (this.#bucketFreeAtMs.get(bucket) ?? 0)) {
      return connection.sendText('{"t":null,"s":null,"op":9,"d":false}');
    }
    this.#bucketFreeAtMs.set(bucket, nowMs + IDENTIFY_SPACING_MS);
    for (const live of [...this.#live.values()]) {
      const { record } = live;
      if (record.shard !== shard && record.total === total) continue;
      const isAsked = record.total !== total || this.#isReplaceable(live, connection.process);
      checkers.sessionEnds.givenUp(record, isAsked);
      this.#end(live, isAsked ? "replaced" : "abandoned");
    }
    if (this.#unanswered > 0) {
      this.#unanswered -= 1;
      return;
    }
    const id = `s${shard}x${Math.floor(this.#dice.roll() * 2 ** 32).toString(16).padStart(8, "0")}`;
    const live = new LiveSession(ledger.begin({ id, shard, total, intents }));
    this.#note(`session ${id} begins on connection ${connection.number}`);
    this.#live.set(id, live);
    this.#attach(live, connection);
    this.#open(live);
  }

  #resume(connection: DiscordConnection, { session_id: id = "", seq = 0 }: ClientFrame["d"]): void {
    const { checkers } = this.#scene;
    const live = this.#live.get(id);
    if (live === undefined) return connection.sendText('{"t":null,"s":null,"op":9,"d":false}');
    checkers.points.reported(live.record, seq, "RESUME");
    if (seq > live.last) {
      checkers.sessionEnds.beyond(live.record, seq);
      this.#end(live, "trimmed");
      return connection.close(4007, "invalid seq");
    }
    if (seq < live.overflowedThrough) {
      this.#end(live, "overflowed");
      return connection.sendText('{"t":null,"s":null,"op":9,"d":false}');
    }
    if (seq < live.reportedThrough) {
      const known = this.#knownThrough(connection.process, live.record);
      checkers.sessionEnds.trimmed(live.record, seq, live.reportedThrough, known);
      this.#end(live, "trimmed");
      return connection.sendText('{"t":null,"s":null,"op":9,"d":false}');
    }
    live.reportedThrough = Math.max(live.reportedThrough, seq);
    const older = live.connection;
    this.#attach(live, connection);
    older?.close(4000, "resumed elsewhere");
    this.#note(`session ${id} is resumed from ${seq} of ${live.last} on connection ${connection.number}`);
    for (const dispatch of live.record.dispatches.slice(seq)) {
      if (dispatch.isReplayable) this.#send(live, dispatch);
    }
    this.#dispatch(live, "RESUMED");
  }

  /** How far a process can know a session to be done with. */
  #knownThrough(process: GatewayProcess, session: Session): number {
    if (this.#scene.plan.fleet === null) return Infinity;
    const { leases } = this.#scene.checkers;
    const isContinued = leases?.isContinued(session.shard, process.number) ?? false;
    const foundThrough = isContinued ? this.#disks.get(process)?.foundThrough(process, session) ?? 0 : 0;
    return Math.max(session.storedThrough ?? 0, foundThrough);
  }

  // Sessions.

  #attach(live: LiveSession, connection: DiscordConnection): void {
    live.cancelExpiry();
    if (live.connection !== null) this.#attached.delete(live.connection);
    live.connection = connection;
    live.attachedBy = connection.process.number;
    this.#attached.set(connection, live);
  }

  #end(live: LiveSession, end: SessionEnd): void {
    if (!this.#live.delete(live.record.id)) return;
    live.cancelExpiry();
    live.record.end = end;
    this.#note(`session ${live.record.id} is ${end} at ${live.last}`);
    if (live.connection !== null) this.#attached.delete(live.connection);
    live.connection = null;
  }

  /** Says that the session is gone though it is not, or not yet: said twice, it is. */
  #doubt(live: LiveSession): void {
    live.goneAnswers += 1;
    if (live.goneAnswers > 1) this.#end(live, "dropped");
  }

  // Dispatches.

  #dispatchLater(shard: number): void {
    const { clock, plan } = this.#scene;
    clock.after(this.#dice.waitMs(plan.dispatchEveryMs), () => {
      if (!this.#isFlowing) return;
      this.#dispatchAll(shard);
      this.#dispatchLater(shard);
    });
  }

  #dispatchAll(shard: number): void {
    for (const live of [...this.#live.values()]) {
      if (live.record.shard !== shard) continue;
      if (this.#world === null) this.#dispatch(live, this.#dice.pick(TYPES));
      else this.#happen(live, this.#world.next(shard));
    }
  }

  /** What a session begins with. */
  #open(live: LiveSession): void {
    const { record } = live;
    if (this.#world === null) return this.#dispatch(live, "READY");
    for (const event of this.#world.opening(record.shard, record.id)) this.#happen(live, event);
    this.#scene.checkers.state?.opened(record);
  }

  #happen(live: LiveSession, { type, fields, mark }: WorldEvent): void {
    const dispatch = this.#append(live, type, JSON.stringify(fields));
    this.#scene.checkers.state?.dispatched(dispatch, mark);
    this.#deliver(live, dispatch);
  }

  #dispatch(live: LiveSession, type: string | null, paddingBytes = this.#dice.between(0, 200)): void {
    const { record } = live;
    const data = type === "READY"
      ? `{"v":10,"session_id":"${record.id}","resume_gateway_url":"wss://resume.example","guilds":[]}`
      : `{"id":"${record.shard}${live.last + 1}","content":"${PADDING.slice(0, paddingBytes)}"}`;
    this.#deliver(live, this.#append(live, type, data));
  }

  /** `data`: the text of `d`. */
  #append({ record, last }: LiveSession, type: string | null, data: string): Dispatch {
    const { ledger, plan } = this.#scene;
    const name = type === null ? "null" : `"${type}"`;
    return ledger.append(record, {
      type,
      body: encoder.encode(`{"t":${name},"s":${last + 1},"op":0,"d":${data}}`),
      isReplayable: type !== "RESUMED" || plan.isResumedKept,
    });
  }

  #deliver(live: LiveSession, dispatch: Dispatch): void {
    this.dispatched += 1;
    this.#send(live, dispatch);
    const overflow = live.last - this.#scene.plan.replayMost;
    if (overflow <= live.forgottenThrough) return;
    live.overflowedThrough = overflow;
    if (live.connection === null) this.#end(live, "overflowed");
  }

  #send(live: LiveSession, dispatch: Dispatch): void {
    live.connection?.sendDispatch(dispatch, () => {
      if (dispatch.type !== "READY" && dispatch.type !== "RESUMED") return;
      live.goneAnswers = 0;
      live.record.begun ??= { process: dispatch.receivedBy, atMs: this.#scene.clock.nowMs() };
    });
  }

  #note(what: string): void {
    this.#scene.history.note("state", "discord", what);
  }
}
