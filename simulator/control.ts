/**
 * Everything that can be looked at, changed or broken while the simulator runs, for tests in the same
 * process. `control_routes.ts` offers it over HTTP.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { SessionStartLimit } from "./account.ts";
import type { Connection } from "./connection.ts";
import type { Discord } from "./discord.ts";
import { ControlError, type Fault, type Target } from "./fault.ts";
import type { GatewayDoor } from "./gateway_door.ts";
import type { Generator } from "./generator.ts";
import { type Knobs, parseKnobs } from "./knobs.ts";
import type { Ledger } from "./ledger.ts";
import type { OAuth } from "./oauth.ts";
import type { Person } from "./people.ts";
import type { ChannelRefusal, Rest, RestFault } from "./rest.ts";
import type { Session } from "./session.ts";
import type { Statistics, Tally } from "./statistics.ts";
import { EVENT_NAMES, type EventName } from "./world/events.ts";

export interface SessionView {
  readonly id: string;
  readonly account: number;
  readonly shard: readonly [id: number, count: number];
  readonly intents: number;
  /** Number of the newest dispatch, and the highest that a heartbeat or RESUME has named. */
  readonly sequence: number;
  readonly sequenceAcknowledged: number;
  /** Dispatches that a resume could still get. */
  readonly buffered: number;
  /** The connection, or null while the session waits to be resumed. */
  readonly connection: number | null;
  readonly presence: Readonly<Record<string, unknown>> | null;
}

export interface ConnectionView {
  readonly id: number;
  readonly url: "main" | "resume";
  readonly state: string;
  readonly compression: string;
  readonly session: string | null;
}

export interface AccountView {
  readonly account: number;
  readonly valid: boolean;
  readonly sessionStartLimit: SessionStartLimit;
}

/** Everything that can be seen at one moment. */
export interface SimulatorState {
  readonly nowMs: number;
  /** A number that rises whenever something happens. */
  readonly changes: number;
  readonly sessions: readonly SessionView[];
  readonly connections: readonly ConnectionView[];
  readonly accounts: readonly AccountView[];
  readonly unavailableGuilds: readonly string[];
  readonly statistics: {
    readonly happenings: Tally;
    readonly closeCodesSent: Tally;
    readonly closeCodesReceived: Tally;
    readonly identifiesByShard: Tally;
    readonly resumesByShard: Tally;
    readonly wrongUrl: { readonly resumesOnMain: number; readonly identifiesOnResume: number };
    readonly restResponses: Tally;
    readonly invalidRestResponses: number;
    readonly heartbeatsReceived: number;
    readonly framesReceived: number;
    readonly eventsGenerated: number;
    readonly dispatchesCreated: number;
  };
}

/** What OAuth2 goes by, without its secrets. */
export interface OAuthView {
  readonly clientId: string;
  /** Empty: anywhere on the machine itself. */
  readonly redirectUris: readonly string[];
  readonly people: readonly Person[];
  /** How many access tokens are good at the moment. */
  readonly accessTokens: number;
}

/** What the controls reach. */
export interface ControlParts {
  readonly discord: Discord;
  readonly oauth: OAuth;
  readonly door: GatewayDoor;
  readonly rest: Rest;
  readonly generator: Generator;
  readonly ledger: Ledger;
}

/** Looks into the running simulator and makes it misbehave. The HTTP control API is a thin skin over this. */
export class Control {
  readonly #parts: ControlParts;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** What has been counted and written down so far. */
  get statistics(): Statistics {
    return this.#parts.discord.statistics;
  }

  /** Every dispatch created, with its hash. */
  get ledger(): Ledger {
    return this.#parts.ledger;
  }

  /** The world's guilds and their channels, where messages can be sent. */
  get world(): Discord["world"] {
    return this.#parts.discord.world;
  }

  state(): SimulatorState {
    const { discord } = this.#parts;
    const { statistics } = discord;
    return {
      nowMs: discord.clock.nowMs(),
      changes: statistics.changes,
      sessions: [...discord.sessions.all()].map(viewSession),
      connections: [...discord.connections].map(viewConnection),
      accounts: discord.accounts.map((account) => ({
        account: account.index,
        valid: account.valid,
        sessionStartLimit: account.sessionStartLimit(),
      })),
      unavailableGuilds: [...discord.unavailableGuilds].map(String),
      statistics: {
        happenings: { ...statistics.happenings },
        closeCodesSent: { ...statistics.closeCodesSent },
        closeCodesReceived: { ...statistics.closeCodesReceived },
        identifiesByShard: { ...statistics.identifiesByShard },
        resumesByShard: { ...statistics.resumesByShard },
        wrongUrl: { ...statistics.wrongUrl },
        restResponses: { ...statistics.restResponses },
        invalidRestResponses: statistics.invalidRestResponses,
        heartbeatsReceived: statistics.heartbeatsReceived,
        framesReceived: statistics.framesReceived,
        eventsGenerated: statistics.eventsGenerated,
        dispatchesCreated: statistics.dispatchesCreated,
      },
    };
  }

  /** Resolves once `condition` holds; it is asked again whenever something happens. Rejects when the signal is aborted. */
  until(condition: () => boolean, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        unwatch();
        signal?.removeEventListener("abort", abort);
      };
      const check = () => {
        if (!condition()) return;
        stop();
        resolve();
      };
      const abort = () => {
        stop();
        reject(signal?.reason);
      };
      const unwatch = this.statistics.watch(check);
      signal?.addEventListener("abort", abort);
      if (signal?.aborted) abort();
      else check();
    });
  }

  /** The settings as they are now. */
  knobs(): Readonly<Knobs> {
    return { ...this.#parts.discord.knobs };
  }

  /** Changes some settings. Throws {@link KnobError} and changes nothing where one of them is wrong. */
  set(changes: Readonly<Partial<Knobs>>): void {
    Object.assign(this.#parts.discord.knobs, parseKnobs(changes as Readonly<Record<string, unknown>>));
    this.statistics.changed();
  }

  /** Who can sign in where by OAuth2. */
  oauth(): OAuthView {
    const { clientId, redirectUris, people, accessTokenCount } = this.#parts.oauth;
    return { clientId, redirectUris, people, accessTokens: accessTokenCount };
  }

  /** Injects a fault. Returns how many connections (or, for `lose` and `duplicate`, sessions) it struck. */
  inject(fault: Fault): number {
    switch (fault.fault) {
      case "greet-reconnect":
        return this.#greet(fault.count, { reconnectFirst: true, hello: fault.hello });
      case "greet-silence":
        return this.#greet(fault.count, { reconnectFirst: false, hello: false });
      case "lose":
      case "duplicate": {
        const sessions = this.#sessions(fault);
        const counter = fault.fault === "lose" ? "toLose" : "toDuplicate";
        for (const session of sessions) session[counter] += fault.count;
        return sessions.length;
      }
    }
    const connections = this.#connections(fault);
    for (const connection of connections) strike(connection, fault);
    return connections.length;
  }

  /** REST requests fail. */
  injectRest(fault: RestFault): void {
    this.#parts.rest.inject(fault);
  }

  /** A channel refuses messages, or with null takes them again. */
  refuseChannel(channelId: string, refusal: ChannelRefusal | null): void {
    this.#parts.rest.refuseChannel(channelId, refusal);
  }

  /**
   * Dispatches an event whose `d` is the given text or bytes, valid JSON or not, to the sessions that match.
   * Returns how many did.
   */
  dispatch(t: string, d: string | Uint8Array, target: Target = {}): number {
    const data = Buffer.from(d as Uint8Array);
    const sessions = this.#sessions(target);
    for (const session of sessions) this.#parts.discord.dispatchBytes(session, t, data);
    this.statistics.changed();
    return sessions.length;
  }

  /** Makes an event of the world happen, in some guild or the given one. Returns how many sessions were told. */
  happen(t: EventName, guildId?: bigint): number {
    const { discord } = this.#parts;
    const told = discord.announce(discord.world.make(t, discord.clock.nowMs(), guildId));
    this.statistics.changed();
    return told;
  }

  /** Draws and announces so many events of the mix now, whatever the rate. */
  generate(count: number): void {
    this.#parts.generator.generate(count);
  }

  /** Sends bytes as a payload, compressed where the connection is: garbage that is no dispatch of any session. */
  sendPayload(bytes: Uint8Array, target: Target = {}): number {
    const connections = this.#connections(target);
    for (const connection of connections) connection.sendPayload(Buffer.from(bytes));
    return connections.length;
  }

  /** Sends bytes as one WebSocket message past the compression, which ruins a compressed stream. */
  sendMessage(bytes: Uint8Array, binary: boolean, target: Target = {}): number {
    const connections = this.#connections(target);
    for (const connection of connections) connection.sendMessage({ bytes: Buffer.from(bytes), binary });
    return connections.length;
  }

  /** Moves the time forward. */
  advance(byMs: number): void {
    this.#parts.discord.clock.advance(byMs);
    this.statistics.changed();
  }

  /** A guild goes down, or comes back; its sessions are told. */
  setGuildAvailable(guildId: bigint, available: boolean): void {
    const { discord } = this.#parts;
    if (available) {
      discord.unavailableGuilds.delete(guildId);
      this.happen("GUILD_CREATE", guildId);
    } else {
      const event = discord.world.make("GUILD_DELETE", discord.clock.nowMs(), guildId);
      discord.unavailableGuilds.add(guildId);
      discord.announce({ ...event, data: { id: String(guildId), unavailable: true } });
      this.statistics.changed();
    }
  }

  /** The bot's token is valid and its quota unspent. */
  resetAccount(index = 0): void {
    this.#account(index).reset();
  }

  /** The next IDENTIFY of the bot overspends its quota. */
  spendQuota(index = 0): void {
    this.#account(index).spendQuota();
  }

  /** The bot's token is refused from now on; what is connected is closed with 4004. */
  revokeToken(index = 0): void {
    this.#parts.discord.revoke(this.#account(index), "token revoked");
  }

  #account(index: number) {
    const account = this.#parts.discord.accounts[index];
    if (account === undefined) throw new ControlError(`Cannot find account ${index}: there are fewer`);
    return account;
  }

  #greet(count: number, greeting: { reconnectFirst: boolean; hello: boolean }): number {
    for (let index = 0; index < count; index++) this.#parts.door.greetings.push(greeting);
    return count;
  }

  #connections(target: Target): Connection[] {
    return [...this.#parts.discord.connections].filter(({ id, session }) =>
      (target.connection ?? id) === id && (target.shard ?? session?.shardId) === session?.shardId &&
      (target.session ?? session?.id) === session?.id
    );
  }

  #sessions(target: Target): Session[] {
    return [...this.#parts.discord.sessions.all()].filter((session) =>
      (target.shard ?? session.shardId) === session.shardId &&
      (target.session ?? session.id) === session.id &&
      (target.connection ?? session.link?.id) === session.link?.id
    );
  }
}

type ConnectionFault = Exclude<Fault, { fault: "lose" | "duplicate" | "greet-reconnect" | "greet-silence" }>;

function strike(connection: Connection, fault: ConnectionFault): void {
  switch (fault.fault) {
    case "heartbeat":
      return connection.askHeartbeat();
    case "reconnect":
      return connection.askReconnect();
    case "invalid-session":
      return connection.invalidate(fault.resumable);
    case "close": {
      const { code, reason, keepSession } = fault;
      const fate = keepSession === undefined ? {} : { fate: keepSession ? "keep" as const : "drop" as const };
      return connection.close(code, { ...(reason === undefined ? {} : { reason }), ...fate });
    }
    case "reset":
      return connection.reset();
    case "blackhole":
      connection.ignoresHeartbeats = true;
      return;
  }
}

function viewSession(session: Session): SessionView {
  return {
    id: session.id,
    account: session.account.index,
    shard: [session.shardId, session.shardCount],
    intents: session.intents,
    sequence: session.sequence,
    sequenceAcknowledged: session.sequenceAcknowledged,
    buffered: session.buffered,
    connection: session.link?.id ?? null,
    presence: session.presence,
  };
}

function viewConnection(connection: Connection): ConnectionView {
  return {
    id: connection.id,
    url: connection.url,
    state: connection.state,
    compression: connection.compression,
    session: connection.session?.id ?? null,
  };
}

export function isEventName(name: string): name is EventName {
  return (EVENT_NAMES as readonly string[]).includes(name);
}
