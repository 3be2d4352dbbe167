/**
 * The rules of one shard: what arrives goes in with the time, what is to be done comes out. It owns no socket,
 * clock, dice or store; {@link ./driver.ts} performs what it says.
 *
 * Two rules are kept above all. Only Discord ends a session: whatever fails on our side or on the way, the next
 * connection tries to resume. And heartbeat and RESUME carry the sequence that is durably *stored*, never one
 * that was only received, because nobody outside Discord knows whether its replay buffer is trimmed by them. Where
 * another process may run the shard next, heartbeats carry what that one will have, which is not what is on a disk here.
 *
 * Source of the rules: Discord gateway docs (Connections, Sending Heartbeats, Resuming, Rate Limiting).
 *
 * @module
 */
import type { Dice } from "../clock.ts";
import type { DropReason, GapReason, Observation, ShardStatus } from "../observation.ts";
import {
  closeCode,
  END_SESSION,
  FRAME_REFUSED,
  LEAVE_RESUMABLY,
  RATE_LIMITED,
} from "../protocol/close_codes.ts";
import {
  type FrameHead,
  readFrameHead,
  readHeartbeatIntervalMs,
  readReady,
  readResumable,
} from "../protocol/frame_head.ts";
import { Opcode } from "../protocol/opcodes.ts";
import { isSessionId } from "../protocol/session_id.ts";
import { reconnectDelayMs } from "./backoff.ts";
import { CommandQueue, type ShardCommand } from "./command_queue.ts";
import { Deadlines } from "./deadlines.ts";
import { Heartbeat } from "./heartbeat.ts";
import { presenceWindow, SendBudget } from "./send_budget.ts";
import { Silence } from "./silence.ts";
import type { ConnectionEnd } from "./transport.ts";

/** A socket that has not opened by then is given up. */
const OPEN_MAX_MS = 20_000;
/** HELLO is sent at once by a healthy server, and whoever waits for it here may hold a turn to identify. */
const HELLO_MAX_MS = 20_000;
/**
 * READY, or the next sign of progress of a resume. Long, because in an outage Discord answers heartbeats for
 * minutes before it answers an IDENTIFY, and another IDENTIFY would only cost more of the daily budget.
 */
const ANSWER_MAX_MS = 180_000;
/** What a heartbeat interval may plausibly be; Discord's has been 41,250 ms for years. */
const HEARTBEAT_INTERVAL_MIN_MS = 1;
const HEARTBEAT_INTERVAL_MAX_MS = 3_600_000;
/** After op 9 a client waits a random one to five seconds (Discord gateway docs until September 2022). */
const INVALID_SESSION_WAIT_MIN_MS = 1_000;
const INVALID_SESSION_WAIT_SPREAD_MS = 4_000;
/** Resumes on the URL that READY gave before the main URL is tried too. */
const RESUME_URL_ATTEMPTS = 3;
/** A shard that is parked again so soon after it came back has found that nothing is better. */
const PARKED_AGAIN_WITHIN_MS = 60_000;
/** How much less is sent on later connections each time Discord closes one for sending too much. */
const PENALTY_STEP_FRAMES = 20;
const PENALTY_MAX_FRAMES = 100;
/** A connection that has stood for so long has shown that one step less is enough. */
const PENALTY_STEP_MS = 3_600_000;

/** What a shard is started with: what an earlier process left of it. */
export interface ShardStart {
  readonly session: {
    readonly sessionId: string;
    /** Durable, wherever that is: Discord is asked for what comes after it. */
    readonly sequence: number;
    readonly resumeGatewayUrl: string | null;
  } | null;
  /** The last op 3 that a bot sent, as the text of its `d`. */
  readonly presence: string | null;
  /** True where our own presence settings are others than those that the stored session was given. */
  readonly presenceOutdated: boolean;
  /** Set where the stored session should be replaced by a fresh one as soon as its turn comes. */
  readonly replace: GapReason | null;
}

/** `identify` gives the session up and begins a new one. */
export type ReconnectMode = "resume" | "identify";

export type ShardInput =
  | { kind: "start"; start: ShardStart }
  | { kind: "turn" }
  /** The turn is still the shard's, as of this moment. */
  | { kind: "turn_confirmed" }
  /** It has passed on, or nobody knows. */
  | { kind: "turn_lost" }
  | { kind: "opened" }
  /** `head`: where it has been read beforehand. */
  | { kind: "payload"; bytes: Uint8Array; head?: FrameHead | null | undefined }
  | { kind: "ended"; end: ConnectionEnd }
  /** `isShared`: whoever may run the shard next can go on from there, on another machine too. */
  | { kind: "stored"; sessionId: string; sequence: number; isShared: boolean }
  | { kind: "due" }
  | { kind: "command"; command: ShardCommand }
  | { kind: "restart"; mode: ReconnectMode }
  | { kind: "park" }
  | { kind: "unpark" }
  /** The shard may not run here: until `return` it stays away, resumably. */
  | { kind: "withdraw"; reason: string }
  | { kind: "return" }
  | { kind: "stop" };

type Payload = Extract<ShardInput, { kind: "payload" }>;

/** A dispatch to be handed on. */
export interface DeliveredEvent {
  readonly sessionId: string;
  readonly sequence: number;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly head: FrameHead;
}

/** What READY said. */
export interface StartedSession {
  readonly sessionId: string;
  readonly resumeGatewayUrl: string | null;
  readonly resumable: boolean;
  readonly guildIds: readonly bigint[];
}

/** A session that was given up. */
export interface SessionLoss {
  readonly sessionId: string;
  /**
   * Monotonic milliseconds of its last dispatch. What is replayed counts only with RESUMED, because it happened
   * earlier than it came. Null where nothing counts since {@link ShardStart}.
   */
  readonly sinceMs: number | null;
  readonly reason: GapReason;
}

/** The URL that READY gave, or the main one that Discord gives to everybody. */
export type ConnectTarget = { kind: "resume"; url: string } | { kind: "main" };

export type ShardEffect =
  /** `attempt` counts from 1 since the last READY or RESUMED. */
  | { kind: "connect"; target: ConnectTarget; attempt: number }
  | { kind: "send"; text: string }
  | { kind: "leave"; code: number; reason: string }
  /**
   * The identify queue: ask for a turn, ask whether it still stands, say that IDENTIFY went out on it, give it back or
   * stop asking.
   */
  | { kind: "turn_request" }
  | { kind: "turn_confirm" }
  | { kind: "turn_used" }
  | { kind: "turn_return" }
  | ({ kind: "deliver" } & DeliveredEvent)
  /** A dispatch that nobody gets: the sequence moves over it. */
  | { kind: "pass"; sessionId: string; sequence: number }
  | ({ kind: "session_started" } & StartedSession)
  | ({ kind: "session_lost" } & SessionLoss)
  /** The presence that a bot set; null once our own settings have replaced it. */
  | { kind: "presence_kept"; presence: string | null }
  /** The session now has the presence of our own settings. */
  | { kind: "presence_configured" }
  | { kind: "command_sent"; command: ShardCommand }
  | { kind: "command_expired"; command: ShardCommand }
  | { kind: "fatal"; code: number }
  | { kind: "observe"; observation: Observation };

export interface MachineOptions {
  readonly shard: number;
  readonly dice: Dice;
  /** The text of an IDENTIFY for this shard. */
  readonly identifyFrame: () => string;
  readonly resumeFrame: (sessionId: string, sequence: number) => string;
  readonly heartbeatFrame: (sequence: number | null) => string;
  readonly presenceFrame: (presence: string) => string;
  /** Our own presence settings, the text of an op 3's `d`. */
  readonly configuredPresence: string;
  /** A silence is never suspected before it has lasted so long; null: none is. */
  readonly silenceMinMs: number | null;
}

interface Session {
  readonly id: string;
  readonly resumeGatewayUrl: string | null;
  /** False for a READY without a session id: events flow, but nobody can ask for them again. */
  readonly resumable: boolean;
  received: number;
  stored: number;
  /** The part of it that whoever may run the shard next has as well: Discord may forget it. */
  shared: number;
  /** What {@link SessionLoss} says of it: where a gap would begin. */
  lastDispatchAtMs: number | null;
  /** Set while the shard is parked, until RESUMED: refused then, it was away for too long. */
  parked: boolean;
  /** Set by an answer that leaves one RESUME: the next such answer ends the session. */
  lastChance: boolean;
  /** Times in a row that Discord called the session invalid and yet resumable. */
  invalidButResumable: number;
}

/** What belongs to one connection that has said HELLO. */
interface Link {
  readonly heartbeat: Heartbeat;
  readonly budget: SendBudget;
  /** Set once the presence that a bot asked for was sent on it. */
  keptPresenceSent: boolean;
}

type State =
  | { kind: "idle" }
  | { kind: "waiting" }
  | { kind: "queued" }
  | { kind: "connecting" }
  | { kind: "greeting" }
  | { kind: "confirming"; link: Link }
  | { kind: "identifying"; link: Link }
  | { kind: "resuming"; link: Link; replayed: number }
  | { kind: "ready"; link: Link; turnRequested: boolean }
  | { kind: "parked"; sinceMs: number }
  | { kind: "withdrawn" }
  | { kind: "stopped" };

type DeadlineName =
  | "reconnect"
  | "open"
  | "hello"
  | "heartbeat"
  | "answer"
  | "silence"
  | "penalty"
  | "send"
  | "expiry";

/** Those that wait for something on the connection there is, and go with it. */
const OF_CONNECTION: readonly DeadlineName[] = [
  "open",
  "hello",
  "heartbeat",
  "answer",
  "silence",
  "penalty",
  "send",
];

const NO_EFFECTS = Object.freeze([]) as unknown as ShardEffect[];

export class ShardMachine {
  readonly #options: MachineOptions;
  readonly #deadlines = new Deadlines<DeadlineName>();
  #state: State = { kind: "idle" };
  #session: Session | null = null;
  /** Connections tried since the last READY or RESUMED. */
  #attempt = 0;
  #replace: GapReason | null = null;
  #presenceKept: string | null = null;
  #presenceOutdated = false;
  readonly #commands = new CommandQueue();
  #penaltyFrames = 0;
  /** How often it was parked again soon after it came back: a broker that cannot keep up costs ever longer pauses. */
  #parksInARow = 0;
  #lastUnparkedAtMs = -Infinity;
  readonly #presences = presenceWindow();
  readonly #silence: Silence;
  /** The sequence after which an unreadable frame came; the same again is skipped. -1: before any session. */
  #unreadableAfter: number | null = null;
  #statusSaid: { status: ShardStatus; waitingForTurn: boolean } | null = null;
  /**
   * Of the input that is being handled, and of no other: an event that was kept until the shard's next one would keep
   * the block of memory that its bytes are in.
   */
  #effects = NO_EFFECTS;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#silence = new Silence(options.silenceMinMs);
  }

  /** When `due` must be put in next, in monotonic milliseconds; null when only the outside can move the shard. */
  nextDeadlineMs(): number | null {
    return this.#deadlines.next();
  }

  /** True between READY or RESUMED and the end of that connection. */
  get connected(): boolean {
    return this.#state.kind === "ready";
  }

  /** True where IDENTIFY or RESUME is out on its connection: nothing that follows from that can be taken back. */
  get introduced(): boolean {
    return ["identifying", "resuming", "ready"].includes(this.#state.kind);
  }

  /** The sequence of the last dispatch that came; null without a session. */
  get sequenceReceived(): number | null {
    return this.#session?.received ?? null;
  }

  /** The sequence up to which all is durable; null without a session. */
  get sequenceStored(): number | null {
    return this.#session?.stored ?? null;
  }

  /** Takes in what happened at `nowMs` (monotonic) and says what is to be done, in order. */
  handle(input: ShardInput, nowMs: number): readonly ShardEffect[] {
    const effects: ShardEffect[] = [];
    this.#effects = effects;
    switch (input.kind) {
      case "payload":
        this.#payload(input, nowMs);
        break;
      case "stored":
        if (this.#session?.id === input.sessionId) {
          const { stored, shared } = this.#session;
          this.#session.stored = Math.max(stored, input.sequence);
          if (input.isShared) this.#session.shared = Math.max(shared, input.sequence);
        }
        break;
      case "due":
        for (let name; (name = this.#deadlines.takeDue(nowMs)) !== null;) this.#due(name, nowMs);
        break;
      case "start":
        this.#start(input.start, nowMs);
        break;
      case "turn":
        this.#turn(nowMs);
        break;
      case "turn_confirmed":
        if (this.#state.kind === "confirming") this.#identify(this.#state.link, nowMs);
        break;
      case "turn_lost":
        if (this.#state.kind === "confirming") this.#reconnectLater("the turn to identify is lost", nowMs);
        break;
      case "opened":
        if (this.#state.kind === "connecting") {
          this.#deadlines.clear("open");
          this.#deadlines.set("hello", nowMs + HELLO_MAX_MS);
          this.#state = { kind: "greeting" };
        }
        break;
      case "ended":
        this.#ended(input.end, nowMs);
        break;
      case "command":
        if (this.#state.kind === "stopped") break;
        this.#commands.push(input.command);
        // Thousands may wait for a shard that is away, and need not be looked through for each that joins them.
        if (this.connected && !this.#commands.isFull(nowMs)) this.#sendCommands(nowMs);
        else this.#setOrClear("expiry", this.#commands.expiryAtMs);
        break;
      case "restart":
        this.#restart(input.mode, nowMs);
        break;
      case "park":
        this.#park(nowMs);
        break;
      case "unpark":
        if (this.#unpark(nowMs)) {
          this.#reconnectIn(reconnectDelayMs(this.#parksInARow - 1, this.#options.dice), nowMs);
        }
        break;
      case "withdraw":
        this.#withdraw(input.reason, nowMs);
        break;
      case "return":
        if (this.#state.kind === "withdrawn") this.#reconnectIn(0, nowMs);
        break;
      case "stop":
        this.#leave(LEAVE_RESUMABLY, "shutting down");
        this.#deadlines.clearAll();
        this.#state = { kind: "stopped" };
        break;
      default:
        input satisfies never;
    }
    this.#sayStatus();
    this.#effects = NO_EFFECTS;
    return effects;
  }

  // What arrives from the service.

  #start(start: ShardStart, nowMs: number): void {
    if (this.#state.kind !== "idle") return;
    this.#presenceKept = start.presence;
    this.#presenceOutdated = start.presenceOutdated;
    this.#replace = start.replace;
    if (start.session !== null) {
      this.#session = {
        id: start.session.sessionId,
        resumeGatewayUrl: start.session.resumeGatewayUrl,
        resumable: true,
        received: start.session.sequence,
        stored: start.session.sequence,
        // RESUME tells Discord of it.
        shared: start.session.sequence,
        lastDispatchAtMs: null,
        parked: false,
        lastChance: false,
        invalidButResumable: 0,
      };
    }
    this.#connectOrQueue(nowMs);
  }

  #turn(nowMs: number): void {
    if (this.#state.kind === "queued") return this.#connect(nowMs);
    if (this.#state.kind === "ready" && this.#state.turnRequested) {
      const reason = this.#replace ?? "restart_requested";
      // The turn is kept: it is what the next connection identifies with.
      this.#state.turnRequested = false;
      this.#leave(END_SESSION, "session replaced");
      this.#loseSession(reason);
      return this.#connect(nowMs);
    }
    this.#effects.push({ kind: "turn_return" });
  }

  #restart(mode: ReconnectMode, nowMs: number): void {
    switch (this.#state.kind) {
      case "idle":
      case "stopped":
        return;
      case "ready":
        if (mode === "resume") return this.#reconnectNow("restart requested", nowMs);
        // The old session goes on until the new one's turn has come, so that the gap is a second, not a queue.
        this.#replace ??= "restart_requested";
        return this.#requestReplacement(this.#state);
      default:
        // It is on its way already. A fresh session, where asked for, follows once this one stands.
        if (mode === "identify" && this.#session !== null) this.#replace ??= "restart_requested";
    }
  }

  #park(nowMs: number): void {
    if (this.#isAway || this.#state.kind === "parked") return;
    this.#leave(LEAVE_RESUMABLY, "too much unconfirmed");
    this.#deadlines.clear("reconnect");
    this.#state = { kind: "parked", sinceMs: nowMs };
    if (this.#session !== null) this.#session.parked = true;
    if (nowMs - this.#lastUnparkedAtMs > PARKED_AGAIN_WITHIN_MS) this.#parksInARow = 0;
    this.#parksInARow += 1;
    this.#observe({ kind: "shard.parked", shard: this.#options.shard });
  }

  /** False where it was not parked. */
  #unpark(nowMs: number): boolean {
    if (this.#state.kind !== "parked") return false;
    const parkedMs = nowMs - this.#state.sinceMs;
    this.#observe({ kind: "shard.unparked", shard: this.#options.shard, parkedMs });
    this.#lastUnparkedAtMs = nowMs;
    return true;
  }

  #withdraw(reason: string, nowMs: number): void {
    if (this.#isAway) return;
    this.#unpark(nowMs);
    this.#leave(LEAVE_RESUMABLY, reason);
    this.#deadlines.clear("reconnect");
    this.#state = { kind: "withdrawn" };
  }

  /** Not started, or told to stay away. */
  get #isAway(): boolean {
    return ["idle", "withdrawn", "stopped"].includes(this.#state.kind);
  }

  // Connecting.

  #connectOrQueue(nowMs: number): void {
    if (this.#session !== null) return this.#connect(nowMs);
    this.#state = { kind: "queued" };
    this.#effects.push({ kind: "turn_request" });
  }

  #connect(nowMs: number): void {
    const target = this.#nextTarget();
    this.#attempt += 1;
    this.#state = { kind: "connecting" };
    this.#deadlines.set("open", nowMs + OPEN_MAX_MS);
    this.#effects.push({ kind: "connect", target, attempt: this.#attempt });
  }

  /** The resume URL three times, then the main one and it in turn, for as long as it takes. */
  #nextTarget(): ConnectTarget {
    const url = this.#session?.resumeGatewayUrl ?? null;
    if (url === null) return { kind: "main" };
    const beyond = this.#attempt - RESUME_URL_ATTEMPTS;
    return beyond >= 0 && beyond % 2 === 0 ? { kind: "main" } : { kind: "resume", url };
  }

  #reconnectIn(delayMs: number, nowMs: number): void {
    if (this.#session?.resumable === false) this.#loseSession("not_resumable");
    this.#state = { kind: "waiting" };
    this.#observe({
      kind: "shard.reconnecting",
      shard: this.#options.shard,
      delayMs,
      resume: this.#session !== null,
    });
    if (delayMs === 0) return this.#connectOrQueue(nowMs);
    this.#deadlines.set("reconnect", nowMs + delayMs);
  }

  /** Leaves resumably and comes back at once: op 7, a zombie, a restart. */
  #reconnectNow(reason: string, nowMs: number): void {
    this.#leave(LEAVE_RESUMABLY, reason);
    this.#reconnectIn(this.#attempt <= 1 ? 0 : this.#backoffMs(), nowMs);
  }

  /** Leaves resumably and comes back after a pause that grows with every failure. */
  #reconnectLater(reason: string, nowMs: number): void {
    this.#leave(LEAVE_RESUMABLY, reason);
    this.#reconnectIn(this.#backoffMs(), nowMs);
  }

  #backoffMs(): number {
    return reconnectDelayMs(this.#attempt, this.#options.dice);
  }

  /** Closes whatever connection there is, and forgets what belonged to it. */
  #leave(code: number, reason: string): void {
    switch (this.#state.kind) {
      case "connecting":
      case "greeting":
      case "confirming":
      case "identifying":
      case "resuming":
      case "ready":
        this.#effects.push({ kind: "leave", code, reason });
        this.#sayDisconnected({ code, reason }, "us");
        break;
    }
    this.#forgetConnection();
  }

  #forgetConnection(): void {
    const { kind } = this.#state;
    const holdsTurn = kind === "queued" || kind === "confirming" ||
      ((kind === "connecting" || kind === "greeting") && this.#session === null) ||
      (this.#state.kind === "ready" && this.#state.turnRequested);
    if (holdsTurn) this.#effects.push({ kind: "turn_return" });
    for (const name of OF_CONNECTION) this.#deadlines.clear(name);
    this.#silence.disconnected();
  }

  #ended(end: ConnectionEnd, nowMs: number): void {
    const { kind } = this.#state;
    if (kind !== "connecting" && kind !== "greeting" && !("link" in this.#state)) return;
    const identified = kind === "identifying";
    this.#sayDisconnected(end, end.cause === "peer" && end.code !== 1006 ? "discord" : "network");
    if (end.cause === "ruined") {
      this.#observe({ kind: "frame.ruined", shard: this.#options.shard, error: end.reason });
    }
    const presenceSuspected = "link" in this.#state && this.#state.link.keptPresenceSent;
    if (presenceSuspected && FRAME_REFUSED.has(end.code)) this.#forgetPresence();
    this.#forgetConnection();
    if (end.code === RATE_LIMITED) {
      this.#penaltyFrames = Math.min(PENALTY_MAX_FRAMES, this.#penaltyFrames + PENALTY_STEP_FRAMES);
    }
    const row = closeCode(end.code);
    if (row.next === "stop") {
      this.#state = { kind: "stopped" };
      this.#deadlines.clearAll();
      this.#observe({
        kind: "shard.fatal",
        shard: this.#options.shard,
        code: end.code,
        meaning: row.meaning,
      });
      this.#effects.push({ kind: "fatal", code: end.code });
      return;
    }
    const session = this.#session;
    const onceMore = row.next === "resume_once" && session !== null && !session.lastChance;
    if (onceMore) session.lastChance = true;
    else if (row.next === "identify" || row.next === "resume_once") {
      this.#loseSession(row.loss ?? "invalid_session");
    }
    // An IDENTIFY that was not answered has been paid for all the same: the pause grows with each.
    const delayMs = identified || end.code === RATE_LIMITED
      ? reconnectDelayMs(Math.max(this.#attempt, 3), this.#options.dice)
      : this.#backoffMs();
    this.#reconnectIn(delayMs, nowMs);
  }

  #due(name: DeadlineName, nowMs: number): void {
    switch (name) {
      case "reconnect":
        return this.#connectOrQueue(nowMs);
      case "open":
        return this.#reconnectLater("the socket did not open in time", nowMs);
      case "hello":
        return this.#reconnectLater("no HELLO in time", nowMs);
      case "answer":
        return this.#reconnectLater("no answer to IDENTIFY or RESUME in time", nowMs);
      case "heartbeat":
        return this.#heartbeatDue(nowMs);
      case "silence":
        return this.#silenceDue(nowMs);
      case "penalty":
        this.#penaltyFrames -= PENALTY_STEP_FRAMES;
        return this.#stepPenaltyLater(nowMs);
      case "send":
      case "expiry":
        return this.#sendCommands(nowMs);
      default:
        name satisfies never;
    }
  }

  // What arrives from Discord.

  #payload({ bytes, head: given }: Payload, nowMs: number): void {
    const state = this.#state;
    if (state.kind !== "greeting" && !("link" in state)) return;
    const head = given === undefined ? readFrameHead(bytes) : given;
    if (head === null) return this.#unreadable(bytes, nowMs);
    switch (head.opcode) {
      case Opcode.Dispatch:
        return this.#dispatch(head, bytes, nowMs);
      case Opcode.HeartbeatAck:
        return this.#acknowledged(nowMs);
      case Opcode.Heartbeat:
        if ("link" in state) this.#beat(state.link, false, nowMs);
        return;
      case Opcode.Hello:
        if (state.kind === "greeting") this.#hello(head, bytes, nowMs);
        return;
      case Opcode.Reconnect:
        return this.#reconnectNow("reconnect asked by Discord", nowMs);
      case Opcode.InvalidSession:
        return this.#invalidSession(readResumable(bytes, head), nowMs);
      default:
        this.#observe({ kind: "opcode.unknown", shard: this.#options.shard, opcode: head.opcode });
    }
  }

  /**
   * A frame without a readable head may be damage on the way, so the first one costs a reconnect and Discord
   * sends it again; the same at the same place is Discord's own, and is skipped.
   */
  #unreadable(bytes: Uint8Array, nowMs: number): void {
    const after = this.#session?.received ?? -1;
    const skipped = this.#unreadableAfter === after;
    this.#observe({ kind: "frame.unreadable", shard: this.#options.shard, bytes: bytes.length, skipped });
    if (skipped) return;
    this.#unreadableAfter = after;
    this.#reconnectLater("unreadable frame", nowMs);
  }

  #hello(head: FrameHead, bytes: Uint8Array, nowMs: number): void {
    const intervalMs = readHeartbeatIntervalMs(bytes, head);
    if (
      intervalMs === null || intervalMs < HEARTBEAT_INTERVAL_MIN_MS || intervalMs > HEARTBEAT_INTERVAL_MAX_MS
    ) {
      return this.#reconnectLater("HELLO without a usable heartbeat interval", nowMs);
    }
    const { shard, dice } = this.#options;
    this.#deadlines.clear("hello");
    this.#deadlines.set("heartbeat", nowMs + intervalMs * dice());
    const link: Link = {
      heartbeat: new Heartbeat(intervalMs),
      budget: new SendBudget(intervalMs, this.#penaltyFrames, this.#presences),
      keptPresenceSent: false,
    };
    this.#observe({ kind: "shard.connected", shard, heartbeatIntervalMs: intervalMs });
    if (this.#session !== null) {
      const { id, stored } = this.#session;
      this.#state = { kind: "resuming", link, replayed: 0 };
      this.#deadlines.set("answer", nowMs + ANSWER_MAX_MS);
      link.budget.recordFrame(nowMs);
      this.#effects.push({ kind: "send", text: this.#options.resumeFrame(id, stored) });
      this.#observe({ kind: "shard.resuming", shard, session: id, sequence: stored });
    } else {
      // The connection may have taken long, and in a fleet others wait for the same turn.
      this.#state = { kind: "confirming", link };
      this.#effects.push({ kind: "turn_confirm" });
    }
  }

  #identify(link: Link, nowMs: number): void {
    this.#state = { kind: "identifying", link };
    this.#deadlines.set("answer", nowMs + ANSWER_MAX_MS);
    link.budget.recordFrame(nowMs);
    this.#effects.push({ kind: "send", text: this.#options.identifyFrame() }, { kind: "turn_used" });
    this.#observe({ kind: "shard.identifying", shard: this.#options.shard });
  }

  #dispatch(head: FrameHead, bytes: Uint8Array, nowMs: number): void {
    const state = this.#state;
    if (head.type === "READY" && (state.kind === "identifying" || state.kind === "resuming")) {
      return this.#ready(state.link, head, bytes, nowMs);
    }
    const session = this.#session;
    const sequence = head.sequence;
    if (session === null || (state.kind !== "resuming" && state.kind !== "ready")) {
      return this.#dropped(head, "no_session");
    }
    if (sequence === null) return this.#dropped(head, "no_type");
    if (sequence <= session.received) {
      if (state.kind === "resuming") this.#deadlines.set("answer", nowMs + ANSWER_MAX_MS);
      // RESUMED itself may carry a number seen before; it ends the replay all the same.
      if (head.type === "RESUMED" && state.kind === "resuming") this.#resumed(state, nowMs);
      return this.#dropped(head, "replayed");
    }
    session.received = sequence;
    if (state.kind === "ready") session.lastDispatchAtMs = nowMs;
    if (head.type !== "RESUMED") this.#silence.dispatched(nowMs);
    if (head.type === null) {
      this.#effects.push({ kind: "pass", sessionId: session.id, sequence });
      return this.#dropped(head, "no_type");
    }
    this.#deliver(session, head, bytes);
    if (state.kind === "resuming") {
      if (head.type === "RESUMED") return this.#resumed(state, nowMs);
      state.replayed += 1;
      this.#deadlines.set("answer", nowMs + ANSWER_MAX_MS);
    }
  }

  #deliver(session: Session, head: FrameHead, bytes: Uint8Array): void {
    const { type, sequence } = head;
    if (type === null || sequence === null) return;
    this.#effects.push({ kind: "deliver", sessionId: session.id, sequence, type, bytes, head });
  }

  #ready(link: Link, head: FrameHead, bytes: Uint8Array, nowMs: number): void {
    const { shard } = this.#options;
    const ready = readReady(bytes, head);
    const sessionId = ready.sessionId !== null && isSessionId(ready.sessionId) ? ready.sessionId : null;
    const sequence = head.sequence ?? 0;
    if (this.#session !== null && this.#session.id === sessionId) {
      // A session resumed from its very beginning replays its own READY.
      if (sequence > this.#session.received) {
        this.#session.received = sequence;
        this.#deliver(this.#session, head, bytes);
      }
      return;
    }
    if (this.#session !== null) this.#loseSession("invalid_session");
    const session: Session = {
      id: sessionId ?? `unnamed-${shard}-${Math.floor(this.#options.dice() * 2 ** 48).toString(36)}`,
      resumeGatewayUrl: ready.resumeGatewayUrl,
      resumable: sessionId !== null,
      received: sequence,
      stored: 0,
      shared: 0,
      lastDispatchAtMs: nowMs,
      parked: false,
      lastChance: false,
      invalidButResumable: 0,
    };
    this.#session = session;
    this.#replace = null;
    if (this.#presenceOutdated) this.#preferConfiguredPresence();
    this.#effects.push({
      kind: "session_started",
      sessionId: session.id,
      resumeGatewayUrl: session.resumeGatewayUrl,
      resumable: session.resumable,
      guildIds: ready.guildIds,
    });
    this.#deliver(session, head, bytes);
    this.#observe({
      kind: "shard.ready",
      shard,
      session: session.id,
      guilds: ready.guildIds.length,
      resumable: session.resumable,
    });
    this.#silence.started(nowMs);
    this.#settle(link, nowMs);
    if (this.#presenceKept !== null) {
      this.#sendPresence(link, this.#presenceKept, nowMs);
      link.keptPresenceSent = true;
    }
    this.#sendCommands(nowMs);
  }

  #resumed(state: { link: Link; replayed: number }, nowMs: number): void {
    const { shard } = this.#options;
    if (this.#session !== null) {
      this.#session.lastDispatchAtMs = nowMs;
      this.#session.parked = false;
      this.#session.lastChance = false;
      this.#session.invalidButResumable = 0;
    }
    this.#observe({ kind: "shard.resumed", shard, replayed: state.replayed });
    this.#silence.resumed(nowMs);
    const ready = this.#settle(state.link, nowMs);
    if (this.#presenceOutdated) {
      this.#preferConfiguredPresence();
      this.#sendPresence(state.link, this.#options.configuredPresence, nowMs);
      this.#effects.push({ kind: "presence_configured" });
    }
    this.#sendCommands(nowMs);
    if (this.#replace !== null) this.#requestReplacement(ready);
  }

  /** The connection stands: nothing more is waited for, and the next trouble starts from the shortest pause. */
  #settle(link: Link, nowMs: number): State & { kind: "ready" } {
    this.#deadlines.clear("answer");
    // A session that cannot be resumed is better silent than lost.
    if (this.#session?.resumable === true) this.#setOrClear("silence", this.#silence.dueAtMs);
    this.#stepPenaltyLater(nowMs);
    this.#attempt = 0;
    const ready: State & { kind: "ready" } = { kind: "ready", link, turnRequested: false };
    this.#state = ready;
    return ready;
  }

  #stepPenaltyLater(nowMs: number): void {
    if (this.#penaltyFrames > 0) this.#deadlines.set("penalty", nowMs + PENALTY_STEP_MS);
  }

  #requestReplacement(ready: State & { kind: "ready" }): void {
    if (ready.turnRequested) return;
    ready.turnRequested = true;
    this.#effects.push({ kind: "turn_request" });
  }

  #invalidSession(resumable: boolean, nowMs: number): void {
    const session = this.#session;
    if (session !== null) {
      // The same answer twice in a row means that it will not be resumed, whatever the flag says.
      if (resumable) session.invalidButResumable += 1;
      if (!resumable || session.invalidButResumable > 1) {
        this.#loseSession(session.parked ? "expired_while_parked" : "invalid_session");
      }
    }
    const identified = this.#state.kind === "identifying";
    this.#leave(LEAVE_RESUMABLY, "invalid session");
    const waitMs = INVALID_SESSION_WAIT_MIN_MS + this.#options.dice() * INVALID_SESSION_WAIT_SPREAD_MS;
    // An IDENTIFY has been paid for whatever the answer: one refused again and again must not empty the budget.
    this.#reconnectIn(identified ? Math.max(waitMs, this.#backoffMs()) : waitMs, nowMs);
  }

  #loseSession(reason: GapReason): void {
    const session = this.#session;
    if (session === null) return;
    this.#session = null;
    this.#replace = null;
    this.#attempt = 0;
    this.#effects.push({
      kind: "session_lost",
      sessionId: session.id,
      sinceMs: session.lastDispatchAtMs,
      reason,
    });
  }

  // Signs of life.

  /** The deadline was set before the last dispatches, each of which has moved it. */
  #silenceDue(nowMs: number): void {
    const { dueAtMs, usualMs } = this.#silence;
    if (dueAtMs > nowMs) return this.#setOrClear("silence", dueAtMs);
    const silentMs = this.#silence.alarm(nowMs);
    this.#observe({ kind: "shard.silent", shard: this.#options.shard, silentMs, usualMs });
    // Shards that fell silent at the same moment are not to come back at the same moment.
    this.#reconnectLater("silent for longer than usual", nowMs);
  }

  #heartbeatDue(nowMs: number): void {
    if (!("link" in this.#state)) return;
    const { link } = this.#state;
    if (link.heartbeat.zombie) {
      this.#observe({ kind: "shard.zombie", shard: this.#options.shard });
      return this.#reconnectNow("heartbeat not acknowledged", nowMs);
    }
    this.#beat(link, true, nowMs);
    this.#deadlines.set("heartbeat", nowMs + link.heartbeat.intervalMs);
  }

  #beat(link: Link, regular: boolean, nowMs: number): void {
    if (!regular) {
      // Asked for without end, the answers alone would break the limit: then the regular beats have to do.
      if (link.budget.frameAtMs(nowMs) > nowMs) return;
      link.budget.recordFrame(nowMs);
    }
    link.heartbeat.sent(nowMs, regular);
    const shared = this.#session?.shared ?? 0;
    this.#effects.push({ kind: "send", text: this.#options.heartbeatFrame(shared === 0 ? null : shared) });
  }

  #acknowledged(nowMs: number): void {
    if (!("link" in this.#state)) return;
    const latencyMs = this.#state.link.heartbeat.acknowledged(nowMs);
    if (latencyMs === null) return;
    this.#observe({ kind: "shard.acknowledged", shard: this.#options.shard, latencyMs });
  }

  // Commands.

  #sendPresence(link: Link, presence: string, nowMs: number): void {
    link.budget.recordPresence(nowMs);
    this.#effects.push({ kind: "send", text: this.#options.presenceFrame(presence) });
  }

  /** Sent again after every IDENTIFY, a presence that Discord refuses would end every session. */
  #forgetPresence(): void {
    this.#presenceKept = null;
    this.#effects.push({ kind: "presence_kept", presence: null });
    this.#observe({
      kind: "service.warning",
      message:
        `Discord refused a frame of shard ${this.#options.shard}: the presence that a bot set is not sent again`,
    });
  }

  /** The operator changed the presence settings since: what a bot had set before gives way to them. */
  #preferConfiguredPresence(): void {
    this.#presenceOutdated = false;
    this.#presenceKept = null;
    this.#effects.push({ kind: "presence_kept", presence: null });
  }

  #sendCommands(nowMs: number): void {
    const link = this.#state.kind === "ready" ? this.#state.link : null;
    this.#commands.release(nowMs, link?.budget ?? null, (command, fate) => {
      if (fate === "expired") return this.#effects.push({ kind: "command_expired", command });
      if (fate === "send" && link !== null) this.#sendCommand(link, command, nowMs);
      this.#effects.push({ kind: "command_sent", command });
    });
    this.#setOrClear("send", this.#commands.roomAtMs);
    this.#setOrClear("expiry", this.#commands.expiryAtMs);
  }

  #setOrClear(name: DeadlineName, atMs: number): void {
    if (atMs === Infinity) this.#deadlines.clear(name);
    else this.#deadlines.set(name, atMs);
  }

  #sendCommand(link: Link, command: ShardCommand, nowMs: number): void {
    if (command.presence === null) link.budget.recordFrame(nowMs);
    else {
      link.budget.recordPresence(nowMs);
      link.keptPresenceSent = true;
      this.#presenceKept = command.presence;
      this.#effects.push({ kind: "presence_kept", presence: command.presence });
    }
    this.#effects.push({ kind: "send", text: command.text });
  }

  // What is said.

  #observe(observation: Observation): void {
    this.#effects.push({ kind: "observe", observation });
  }

  #dropped(head: FrameHead, reason: DropReason): void {
    this.#observe({ kind: "event.dropped", shard: this.#options.shard, type: head.type, reason });
  }

  #sayDisconnected(end: { code: number; reason: string }, by: "discord" | "us" | "network"): void {
    this.#observe({
      kind: "shard.disconnected",
      shard: this.#options.shard,
      code: end.code,
      reason: end.reason,
      by,
    });
  }

  #sayStatus(): void {
    const status = statusOf(this.#state);
    const waitingForTurn = this.#state.kind === "queued";
    const said = this.#statusSaid;
    if (said !== null && said.status === status && said.waitingForTurn === waitingForTurn) return;
    this.#statusSaid = { status, waitingForTurn };
    this.#observe({ kind: "shard.status", shard: this.#options.shard, status, waitingForTurn });
  }
}

function statusOf(state: State): ShardStatus {
  switch (state.kind) {
    case "connecting":
    case "greeting":
    case "confirming":
      return "Handshaking";
    case "identifying":
      return "Identifying";
    case "resuming":
      return "Resuming";
    case "ready":
      return "Connected";
    default:
      return "Disconnected";
  }
}
