import { Buffer } from "node:buffer";
import type { Account } from "./account.ts";
import type { SimulatorClock } from "./clock.ts";
import { type EventWorld, hiddenContent, hidesContent, reaches, seesContent } from "./event_world.ts";
import type { Knobs } from "./knobs.ts";
import { type KeyOrder, type KeyShuffler, LIVE_ORDER } from "./payload.ts";
import type { Session } from "./session.ts";
import type { SessionRegistry } from "./session_registry.ts";
import type { Statistics } from "./statistics.ts";
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
  }

  /** The account that a token belongs to while it is valid. */
  accountOf(token: string): Account | undefined {
    return this.accounts.find((account) => account.accepts(token));
  }

  /** The key order of the next payload. */
  keyOrder(): KeyOrder {
    return this.knobs.shuffleKeys ? this.shuffler.next() : LIVE_ORDER;
  }

  /** Tells every session that may know of the event. Returns how many there were. */
  announce(event: WorldEvent): number {
    // Written down once for all sessions that see the same, because this runs for every event.
    let whole: Buffer | undefined;
    let hidden: Buffer | undefined;
    const hides = hidesContent(event);
    const botId = this.world.application.id;
    let receivers = 0;
    for (const session of this.sessions.of(event.guildId)) {
      if (!reaches(event, session.intents, botId)) continue;
      receivers++;
      if (hides && !seesContent(session.intents)) {
        hidden ??= this.#serialise(hiddenContent(event));
        this.dispatchBytes(session, event.t, hidden);
      } else {
        whole ??= this.#serialise(event.data);
        this.dispatchBytes(session, event.t, whole);
      }
    }
    return receivers;
  }

  /** Dispatches to one session only. */
  dispatch(session: Session, name: string, data: Readonly<Record<string, unknown>>): void {
    this.dispatchBytes(session, name, this.#serialise(data));
  }

  /** Dispatches bytes that are the `d` just as they are, valid JSON or not. */
  dispatchBytes(session: Session, name: string, data: Buffer): void {
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
