/**
 * Discord behind the connections: from something that happened to the sessions that are told of it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Account } from "./account.ts";
import type { SimulatorClock } from "./clock.ts";
import { CLOSE } from "./close_codes.ts";
import type { Connection } from "./connection.ts";
import type { EventWorld } from "./event_world.ts";
import { Interactions } from "./interactions.ts";
import type { Knobs } from "./knobs.ts";
import { type KeyOrder, type KeyShuffler, LIVE_ORDER } from "./payload.ts";
import type { Session } from "./session.ts";
import type { SessionRegistry } from "./session_registry.ts";
import type { Statistics } from "./statistics.ts";
import { visibleData } from "./visibility.ts";
import type { WorldEvent } from "./world/world.ts";

/** What the simulated Discord is made of. */
export interface DiscordParts {
  readonly knobs: Knobs;
  readonly clock: SimulatorClock;
  readonly world: EventWorld;
  readonly accounts: readonly Account[];
  readonly sessions: SessionRegistry;
  readonly statistics: Statistics;
  readonly shuffler: KeyShuffler;
}

/** What is behind all connections: it knows who is told of an event, and writes it down once for all of them. */
export class Discord implements DiscordParts {
  readonly knobs: Knobs;
  readonly clock: SimulatorClock;
  readonly world: EventWorld;
  readonly accounts: readonly Account[];
  readonly sessions: SessionRegistry;
  readonly statistics: Statistics;
  readonly shuffler: KeyShuffler;
  /** The open connections, oldest first. Each puts itself in and takes itself out. */
  readonly connections = new Set<Connection>();
  /** Those that a bot may answer. */
  readonly interactions: Interactions;
  /** Guilds that are down: a new session is told so in place of GUILD_CREATE. */
  readonly unavailableGuilds = new Set<bigint>();
  /** Set by the listener once its port is known; without query parameters. */
  resumeGatewayUrl = "";

  constructor(parts: DiscordParts) {
    this.knobs = parts.knobs;
    this.clock = parts.clock;
    this.world = parts.world;
    this.accounts = parts.accounts;
    this.sessions = parts.sessions;
    this.statistics = parts.statistics;
    this.shuffler = parts.shuffler;
    this.interactions = new Interactions(parts.clock);
  }

  /** The account that a token belongs to while it is valid. */
  accountOf(token: string): Account | undefined {
    return this.accounts.find((account) => account.accepts(token));
  }

  /** A token is refused from now on: the bot's sessions end, and what is connected with it is closed with 4004. */
  revoke(account: Account, cause: string): void {
    account.revoke();
    for (const connection of [...this.connections]) {
      if (connection.account === account) connection.close(CLOSE.authenticationFailed);
    }
    this.sessions.endAll(account, cause);
  }

  /** The key order of the next payload. */
  keyOrder(): KeyOrder {
    return this.knobs.shuffleKeys ? this.shuffler.next() : LIVE_ORDER;
  }

  /** Tells every session that may know of the event. Returns how many there were. */
  announce(event: WorldEvent): number {
    const botId = this.world.application.id;
    // Written down once for all sessions that see the same, because this runs for every event.
    const written = new Map<number, Buffer>();
    let receivers = 0;
    for (const session of this.sessions.of(event.guildId)) {
      let bytes = written.get(session.intents);
      if (bytes === undefined) {
        const data = visibleData(event, session.intents, botId);
        if (data === null) continue;
        bytes = this.#serialise(data);
        written.set(session.intents, bytes);
      }
      this.dispatchBytes(session, event.t, bytes);
      receivers++;
    }
    return receivers;
  }

  /** Dispatches to one session only. */
  dispatch(session: Session, name: string, data: Readonly<Record<string, unknown>>): void {
    this.dispatchBytes(session, name, this.#serialise(data));
  }

  /** Dispatches bytes that are the `d` just as they are, valid JSON or not. */
  dispatchBytes(session: Session, name: string, data: Buffer): void {
    if (name === "INTERACTION_CREATE") this.interactions.dispatched(data);
    session.dispatch(name, data, this.keyOrder());
    this.statistics.dispatchesCreated++;
    if (session.overflowed) this.sessions.end(session, "missed more events than its replay buffer holds");
  }

  /** Ends a resume: RESUMED is numbered, but not kept. */
  dispatchResumed(session: Session): void {
    session.dispatchResumed(this.#serialise({ _trace: TRACE }), this.keyOrder());
    this.statistics.dispatchesCreated++;
  }

  #serialise(data: Readonly<Record<string, unknown>>): Buffer {
    return Buffer.from(JSON.stringify(this.knobs.shuffleKeys ? this.shuffler.reorder(data) : data));
  }
}

/** The undocumented `_trace` that live HELLO, READY and RESUMED carry: names of Discord's own machines. */
export const TRACE: readonly string[] = [
  '["simulated-gateway-1",{"micros":0.0}]',
];
