/**
 * Drives one shard's machine: owns its socket and its one timer, performs what the machine says, and hands the
 * rest to the service.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Observer } from "../observation.ts";
import { END_SESSION } from "../protocol/close_codes.ts";
import type { ShardCommand } from "./command_queue.ts";
import {
  type ConnectTarget,
  type DeliveredEvent,
  type MachineOptions,
  type ReconnectMode,
  type SessionLoss,
  type ShardEffect,
  type ShardInput,
  ShardMachine,
  type ShardStart,
  type StartedSession,
} from "./machine.ts";
import type { Connection, ConnectionEvents, Transport } from "./transport.ts";

/** A turn to identify, until IDENTIFY is sent on it or it is given back. */
export interface Turn {
  /** Asks whether it is still this shard's: with true, IDENTIFY is sent in that same call. */
  confirm(answered: (isStillOurs: boolean) => void): void;
}

/** What a shard needs done by others. */
export interface ShardHost {
  /** Finds out whether the shard may still run here. Where it may not it has been withdrawn when this returns. */
  checkLease(): void;
  /** A dispatch to be handed on, in order. */
  deliver(event: DeliveredEvent): void;
  /** A dispatch that nobody gets, in its place in the order. */
  pass(sessionId: string, sequence: number): void;
  sessionStarted(session: StartedSession): void;
  sessionLost(loss: SessionLoss): void;
  presenceKept(presence: string | null): void;
  presenceConfigured(): void;
  commandSent(command: ShardCommand): void;
  commandExpired(command: ShardCommand): void;
  requestTurn(granted: (turn: Turn) => void): void;
  turnUsed(): void;
  returnTurn(): void;
  /** The URL that Discord gives to everybody; waits for Discord's answer if there was none yet. */
  mainUrl(): string | Promise<string>;
  /** Discord closed with a code that only an operator can help with. */
  fatal(code: number): void;
}

export interface DriverOptions {
  readonly machine: MachineOptions;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly host: ShardHost;
  readonly observe: Observer;
  /** Adds version, encoding and compression to a gateway URL; null where it is no such URL. */
  readonly connectionUrl: (gatewayUrl: string) => URL | null;
}

export class ShardDriver {
  readonly shard: number;
  readonly #options: DriverOptions;
  readonly #machine: ShardMachine;
  #connection: Connection | null = null;
  /** The last that was granted. */
  #turn: Turn | null = null;
  /** Counts connections: what a socket that we have left still has to say is nobody's. */
  #epoch = 0;
  readonly #leaving = new Set<Promise<void>>();
  /** The one among them that ends the session. */
  #ending: Promise<void> | null = null;
  #timer: { atMs: number; cancel: () => void } | null = null;
  readonly #inputs: ShardInput[] = [];
  #handling = false;

  constructor(options: DriverOptions) {
    this.shard = options.machine.shard;
    this.#options = options;
    this.#machine = new ShardMachine(options.machine);
  }

  /** See {@link ShardMachine.sequenceReceived}. */
  get sequenceReceived(): number | null {
    return this.#machine.sequenceReceived;
  }

  /** See {@link ShardMachine.sequenceStored}. */
  get sequenceStored(): number | null {
    return this.#machine.sequenceStored;
  }

  start(start: ShardStart): void {
    this.#feed({ kind: "start", start });
  }

  submit(command: ShardCommand): void {
    this.#feed({ kind: "command", command });
  }

  restart(mode: ReconnectMode): void {
    this.#feed({ kind: "restart", mode });
  }

  park(): void {
    this.#feed({ kind: "park" });
  }

  unpark(): void {
    this.#feed({ kind: "unpark" });
  }

  /** Leaves resumably, and stays away until {@link comeBack}. Resolves when the close frames are out. */
  async withdraw(reason: string): Promise<void> {
    this.#feed({ kind: "withdraw", reason });
    await Promise.all(this.#leaving);
  }

  /** Does nothing to a shard that was not withdrawn. */
  comeBack(): void {
    this.#feed({ kind: "return" });
  }

  /** A point of this session is durable, and whoever may run the shard next has it too, or this process alone. */
  stored(sessionId: string, sequence: number, { isShared }: { readonly isShared: boolean }): void {
    this.#feed({ kind: "stored", sessionId, sequence, isShared });
  }

  /** Leaves resumably, for good. Resolves when the close frames are out. Safe twice and before `start`. */
  async stop(): Promise<void> {
    this.#feed({ kind: "stop" });
    this.#timer?.cancel();
    this.#timer = null;
    await Promise.all(this.#leaving);
  }

  /** Inputs are taken one after the other, also those that an effect causes on the spot. */
  #feed(input: ShardInput): void {
    this.#inputs.push(input);
    if (this.#handling) return;
    this.#handling = true;
    try {
      for (let next; (next = this.#inputs.shift()) !== undefined;) {
        for (const effect of this.#machine.handle(next, this.#options.clock.nowMs())) this.#perform(effect);
      }
    } finally {
      this.#handling = false;
    }
    this.#setTimer();
  }

  /** What belongs to a connection is taken in as long as that is the one there is. */
  #feedIfCurrent(epoch: number, input: ShardInput): void {
    this.#checkLease();
    if (epoch === this.#epoch) this.#feed(input);
  }

  /**
   * To be called before anything is taken in after which the shard may connect, RESUME or IDENTIFY: after its machine has
   * slept another process may have the session, and would lose it.
   */
  #checkLease(): void {
    if (!this.#machine.introduced) this.#options.host.checkLease();
  }

  /** An armed timer that fires too early costs nothing; setting it anew for every frame would. */
  #setTimer(): void {
    const dueMs = this.#machine.nextDeadlineMs();
    if (this.#timer !== null && (dueMs === null || this.#timer.atMs <= dueMs)) return;
    this.#timer?.cancel();
    this.#timer = null;
    if (dueMs === null) return;
    const cancel = this.#options.clock.schedule(dueMs, () => {
      this.#timer = null;
      this.#checkLease();
      this.#feed({ kind: "due" });
    });
    this.#timer = { atMs: dueMs, cancel };
  }

  #perform(effect: ShardEffect): void {
    const { host, observe } = this.#options;
    switch (effect.kind) {
      case "deliver":
        return host.deliver(effect);
      case "send":
        this.#connection?.send(effect.text);
        return;
      case "observe":
        return observe(effect.observation);
      case "pass":
        return host.pass(effect.sessionId, effect.sequence);
      case "connect":
        return this.#connect(effect.target, effect.attempt);
      case "leave":
        return this.#leave(effect.code, effect.reason);
      case "turn_request":
        return host.requestTurn((turn) => {
          this.#turn = turn;
          // Also where it is connected: the turn may be for replacing its session.
          host.checkLease();
          this.#feed({ kind: "turn" });
        });
      case "turn_confirm":
        return this.#confirmTurn();
      case "turn_used":
        return host.turnUsed();
      case "turn_return":
        return host.returnTurn();
      case "session_started":
        return host.sessionStarted(effect);
      case "session_lost":
        return host.sessionLost(effect);
      case "presence_kept":
        return host.presenceKept(effect.presence);
      case "presence_configured":
        return host.presenceConfigured();
      case "command_sent":
        return host.commandSent(effect.command);
      case "command_expired":
        return host.commandExpired(effect.command);
      case "fatal":
        return host.fatal(effect.code);
      default:
        effect satisfies never;
    }
  }

  #confirmTurn(): void {
    const epoch = this.#epoch;
    this.#turn?.confirm((isStillOurs) =>
      this.#feedIfCurrent(epoch, { kind: isStillOurs ? "turn_confirmed" : "turn_lost" })
    );
  }

  #connect(target: ConnectTarget, attempt: number): void {
    const epoch = ++this.#epoch;
    this.#connection = null;
    if (this.#ending === null) return this.#connectTo(target, attempt, epoch);
    // Discord is to see the end of the old session before it is asked for a new one.
    this.#ending.then(() => {
      if (epoch === this.#epoch) this.#connectTo(target, attempt, epoch);
    });
  }

  #connectTo(target: ConnectTarget, attempt: number, epoch: number): void {
    const own = target.kind === "resume" ? this.#options.connectionUrl(target.url) : null;
    if (own !== null) return this.#open(own, attempt, epoch);
    const main = this.#options.host.mainUrl();
    if (typeof main === "string") return this.#openMain(main, attempt, epoch);
    main.then((url) => this.#openMain(url, attempt, epoch));
  }

  #openMain(gatewayUrl: string, attempt: number, epoch: number): void {
    if (epoch !== this.#epoch) return;
    const url = this.#options.connectionUrl(gatewayUrl);
    if (url !== null) return this.#open(url, attempt, epoch);
    this.#feed({
      kind: "ended",
      end: { code: 1006, reason: "Discord gave a gateway URL that is none", cause: "refused" },
    });
  }

  #open(url: URL, attempt: number, epoch: number): void {
    const { transport, observe } = this.#options;
    observe({ kind: "shard.connecting", shard: this.shard, host: url.host, attempt });
    const events: ConnectionEvents = {
      opened: () => this.#feedIfCurrent(epoch, { kind: "opened" }),
      payload: (bytes, head) => this.#feedIfCurrent(epoch, { kind: "payload", bytes, head }),
      ended: (end) => this.#feedIfCurrent(epoch, { kind: "ended", end }),
    };
    this.#connection = transport.connect(url.href, events);
  }

  #leave(code: number, reason: string): void {
    this.#epoch += 1;
    const connection = this.#connection;
    this.#connection = null;
    if (connection === null) return;
    const left = connection.leave(code, reason).finally(() => {
      this.#leaving.delete(left);
      if (this.#ending === left) this.#ending = null;
    });
    this.#leaving.add(left);
    if (code === END_SESSION) this.#ending = left;
  }
}
